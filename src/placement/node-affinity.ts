import type { NodeSelectorRequirement, NodeSelectorTerm, PodSpec, StringMap } from '../workload/types.ts';

/** No label has it: `*` is none of the characters of a label's value. */
export const ANY_VALUE = '*';

/**
 * The labels of a class of nodes. Keys that only some nodes of a class carry cannot be told here: such nodes
 * belong to classes of their own.
 */
export interface NodeLabels {
  /** Equal on every node of the class. */
  readonly fixed: StringMap;
  /**
   * Keys that every node carries with a value of its own (kubernetes.io/hostname), and the values seen. ANY_VALUE
   * among them: a node will have whatever the pod asks for.
   */
  readonly varying: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Whether the scheduler may choose some node of the class by the pod's nodeSelector and required node affinity,
 * as kubernetes/component-helpers `scheduling/corev1/nodeaffinity` decides it for one node. Requirements on one
 * varying key must hold for one value; values of different keys are not known to belong to the same node, so
 * the answer may be true where no single node has both. Without names (a pool at zero, a declared shape) a
 * node is taken to have a new one.
 */
export function matchesNode(
  labels: NodeLabels,
  spec: Pick<PodSpec, 'nodeSelector' | 'requiredNodeAffinity'>,
  nodeNames?: ReadonlySet<string>,
): boolean {
  const terms = spec.requiredNodeAffinity;
  if (terms === null && spec.nodeSelector.size === 0) return true;
  const selector = asRequirements(spec.nodeSelector);
  if (terms === null) return isSatisfiable(selector, labels);
  const fields = fieldLabels(nodeNames);
  return terms.some((term) => matchesTerm(term, { selector, labels, fields }));
}

interface Candidate {
  readonly selector: readonly NodeSelectorRequirement[];
  readonly labels: NodeLabels;
  readonly fields: NodeLabels;
}

/** A term without any requirement selects nothing, and so does one that the scheduler cannot parse. */
function matchesTerm(term: NodeSelectorTerm, { selector, labels, fields }: Candidate): boolean {
  const { matchExpressions, matchFields } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  if (!matchExpressions.every(isValidExpression) || !matchFields.every(isValidField)) return false;
  return isSatisfiable([...selector, ...matchExpressions], labels) && isSatisfiable(matchFields, fields);
}

function asRequirements(nodeSelector: StringMap): readonly NodeSelectorRequirement[] {
  return Array.from(nodeSelector, ([key, value]) => ({ key, operator: 'In', values: [value] }));
}

const NO_LABELS: StringMap = new Map();
/** Equal to no name that anyone could write. */
const UNNAMED: ReadonlySet<string> = new Set(['']);

/** The only field of a node that can be selected is its name. */
function fieldLabels(nodeNames: ReadonlySet<string> | undefined): NodeLabels {
  const names = nodeNames === undefined || nodeNames.size === 0 ? UNNAMED : nodeNames;
  return { fixed: NO_LABELS, varying: new Map([['metadata.name', names]]) };
}

/** labels.NewRequirement of kubernetes/apimachinery, as far as it depends on the number and type of values. */
function isValidExpression({ operator, values }: NodeSelectorRequirement): boolean {
  if (operator === 'In' || operator === 'NotIn') return values.length > 0;
  if (operator === 'Exists' || operator === 'DoesNotExist') return values.length === 0;
  return values.length === 1 && parseInteger(values[0] ?? '') !== null;
}

function isValidField({ operator, values }: NodeSelectorRequirement): boolean {
  return (operator === 'In' || operator === 'NotIn') && values.length === 1;
}

/** Whether all requirements can hold at once. */
function isSatisfiable(requirements: readonly NodeSelectorRequirement[], labels: NodeLabels): boolean {
  const left = new Map<string, readonly (string | null)[]>();
  for (const requirement of requirements) {
    const { key } = requirement;
    const seen = left.get(key) ?? valuesOf(labels, key, requirements);
    const matching = seen.filter((value) => holds(requirement, value));
    if (matching.length === 0) return false;
    left.set(key, matching);
  }
  return true;
}

/** One entry for each value that the label may have; null stands for a node without it. */
function valuesOf(
  { fixed, varying }: NodeLabels,
  key: string,
  requirements: readonly NodeSelectorRequirement[],
): readonly (string | null)[] {
  const values = varying.get(key);
  if (values === undefined || values.size === 0) return [fixed.get(key) ?? null];
  return values.has(ANY_VALUE) ? [...values, ...askedValues(key, requirements)] : [...values];
}

/** Values that could matter: those that are named, and those beside the bounds. ANY_VALUE stands for all the others. */
function askedValues(key: string, requirements: readonly NodeSelectorRequirement[]): readonly string[] {
  return requirements.flatMap((one) => {
    if (one.key !== key) return [];
    if (one.operator !== 'Gt' && one.operator !== 'Lt') return one.values;
    const bound = parseInteger(one.values[0] ?? '');
    return bound === null ? [] : [String(one.operator === 'Gt' ? bound + 1n : bound - 1n)];
  });
}

/** Requirement.Matches of kubernetes/apimachinery `pkg/labels`: NotIn holds where the key is absent. */
function holds({ operator, values }: NodeSelectorRequirement, value: string | null): boolean {
  switch (operator) {
    case 'In':
      return value !== null && values.includes(value);
    case 'NotIn':
      return value === null || !values.includes(value);
    case 'Exists':
      return value !== null;
    case 'DoesNotExist':
      return value === null;
    default:
      return value !== null && isBeyond(operator, value, values[0] ?? '');
  }
}

function isBeyond(operator: 'Gt' | 'Lt', labelValue: string, bound: string): boolean {
  const [label, limit] = [parseInteger(labelValue), parseInteger(bound)];
  if (label === null || limit === null) return false;
  return operator === 'Gt' ? label > limit : label < limit;
}

const INT64_MAX = 2n ** 63n - 1n;
const INTEGER = /^[+-]?\d{1,19}$/;

/** strconv.ParseInt(text, 10, 64): `192G` and `80Gi` are no numbers, and nothing beyond 64 bits is. */
export function parseInteger(text: string): bigint | null {
  if (!INTEGER.test(text)) return null;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? null : value;
}
