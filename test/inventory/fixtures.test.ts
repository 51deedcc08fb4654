import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NodeClass } from '../../src/plan/types.ts';
import { GIB, MIB } from '../../src/units.ts';
import { referenceTable } from '../catalog/sources.ts';
import { fixture, fixtureText, readText } from './nodes.ts';

/** Node lists of each platform against what the references establish for it; sources in each fixture's head. */

interface Expected {
  readonly product: string | null;
  readonly resource?: string;
  readonly gpus: number;
  readonly nodes?: number;
  /** What the driver reports per device (gpus.csv gfd_memory_mib, node-labels.csv). */
  readonly mib: number | null;
  readonly sharing?: NodeClass['sharing'];
  /** Best placement key; null: none tells the shape. */
  readonly key: string | null;
  readonly taints?: readonly string[];
}

const PRODUCT = 'nvidia.com/gpu.product';
const INSTANCE = 'node.kubernetes.io/instance-type';
const GPU_TAINT = 'nvidia.com/gpu=present:NoSchedule';
const CLAIM = 'deviceclass.resource.kubernetes.io/';
const H100 = { product: 'NVIDIA-H100-80GB-HBM3', gpus: 8, mib: 81559 };
const T4 = { product: 'Tesla-T4', key: PRODUCT };
const SLICE = { sharing: 'mig', key: PRODUCT } as const;
const SLICED = { ...H100, gpus: 80, sharing: 'time-slicing', key: PRODUCT } as const;

// The product name is the same for a whole board and for its partitions.
const AMD_MODE = 'amd.com/gpu.compute-memory-partition';

const EXPECTED: Readonly<Record<string, readonly Expected[]>> = {
  // AKS labels say only the vendor; the VM size decides (gpu-catalog.md §3.1, §4).
  'aks.yaml': [
    { product: 'NVIDIA-A100-80GB-PCIe', gpus: 1, mib: 81920, key: INSTANCE },
    { ...H100, key: INSTANCE, taints: ['sku=gpu:NoSchedule'] },
  ],
  // 196592 MiB: gpus.csv MI300X. The partitioned node carries the same labels, so none of them chooses the whole one.
  'amd-mi300x.yaml': [
    {
      product: 'AMD_Instinct_MI300X_OAM',
      resource: 'amd.com/gpu',
      gpus: 8,
      mib: 196592,
      key: AMD_MODE,
      taints: ['amd.com/gpu=present:NoSchedule'],
    },
    { product: null, resource: 'amd.com/gpu', gpus: 64, mib: null, sharing: 'mig', key: AMD_MODE },
  ],
  // 16106127360 is 15360 MiB in bytes (NVIDIA/gpu-feature-discovery#26).
  'bytes-t4.yaml': [{ ...T4, gpus: 8, mib: 15360, sharing: 'time-slicing' }],
  'cordoned.yaml': [{ ...H100, sharing: 'not-ready', key: PRODUCT, taints: [GPU_TAINT] }],
  // CoreWeave's own key before GKE's, which its nodes carry too (gpu-catalog.md §3.1).
  'coreweave.yaml': [{ ...H100, key: 'gpu.nvidia.com/class' }],
  'degraded.yaml': [{ ...H100, gpus: 7, key: PRODUCT }],
  'dgx-h100.yaml': [{ ...H100, nodes: 2, key: PRODUCT }],
  // The older T4 driver's 15109 MiB: without GFD the least that was seen counts (gpus.csv).
  'eks-auto.yaml': [{ product: 'Tesla-T4', gpus: 1, mib: 15109, key: 'eks.amazonaws.com/instance-gpu-name' }],
  // `a100` names the 40 GB board too: the family tells them apart. No GFD key where Karpenter scales (§7).
  'eks-karpenter.yaml': [
    {
      product: 'NVIDIA-A100-SXM4-80GB',
      gpus: 8,
      mib: 81920,
      key: 'karpenter.k8s.aws/instance-family',
      taints: ['nvidia.com/gpu=true:NoSchedule'],
    },
    {
      ...H100,
      key: 'karpenter.k8s.aws/instance-gpu-name',
      taints: ['nvidia.com/gpu=true:NoSchedule'],
    },
  ],
  'dra-amd.yaml': [
    {
      product: 'AMD_Instinct_MI300X_OAM',
      resource: `${CLAIM}gpu.amd.com`,
      gpus: 8,
      mib: 196592,
      key: null,
      taints: ['amd.com/gpu=present:NoSchedule'],
    },
  ],
  'dra-mig.yaml': [
    { product: 'NVIDIA-A100-PCIE-40GB', resource: `${CLAIM}gpu.nvidia.com`, gpus: 1, mib: 40960, key: null },
    {
      product: 'NVIDIA-A100-PCIE-40GB-MIG-1g.5gb',
      resource: `${CLAIM}mig.nvidia.com`,
      gpus: 7,
      mib: 4864,
      sharing: 'mig',
      key: null,
    },
  ],
  // By claim, and by the resource that the driver's chart maps to its DeviceClass.
  'dra-nvidia.yaml': [
    { ...H100, resource: `${CLAIM}gpu.nvidia.com`, key: null, taints: [GPU_TAINT] },
    { ...H100, key: null, taints: [GPU_TAINT] },
  ],
  // One type each of p5e and p5en in the reserved pool; the other pool's node class is not ready.
  'eks-auto-pools.yaml': [
    {
      product: 'NVIDIA-H200',
      gpus: 8,
      nodes: 0,
      mib: 143771,
      key: 'eks.amazonaws.com/instance-gpu-name',
      taints: ['nvidia.com/gpu=:NoSchedule'],
    },
    {
      product: 'NVIDIA-H200',
      gpus: 8,
      nodes: 0,
      mib: 143771,
      key: 'eks.amazonaws.com/instance-gpu-name',
      taints: ['nvidia.com/gpu=:NoSchedule'],
    },
    {
      product: 'NVIDIA-L40S',
      gpus: 1,
      nodes: 0,
      mib: 46068,
      sharing: 'not-ready',
      key: 'eks.amazonaws.com/instance-gpu-name',
    },
  ],
  'gke.yaml': [{ ...H100, key: 'cloud.google.com/gke-accelerator', taints: [GPU_TAINT] }],
  'karpenter-pools.yaml': [
    {
      ...H100,
      nodes: 0,
      key: 'karpenter.k8s.aws/instance-gpu-name',
      taints: ['nvidia.com/gpu=true:NoSchedule'],
    },
    {
      ...H100,
      gpus: 1,
      nodes: 0,
      key: 'karpenter.k8s.aws/instance-gpu-name',
      taints: ['nvidia.com/gpu=true:NoSchedule'],
    },
    {
      product: 'NVIDIA-L40S',
      gpus: 1,
      nodes: 0,
      mib: 46068,
      sharing: 'not-ready',
      key: 'karpenter.k8s.aws/instance-gpu-name',
    },
  ],
  'mig-invalid.yaml': [{ product: null, gpus: 0, mib: null, sharing: 'invalid', key: PRODUCT }],
  // Slice sizes as captured in NVIDIA/cloud-native-docs mig-mixed-node-labels.json.
  'mig-mixed.yaml': [
    {
      ...SLICE,
      product: 'NVIDIA-H100-80GB-HBM3-MIG-1g.10gb',
      resource: 'nvidia.com/mig-1g.10gb',
      gpus: 2,
      mib: 9984,
    },
    {
      ...SLICE,
      product: 'NVIDIA-H100-80GB-HBM3-MIG-2g.20gb',
      resource: 'nvidia.com/mig-2g.20gb',
      gpus: 1,
      mib: 20096,
    },
    {
      ...SLICE,
      product: 'NVIDIA-H100-80GB-HBM3-MIG-3g.40gb',
      resource: 'nvidia.com/mig-3g.40gb',
      gpus: 1,
      mib: 40320,
    },
  ],
  'mig-single.yaml': [{ ...SLICE, product: 'NVIDIA-H100-80GB-HBM3-MIG-1g.10gb', gpus: 56, mib: 9984 }],
  'mixed-models.yaml': [{ product: null, gpus: 3, mib: null, sharing: 'mixed-models', key: PRODUCT }],
  // A quarter of 15360 MiB per client (gpu-catalog.md §2 point 5).
  'mps.yaml': [{ ...T4, gpus: 16, mib: 3840, sharing: 'mps' }],
  // Rack and block labels name places, so both H100 nodes are of one kind.
  'oke.yaml': [
    {
      product: 'AMD_Instinct_MI300X_OAM',
      resource: 'amd.com/gpu',
      gpus: 8,
      mib: 196592,
      key: INSTANCE,
      taints: ['amd.com/gpu=present:NoSchedule'],
    },
    { ...H100, nodes: 2, key: INSTANCE, taints: [GPU_TAINT] },
  ],
  'time-sliced.yaml': [SLICED, { ...SLICED, resource: 'nvidia.com/gpu.shared' }],
  'unlabelled.yaml': [
    { product: null, gpus: 8, mib: null, sharing: 'not-ready', key: null },
    { product: null, gpus: 0, mib: null, sharing: 'not-ready', key: null },
  ],
};

