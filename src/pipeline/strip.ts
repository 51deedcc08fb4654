import type { JsonPath } from '../findings.ts';
import { APPLIED_KEY } from '../intent/keys.ts';
import { findRun } from '../plan/apply-edits.ts';
import type { Applied, AppliedEdit } from './applied.ts';

type Members = Record<string, unknown>;

/**
 * The object as its author wrote it: a copy without those of our values that still stand exactly as recorded, and
 * without the record. A value that the author has changed since stays: it is the author's now.
 */
export function stripApplied(object: unknown, applied: Applied): unknown {
  const copy: unknown = structuredClone(object);
  for (const edit of applied.set) stripEdit(copy, edit);
  removeMember(membersAt(copy, ['metadata', 'annotations']), APPLIED_KEY);
  pruneEmpty(membersAt(copy, ['metadata']), 'annotations');
  return copy;
}

function stripEdit(root: unknown, edit: AppliedEdit): void {
  switch (edit.kind) {
    case 'set-gpu-count':
      return stripCount(membersAt(root, edit.container), edit.resource, edit.count);
    case 'set-node-selector':
      return stripSelector(membersAt(root, edit.podSpec), edit.key, edit.value);
    case 'add-toleration':
      return stripToleration(membersAt(root, edit.podSpec), edit.key, edit.effect);
    case 'append-args':
      return stripArgs(root, edit.list, edit.args);
    case 'add-node-affinity':
      return stripAffinity(membersAt(root, edit.podSpec), edit);
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** null where the path does not exist any more: nothing of ours stands there. */
function membersAt(root: unknown, path: JsonPath): Members | null {
  let value: unknown = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return null;
    value = Reflect.get(value, step);
  }
  return isMembers(value) ? value : null;
}

function child(parent: Members | null, name: string): unknown {
  return parent !== null && Object.hasOwn(parent, name) ? parent[name] : undefined;
}

function removeMember(parent: Members | null, name: string): void {
  if (parent !== null && Object.hasOwn(parent, name)) delete parent[name];
}

function pruneEmpty(parent: Members | null, name: string): void {
  const value = child(parent, name);
  const isEmpty = Array.isArray(value)
    ? value.length === 0
    : isMembers(value) && Object.keys(value).length === 0;
  if (isEmpty) removeMember(parent, name);
}

function stripCount(container: Members | null, resource: string, count: number): void {
  const resources = child(container, 'resources');
  if (!isMembers(resources)) return;
  const limits = child(resources, 'limits');
  if (!isMembers(limits) || String(child(limits, resource)) !== String(count)) return;
  for (const name of ['limits', 'requests']) {
    const part = child(resources, name);
    if (isMembers(part) && String(child(part, resource)) === String(count)) removeMember(part, resource);
    pruneEmpty(resources, name);
  }
  pruneEmpty(container, 'resources');
}

function stripSelector(spec: Members | null, key: string, value: string): void {
  const selector = child(spec, 'nodeSelector');
  if (!isMembers(selector) || child(selector, key) !== value) return;
  removeMember(selector, key);
  pruneEmpty(spec, 'nodeSelector');
}

function stripToleration(spec: Members | null, key: string, effect: string): void {
  const list = child(spec, 'tolerations');
  if (!Array.isArray(list)) return;
  const index = list.findIndex(
    (one) => isMembers(one) && one['key'] === key && one['operator'] === 'Exists' && one['effect'] === effect,
  );
  if (index !== -1) list.splice(index, 1);
  pruneEmpty(spec, 'tolerations');
}

function stripArgs(root: unknown, path: JsonPath, args: readonly string[]): void {
  const name = path.at(-1);
  const parent = membersAt(root, path.slice(0, -1));
  if (typeof name !== 'string') return;
  const list = child(parent, name);
  if (!Array.isArray(list)) return;
  const start = findRun(list, args);
  if (start !== -1) list.splice(start, args.length);
  pruneEmpty(parent, name);
}

function stripAffinity(
  spec: Members | null,
  edit: Extract<AppliedEdit, { kind: 'add-node-affinity' }>,
): void {
  const affinity = child(spec, 'affinity');
  const node = isMembers(affinity) ? child(affinity, 'nodeAffinity') : undefined;
  const required = isMembers(node)
    ? child(node, 'requiredDuringSchedulingIgnoredDuringExecution')
    : undefined;
  const terms = isMembers(required) ? child(required, 'nodeSelectorTerms') : undefined;
  if (!Array.isArray(terms) || !isMembers(affinity) || !isMembers(node) || !isMembers(required)) return;
  for (const term of terms) stripRequirement(term, edit);
  const left = terms.filter((term) => !isMembers(term) || Object.keys(term).length > 0);
  required['nodeSelectorTerms'] = left;
  pruneEmpty(required, 'nodeSelectorTerms');
  pruneEmpty(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  pruneEmpty(affinity, 'nodeAffinity');
  pruneEmpty(spec, 'affinity');
}

function stripRequirement(term: unknown, edit: Extract<AppliedEdit, { kind: 'add-node-affinity' }>): void {
  if (!isMembers(term)) return;
  const expressions = term['matchExpressions'];
  if (!Array.isArray(expressions)) return;
  const index = expressions.findIndex(
    (one) =>
      isMembers(one) &&
      one['key'] === edit.key &&
      one['operator'] === edit.operator &&
      JSON.stringify(one['values']) === JSON.stringify(edit.values),
  );
  if (index !== -1) expressions.splice(index, 1);
  pruneEmpty(term, 'matchExpressions');
}
