import type { JsonPath } from '../findings.ts';
import { childList, childMembers, type Draft, reach } from './draft.ts';
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

/** null where the path does not exist, or not as an object. */
function membersAt(draft: Draft, path: JsonPath): Members | null {
  const value = reach(draft, path);
  return isMembers(value) ? value : null;
}

function child(parent: Members | null, name: string): unknown {
  return parent !== null && Object.hasOwn(parent, name) ? parent[name] : undefined;
}

/** The API server drops empty maps and lists of a template; leaving them would be a difference to the author's file. */
function pruneEmpty(parent: Members | null, name: string): void {
  const value = child(parent, name);
  const isEmpty = Array.isArray(value)
    ? value.length === 0
    : isMembers(value) && Object.keys(value).length === 0;
  if (isEmpty && parent !== null) delete parent[name];
}

/** Removes from the draft. */
export function applyRemoval(draft: Draft, edit: RemovalEdit): void {
  switch (edit.kind) {
    case 'remove-gpu-count':
      return removeCount(draft, edit);
    case 'remove-node-selector':
      return removeSelector(draft, edit);
    case 'remove-node-affinity':
      return removeAffinity(draft, edit);
    case 'remove-toleration':
      return removeToleration(draft, edit);
    case 'remove-args':
      return removeArgs(draft, edit.list, edit.args);
    case 'remove-env':
      return removeEnv(draft, edit);
  }
}

type RemovalOf<K extends RemovalEdit['kind']> = Extract<RemovalEdit, { readonly kind: K }>;

function removeCount(draft: Draft, edit: RemovalOf<'remove-gpu-count'>): void {
  const { resource, count } = edit;
  const container = membersAt(draft, edit.container);
  const resources = childMembers(draft, container, 'resources');
  const isIt = (value: unknown): boolean => count === null || String(value) === String(count);
  if (resources === null) return;
  // Each by itself: an author who writes another limit would be refused for the request that we left beside it.
  for (const name of ['limits', 'requests']) {
    const part = childMembers(draft, resources, name);
    if (part !== null && isIt(child(part, resource))) delete part[resource];
    pruneEmpty(resources, name);
  }
  pruneEmpty(container, 'resources');
}

function removeSelector(draft: Draft, { podSpec, key, value }: RemovalOf<'remove-node-selector'>): void {
  const spec = membersAt(draft, podSpec);
  const selector = childMembers(draft, spec, 'nodeSelector');
  if (selector === null || (value !== null && child(selector, key) !== value)) return;
  delete selector[key];
  pruneEmpty(spec, 'nodeSelector');
}

function removeToleration(draft: Draft, { podSpec, key, effect }: RemovalOf<'remove-toleration'>): void {
  const spec = membersAt(draft, podSpec);
  const list = childList(draft, spec, 'tolerations') ?? [];
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

function removeArgs(draft: Draft, path: JsonPath, args: readonly string[]): void {
  const name = path.at(-1);
  const parent = membersAt(draft, path.slice(0, -1));
  const list = typeof name === 'string' ? childList(draft, parent, name) : null;
  const start = list === null || args.length === 0 ? -1 : findRun(list, args);
  if (start === -1 || typeof name !== 'string') return;
  list?.splice(start, args.length);
  pruneEmpty(parent, name);
}

function removeEnv(draft: Draft, edit: RemovalOf<'remove-env'>): void {
  const { name, value } = edit;
  const container = membersAt(draft, edit.container);
  const list = childList(draft, container, 'env') ?? [];
  const index = list.findLastIndex((one) => isMembers(one) && one['name'] === name && one['value'] === value);
  if (index === -1) return;
  list.splice(index, 1);
  pruneEmpty(container, 'env');
}

function removeAffinity(draft: Draft, edit: RemovalOf<'remove-node-affinity'>): void {
  const spec = membersAt(draft, edit.podSpec);
  const affinity = childMembers(draft, spec, 'affinity');
  const node = childMembers(draft, affinity, 'nodeAffinity');
  const required = childMembers(draft, node, 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = childList(draft, required, 'nodeSelectorTerms');
  if (required === null || terms === null) return;
  const left = Array.from(terms.keys(), (index) => draft.child(terms, index)).filter(
    (term) => !isMembers(term) || !emptiesTerm(draft, term, edit),
  );
  if (left.length < terms.length) required['nodeSelectorTerms'] = left;
  pruneEmpty(required, 'nodeSelectorTerms');
  pruneEmpty(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  pruneEmpty(affinity, 'nodeAffinity');
  pruneEmpty(spec, 'affinity');
}

/** Takes the requirement out of a term; true when nothing else stood in it. */
function emptiesTerm(draft: Draft, term: Members, edit: RemovalOf<'remove-node-affinity'>): boolean {
  const expressions = childList(draft, term, 'matchExpressions') ?? [];
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
