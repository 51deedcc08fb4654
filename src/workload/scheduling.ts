import {
  type JsonNode,
  MAX_ITEMS,
  nodeAt,
  nodesAt,
  reportAt,
  requiredTextAt,
  textAt,
  textsAt,
} from './json-node.ts';
import { nonEmpty } from './metadata.ts';
import type { NodeSelectorOperator, NodeSelectorRequirement, NodeSelectorTerm, Toleration } from './types.ts';

const SELECTOR_OPERATORS: readonly NodeSelectorOperator[] = [
  'In',
  'NotIn',
  'Exists',
  'DoesNotExist',
  'Gt',
  'Lt',
];
const TOLERATION_OPERATORS: readonly Toleration['operator'][] = ['Exists', 'Equal', 'Gt', 'Lt'];

/** `affinity.nodeAffinity.requiredDuringScheduling…`; null when the pod has none. */
export function readRequiredNodeAffinity(spec: JsonNode): readonly NodeSelectorTerm[] | null {
  const affinity = nodeAt(spec, 'affinity');
  const nodeAffinity = affinity === null ? null : nodeAt(affinity, 'nodeAffinity');
  if (nodeAffinity === null) return null;
  const required = nodeAt(nodeAffinity, 'requiredDuringSchedulingIgnoredDuringExecution');
  return required === null ? null : readTerms(required);
}

/**
 * Every requirement is compared with every class of nodes, so requirements and their values are bounded
 * together. Terms left out can only widen what the pod may reach; the finding says that they were.
 */
function readTerms(required: JsonNode): readonly NodeSelectorTerm[] {
  const terms: NodeSelectorTerm[] = [];
  let size = 0;
  for (const node of nodesAt(required, 'nodeSelectorTerms')) {
    const term = readTerm(node);
    size += term === null ? 1 : sizeOf(term);
    if (size > MAX_ITEMS) {
      const message = `Only node selector terms with ${MAX_ITEMS} requirements and values together were analysed.`;
      reportAt(required, 'nodeSelectorTerms', 'analysis-limit', message);
      return terms;
    }
    if (term !== null) terms.push(term);
  }
  return terms;
}

function sizeOf(term: NodeSelectorTerm): number {
  const requirements = [...term.matchExpressions, ...term.matchFields];
  return requirements.reduce((sum, requirement) => sum + 1 + requirement.values.length, 1);
}

/** null: the scheduler cannot parse the term either, and it matches nothing. */
function readTerm(node: JsonNode): NodeSelectorTerm | null {
  const matchExpressions = readRequirements(node, 'matchExpressions');
  const matchFields = readRequirements(node, 'matchFields');
  return matchExpressions === null || matchFields === null ? null : { matchExpressions, matchFields };
}

function readRequirements(
  term: JsonNode,
  key: 'matchExpressions' | 'matchFields',
): readonly NodeSelectorRequirement[] | null {
  const read = nodesAt(term, key).map(readRequirement);
  const requirements = read.filter((requirement) => requirement !== null);
  return requirements.length === read.length ? requirements : null;
}

function readRequirement(node: JsonNode): NodeSelectorRequirement | null {
  const key = requiredTextAt(node, 'key');
  const operator = readOperator(node, SELECTOR_OPERATORS, null);
  const values = textsAt(node, 'values');
  return operator === null ? null : { key, operator, values };
}

function readOperator<T extends string>(node: JsonNode, known: readonly T[], fallback: T | null): T | null {
  const text = nonEmpty(textAt(node, 'operator'));
  if (text === null && fallback !== null) return fallback;
  const operator = known.find((candidate) => candidate === text) ?? null;
  if (operator === null) {
    reportAt(node, 'operator', 'malformed-object', `This operator must be one of ${known.join(', ')}.`);
  }
  return operator;
}

export function readTolerations(spec: JsonNode): readonly Toleration[] {
  const tolerations: Toleration[] = [];
  for (const node of nodesAt(spec, 'tolerations')) {
    const operator = readOperator(node, TOLERATION_OPERATORS, 'Equal');
    if (operator === null) continue;
    tolerations.push({
      key: nonEmpty(textAt(node, 'key')),
      operator,
      value: textAt(node, 'value') ?? '',
      effect: nonEmpty(textAt(node, 'effect')),
    });
  }
  return tolerations;
}
