import type { Catalog } from '../catalog/types.ts';
import { ANY_VALUE } from '../placement/node-affinity.ts';
import type { Taint } from '../plan/types.ts';
import type { Draft } from './classes.ts';
import { type Labels, labelInteger } from './fields.ts';
import { ARCH, GKE, INSTANCE_TYPE, OS, REGION, ZONE } from './keys.ts';
import { pluginFacts, readNode } from './node.ts';
import type { NodeClasses } from './node-class.ts';
import { findByInstanceType, type GpuIndex } from './products.ts';

/**
 * A kind of node that a pool may bring: what it will carry, as far as the pool says so. Read as the node that it
 * promises, so that pools and nodes have the same guards.
 */
export interface PromisedNode {
  /** Of the pool and what it promises; the same on every replica. */
  readonly identity: string;
  readonly labels: Labels;
  /** Keys that take one of several values, which the autoscaler chooses. */
  readonly varying: ReadonlyMap<string, ReadonlySet<string>>;
  readonly taints: readonly Taint[];
  /** null: what the labels or the instance type say. */
  readonly gpus: number | null;
  /** False where the pool cannot bring a node now. */
  readonly isReady: boolean;
}

/** What a reader of pools works with: the catalog, indexed once. */
export interface PoolCatalog {
  readonly catalog: Catalog;
  readonly index: GpuIndex;
  readonly nodeClasses: NodeClasses;
}

const COUNT_KEYS: readonly string[] = [
  'cloud.google.com/gke-accelerator-count',
  'karpenter.k8s.aws/instance-gpu-count',
  'eks.amazonaws.com/instance-gpu-count',
  'karpenter.azure.com/sku-gpu-count',
  'gpu.nvidia.com/count',
];

export function gpusOfInstanceType({ catalog }: PoolCatalog, name: string): number | null {
  const lower = name.toLowerCase();
  return catalog.instanceTypes.find((one) => one.name === lower)?.gpus ?? null;
}

function countOf({ labels, gpus }: PromisedNode, pools: PoolCatalog): number | null {
  if (gpus !== null) return gpus;
  for (const key of COUNT_KEYS) {
    const count = labelInteger(labels, key);
    if (count !== null) return count;
  }
  return gpusOfInstanceType(pools, labels.get(INSTANCE_TYPE) ?? '');
}

function vendorResource({ labels }: PromisedNode, { index }: PoolCatalog): string {
  return findByInstanceType(index, labels.get(INSTANCE_TYPE) ?? '')[0]?.resource ?? 'nvidia.com/gpu';
}

/** Every node has these, and a pool that does not name a value leaves it to the pod that asks. */
const OPEN_KEYS: readonly string[] = [ZONE, REGION, ARCH, OS];

/** Older names that kubelets still write, and that Karpenter reads as the newer ones (pkg/apis/v1/labels.go). */
const ALIASES: readonly (readonly [string, string])[] = [
  ['failure-domain.beta.kubernetes.io/zone', ZONE],
  ['failure-domain.beta.kubernetes.io/region', REGION],
  ['beta.kubernetes.io/arch', ARCH],
  ['beta.kubernetes.io/os', OS],
  ['beta.kubernetes.io/instance-type', INSTANCE_TYPE],
];

interface PromisedLabels {
  readonly labels: Labels;
  readonly varying: ReadonlyMap<string, ReadonlySet<string>>;
}

function allLabels(promised: PromisedNode): PromisedLabels {
  const labels = new Map(promised.labels);
  const varying = new Map(promised.varying);
  for (const key of OPEN_KEYS) {
    if (!labels.has(key) && !varying.has(key)) varying.set(key, new Set([ANY_VALUE]));
  }
  for (const [alias, key] of ALIASES) {
    const [value, values] = [labels.get(key), varying.get(key)];
    if (value !== undefined) labels.set(alias, value);
    if (values !== undefined) varying.set(alias, values);
  }
  return { labels, varying };
}

/** The class of such nodes; null where the pool does not say how many GPUs of which kind. */
export function draftOfPool(promised: PromisedNode, pools: PoolCatalog): Draft | null {
  const count = countOf(promised, pools);
  if (count === null || count === 0) return null;
  const { taints, identity, isReady } = promised;
  const { labels, varying } = allLabels(promised);
  const node = {
    metadata: { name: 'promised', labels: Object.fromEntries(labels) },
    spec: { taints },
    status: {
      allocatable: { [vendorResource(promised, pools)]: String(count) },
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    },
  };
  const { parts } = readNode(node);
  const [facts] = parts === null ? [] : pluginFacts(parts, pools.index);
  if (facts === undefined || facts.device === null) return null;
  const { device, resource, gpus, sharing, vagueKeys } = facts;
  return {
    device,
    resource,
    gpusPerNode: gpus,
    nodes: 0,
    labels,
    varyingLabels: varying,
    nodeNames: new Set(),
    taints,
    sharing,
    source: 'pool',
    // A GKE accelerator label counts as one of an autoscaled pool's by itself: the pool has no node yet.
    provider: labels.has(GKE.accelerator) ? 'gce' : '',
    vagueKeys,
    name: null,
    identity,
  };
}
