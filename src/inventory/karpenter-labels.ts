import type { InstanceTypeEntry } from '../catalog/types.ts';
import type { Labels } from './fields.ts';
import { ARCH, INSTANCE_TYPE } from './keys.ts';
import type { PoolCatalog } from './pool.ts';
import { findByInstanceType, findByName } from './products.ts';

/**
 * Labels that Karpenter knows of a node before there is one: those that it sets on every instance of a type, and the
 * well-known ones that a pod may ask for although its pool says nothing of them. Sources: kubernetes-sigs/karpenter
 * pkg/apis/v1/labels.go@046bcdae7373, aws/karpenter-provider-aws pkg/apis/v1/labels.go@03021fb92179,
 * Azure/karpenter-provider-azure pkg/apis/v1beta1/labels.go@00ae11268ef8.
 */

export const EC2_GROUP = 'karpenter.k8s.aws';
export const AUTO_GROUP = 'eks.amazonaws.com';
export const AZURE_GROUP = 'karpenter.azure.com';

export const CAPACITY_TYPE = 'karpenter.sh/capacity-type';
/** Of an instance of EC2; its other properties are known by its type. */
const OPEN_EC2: readonly string[] = [
  'instance-hypervisor',
  'instance-encryption-in-transit-supported',
  'instance-local-nvme',
  'instance-cpu',
  'instance-cpu-manufacturer',
  'instance-cpu-sustained-clock-speed-mhz',
  'instance-memory',
  'instance-ebs-bandwidth',
  'instance-network-bandwidth',
];

const OPEN_AZURE: readonly string[] = [
  `${AZURE_GROUP}/sku-series`,
  `${AZURE_GROUP}/sku-cpu`,
  `${AZURE_GROUP}/sku-memory`,
  `${AZURE_GROUP}/sku-networking-accelerated`,
  `${AZURE_GROUP}/sku-storage-premium-capable`,
  `${AZURE_GROUP}/sku-storage-ephemeralos-maxsize`,
  `${AZURE_GROUP}/placement-scope`,
  'kubernetes.azure.com/sku-cpu',
  'kubernetes.azure.com/sku-memory',
  'kubernetes.azure.com/mode',
  'kubernetes.azure.com/scalesetpriority',
  'kubernetes.azure.com/priority',
  'kubernetes.azure.com/os-sku',
];

/** By the group of the pool's node class. */
export function openKeys(group: string): readonly string[] {
  if (group === AZURE_GROUP) return OPEN_AZURE;
  if (group !== EC2_GROUP && group !== AUTO_GROUP) return [];
  return ['topology.k8s.aws/zone-id', ...OPEN_EC2.map((name) => `${group}/${name}`)];
}

/** How EC2 names its GPUs (aws/karpenter-provider-aws v1.14 instance-types.md). */
const EC2_GPUS: readonly string[] = [
  't4',
  'v100',
  'a10g',
  'l4',
  'l40s',
  'a100',
  'h100',
  'h200',
  'b200',
  'b300',
  'rtx-pro-server-6000',
];

/** MiB per GPU as EC2 has it, which is not the driver's figure (gpu-catalog.md §1.5, §4). */
const EC2_MEMORY: ReadonlyMap<string, number> = new Map([
  ['Tesla-T4', 16384],
  ['Tesla-V100-SXM2-32GB', 32768],
  ['NVIDIA-A10G', 22888],
  ['NVIDIA-L4', 22888],
  ['NVIDIA-L40S', 45776],
  ['NVIDIA-A100-SXM4-40GB', 40960],
  ['NVIDIA-A100-SXM4-80GB', 81920],
  ['NVIDIA-H100-80GB-HBM3', 81920],
  ['NVIDIA-H200', 144384],
  ['NVIDIA-B200', 183359],
  ['NVIDIA-B300-SXM6-AC', 275040],
  ['NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition', 98304],
]);

/** `p5en.48xlarge`: category, generation, family, size. OCI's shapes have more dots, Azure's and Google's none. */
const EC2_TYPE = /^(([a-z]+)(\d+)([a-z0-9-]*))\.([a-z0-9-]+)$/;

/** Graviton (`g5g`) and Grace (`p6e-gb200`) are arm64: a `g` among the attributes after the generation. */
function ec2Arch(attributes: string): string {
  return /^[a-z]*g|-gb/.test(attributes) ? 'arm64' : 'amd64';
}

function gpuName(product: string, { index }: PoolCatalog): string | null {
  return EC2_GPUS.find((name) => findByName(index, name).some((entry) => entry.product === product)) ?? null;
}

/** On every instance of a type of EC2; empty for what is no such type. `domain` is that of the pool's node class. */
export function ec2Labels(type: InstanceTypeEntry, domain: string, pools: PoolCatalog): Labels {
  const [, family, category, generation, attributes, size] = EC2_TYPE.exec(type.name) ?? [];
  const [entry] = findByInstanceType(pools.index, type.name);
  if (family === undefined || entry === undefined) return new Map();
  const name = gpuName(type.product, pools);
  const mib = EC2_MEMORY.get(type.product);
  return new Map([
    [INSTANCE_TYPE, type.name],
    [ARCH, ec2Arch(attributes ?? '')],
    [`${domain}/instance-category`, category ?? ''],
    [`${domain}/instance-generation`, generation ?? ''],
    [`${domain}/instance-family`, family],
    [`${domain}/instance-size`, size ?? ''],
    [`${domain}/instance-gpu-count`, String(type.gpus)],
    [`${domain}/instance-gpu-manufacturer`, entry.vendor],
    ...(name === null ? [] : [[`${domain}/instance-gpu-name`, name] as const]),
    ...(mib === undefined ? [] : [[`${domain}/instance-gpu-memory`, String(mib)] as const]),
  ]);
}

/** `standard_nc24ads_a100_v4`: series and size, features, accelerator (not all have one in their name), version. */
const AZURE_TYPE = /^standard_(n[a-z]+\d+)([a-z]*)(?:_(ndr))?(?:_([a-z0-9]+))?_v(\d+)$/;

/** Labels are compared with their case, Azure's sizes are not (gpu-catalog.md §4): as Azure's documents spell them. */
function azureName([, size, features, fabric, accelerator, version]: readonly (
  | string
  | undefined
)[]): string {
  const parts = [
    `${size?.toUpperCase() ?? ''}${features ?? ''}`,
    fabric?.toUpperCase(),
    accelerator?.toUpperCase(),
  ];
  return `Standard_${parts.filter((part) => part !== undefined).join('_')}_v${version ?? ''}`;
}

/** On every VM of a size of Azure; empty for what is no such size. */
export function azureLabels(type: InstanceTypeEntry, pools: PoolCatalog): Labels {
  const match = AZURE_TYPE.exec(type.name);
  const [entry] = findByInstanceType(pools.index, type.name);
  if (match === null || entry === undefined) return new Map();
  const [, , , , accelerator, version] = match;
  return new Map([
    [INSTANCE_TYPE, azureName(match)],
    [`${AZURE_GROUP}/sku-name`, azureName(match)],
    [ARCH, accelerator?.startsWith('gb') === true ? 'arm64' : 'amd64'],
    [`${AZURE_GROUP}/sku-family`, 'N'],
    [`${AZURE_GROUP}/sku-version`, version ?? ''],
    [`${AZURE_GROUP}/sku-gpu-count`, String(type.gpus)],
    [`${AZURE_GROUP}/sku-gpu-manufacturer`, entry.vendor],
    ...(accelerator === undefined
      ? []
      : [[`${AZURE_GROUP}/sku-gpu-name`, accelerator.toUpperCase()] as const]),
  ]);
}
