import { applyPatch as applyInPlace } from 'rfc6902';
import type { JsonPath } from '../findings.ts';
import { applyEdit } from '../plan/apply-edits.ts';
import { createDraft, type Draft, reach } from '../plan/draft.ts';
import { applyRemoval, findRun, type RemovalEdit } from '../plan/remove-edits.ts';
import type { Edit } from '../plan/types.ts';
import { isRecord, isSameJson } from '../workload/json-value.ts';
import { memberAt, valueAt } from './document.ts';
import { jsonPointer, requireSafe, splitPointer } from './json-pointer.ts';

/**
 * Edits in the words of the domain, lowered to RFC 6902 by hand. A diff of two serialised objects would also
 * name what another webhook or a newer API server wrote; we name what we mean.
 */

export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

type EditOf<K extends Edit['kind']> = Extract<Edit, { readonly kind: K }>;

function add(path: JsonPath, value: unknown): PatchOperation {
  return { op: 'add', path: jsonPointer(path), value };
}

function replace(path: JsonPath, value: unknown): PatchOperation {
  return { op: 'replace', path: jsonPointer(path), value };
}

function remove(path: JsonPath): PatchOperation {
  return { op: 'remove', path: jsonPointer(path) };
}

function fault(path: JsonPath, want: string): Error {
  return new Error(`an edit needs ${want} at ${JSON.stringify(jsonPointer(path))}`);
}

function requireMembers(root: unknown, path: JsonPath): void {
  if (!isRecord(valueAt(root, path))) throw fault(path, 'an object');
}

/** A list, or null where none is set. */
function listAt(root: unknown, path: JsonPath): readonly unknown[] | null {
  const value = valueAt(root, path);
  if (value === undefined) return null;
  if (Array.isArray(value)) return value;
  throw fault(path, 'a list');
}

