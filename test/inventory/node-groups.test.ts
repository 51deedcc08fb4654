import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { compareDrafts, finishClasses } from '../../src/inventory/classes.ts';
import { pluginFacts, readNode } from '../../src/inventory/node.ts';
import { NodeGroups } from '../../src/inventory/node-groups.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import type { NodeClass } from '../../src/plan/types.ts';
import { classesFrom, H100_LABELS, node } from './nodes.ts';

const INDEX = indexGpus(builtinCatalog);

function put(groups: NodeGroups, object: object): boolean {
  const { parts } = readNode(object);
  if (parts === null) throw new Error('not a node');
  return groups.put(parts, pluginFacts(parts, INDEX));
}

function classesOf(groups: NodeGroups): readonly NodeClass[] {
  return finishClasses([...groups.drafts()].sort(compareDrafts));
}

function labelled(name: string, labels: Readonly<Record<string, string>>): object {
  return node({ name, labels: { ...H100_LABELS, ...labels } });
}

/** Sets in the order of their members: nodes come in any order. */
function shown(classes: readonly NodeClass[]): unknown {
  return classes.map(({ nodeNames, varyingLabels, ...rest }) => ({
    ...rest,
    nodeNames: [...nodeNames].sort(),
    varyingLabels: [...varyingLabels].map(([key, values]) => [key, [...values].sort()]),
  }));
}

// Few keys and values, so that keys turn into naming ones and back, and classes fill and empty.
const change = fc.record({
  at: fc.nat(40),
  kind: fc.constantFrom('serial', 'zone', 'plain', 'cordoned', 'cpu', 'gone'),
  value: fc.nat(20),
});

function nodeOf({ at, kind, value }: { at: number; kind: string; value: number }): object {
  const name = `n${at}`;
  if (kind === 'serial') return labelled(name, { serial: `s${at}`, zone: `z${value % 2}` });
  if (kind === 'zone') return labelled(name, { zone: `z${value}`, 'kubernetes.io/hostname': name });
  if (kind === 'cordoned') return node({ name, spec: { unschedulable: true } });
  if (kind === 'cpu') return node({ name, labels: {}, allocatable: { cpu: '8' } });
  return node({ name });
}

describe('nodes that come and go', () => {
  it('are grouped as if they had all come at once', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const groups = new NodeGroups();
        const now = new Map<string, object>();
        for (const one of changes) {
          const name = `n${one.at}`;
          if (one.kind === 'gone') groups.remove(name);
          else put(groups, nodeOf(one));
          if (one.kind === 'gone') now.delete(name);
          else now.set(name, nodeOf(one));
        }
        expect(shown(classesOf(groups))).toEqual(shown(classesFrom(...now.values())));
      }),
      { numRuns: 60 },
    );
  });

  it('say whether anything that counts has changed', () => {
    const groups = new NodeGroups();
    expect(put(groups, labelled('a', { zone: 'x' }))).toBe(true);
    // A heartbeat: other conditions, the same node.
    const beat = { type: 'DiskPressure', status: 'False', lastHeartbeatTime: '2026-11-25T10:00:00Z' };
    const again = node({
      name: 'a',
      labels: { ...H100_LABELS, zone: 'x' },
      conditions: [beat, { type: 'Ready', status: 'True' }],
    });
    expect(put(groups, again)).toBe(false);
    expect(put(groups, labelled('a', { zone: 'y' }))).toBe(true);
    expect(put(groups, node({ name: 'cpu', labels: {}, allocatable: {} }))).toBe(false);
    expect(groups.remove('cpu')).toBe(false);
    expect(groups.remove('a')).toBe(true);
    expect(groups.size).toBe(0);
    expect(classesOf(groups)).toEqual([]);
  });

  it('lose a class with its last node, and gain another', () => {
    const groups = new NodeGroups();
    put(groups, node({ name: 'a' }));
    put(
      groups,
      node({ name: 'a', allocatable: { 'nvidia.com/gpu': '7' }, capacity: { 'nvidia.com/gpu': '8' } }),
    );
    expect(classesOf(groups).map(({ id, nodes }) => [id, nodes])).toEqual([['7x NVIDIA-H100-80GB-HBM3', 1]]);
  });
});
