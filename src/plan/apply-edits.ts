import type { JsonPath } from '../findings.ts';
import { copyJson } from './copy-json.ts';
import { isMembers, type Members, setOwn } from './json-members.ts';
import { applyRemoval, findRun } from './remove-edits.ts';
import type { Edit } from './types.ts';

/**
 * Edits applied to a copy of the object: how the planner tries a way out, and the independent second opinion on
 * every JSON Patch before it leaves. An edit that already holds changes nothing.
 */
export function applyEdits(object: unknown, edits: readonly Edit[]): unknown {
  const copy: unknown = copyJson(object);
  for (const edit of edits) applyEdit(copy, edit);
  return copy;
}

/** Own members only: a path through a prototype is a fault of ours, never of the object. */
function memberOf(value: unknown, step: string | number): unknown {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, step)) {
    return Reflect.get(value, step);
  }
  throw new RangeError(`an edit names a path that does not exist: ${step}`);
}

function valueAt(root: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((value, step) => memberOf(value, step), root);
}

function membersAt(root: unknown, path: JsonPath): Members {
  const value = valueAt(root, path);
  if (isMembers(value)) return value;
  throw new RangeError('an edit names a path that is not an object');
}

/** The object member `name`, created when it is absent or null. */
function ensureMembers(parent: Members, name: string): Members {
  const existing = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (isMembers(existing)) return existing;
  const created: Members = {};
  parent[name] = created;
  return created;
}

function ensureList(parent: Members, name: string): unknown[] {
  const existing = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (Array.isArray(existing)) return existing;
  const created: unknown[] = [];
  parent[name] = created;
  return created;
}

function applyEdit(root: unknown, edit: Edit): void {
  switch (edit.kind) {
    case 'set-gpu-count':
      return setGpuCount(membersAt(root, edit.container), edit.resource, edit.count);
    case 'set-node-selector':
      return setOwn(ensureMembers(membersAt(root, edit.podSpec), 'nodeSelector'), edit.key, edit.value);
    case 'add-node-affinity':
      return addNodeAffinity(membersAt(root, edit.podSpec), edit);
    case 'add-toleration':
      return addToleration(membersAt(root, edit.podSpec), edit.key, edit.effect);
    case 'append-args':
      return appendArgs(root, edit.list, edit.args);
    case 'replace-arg':
      return replaceArg(root, edit.path, edit.value);
    case 'set-env':
      return setEnv(membersAt(root, edit.container), edit.name, edit.value);
    case 'set-annotation':
      return setAnnotation(membersAt(root, edit.metadata.slice(0, -1)), edit);
    default:
      return applyRemoval(root, edit);
  }
}

/** Extended resources need request = limit (kubernetes PR 57170), as quantities in text. */
function setGpuCount(container: Members, resource: string, count: number): void {
  const resources = ensureMembers(container, 'resources');
  setOwn(ensureMembers(resources, 'limits'), resource, String(count));
  setOwn(ensureMembers(resources, 'requests'), resource, String(count));
}

function addNodeAffinity(spec: Members, edit: Extract<Edit, { kind: 'add-node-affinity' }>): void {
  const node = ensureMembers(ensureMembers(spec, 'affinity'), 'nodeAffinity');
  const required = ensureMembers(node, 'requiredDuringSchedulingIgnoredDuringExecution');
  const terms = ensureList(required, 'nodeSelectorTerms');
  if (terms.length === 0) terms.push({});
  for (const term of terms) {
    if (!isMembers(term)) continue;
    const expressions = ensureList(term, 'matchExpressions');
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

function addToleration(spec: Members, key: string, effect: string): void {
  const tolerations = ensureList(spec, 'tolerations');
  const stands = tolerations.some(
    (one) => isMembers(one) && one['key'] === key && one['operator'] === 'Exists' && one['effect'] === effect,
  );
  if (!stands) tolerations.push({ key, operator: 'Exists', effect });
}

function listAt(root: unknown, path: JsonPath): unknown[] {
  const name = path.at(-1);
  if (typeof name !== 'string') throw new RangeError('an edit names a list by an index');
  return ensureList(membersAt(root, path.slice(0, -1)), name);
}

function appendArgs(root: unknown, path: JsonPath, args: readonly string[]): void {
  const list = listAt(root, path);
  if (findRun(list, args) === -1) list.push(...args);
}

function replaceArg(root: unknown, path: JsonPath, value: string): void {
  const list = valueAt(root, path.slice(0, -1));
  const index = path.at(-1);
  if (!Array.isArray(list) || typeof index !== 'number' || index >= list.length) {
    throw new RangeError('an edit replaces an argument that does not exist');
  }
  list[index] = value;
}

/** Of several entries with one name the last one counts (kubernetes `pkg/kubelet/kubelet_pods.go`). */
function setEnv(container: Members, name: string, value: string): void {
  const list = ensureList(container, 'env');
  const entry = list.findLast((one) => isMembers(one) && one['name'] === name);
  if (!isMembers(entry)) {
    list.push({ name, value });
    return;
  }
  if (entry['valueFrom'] !== undefined && entry['valueFrom'] !== null) {
    throw new RangeError('an edit sets a variable that comes from elsewhere');
  }
  entry['value'] = value;
}

function setAnnotation(owner: Members, edit: Extract<Edit, { kind: 'set-annotation' }>): void {
  const metadata = ensureMembers(owner, 'metadata');
  if (edit.value !== null) {
    setOwn(ensureMembers(metadata, 'annotations'), edit.key, edit.value);
    return;
  }
  const annotations = metadata['annotations'];
  if (!isMembers(annotations)) return;
  delete annotations[edit.key];
  if (Object.keys(annotations).length === 0) delete metadata['annotations'];
}
