import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import type { Decided, Facts } from '../../src/pipeline/types.ts';
import type { Inventory, Policy } from '../../src/plan/types.ts';
import { workloads } from './workloads.ts';

/** What must hold for every workload and every cluster (contract §4), over ten thousand generated ones in all. */

const PASSES = 4_000;
const UPDATES = 5_000;
const REFUSALS = 1_000;
const SEED = 20_261_125;
const TIMEOUT = 600_000;

function inventoryOf(fixture: string): Inventory {
  const file = new URL(`../fixtures/nodes/${fixture}.yaml`, import.meta.url);
  return readInventory([parse(readFileSync(file, 'utf8'))], builtinCatalog).inventory;
}

const INVENTORIES: readonly Inventory[] = [
  { state: 'unknown', reason: 'test' },
  { state: 'known', classes: [], ageSeconds: null },
  ...[
    'dgx-h100',
    'gke',
    'eks-karpenter',
    'aks',
    'coreweave',
    'amd-mi300x',
    'mig-single',
    'mig-mixed',
    'time-sliced',
  ].map(inventoryOf),
];

const POLICIES: readonly Policy[] = [
  defaultPolicy(),
  { ...defaultPolicy(), placement: 'affinity', missingFlag: 'warn' },
  { ...defaultPolicy(), unknown: 'deny', capacity: 'deny', inventory: 'complete' },
  { ...defaultPolicy(), defaultGpu: 'NVIDIA-H100-80GB-HBM3', preferGpus: ['NVIDIA-H200'] },
];

/** Indices, so that a counterexample does not print a catalog. */
const cluster = fc.record({
  inventory: fc.nat({ max: INVENTORIES.length - 1 }),
  policy: fc.nat({ max: POLICIES.length - 1 }),
});

type Cluster = typeof cluster extends fc.Arbitrary<infer T> ? T : never;

function factsOf(one: Cluster): Facts {
  const inventory = INVENTORIES[one.inventory];
  const policy = POLICIES[one.policy];
  if (inventory === undefined || policy === undefined) throw new Error('no such cluster');
  return { catalog: builtinCatalog, inventory, policy, namespaceMode: null };
}

function create(object: unknown, known: Cluster): Decided {
  const input = { operation: 'CREATE' as const, object, oldObject: null, namespace: 'ml', user: null };
  return decide(input, factsOf(known));
}

function update(object: unknown, oldObject: unknown, known: Cluster): Decided {
  const input = { operation: 'UPDATE' as const, object, oldObject, namespace: 'ml', user: null };
  return decide(input, factsOf(known));
}

function edited(object: unknown, decision: Decided): unknown {
  return applyPatch(object, lowerEdits(object, decision.edits));
}

function relabelled(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...object, metadata: { ...Object(object['metadata']), labels: { team: 'other' } } };
}

/** What a decision finds, but for what it says of its own edits; on those that stand no node fits is stale. */
function said({ findings }: Decided): readonly string[] {
  const codes = findings
    .map(({ code }) => (code === 'placement-stale' ? 'no-node-fits' : code))
    .filter((code) => code !== 'value-set');
  return [...new Set(codes)].filter((code) => code !== 'inventory-unknown').sort();
}

const scene = fc.record({ object: workloads, now: cluster, later: cluster });

describe('for every workload and cluster', () => {
  it(
    'what is admitted stays as it is: by a second pass, and by the same file applied again whatever is known by then',
    () => {
      let patched = 0;
      fc.assert(
        fc.property(scene, ({ object, now, later }) => {
          const first = create(object, now);
          if (first.verdict === 'deny') return;
          const stored = edited(object, first);
          const second = create(stored, now);
          const applied = update(object, stored, later);

          expect(edited(stored, second)).toEqual(stored);
          expect(second.verdict).not.toBe('deny');
          expect(said(second)).toEqual(said(first));
          expect(applied.allowed).toBe(true);
          expect(edited(object, applied)).toEqual(stored);
          if (first.edits.length > 0) patched += 1;
        }),
        { numRuns: PASSES, seed: SEED },
      );
      // The generator reaches what it is for.
      expect(patched).toBeGreaterThan(PASSES / 100);
    },
    TIMEOUT,
  );

  it(
    'an update that changes nothing of ours is never refused and never edited, whatever is known by then',
    () => {
      fc.assert(
        fc.property(scene, ({ object, later }) => {
          const changed = relabelled(object);
          const decision = update(changed, object, later);

          expect(decision.allowed).toBe(true);
          expect(edited(changed, decision)).toEqual(changed);
        }),
        { numRuns: UPDATES, seed: SEED + 1 },
      );
    },
    TIMEOUT,
  );

  it(
    'every way out that is offered makes the object admitted when a machine applies it',
    () => {
      let offered = 0;
      fc.assert(
        fc.property(scene, ({ object, now }) => {
          for (const remedy of create(object, now).remedies) {
            const changed = applyPatch(object, lowerEdits(object, remedy.edits));
            offered += 1;

            expect(create(changed, now).allowed, remedy.text).toBe(true);
          }
        }),
        { numRuns: REFUSALS, seed: SEED + 2 },
      );
      expect(offered).toBeGreaterThan(REFUSALS / 3);
    },
    TIMEOUT,
  );
});
