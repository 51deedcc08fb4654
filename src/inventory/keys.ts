/**
 * Label keys that say which GPU a node has. Sources of every key: reference node-labels.csv (gpu-catalog.md §2,
 * §3.1, §5).
 */

export const GFD = {
  product: 'nvidia.com/gpu.product',
  memory: 'nvidia.com/gpu.memory',
  count: 'nvidia.com/gpu.count',
  family: 'nvidia.com/gpu.family',
  major: 'nvidia.com/gpu.compute.major',
  minor: 'nvidia.com/gpu.compute.minor',
  present: 'nvidia.com/gpu.present',
  deployDiscovery: 'nvidia.com/gpu.deploy.gpu-feature-discovery',
  workload: 'nvidia.com/gpu.workload.config',
  migState: 'nvidia.com/mig.config.state',
} as const;

export const GKE = {
  accelerator: 'cloud.google.com/gke-accelerator',
  nodePool: 'cloud.google.com/gke-nodepool',
  partition: 'cloud.google.com/gke-gpu-partition-size',
  sharing: 'cloud.google.com/gke-gpu-sharing-strategy',
  clients: 'cloud.google.com/gke-max-shared-clients-per-gpu',
} as const;

export const AMD = {
  prefix: 'amd.com/gpu.',
  product: 'amd.com/gpu.product-name',
  deviceId: 'amd.com/gpu.device-id',
  vram: 'amd.com/gpu.vram',
  partition: 'amd.com/gpu.compute-memory-partition',
  mode: 'amd.com/gpu.mode',
} as const;

export const KARPENTER_POOL = 'karpenter.sh/nodepool';
export const EKS_COMPUTE_TYPE = 'eks.amazonaws.com/compute-type';
export const COREWEAVE_CLASS = 'gpu.nvidia.com/class';

/** MiB per GPU as the cloud's API says it, not as the driver does (gpu-catalog.md §1.5). */
export const CLOUD_MEMORY_MIB: readonly string[] = [
  'karpenter.k8s.aws/instance-gpu-memory',
  'eks.amazonaws.com/instance-gpu-memory',
];

/** CoreWeave: per GPU, in whole units that its documents call GB (`81` on an H100). */
export const CLOUD_MEMORY_GB = 'gpu.nvidia.com/vram';

/** Written by something that asked the driver, so they exist only once a node runs. */
export const DRIVER_KEYS: readonly string[] = [
  GFD.product,
  AMD.product,
  AMD.deviceId,
  'gpu.intel.com/product',
  // Whole boards and partitions have one product name; only the mode tells them apart (gpu-catalog.md §5).
  AMD.partition,
];

/**
 * Model names set by the platform: an autoscaler knows them before the node exists. CoreWeave's own keys stand
 * before GKE's, because its nodes carry both (gpu-catalog.md §3.1).
 */
export const MODEL_KEYS: readonly string[] = [
  COREWEAVE_CLASS,
  'gpu.nvidia.com/model',
  GKE.accelerator,
  'karpenter.k8s.aws/instance-gpu-name',
  'eks.amazonaws.com/instance-gpu-name',
  'karpenter.azure.com/sku-gpu-name',
  'karpenter.k8s.gcp/instance-gpu-name',
  'crusoe.ai/accelerator',
  'nebius.com/gpu-name',
  'k8s.amazonaws.com/accelerator',
  'aliyun.accelerator/nvidia_name',
  'cloud.tencent.com/tke-accelerator',
  'skypilot.co/accelerator',
];

/** On AWS a family holds one GPU model; it tells `p4de` from `p4d` where the name `a100` does not. */
export const FAMILY_KEYS: readonly string[] = [
  'karpenter.k8s.aws/instance-family',
  'eks.amazonaws.com/instance-family',
];

export const INSTANCE_TYPE = 'node.kubernetes.io/instance-type';

/** Set by kubelet and cloud on every node (kubernetes/api core/v1 well_known_labels.go). */
export const ZONE = 'topology.kubernetes.io/zone';
export const REGION = 'topology.kubernetes.io/region';
export const ARCH = 'kubernetes.io/arch';
export const OS = 'kubernetes.io/os';

/** Where an instance type may stand. `gpu.machine` is the DMI product name: on clouds often the instance type. */
export const INSTANCE_TYPE_KEYS: readonly string[] = [
  INSTANCE_TYPE,
  'beta.kubernetes.io/instance-type',
  'nvidia.com/gpu.machine',
];

/** Every key that may serve as a placement key, whatever the order. */
export const SHAPE_KEYS: ReadonlySet<string> = new Set([
  ...DRIVER_KEYS,
  ...MODEL_KEYS,
  ...FAMILY_KEYS,
  INSTANCE_TYPE,
]);

/** Differ from node to node by design: never a reason for a class of its own. */
const PER_NODE_KEYS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'nvidia.com/gfd.timestamp',
  'nvidia.com/gpu.clique',
  'alpha.eksctl.io/instance-id',
  'topology.k8s.aws/ultraserver-id',
  'karpenter.k8s.aws/instance-capacity-reservation-id',
  'ds.coreweave.com/nvlink.domain',
  'cloud.google.com/gce-topology-block',
  'cloud.google.com/gce-topology-subblock',
  'cloud.google.com/gce-topology-host',
]);

const PER_NODE_PREFIXES: readonly string[] = [
  'oci.oraclecloud.com/host.',
  'topology.k8s.aws/network-node-layer-',
];

export function isPerNodeKey(key: string): boolean {
  return PER_NODE_KEYS.has(key) || PER_NODE_PREFIXES.some((prefix) => key.startsWith(prefix));
}
