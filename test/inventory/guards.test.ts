import { describe, expect, it } from 'vitest';
import type { NodeClass } from '../../src/plan/types.ts';
import { GIB, MIB } from '../../src/units.ts';
import { classesFrom, H100_LABELS, node, only } from './nodes.ts';

/** The traps of gpu-catalog.md §2, one node each, varied from an ordinary one. */

function mibOf(nodeClass: NodeClass): number | null {
  return nodeClass.device === null ? null : nodeClass.device.totalBytes / MIB;
}

function sharingOf(parts: Parameters<typeof node>[0]): string {
  return only(classesFrom(node(parts))).sharing;
}

function labelled(extra: Readonly<Record<string, string>>) {
  return { labels: { ...H100_LABELS, ...extra } };
}

describe('memory labels', () => {
  it.each([
    ['MiB, as the driver reports', '81559', 81559],
    // 79.65 GiB in bytes: GFD of mid-2022. No GPU has 2^20 MiB.
    ['bytes for MiB', String(81559 * MIB), 81559],
    ['0, no size at all: the product decides', '0', 81559],
    ['no number: the product decides', '80Gi', 81559],
    // An older driver's figure is close, and is what this node offers.
    ['what an older driver reports', '81251', 81251],
  ])('reads %s', (_, memory, mib) => {
    expect(mibOf(only(classesFrom(node(labelled({ 'nvidia.com/gpu.memory': memory })))))).toBe(mib);
  });

  it('believes memory over the name of a board that it cannot be', () => {
    const strange = only(classesFrom(node(labelled({ 'nvidia.com/gpu.memory': '143771' }))));
    expect(mibOf(strange)).toBe(143771);
    // Nothing else is known of it: 1.1 GiB for the driver (gpu-catalog.md §1.3).
    expect(strange.device?.usableBytes).toBe(143771 * MIB - Math.round(1.1 * GIB));
  });

  it('sizes a board that no catalog names by its memory alone', () => {
    // NVIDIA L20X, seen in the wild with 143771 MiB, in no driver table (gpu-catalog.md §1.1).
    const l20x = only(
      classesFrom(
        node(labelled({ 'nvidia.com/gpu.product': 'NVIDIA-L20X', 'nvidia.com/gpu.memory': '143771' })),
      ),
    );
    expect(l20x.device).toMatchObject({ product: 'NVIDIA-L20X', totalBytes: 143771 * MIB, nvlinkDomain: 1 });
  });

  it('knows no size where neither name nor memory is known', () => {
    const labels = { 'nvidia.com/gpu.product': 'NVIDIA-Graphics-Device' };
    expect(only(classesFrom(node({ labels }))).device).toBeNull();
  });

  it('reads the name of an old driver, and of a board with the size of its CPU memory in it', () => {
    const old = { 'nvidia.com/gpu.product': 'A100-SXM4-40GB', 'nvidia.com/gpu.memory': '40537' };
    expect(mibOf(only(classesFrom(node({ labels: old }))))).toBe(40537);
    // 97871 MiB of GPU memory; 480GB is LPDDR (gpus.csv GH200).
    const labels = { 'nvidia.com/gpu.product': 'NVIDIA-GH200-480GB' };
    expect(mibOf(only(classesFrom(node({ labels, allocatable: { 'nvidia.com/gpu': '1' } }))))).toBe(97871);
  });

  it('tells the two boards called a100 by Karpenter’s memory label', () => {
    const a100 = (memory: string) =>
      only(
        classesFrom(
          node({
            labels: {
              'karpenter.k8s.aws/instance-gpu-name': 'a100',
              'karpenter.k8s.aws/instance-gpu-memory': memory,
            },
          }),
        ),
      );
    expect(mibOf(a100('81920'))).toBe(81920);
    expect(mibOf(a100('40960'))).toBeLessThanOrEqual(40960);
    expect(mibOf(a100('40960'))).toBeGreaterThan(39000);
  });

  it('takes GKE’s nvidia-tesla-a100 for the 40 GB board', () => {
    const labels = { 'cloud.google.com/gke-accelerator': 'nvidia-tesla-a100' };
    expect(mibOf(only(classesFrom(node({ labels }))))).toBeLessThanOrEqual(40960);
  });

  it('counts AMD’s rounded G as GiB', () => {
    const labels = { 'amd.com/gpu.vram': '256G' };
    const mi325x = only(classesFrom(node({ labels, allocatable: { 'amd.com/gpu': '8' } })));
    // gpus.csv: 255.69 GiB usable was seen on an MI325X.
    expect(mi325x.device?.usableBytes).toBeLessThanOrEqual(255.69 * GIB);
  });
});

