import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../../src/catalog/builtin.ts';
import type { Catalog } from '../../../src/catalog/types.ts';
import { createSnapshots, type InventoryOf } from '../../../src/commands/serve/snapshots.ts';
import { defaultPolicy } from '../../../src/config/policy.ts';
import { effectiveMode } from '../../../src/plan/verdict.ts';
import { fixtureText, readText } from '../../inventory/nodes.ts';

const RULES = { policy: defaultPolicy(), catalog: builtinCatalog, shapes: [] };
const OTHER: Catalog = { ...builtinCatalog, version: 'other' };

/** Names the catalog it was made under, so that a test sees which one was used. */
const namingItsCatalog: InventoryOf = ({ catalog }) => ({ state: 'unknown', reason: catalog.version });

describe('snapshots of what reviews are judged by', () => {
  it('have the mode of a labelled namespace, and none for the others and for cluster-wide objects', () => {
    const snapshots = createSnapshots(RULES, namingItsCatalog);
    snapshots.swapNamespaceModes(new Map([['team-a', 'audit']]));

    expect(snapshots.factsFor('team-a').namespaceMode).toBe('audit');
    expect(snapshots.factsFor('team-b').namespaceMode).toBeNull();
    expect(snapshots.factsFor(null).namespaceMode).toBeNull();
    expect(effectiveMode(RULES.policy, snapshots.factsFor('team-b').namespaceMode)).toBe('enforce');
  });

  it.each(['__proto__', 'constructor', 'toString'])('know no mode for a namespace called %s', (name) => {
    const snapshots = createSnapshots(RULES, namingItsCatalog);

    expect(snapshots.factsFor(name).namespaceMode).toBeNull();
  });

  it('read the inventory again under a new catalog, whichever of the two came last', () => {
    const snapshots = createSnapshots(RULES, namingItsCatalog);
    snapshots.swapRules({ ...RULES, catalog: OTHER });

    expect(snapshots.factsFor(null).inventory).toEqual({ state: 'unknown', reason: 'other' });

    snapshots.swapInventory(({ catalog }) => ({
      state: 'unknown',
      reason: `nodes under ${catalog.version}`,
    }));

    expect(snapshots.factsFor(null).inventory).toEqual({ state: 'unknown', reason: 'nodes under other' });

    snapshots.swapRules(RULES);
    const reason = `nodes under ${builtinCatalog.version}`;

    expect(snapshots.factsFor(null).inventory).toEqual({ state: 'unknown', reason });
  });

  it('count a node once, whatever the number of ways to ask for its GPUs', () => {
    const { inventory } = readText(fixtureText('dra-nvidia.yaml'));
    const status = createSnapshots(RULES, () => inventory).inventoryStatus();

    expect(status).toMatchObject({ classes: 2, nodes: 1 });
    const mixed = readText(fixtureText('mig-mixed.yaml')).inventory;
    expect(createSnapshots(RULES, () => mixed).inventoryStatus()).toMatchObject({ classes: 3, nodes: 1 });
    const declared = readText('[{ product: NVIDIA-L40S, gpus: 4, nodes: 3 }]').inventory;
    expect(createSnapshots(RULES, () => declared).inventoryStatus()).toMatchObject({ classes: 1, nodes: 3 });
  });

  it('keep the former snapshot whole when the new one cannot be made', () => {
    const snapshots = createSnapshots(RULES, namingItsCatalog);
    const before = snapshots.factsFor(null);
    const broken: InventoryOf = () => {
      throw new Error('broken');
    };

    expect(() => snapshots.swapInventory(broken)).toThrow('broken');
    expect(snapshots.factsFor(null)).toEqual(before);
  });
});
