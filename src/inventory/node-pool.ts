import type { InstanceTypeEntry } from '../catalog/types.ts';
import { MIB } from '../units.ts';
import type { Draft } from './classes.ts';
import { isFields, type Labels } from './fields.ts';
import { fieldsAt, labelsOf, listAt, nameOf, stringsOf, taintsOf, textAt } from './foreign.ts';
import { INSTANCE_TYPE, KARPENTER_POOL } from './keys.ts';
import { draftOfPool, type PoolCatalog } from './pool.ts';
import { findByInstanceType, findByName } from './products.ts';

/**
 * Karpenter's NodePool (karpenter.sh/v1): requirements on well-known labels leave a set of instance types, each of
 * which is a kind of node that may come (gpu-catalog.md §7; node-labels.csv, Karpenter on AWS and EKS Auto Mode).
 */

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** Label domain by the group of the pool's node class. */
const DOMAINS: ReadonlyMap<string, string> = new Map([
  ['karpenter.k8s.aws', 'karpenter.k8s.aws'],
  ['eks.amazonaws.com', 'eks.amazonaws.com'],
]);

const AZURE_GROUP = 'karpenter.azure.com';

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

/** `p5en.48xlarge`: category, generation, family, size. OCI's shapes have more dots, Azure's and Google's none. */
const EC2_TYPE = /^(([a-z]+)(\d+)[a-z0-9-]*)\.([a-z0-9-]+)$/;

function requirementsOf(spec: unknown): readonly Requirement[] {
  const list = listAt(fieldsAt(spec, 'template', 'spec'), 'requirements');
  return list.flatMap((one) => {
    const [key, operator] = [textAt(one, 'key'), textAt(one, 'operator')];
    return key === null || operator === null || !isFields(one)
      ? []
      : [{ key, operator, values: stringsOf(listAt(one, 'values')) }];
  });
}

/** Whether a node with this value may come of it. A value that is not known is not held against the node. */
function allows({ operator, values }: Requirement, value: string | undefined): boolean {
  if (value === undefined) return true;
  const [limit] = values;
  switch (operator) {
    case 'In':
      return values.includes(value);
    case 'NotIn':
      return !values.includes(value);
    case 'DoesNotExist':
      return false;
    case 'Gt':
      return Number(value) > Number(limit);
    case 'Lt':
      return Number(value) < Number(limit);
    default:
      return true;
  }
}

function gpuName(product: string, { index }: PoolCatalog): string | null {
  return EC2_GPUS.find((name) => findByName(index, name).some((entry) => entry.product === product)) ?? null;
}

/** Labels that Karpenter sets on every instance of a type; empty for what is no EC2 type. */
function ec2Labels(type: InstanceTypeEntry, domain: string, pools: PoolCatalog): Labels {
  const [, family, category, generation, size] = EC2_TYPE.exec(type.name) ?? [];
  const [entry] = findByInstanceType(pools.index, type.name);
  if (family === undefined || entry === undefined) return new Map();
  const name = gpuName(type.product, pools);
  return new Map([
    [INSTANCE_TYPE, type.name],
    [`${domain}/instance-category`, category ?? ''],
    [`${domain}/instance-generation`, generation ?? ''],
    [`${domain}/instance-family`, family],
    [`${domain}/instance-size`, size ?? ''],
    [`${domain}/instance-gpu-count`, String(type.gpus)],
    [`${domain}/instance-gpu-manufacturer`, entry.vendor],
    ...(name === null ? [] : [[`${domain}/instance-gpu-name`, name] as const]),
  ]);
}

/** Keys of which one must be required: a pool that may bring any machine promises no GPU. */
function namesGpus({ key, operator }: Requirement): boolean {
  if (operator === 'NotIn' || operator === 'DoesNotExist') return false;
  return (
    key === INSTANCE_TYPE || /\/instance-(?:category|family|gpu-[a-z]+)$/.test(key) || key.includes('/sku-')
  );
}

/** EC2 reports GPU memory by its own figures (gpu-catalog.md §1.5); the driver's stands for them here. */
function isAllowed(labels: Labels, memoryMib: number, requirements: readonly Requirement[]): boolean {
  return requirements.every((one) => {
    const value = one.key.endsWith('/instance-gpu-memory') ? String(memoryMib) : labels.get(one.key);
    return allows(one, value);
  });
}

/** Values that the pool itself leaves to one or to a few: zones, capacity types, its own labels. */
function chosenLabels(requirements: readonly Requirement[], known: Labels) {
  const single = new Map<string, string>();
  const several = new Map<string, ReadonlySet<string>>();
  for (const { key, operator, values } of requirements) {
    const [first] = values;
    if (operator !== 'In' || known.has(key) || first === undefined) continue;
    if (values.length === 1) single.set(key, first);
    else several.set(key, new Set(values));
  }
  return { single, several };
}

/** One instance type that the requirements leave. */
interface Promised {
  readonly labels: Labels;
  readonly gpus: number | null;
}

function ec2Promises(
  domain: string,
  requirements: readonly Requirement[],
  pools: PoolCatalog,
): readonly Promised[] {
  return pools.catalog.instanceTypes.flatMap((type) => {
    const labels = ec2Labels(type, domain, pools);
    const [entry] = findByInstanceType(pools.index, type.name);
    const memoryMib = Math.round((entry?.device?.totalBytes ?? 0) / MIB);
    return labels.size > 0 && isAllowed(labels, memoryMib, requirements) ? [{ labels, gpus: type.gpus }] : [];
  });
}

// Azure writes its sizes with capitals that the catalog does not know: only those that the pool spells are taken.
function spelledPromises(requirements: readonly Requirement[], pools: PoolCatalog): readonly Promised[] {
  const types = requirements.filter(({ key, operator }) => key === INSTANCE_TYPE && operator === 'In');
  return types.flatMap(({ values }) =>
    values.flatMap((name) =>
      findByInstanceType(pools.index, name).length === 0
        ? []
        : [{ labels: new Map([[INSTANCE_TYPE, name]]), gpus: null }],
    ),
  );
}

/** Kinds of GPU nodes that a NodePool may bring. */
export function readNodePool(object: unknown, pools: PoolCatalog): readonly Draft[] {
  const spec = fieldsAt(object, 'spec');
  const requirements = requirementsOf(spec);
  if (!requirements.some(namesGpus)) return [];
  const template = fieldsAt(spec, 'template', 'spec');
  const group = textAt(fieldsAt(template, 'nodeClassRef'), 'group') ?? '';
  const domain = DOMAINS.get(group);
  const promises =
    domain === undefined || group === AZURE_GROUP
      ? spelledPromises(requirements, pools)
      : ec2Promises(domain, requirements, pools);
  const name = nameOf(object);
  const own = labelsOf(fieldsAt(spec, 'template', 'metadata', 'labels'));
  const limit = Number(textAt(fieldsAt(spec, 'limits'), 'nvidia.com/gpu') ?? Number.POSITIVE_INFINITY);
  return promises.flatMap(({ labels, gpus }) => {
    const { single, several } = chosenLabels(requirements, labels);
    const all = new Map([...own, ...single, ...labels, [KARPENTER_POOL, name] as const]);
    const draft = draftOfPool(
      {
        identity: `nodepool ${name} ${labels.get(INSTANCE_TYPE) ?? ''}`,
        labels: all,
        varying: several,
        taints: taintsOf(listAt(template, 'taints')),
        gpus,
      },
      pools,
    );
    return draft === null || draft.gpusPerNode > limit ? [] : [draft];
  });
}
