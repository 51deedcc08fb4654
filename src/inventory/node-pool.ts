import { ANY_VALUE } from '../placement/node-affinity.ts';
import type { Draft } from './classes.ts';
import { isFields, type Labels } from './fields.ts';
import { fieldsAt, isReady, labelsOf, listAt, nameOf, stringsOf, taintsOf, textAt } from './foreign.ts';
import {
  AUTO_GROUP,
  AZURE_GROUP,
  azureLabels,
  CAPACITY_TYPE,
  EC2_GROUP,
  ec2Labels,
  openKeys,
} from './karpenter-labels.ts';
import { INSTANCE_TYPE, KARPENTER_POOL, OS, ZONE } from './keys.ts';
import type { NodeClassFacts } from './node-class.ts';
import { draftOfPool, type PoolCatalog } from './pool.ts';

/**
 * Karpenter's NodePool (karpenter.sh/v1): requirements on well-known labels leave a set of instance types, each of
 * which is a kind of node that may come (gpu-catalog.md §7; node-labels.csv, Karpenter on AWS, EKS Auto Mode and AKS).
 */

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** kubernetes-sigs/karpenter pkg/apis/v1/labels.go; `reserved` since v1.3, on EC2. */
const CAPACITY_TYPES: readonly string[] = ['on-demand', 'spot', 'reserved'];

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

function allowAll(requirements: readonly Requirement[], key: string, value: string): boolean {
  return requirements.every((one) => one.key !== key || allows(one, value));
}

/** Keys of which one must be required: a pool that may bring any machine promises no GPU. */
function namesGpus({ key, operator }: Requirement): boolean {
  if (operator === 'NotIn' || operator === 'DoesNotExist') return false;
  return (
    key === INSTANCE_TYPE || /\/instance-(?:category|family|gpu-[a-z]+)$/.test(key) || key.includes('/sku-')
  );
}

/** Azure's sizes compare without regard to case. */
function isAllowed(labels: Labels, requirements: readonly Requirement[], group: string): boolean {
  return requirements.every((one) => {
    const value = labels.get(one.key);
    const isSize = group === AZURE_GROUP && AZURE_NAMES.includes(one.key);
    return allows(isSize ? lowerCased(one) : one, isSize ? value?.toLowerCase() : value);
  });
}

const AZURE_NAMES: readonly string[] = [INSTANCE_TYPE, `${AZURE_GROUP}/sku-name`];

function lowerCased(requirement: Requirement): Requirement {
  return { ...requirement, values: requirement.values.map((value) => value.toLowerCase()) };
}

/** What a pool says for all that it brings. */
interface Terms {
  readonly name: string;
  readonly group: string;
  readonly requirements: readonly Requirement[];
  /** null: it is not known, or not of a kind that says anything. */
  readonly nodeClass: NodeClassFacts | null;
}

/** One instance type that the requirements leave. */
interface Promised {
  readonly type: string;
  readonly labels: Labels;
  readonly gpus: number;
}

function promisesOf({ group, requirements }: Terms, pools: PoolCatalog): readonly Promised[] {
  return pools.catalog.instanceTypes.flatMap((type) => {
    const labels = group === AZURE_GROUP ? azureLabels(type, pools) : ec2Labels(type, group, pools);
    const isWanted = labels.size > 0 && isAllowed(labels, requirements, group);
    return isWanted ? [{ type: type.name, labels, gpus: type.gpus }] : [];
  });
}

// Other providers' types are known by their names alone: what the pool spells is taken.
function spelledPromises({ requirements }: Terms, pools: PoolCatalog): readonly Promised[] {
  const types = requirements.filter(({ key, operator }) => key === INSTANCE_TYPE && operator === 'In');
  const names = types.flatMap(({ values }) => values);
  return names.flatMap((name) => {
    const gpus = pools.catalog.instanceTypes.find((one) => one.name === name.toLowerCase())?.gpus ?? 0;
    return gpus === 0 ? [] : [{ type: name, labels: new Map([[INSTANCE_TYPE, name]]), gpus }];
  });
}

type Choices = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Keys whose value is still to be chosen: by the pool's requirements, where they leave one or a few; by the pod, of
 * the well-known ones that they leave open. Any other label is none that Karpenter could promise
 * (pkg/scheduling/requirements.go).
 */
