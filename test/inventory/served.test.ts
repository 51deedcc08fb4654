import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { readInventory } from '../../src/inventory/read.ts';
import type { NodeClass } from '../../src/plan/types.ts';
import { MIB } from '../../src/units.ts';
import { classesOf, node } from './nodes.ts';

/** GPUs that DRA serves; shapes of objects by kubernetes/api resource/v1 types.go. */

const DRIVER = 'gpu.nvidia.com';
const CLAIM = `deviceclass.resource.kubernetes.io/${DRIVER}`;
const CPU_ONLY = { labels: {}, allocatable: { cpu: '8' } };

interface DeviceParts {
  readonly type?: string;
  readonly productName?: string;
  readonly memory?: string | null;
  readonly more?: object;
}

/** One device as the driver publishes it; an H100 where nothing else is said. */
function device({ type = 'gpu', productName = 'NVIDIA H100 80GB HBM3', memory, more }: DeviceParts = {}) {
  return {
    attributes: { type: { string: type }, productName: { string: productName } },
    ...(memory !== null && { capacity: { memory: { value: memory ?? '81559Mi' } } }),
    ...more,
  };
}

function several(count: number, parts: DeviceParts = {}): readonly object[] {
  return Array.from({ length: count }, () => device(parts));
}

interface SliceParts {
  readonly name?: string;
  readonly spec?: object;
  readonly pool?: object;
  readonly devices?: readonly object[];
}

function slice({ name = 's', spec = { nodeName: 'n' }, pool, devices = several(8) }: SliceParts = {}) {
  return {
    kind: 'ResourceSlice',
    metadata: { name },
    spec: {
      driver: DRIVER,
      pool: { name: 'n', generation: 1, resourceSliceCount: 1, ...pool },
      devices: devices.map((one, at) => ({ name: `d-${at}`, ...one })),
      ...spec,
    },
  };
}

function deviceClass(name: string, extendedResourceName: string, creationTimestamp: string) {
  return { kind: 'DeviceClass', metadata: { name, creationTimestamp }, spec: { extendedResourceName } };
}

function classes(...items: readonly object[]): readonly NodeClass[] {
  return classesOf(readInventory([{ kind: 'List', items }], builtinCatalog));
}

function shown(...items: readonly object[]): readonly string[] {
  return classes(...items).map(
    ({ gpusPerNode, nodes, resource, sharing, device: one }) =>
      `${gpusPerNode} ${one?.product ?? '?'} ${one === null ? '?' : one.totalBytes / MIB} ${sharing} on ${nodes} by ${resource}`,
  );
}

const BARE = node(CPU_ONLY);
const H100 = `8 NVIDIA-H100-80GB-HBM3 81559 none on 1 by ${CLAIM}`;

