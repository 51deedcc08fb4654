import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DevicePools } from '../../src/inventory/device-pools.ts';
import type { Reach, ServedDevice, SliceFacts } from '../../src/inventory/resource-slice.ts';

/** What is kept compactly, against what kubernetes/api resource/v1 ResourceSlice says of pools, written down plainly. */

const NODES = ['a', 'b', 'c'];
const NO_LABELS = new Map<string, string>();

function device(product: string): ServedDevice {
  return {
    vendor: 'nvidia',
    kind: 'gpu',
    product,
    deviceId: null,
    profile: null,
    memory: null,
    capability: null,
    isShared: false,
  };
}

const reach: fc.Arbitrary<Reach> = fc.oneof(
  fc.record({ by: fc.constant('name' as const), name: fc.constantFrom(...NODES) }),
  fc.constant({ by: 'all' as const }),
);

/** Slices of one generation tell the same number of slices: two in the second. */
const slice: fc.Arbitrary<SliceFacts> = fc
  .record({
    name: fc.constantFrom('s1', 's2', 's3', 's4', 's5'),
    driver: fc.constantFrom('gpu.nvidia.com', 'gpu.amd.com'),
    pool: fc.constantFrom(...NODES, 'shared'),
    generation: fc.constantFrom(1, 2),
    groups: fc.array(
      fc.record({ reach, devices: fc.constantFrom([device('H100')], [device('L4'), device('L4')]) }),
      {
        maxLength: 2,
      },
    ),
  })
  .map((one) => ({ ...one, slices: one.generation }));

const change = fc.oneof(slice, fc.constantFrom('s1', 's2', 's3', 's4', 's5'));

function products(devices: readonly ServedDevice[]): string {
  return devices
    .map(({ product }) => product)
    .toSorted()
    .join();
}

function plainly(slices: Iterable<SliceFacts>, node: string): string {
  const pools = Map.groupBy(slices, ({ driver, pool }) => `${driver}/${pool}`);
  const found = [...pools.values()].flatMap((pool) => {
    const newest = Math.max(...pool.map(({ generation }) => generation));
    const current = pool.filter(({ generation }) => generation === newest);
    if (current[0]?.slices !== current.length) return [];
    const groups = current.flatMap((one) => one.groups);
    return groups.flatMap(({ reach: by, devices }) =>
      by.by === 'all' || (by.by === 'name' && by.name === node) ? devices : [],
    );
  });
  return products(found);
}

it('each node has the devices of the whole, current pools that reach it, and every change names the nodes it is felt on', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const pools = new DevicePools();
      const known = new Map<string, SliceFacts>();
      for (const one of changes) {
        const before = NODES.map((node) => plainly(known.values(), node));
        const affected = typeof one === 'string' ? pools.remove(one) : pools.put(one);
        if (typeof one === 'string') known.delete(one);
        else known.set(one.name, one);
        NODES.forEach((node, at) => {
          const now = plainly(known.values(), node);
          expect(products(pools.devicesOf(node, NO_LABELS))).toBe(now);
          if (now !== before[at]) expect(affected === 'all' || affected.has(node)).toBe(true);
        });
      }
      for (const name of [...pools.names()]) pools.remove(name);
      expect(NODES.map((node) => pools.devicesOf(node, NO_LABELS))).toEqual([[], [], []]);
    }),
    { numRuns: 400, seed: 20_261_125 },
  );
});