function choicesOf(terms: Terms, { type, labels }: Promised): Choices | null {
  const choices = new Map<string, ReadonlySet<string>>();
  for (const key of openKeys(terms.group)) choices.set(key, new Set([ANY_VALUE]));
  for (const { key, operator, values } of terms.requirements) {
    if (operator === 'In') choices.set(key, new Set(values));
    if (operator === 'Exists') choices.set(key, new Set([ANY_VALUE]));
  }
  for (const key of labels.keys()) choices.delete(key);
  const capacity = capacityOf(terms, type);
  const zones = zonesOf(terms, type, capacity);
  if (capacity.length === 0 || zones?.length === 0) return null;
  choices.set(CAPACITY_TYPE, new Set(capacity));
  if (zones !== null) choices.set(ZONE, new Set(zones));
  return choices;
}

/** Zones in which capacity of this type is reserved; null: nobody says. */
function reservedZones({ nodeClass, group }: Terms, type: string): readonly string[] | null {
  if (group === AZURE_GROUP) return [];
  const reservations = nodeClass?.reservations ?? null;
  return reservations?.flatMap((one) => (one.instanceType === type ? [one.zone] : [])) ?? null;
}

function capacityOf(terms: Terms, type: string): readonly string[] {
  const isReservable = reservedZones(terms, type)?.length !== 0;
  return CAPACITY_TYPES.filter(
    (one) => allowAll(terms.requirements, CAPACITY_TYPE, one) && (one !== 'reserved' || isReservable),
  );
}

/** null: nobody says which. */
function zonesOf(terms: Terms, type: string, capacity: readonly string[]): readonly string[] | null {
  const { nodeClass, requirements } = terms;
  const reserved = capacity.every((one) => one === 'reserved') ? reservedZones(terms, type) : null;
  const known = reserved ?? nodeClass?.zones ?? null;
  const required =
    requirements.find(({ key, operator }) => key === ZONE && operator === 'In')?.values ?? null;
  return (known ?? required)?.filter((zone) => allowAll(requirements, ZONE, zone)) ?? null;
}

function termsOf(object: unknown, { nodeClasses }: PoolCatalog): Terms {
  const spec = fieldsAt(object, 'spec');
  const reference = fieldsAt(spec, 'template', 'spec', 'nodeClassRef');
  const group = textAt(reference, 'group') ?? '';
  const nodeClass = nodeClasses.get(group)?.get(textAt(reference, 'name') ?? '');
  return {
    name: nameOf(object),
    group,
    requirements: requirementsOf(spec),
    nodeClass: nodeClass ?? null,
  };
}

/** Kinds of GPU nodes that a NodePool may bring. One of a fixed size (`replicas`) brings none for a pod. */
export function readNodePool(object: unknown, pools: PoolCatalog): readonly Draft[] {
  const spec = fieldsAt(object, 'spec');
  const terms = termsOf(object, pools);
  if (!terms.requirements.some(namesGpus) || typeof spec['replicas'] === 'number') return [];
  const isKnown = [EC2_GROUP, AUTO_GROUP, AZURE_GROUP].includes(terms.group);
  const promises = isKnown ? promisesOf(terms, pools) : spelledPromises(terms, pools);
  const limit = Number(textAt(fieldsAt(spec, 'limits'), 'nvidia.com/gpu') ?? Number.POSITIVE_INFINITY);
  return promises.flatMap((promised) => {
    const draft = promised.gpus > limit ? null : draftOf(object, { terms, promised }, pools);
    return draft === null ? [] : [draft];
  });
}

interface OneOf {
  readonly terms: Terms;
  readonly promised: Promised;
}

function draftOf(object: unknown, { terms, promised }: OneOf, pools: PoolCatalog): Draft | null {
  const spec = fieldsAt(object, 'spec');
  const choices = choicesOf(terms, promised);
  if (choices === null) return null;
  const own = labelsOf(fieldsAt(spec, 'template', 'metadata', 'labels'));
  const single = [...choices].flatMap(([key, values]) => {
    const [only = ''] = values;
    return values.size === 1 && only !== ANY_VALUE ? [[key, only] as const] : [];
  });
  const labels = new Map([
    [OS, 'linux'] as const,
    ...own,
    ...single,
    ...promised.labels,
    [KARPENTER_POOL, terms.name] as const,
  ]);
  return draftOfPool(
    {
      identity: `nodepool ${terms.name} ${promised.labels.get(INSTANCE_TYPE) ?? promised.type}`,
      labels,
      varying: new Map([...choices].filter(([key]) => !labels.has(key))),
      taints: taintsOf(listAt(fieldsAt(spec, 'template', 'spec'), 'taints')),
      gpus: promised.gpus,
      // Karpenter passes over a pool that is not ready: its node class is not, or is gone (condition NodeClassReady).
      isReady: isReady(object) && terms.nodeClass?.isReady !== false,
    },
    pools,
  );
}