function nest(keys: readonly string[], value: unknown): unknown {
  return keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

/** Sets a member below `base`, which must exist; what lies between and is missing comes in the same operation. */
function setBelow(root: unknown, base: JsonPath, keys: readonly string[], value: unknown): PatchOperation[] {
  requireSafe(keys);
  let existing = valueAt(root, base);
  let depth = 0;
  for (const key of keys) {
    if (!isRecord(existing)) throw fault([...base, ...keys.slice(0, depth)], 'an object');
    existing = memberAt(existing, key);
    depth += 1;
    if (existing === undefined) {
      return [add([...base, ...keys.slice(0, depth)], nest(keys.slice(depth), value))];
    }
  }
  return isSameJson(existing, value) ? [] : [replace([...base, ...keys], value)];
}

/** Removes one member of a map, and the map with its last member: the API server drops empty maps anyway. */
function removeFromMap(root: unknown, map: JsonPath, key: string): PatchOperation[] {
  const members = valueAt(root, map);
  if (!isRecord(members) || !Object.hasOwn(members, key)) return [];
  return [Object.keys(members).length === 1 ? remove(map) : remove([...map, key])];
}

function append(root: unknown, list: JsonPath, items: readonly unknown[]): PatchOperation[] {
  if (listAt(root, list) === null) return [add(list, items)];
  return items.map((item) => add([...list, '-'], item));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (isRecord(value) && Object.keys(value).length === 0);
}

/** Extended resources cannot be overcommitted: the request must equal the limit. */
function lowerGpuCount(root: unknown, edit: EditOf<'set-gpu-count'>): PatchOperation[] {
  const quantity = String(edit.count);
  const resources = [...edit.container, 'resources'];
  requireMembers(root, edit.container);
  // An empty map is what the API server makes of none.
  if (isEmpty(valueAt(root, resources))) {
    const both = { limits: { [edit.resource]: quantity }, requests: { [edit.resource]: quantity } };
    requireSafe([edit.resource]);
    return [add(resources, both)];
  }
  return [
    ...setBelow(root, resources, ['limits', edit.resource], quantity),
    ...setBelow(root, resources, ['requests', edit.resource], quantity),
  ];
}

const REQUIRED_AFFINITY = ['affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution'];

/** Terms are ORed, so the expression has to be ANDed into every one of them. */
function lowerAffinity(root: unknown, edit: EditOf<'add-node-affinity'>): PatchOperation[] {
  const expression = { key: edit.key, operator: edit.operator, values: edit.values };
  const termsPath = [...edit.podSpec, ...REQUIRED_AFFINITY, 'nodeSelectorTerms'];
  const terms = listAt(root, termsPath) ?? [];
  if (terms.length === 0) {
    const keys = [...REQUIRED_AFFINITY, 'nodeSelectorTerms'];
    return setBelow(root, edit.podSpec, keys, [{ matchExpressions: [expression] }]);
  }
  return terms.flatMap((_, index) => {
    const path = [...termsPath, index, 'matchExpressions'];
    const hasIt = listAt(root, path)?.some((one) => isSameJson(one, expression)) ?? false;
    return hasIt ? [] : append(root, path, [expression]);
  });
}

function lowerToleration(root: unknown, edit: EditOf<'add-toleration'>): PatchOperation[] {
  const path = [...edit.podSpec, 'tolerations'];
  requireMembers(root, edit.podSpec);
  const { key, effect } = edit;
  const stands = listAt(root, path)?.some(
    (one) =>
      memberAt(one, 'key') === key &&
      memberAt(one, 'operator') === 'Exists' &&
      memberAt(one, 'effect') === effect,
  );
  return stands === true ? [] : append(root, path, [{ key, operator: 'Exists', effect }]);
}

function lowerAppend(root: unknown, edit: EditOf<'append-args'>): PatchOperation[] {
  const list = listAt(root, edit.list);
  requireMembers(root, edit.list.slice(0, -1));
  if (list === null && !edit.isNew) throw fault(edit.list, 'a list');
  const isThere = edit.args.length === 0 || (list !== null && findRun(list, edit.args) >= 0);
  return isThere ? [] : append(root, edit.list, edit.args);
}

/** The last entry with the name counts; the value of one that comes from elsewhere is not ours to change. */
function lowerEnv(root: unknown, edit: EditOf<'set-env'>): PatchOperation[] {
  const { name, value } = edit;
  const path = [...edit.container, 'env'];
  requireMembers(root, edit.container);
  const list = listAt(root, path) ?? [];
  const index = list.findLastIndex((one) => memberAt(one, 'name') === name);
  if (index === -1) return append(root, path, [{ name, value }]);
  if (memberAt(list[index], 'valueFrom') !== undefined) throw fault([...path, index], 'a literal value');
  return setBelow(root, [...path, index], ['value'], value);
}

/** What a removal takes away: compared with the object without it, so that emptied maps and lists go as a whole. */
function lowerRemoval(root: unknown, edit: RemovalEdit): PatchOperation[] {
  const after = createDraft(root);
  applyRemoval(after, edit);
  return removedBetween(root, after.root, []);
}

/** `after` is `before` with members and items taken away, and nothing added. */
function removedBetween(before: unknown, after: unknown, path: JsonPath): PatchOperation[] {
  if (before === after) return [];
  if (isRecord(before) && isRecord(after)) {
    return Object.keys(before).flatMap((key) =>
      Object.hasOwn(after, key)
        ? removedBetween(before[key], after[key], [...path, key])
        : [remove([...path, key])],
    );
  }
  if (!Array.isArray(before) || !Array.isArray(after)) return [];
  if (before.length === after.length) {
    return before.flatMap((item, index) => removedBetween(item, after[index], [...path, index]));
  }
  return removedItems(before, after, path);
}

/** One run of items that is gone is named; a list that lost items here and there is written anew. */
function removedItems(
  before: readonly unknown[],
  after: readonly unknown[],
  path: JsonPath,
): PatchOperation[] {
  const found = before.findIndex((item, index) => !isSameJson(item, after[index]));
  const start = found === -1 ? after.length : found;
  const gone = before.length - after.length;
  const isOneRun = after.slice(start).every((item, index) => isSameJson(item, before[start + gone + index]));
  if (!isOneRun) return [replace(path, after)];
  // Always the same index: what follows moves up by one each time.
  return Array.from({ length: gone }, () => remove([...path, start]));
}

function lowerReplaceArg(root: unknown, edit: EditOf<'replace-arg'>): PatchOperation[] {
  const existing = valueAt(root, edit.path);
  if (typeof existing !== 'string') throw fault(edit.path, 'an argument');
  return existing === edit.value ? [] : [replace(edit.path, edit.value)];
}

function lowerAnnotation(root: unknown, edit: EditOf<'set-annotation'>): PatchOperation[] {
  if (edit.value === null) return removeFromMap(root, [...edit.metadata, 'annotations'], edit.key);
  const owner = edit.metadata.slice(0, -1);
  return setBelow(root, owner, ['metadata', 'annotations', edit.key], edit.value);
}

function lowerEdit(root: unknown, edit: Edit): PatchOperation[] {
  switch (edit.kind) {
    case 'set-gpu-count':
      return lowerGpuCount(root, edit);
    case 'set-node-selector':
      return setBelow(root, edit.podSpec, ['nodeSelector', edit.key], edit.value);
    case 'add-node-affinity':
      return lowerAffinity(root, edit);
    case 'add-toleration':
      return lowerToleration(root, edit);
    case 'append-args':
      return lowerAppend(root, edit);
    case 'replace-arg':
      return lowerReplaceArg(root, edit);
    case 'set-env':
      return lowerEnv(root, edit);
    case 'set-annotation':
      return lowerAnnotation(root, edit);
    default:
      return lowerRemoval(root, edit);
  }
}

/**
 * rfc6902 changes its target in place, and leaves earlier operations in place when one fails. The target is what holds
 * the last token: it is copied on the way there, and what lies beside it is shared.
 */
function applyTo(draft: Draft, operations: readonly PatchOperation[]): void {
  for (const operation of operations) {
    const { parent, last } = splitPointer(operation.path);
    const [error = null] = applyInPlace(reach(draft, parent), [movedTo(operation, last)]);
    if (error !== null) throw new Error('a JSON Patch of ours does not apply', { cause: error });
  }
}

function movedTo(operation: PatchOperation, path: string): PatchOperation {
  return operation.op === 'remove'
    ? { op: 'remove', path }
    : { op: operation.op, path, value: operation.value };
}

/** @throws Error when an operation does not apply: the patch and the object do not belong together. */
export function applyPatch(object: unknown, operations: readonly PatchOperation[]): unknown {
  const draft = createDraft(object);
  applyTo(draft, operations);
  return draft.root;
}

interface Lowered {
  readonly operations: readonly PatchOperation[];
  /** What the edits, made directly, make of the object. */
  readonly edited: unknown;
}

function lower(object: unknown, edits: readonly Edit[]): Lowered {
  // Edits build on each other (two selector keys, one new map), so each is lowered against what came before.
  const draft = createDraft(object);
  const operations: PatchOperation[] = [];
  for (const edit of edits) {
    operations.push(...lowerEdit(draft.root, edit));
    applyEdit(draft, edit);
  }
  return { operations, edited: draft.root };
}

/**
 * The operations, in order; none for an edit that already holds.
 * @throws Error when an edit needs a path that is not there: the plan is wrong, not the object.
 */
export function lowerEdits(object: unknown, edits: readonly Edit[]): readonly PatchOperation[] {
  return lower(object, edits).operations;
}

/**
 * The operations, proven: applied to the object they give what the edits give when made directly. A patch that does not
 * apply is a 500 for the user that no failurePolicy covers (webhook-practice.md §1, fact 6).
 */
export function patchOrThrow(object: unknown, edits: readonly Edit[]): readonly PatchOperation[] {
  if (edits.length === 0) return [];
  const { operations, edited } = lower(object, edits);
  if (isSameJson(applyPatch(object, operations), edited)) return operations;
  throw new Error('a JSON Patch of ours does not give what its edits mean');
}