function seen(found: NodeClass): Expected {
  return {
    product: found.device?.product ?? null,
    resource: found.resource,
    gpus: found.gpusPerNode,
    nodes: found.nodes,
    mib: found.device === null ? null : found.device.totalBytes / MIB,
    sharing: found.sharing,
    key: found.placementKeys[0] ?? null,
    taints: found.taints.map(({ key, value, effect }) => `${key}=${value}:${effect}`),
  };
}

const PLAIN = { resource: 'nvidia.com/gpu', nodes: 1, sharing: 'none', taints: [] } as const;

describe('node lists of the platforms', () => {
  it('covers every fixture', () => {
    const folder = new URL('../fixtures/nodes/', import.meta.url);
    expect(readdirSync(folder).toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  it.each(Object.entries(EXPECTED))('%s', (name, expected) => {
    expect(fixture(name).map(seen)).toEqual(expected.map((one) => ({ ...PLAIN, ...one })));
  });

  it('counts nodes without GPUs, which make no class', () => {
    expect(readText(fixtureText('gke.yaml')).cpuOnlyNodes).toBe(1);
  });

  it('offers of each board what PyTorch was seen to get, and never more', () => {
    const usable = new Map(
      referenceTable('gpus.csv').map((row) => [row.get('product_label'), Number(row.get('usable_gib'))]),
    );
    const boards = Object.keys(EXPECTED)
      .flatMap((name) => fixture(name))
      .filter(({ sharing }) => sharing === 'none')
      .flatMap(({ device }) => (device === null ? [] : [device]));
    expect(new Set(boards.map(({ product }) => product)).size).toBeGreaterThanOrEqual(5);
    for (const { product, usableBytes } of boards) {
      const seenGib = usable.get(product) ?? Number.NaN;
      // gpus.csv prints two decimals; a T4 of the older driver has 0.25 GiB less than the row's.
      expect(usableBytes / GIB, product).toBeLessThanOrEqual(seenGib + 0.005);
      expect(usableBytes / GIB, product).toBeGreaterThan(seenGib - 0.3);
    }
  });
});