describe('what is not N whole, exclusive GPUs', () => {
  it.each<[string, NodeClass['sharing'], Parameters<typeof node>[0]]>([
    [
      '-SHARED without any other sign',
      'time-slicing',
      {
        labels: {
          ...H100_LABELS,
          'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3-SHARED',
          'nvidia.com/gpu.sharing-strategy': '',
        },
      },
    ],
    [
      'replicas without a suffix',
      'time-slicing',
      { ...labelled({ 'nvidia.com/gpu.replicas': '4' }), allocatable: { 'nvidia.com/gpu': '32' } },
    ],
    [
      'GKE time sharing, as its documents spell it',
      'time-slicing',
      {
        labels: {
          'cloud.google.com/gke-accelerator': 'nvidia-l4',
          'cloud.google.com/gke-gpu-sharing-strategy': 'TIME_SHARING',
          'cloud.google.com/gke-max-shared-clients-per-gpu': '2',
        },
      },
    ],
    [
      'GKE MPS',
      'mps',
      {
        labels: {
          'cloud.google.com/gke-accelerator': 'nvidia-l4',
          'cloud.google.com/gke-gpu-sharing-strategy': 'mps',
          'cloud.google.com/gke-max-shared-clients-per-gpu': '2',
        },
      },
    ],
    [
      'a GKE partition',
      'mig',
      {
        labels: {
          'cloud.google.com/gke-accelerator': 'nvidia-tesla-a100',
          'cloud.google.com/gke-gpu-partition-size': '1g.5gb',
        },
      },
    ],
    [
      'MIG-INVALID',
      'invalid',
      {
        labels: {
          ...H100_LABELS,
          'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3-MIG-INVALID',
          'nvidia.com/gpu.memory': '0',
        },
      },
    ],
    ['a layout that failed', 'invalid', labelled({ 'nvidia.com/mig.config.state': 'failed' })],
    ['a layout that is being applied', 'not-ready', labelled({ 'nvidia.com/mig.config.state': 'pending' })],
    [
      'GPUs set aside for virtual machines',
      'invalid',
      labelled({ 'nvidia.com/gpu.workload.config': 'vm-passthrough' }),
    ],
    [
      'several models: more devices than GFD counts',
      'mixed-models',
      { ...labelled({ 'nvidia.com/gpu.count': '4' }), allocatable: { 'nvidia.com/gpu': '8' } },
    ],
    [
      'several AMD models',
      'mixed-models',
      {
        labels: { 'amd.com/gpu.vram.192G': '4', 'amd.com/gpu.vram.256G': '4' },
        allocatable: { 'amd.com/gpu': '8' },
      },
    ],
    ['a cordoned node', 'not-ready', { spec: { unschedulable: true } }],
    ['a node that is not ready', 'not-ready', { conditions: [{ type: 'Ready', status: 'Unknown' }] }],
    ['conditions without Ready', 'not-ready', { conditions: [{ type: 'DiskPressure', status: 'False' }] }],
    [
      'a node that the autoscaler drains',
      'not-ready',
      {
        spec: {
          taints: [{ key: 'ToBeDeletedByClusterAutoscaler', value: '1700000000', effect: 'NoSchedule' }],
        },
      },
    ],
    ['no device allocatable', 'not-ready', { allocatable: { 'nvidia.com/gpu': '0' } }],
    ['an ordinary node', 'none', {}],
    [
      'a node that may be drained later',
      'none',
      {
        spec: {
          taints: [{ key: 'DeletionCandidateOfClusterAutoscaler', value: '1', effect: 'PreferNoSchedule' }],
        },
      },
    ],
  ])('%s', (_, sharing, parts) => {
    expect(sharingOf(parts)).toBe(sharing);
  });

  it('counts what is allocatable, not what the labels count', () => {
    expect(
      only(classesFrom(node({ allocatable: { 'nvidia.com/gpu': '7' }, capacity: { 'nvidia.com/gpu': '8' } })))
        .gpusPerNode,
    ).toBe(7);
  });

  it('keeps the device of a cordoned node, which comes back as what it is', () => {
    expect(only(classesFrom(node({ spec: { unschedulable: true } }))).device?.product).toBe(
      'NVIDIA-H100-80GB-HBM3',
    );
  });

  it('leaves out the taints of a node that comes or goes', () => {
    const passing = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' };
    const own = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };
    expect(only(classesFrom(node({ spec: { taints: [passing, own] } }))).taints).toEqual([own]);
  });

  it('reads a thousand replicas as a quantity prints them', () => {
    const shared = node({
      ...labelled({ 'nvidia.com/gpu.replicas': '125' }),
      allocatable: { 'nvidia.com/gpu': '1k' },
    });
    expect(only(classesFrom(shared)).gpusPerNode).toBe(1000);
  });
});

describe('placement keys', () => {
  const PRODUCT = 'nvidia.com/gpu.product';
  const key = (nodeClass: NodeClass | undefined) => nodeClass?.placementKeys[0];

  it('leaves out a label whose value another shape carries too', () => {
    const pool = { 'node.kubernetes.io/instance-type': 'onprem' };
    const [h100, l40s] = classesFrom(
      node({ name: 'a', labels: { ...H100_LABELS, ...pool } }),
      node({ name: 'b', labels: { ...pool, [PRODUCT]: 'NVIDIA-L40S', 'nvidia.com/gpu.memory': '46068' } }),
    );
    expect(h100?.placementKeys).toEqual([PRODUCT]);
    expect(l40s?.placementKeys).toEqual([PRODUCT]);
  });

  it('offers no key where a shared node of the same product stands beside the whole one', () => {
    const shared = { 'nvidia.com/gpu.replicas': '4' };
    const classes = classesFrom(
      node({ name: 'a' }),
      node({ name: 'b', ...labelled(shared), allocatable: { 'nvidia.com/gpu': '32' } }),
    );
    expect(classes.map((one) => one.placementKeys)).toEqual([[], []]);
  });

  it('puts the platform’s key first where a pool may be at zero, the driver’s where nodes stand', () => {
    const cloud = { 'karpenter.k8s.aws/instance-gpu-name': 'h100' };
    expect(key(only(classesFrom(node(labelled(cloud)))))).toBe(PRODUCT);
    const pool = { ...cloud, 'karpenter.sh/nodepool': 'gpu' };
    expect(key(only(classesFrom(node(labelled(pool)))))).toBe('karpenter.k8s.aws/instance-gpu-name');
  });
});
