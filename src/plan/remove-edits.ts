import type { JsonPath } from '../findings.ts';
import { isMembers, type Members } from './json-members.ts';
import type { Edit } from './types.ts';

/** Edits that take something away. What is not there any more is no fault: an author may have removed it before us. */
export type RemovalEdit = Extract<
  Edit,
  {
    readonly kind:
      | 'remove-gpu-count'
      | 'remove-node-selector'
      | 'remove-node-affinity'
      | 'remove-toleration'
      | 'remove-args'
      | 'remove-env';
  }
>;

/** null where the path does not exist, or not as an object. Own members only. */
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

function childMembers(parent: Members | null, name: string): Members | null {
  const value = child(parent, name);
  return isMembers(value) ? value : null;
}

function childList(parent: Members | null, name: string): unknown[] | null {
  const value = child(parent, name);
  return Array.isArray(value) ? value : null;
}

/** The API server drops empty maps and lists of a template; leaving them would be a difference to the author's file. */
function pruneEmpty(parent: Members | null, name: string): void {
  const value = child(parent, name);
  const isEmpty = Array.isArray(value)
    ? value.length === 0
    : isMembers(value) && Object.keys(value).length === 0;
  if (isEmpty && parent !== null) delete parent[name];
}

/** Removes from `root`, in place. */
export function applyRemoval(root: unknown, edit: RemovalEdit): void {
  switch (edit.kind) {
    case 'remove-gpu-count':
      return removeCount(membersAt(root, edit.container), edit.resource, edit.count);
    case 'remove-node-selector':
      return removeSelector(membersAt(root, edit.podSpec), edit.key, edit.value);
    case 'remove-node-affinity':
      return removeAffinity(membersAt(root, edit.podSpec), edit);
    case 'remove-toleration':
      return removeToleration(membersAt(root, edit.podSpec), edit.key, edit.effect);
    case 'remove-args':
      return removeArgs(root, edit.list, edit.args);
    case 'remove-env':
      return removeEnv(membersAt(root, edit.container), edit.name, edit.value);
  }
}

function removeCount(container: Members | null, resource: string, count: number | null): void {
  const resources = childMembers(container, 'resources');
  const limits = childMembers(resources, 'limits');
  const isIt = (value: unknown): boolean => count === null || String(value) === String(count);
  if (resources === null || !isIt(child(limits, resource))) return;
  for (const name of ['limits', 'requests']) {
    const part = childMembers(resources, name);
    if (part !== null && isIt(child(part, resource))) delete part[resource];
    pruneEmpty(resources, name);
  }
  pruneEmpty(container, 'resources');
}

function removeSelector(spec: Members | null, key: string, value: string | null): void {
  const selector = childMembers(spec, 'nodeSelector');
  if (selector === null || (value !== null && child(selector, key) !== value)) return;
  delete selector[key];
  pruneEmpty(spec, 'nodeSelector');
}

function removeToleration(spec: Members | null, key: string, effect: string): void {
  const list = childList(spec, 'tolerations') ?? [];
  const index = list.findIndex(
    (one) => isMembers(one) && one['key'] === key && one['operator'] === 'Exists' && one['effect'] === effect,
  );
  if (index === -1) return;
  list.splice(index, 1);
  pruneEmpty(spec, 'tolerations');
}

/** Index of the last place where `args` stand one after the other in `list`; -1 when nowhere. */
export function findRun(list: readonly unknown[], args: readonly string[]): number {
  for (let start = list.length - args.length; start >= 0; start -= 1) {
    if (args.every((word, offset) => list[start + offset] === word)) return start;
  }
  return -1;
}

function removeArgs(root: unknown, path: JsonPath, args: readonly string[]): void {
  const name = path.at(-1);
  const parent = membersAt(root, path.slice(0, -1));
  const list = typeof name === 'string' ? childList(parent, name) : null;
  const start = list === null || args.length === 0 ? -1 : findRun(list, args);
  if (start === -1 || typeof name !== 'string') return;
  list?.splice(start, args.length);
  pruneEmpty(parent, name);
}

function removeEnv(container: Members | null, name: string, value: string): void {
  const list = childList(container, 'env') ?? [];
  const index = list.findLastIndex((one) => isMembers(one) && one['name'] === name && one['value'] === value);
  if (index === -1) return;
  list.splice(index, 1);
  pruneEmpty(container, 'env');
}

function removeAffinity(
  spec: Members | null,
  edit: Extract<RemovalEdit, { kind: 'remove-node-affinity' }>,
): void {
  const affinity = childMembers(spec, 'affinity');
  const node = childMembers(affinity, 'nodeAffinity');
  const required = childMembers(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = childList(required, 'nodeSelectorTerms');
  if (required === null || terms === null) return;
  const emptied = new Set(terms.filter((term) => isMembers(term) && emptiesTerm(term, edit)));
  if (emptied.size > 0) required['nodeSelectorTerms'] = terms.filter((term) => !emptied.has(term));
  pruneEmpty(required, 'nodeSelectorTerms');
  pruneEmpty(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  pruneEmpty(affinity, 'nodeAffinity');
  pruneEmpty(spec, 'affinity');
}

/** Takes the requirement out of a term; true when nothing else stood in it. */
function emptiesTerm(term: Members, edit: Extract<RemovalEdit, { kind: 'remove-node-affinity' }>): boolean {
  const expressions = childList(term, 'matchExpressions') ?? [];
  const index = expressions.findIndex(
    (one) =>
      isMembers(one) &&
      one['key'] === edit.key &&
      one['operator'] === edit.operator &&
      JSON.stringify(one['values']) === JSON.stringify(edit.values),
  );
  if (index === -1) return false;
  expressions.splice(index, 1);
  pruneEmpty(term, 'matchExpressions');
  return Object.keys(term).length === 0;
}