describe('devices that a DRA driver publishes', () => {
  it('are the node’s, in whatever order slice and node come', () => {
    expect(shown(BARE, slice())).toEqual([H100]);
    expect(shown(slice(), BARE)).toEqual([H100]);
    expect(shown(slice())).toEqual([]);
  });

  it('count only when all slices of the newest generation are there', () => {
    const half = (name: string, generation: number) =>
      slice({ name, pool: { generation, resourceSliceCount: 2 }, devices: several(4) });
    expect(shown(BARE, half('a', 1))).toEqual([]);
    expect(shown(BARE, half('a', 1), half('b', 1))).toEqual([H100]);
    expect(shown(BARE, half('a', 1), half('b', 1), half('c', 2))).toEqual([]);
    expect(shown(BARE, half('a', 1), half('b', 1), half('c', 2), half('d', 2))).toEqual([H100]);
  });

  it('are told of the pool as a whole: a slice of counters alone belongs to it', () => {
    const pool = { resourceSliceCount: 2 };
    expect(shown(BARE, slice({ name: 'devices', pool }))).toEqual([]);
    expect(
      shown(BARE, slice({ name: 'devices', pool }), slice({ name: 'counters', pool, devices: [] })),
    ).toEqual([H100]);
  });

  it('keep the memory that the driver reports, and take the label’s or the catalog’s where it reports none', () => {
    const drifted = slice({ devices: several(8, { memory: '81089Mi' }) });
    expect(shown(BARE, drifted)).toEqual([`8 NVIDIA-H100-80GB-HBM3 81089 none on 1 by ${CLAIM}`]);
    const silent = slice({ devices: several(8, { memory: null }) });
    expect(shown(BARE, silent)).toEqual([H100]);
    const labelled = node({ ...CPU_ONLY, labels: { 'nvidia.com/gpu.memory': '81089' } });
    expect(shown(labelled, silent)).toEqual([`8 NVIDIA-H100-80GB-HBM3 81089 none on 1 by ${CLAIM}`]);
    const nameless = slice({ devices: several(8, { memory: null, productName: 'NVIDIA X1' }) });
    expect(shown(BARE, nameless)).toEqual([`8 ? ? none on 1 by ${CLAIM}`]);
  });

  it('reach nodes by name, by selector or all, as slice or device says', () => {
    const zoned = (name: string, zone: string) => node({ ...CPU_ONLY, name, labels: { zone } });
    const nodes = [zoned('n', 'a'), zoned('m', 'b')];
    const terms = (zone: string) => ({
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }],
    });
    const on = (found: readonly NodeClass[]) => found.flatMap(({ nodeNames }) => [...nodeNames]).toSorted();
    expect(on(classes(...nodes, slice({ spec: { allNodes: true } })))).toEqual(['m', 'n']);
    expect(on(classes(...nodes, slice({ spec: { nodeSelector: terms('b') } })))).toEqual(['m']);
    const each = slice({
      spec: { perDeviceNodeSelection: true },
      devices: [device({ more: { nodeName: 'm' } }), device({ more: { nodeSelector: terms('a') } })],
    });
    expect(on(classes(...nodes, each))).toEqual(['m', 'n']);
    expect(on(classes(...nodes, slice({ spec: {} })))).toEqual([]);
  });

  it('are not counted when they are out of order', () => {
    const ill = device({ more: { taints: [{ key: 'gpu.nvidia.com/xid', effect: 'NoExecute' }] } });
    const told = device({ more: { taints: [{ key: 'gpu.nvidia.com/xid', effect: 'None' }] } });
    expect(shown(BARE, slice({ devices: [ill, told, ...several(6)] }))).toEqual([
      `7 NVIDIA-H100-80GB-HBM3 81559 none on 1 by ${CLAIM}`,
    ]);
  });

  it('are several models, or shared, as they are with a plugin', () => {
    const mixed = slice({
      devices: [...several(4), ...several(4, { productName: 'NVIDIA L40S', memory: '46068Mi' })],
    });
    expect(shown(BARE, mixed)).toEqual([`8 ? ? mixed-models on 1 by ${CLAIM}`]);
    const shared = slice({ devices: several(8, { more: { allowMultipleAllocations: true } }) });
    expect(shown(BARE, shared)).toEqual([`8 NVIDIA-H100-80GB-HBM3 81559 time-slicing on 1 by ${CLAIM}`]);
    expect(shown(node({ ...CPU_ONLY, spec: { unschedulable: true } }), slice())).toEqual([
      `8 NVIDIA-H100-80GB-HBM3 81559 not-ready on 1 by ${CLAIM}`,
    ]);
  });

  it('stand beside what a plugin counts, and in the place of what only labels promise', () => {
    const plugin = '8 NVIDIA-H100-80GB-HBM3 81559 none on 1 by nvidia.com/gpu';
    const mapped = deviceClass(DRIVER, 'nvidia.com/gpu', '2026-01-01T00:00:00Z');
    expect(shown(node(), slice(), mapped).toSorted()).toEqual([H100, plugin].toSorted());
    const promised = node({ labels: { 'nvidia.com/gpu.present': 'true' }, allocatable: { cpu: '8' } });
    expect(shown(promised)).toEqual(['0 ? ? not-ready on 1 by nvidia.com/gpu']);
    expect(shown(promised, slice())).toEqual([H100]);
  });

  it('can be had by a plain request where the newest class with that name is the driver’s', () => {
    const plain = '8 NVIDIA-H100-80GB-HBM3 81559 none on 1 by nvidia.com/gpu';
    const own = deviceClass(DRIVER, 'nvidia.com/gpu', '2026-01-01T00:00:00Z');
    const older = deviceClass('site', 'nvidia.com/gpu', '2025-01-01T00:00:00Z');
    const newer = deviceClass('site', 'nvidia.com/gpu', '2026-02-01T00:00:00Z');
    expect(shown(BARE, slice(), own, older)).toEqual([H100, plain]);
    expect(shown(BARE, slice(), own, newer)).toEqual([H100]);
  });

  it('of AMD are partitions where they say so, with what memory could be read', () => {
    const partition = (memory: string) => ({
      attributes: {
        type: { string: 'amdgpu-partition' },
        productName: { string: 'AMD_Instinct_MI300X_OAM' },
        partitionProfile: { string: 'cpx_nps4' },
      },
      capacity: { memory: { value: memory } },
    });
    const amd = (memory: string) =>
      slice({
        spec: { driver: 'gpu.amd.com', nodeName: 'n' },
        devices: Array.from({ length: 64 }, () => partition(memory)),
      });
    const by = 'on 1 by deviceclass.resource.kubernetes.io/gpu.amd.com';
    expect(shown(BARE, amd('24574Mi'))).toEqual([`64 AMD_Instinct_MI300X_OAM-cpx_nps4 24574 mig ${by}`]);
    // 0 is what the driver writes where it could not read any, 20Gi what older ones did.
    expect(shown(BARE, amd('0'))).toEqual([`64 ? ? mig ${by}`]);
    expect(shown(BARE, amd('20Gi'))).toEqual([`64 ? ? mig ${by}`]);
  });

  it('of other drivers are passed over, and a slice without a driver is not', () => {
    expect(shown(BARE, slice({ spec: { driver: 'gpu.example.com', nodeName: 'n' } }))).toEqual([]);
    const broken = { kind: 'ResourceSlice', metadata: { name: 's' }, spec: {} };
    const { findings, inventory } = readInventory([{ kind: 'List', items: [BARE, broken] }], builtinCatalog);
    expect(findings).toEqual([{ path: 'items[1].spec.driver', message: 'must be set' }]);
    expect(inventory.state).toBe('unknown');
  });

  it('come in a list of their own as well, where items have no kind', () => {
    const { kind: _, ...item } = slice();
    const { kind: __, ...bare } = { kind: 'Node', ...BARE };
    const reading = readInventory(
      [
        { kind: 'NodeList', items: [bare] },
        { kind: 'ResourceSliceList', items: [item] },
      ],
      builtinCatalog,
    );
    expect(classesOf(reading).map(({ id }) => id)).toEqual(['8x NVIDIA-H100-80GB-HBM3 (DRA)']);
    expect(reading.cpuOnlyNodes).toBe(0);
  });
});
