import type { JsonPath } from '../findings.ts';
import { childList, childMembers, createDraft, type Draft, reach } from './draft.ts';
import { isMembers, type Members, setOwn } from './json-members.ts';
import { applyRemoval, findRun } from './remove-edits.ts';
import type { Edit } from './types.ts';

/**
 * The object with the edits made: how the planner tries a way out, and the independent second opinion on every JSON
 * Patch before it leaves. An edit that already holds changes nothing. What no edit reaches is shared with `object`.
 */
export function applyEdits(object: unknown, edits: readonly Edit[]): unknown {
  const draft = createDraft(object);
  for (const edit of edits) applyEdit(draft, edit);
  return draft.root;
}

/** Own members only: a path through a prototype is a fault of ours, never of the object. */
function valueAt(draft: Draft, path: JsonPath): unknown {
  const value = reach(draft, path);
  if (value === undefined)
    throw new RangeError(`an edit names a path that does not exist: ${path.join('.')}`);
  return value;
}

function membersAt(draft: Draft, path: JsonPath): Members {
  const value = valueAt(draft, path);
  if (isMembers(value)) return value;
  throw new RangeError('an edit names a path that is not an object');
}

/** The object member `name`, created when it is absent or null. */
function ensureMembers(draft: Draft, parent: Members, name: string): Members {
  const existing = childMembers(draft, parent, name);
  if (existing !== null) return existing;
  const created: Members = {};
  parent[name] = created;
  return created;
}

function ensureList(draft: Draft, parent: Members, name: string): unknown[] {
  const existing = childList(draft, parent, name);
  if (existing !== null) return existing;
  const created: unknown[] = [];
  parent[name] = created;
  return created;
}

export function applyEdit(draft: Draft, edit: Edit): void {
  switch (edit.kind) {
    case 'set-gpu-count':
      return setGpuCount(draft, edit);
    case 'set-node-selector': {
      const selector = ensureMembers(draft, membersAt(draft, edit.podSpec), 'nodeSelector');
      return setOwn(selector, edit.key, edit.value);
    }
    case 'add-node-affinity':
      return addNodeAffinity(draft, edit);
    case 'add-toleration':
      return addToleration(ensureList(draft, membersAt(draft, edit.podSpec), 'tolerations'), edit);
    case 'append-args':
      return appendArgs(draft, edit.list, edit.args);
    case 'replace-arg':
      return replaceArg(draft, edit.path, edit.value);
    case 'set-env':
      return setEnv(draft, edit);
    case 'set-annotation':
      return setAnnotation(draft, edit);
    default:
      return applyRemoval(draft, edit);
  }
}

type EditOf<K extends Edit['kind']> = Extract<Edit, { readonly kind: K }>;

/** Extended resources need request = limit (kubernetes PR 57170), as quantities in text. */
function setGpuCount(draft: Draft, { container, resource, count }: EditOf<'set-gpu-count'>): void {
  const resources = ensureMembers(draft, membersAt(draft, container), 'resources');
  setOwn(ensureMembers(draft, resources, 'limits'), resource, String(count));
  setOwn(ensureMembers(draft, resources, 'requests'), resource, String(count));
}

function addNodeAffinity(draft: Draft, edit: EditOf<'add-node-affinity'>): void {
  const affinity = ensureMembers(draft, membersAt(draft, edit.podSpec), 'affinity');
  const node = ensureMembers(draft, affinity, 'nodeAffinity');
  const required = ensureMembers(draft, node, 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = ensureList(draft, required, 'nodeSelectorTerms');
  if (terms.length === 0) terms.push({});
  for (const index of terms.keys()) {
    const term = draft.child(terms, index);
    if (!isMembers(term)) continue;
    const expressions = ensureList(draft, term, 'matchExpressions');
    const wanted = { key: edit.key, operator: edit.operator, values: [...edit.values] };
    if (!expressions.some((one) => isSameRequirement(one, wanted))) expressions.push(wanted);
  }
}

function isSameRequirement(one: unknown, wanted: Members): boolean {
  return (
    isMembers(one) &&
    one['key'] === wanted['key'] &&
    one['operator'] === wanted['operator'] &&
    JSON.stringify(one['values']) === JSON.stringify(wanted['values'])
  );
}

function addToleration(tolerations: unknown[], { key, effect }: EditOf<'add-toleration'>): void {
  const stands = tolerations.some(
    (one) => isMembers(one) && one['key'] === key && one['operator'] === 'Exists' && one['effect'] === effect,
  );
  if (!stands) tolerations.push({ key, operator: 'Exists', effect });
}

function appendArgs(draft: Draft, path: JsonPath, args: readonly string[]): void {
  const name = path.at(-1);
  if (typeof name !== 'string') throw new RangeError('an edit names a list by an index');
  const list = ensureList(draft, membersAt(draft, path.slice(0, -1)), name);
  if (findRun(list, args) === -1) list.push(...args);
}

function replaceArg(draft: Draft, path: JsonPath, value: string): void {
  const list = valueAt(draft, path.slice(0, -1));
  const index = path.at(-1);
  if (!Array.isArray(list) || typeof index !== 'number' || index >= list.length) {
    throw new RangeError('an edit replaces an argument that does not exist');
  }
  list[index] = value;
}

/** Of several entries with one name the last one counts (kubernetes `pkg/kubelet/kubelet_pods.go`). */
function setEnv(draft: Draft, { container, name, value }: EditOf<'set-env'>): void {
  const list = ensureList(draft, membersAt(draft, container), 'env');
  const index = list.findLastIndex((one) => isMembers(one) && one['name'] === name);
  const entry = draft.child(list, index);
  if (!isMembers(entry)) {
    list.push({ name, value });
    return;
  }
  if (entry['valueFrom'] !== undefined && entry['valueFrom'] !== null) {
    throw new RangeError('an edit sets a variable that comes from elsewhere');
  }
  entry['value'] = value;
}

function setAnnotation(draft: Draft, { metadata: path, key, value }: EditOf<'set-annotation'>): void {
  const metadata = ensureMembers(draft, membersAt(draft, path.slice(0, -1)), 'metadata');
  if (value !== null) {
    setOwn(ensureMembers(draft, metadata, 'annotations'), key, value);
    return;
  }
  const annotations = childMembers(draft, metadata, 'annotations');
  if (annotations === null) return;
  delete annotations[key];
  if (Object.keys(annotations).length === 0) delete metadata['annotations'];
}
