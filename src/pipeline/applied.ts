import type { JsonPath } from '../findings.ts';
import { APPLIED_KEY } from '../intent/keys.ts';
import type { Edit } from '../plan/types.ts';
import { isRecord } from '../workload/json-value.ts';
import type { PodTemplate, Workload } from '../workload/types.ts';

/**
 * The `vramgate.io/applied` annotation: what we set, and from which author-side inputs, so that a later update can tell
 * our values from the author's. It is data that a user can forge: it is parsed strictly, and no verdict trusts it.
 */
export interface Applied {
  readonly set: readonly AppliedEdit[];
  /** `authorInputs` of the object that it was set on: JSON. */
  readonly from: string;
}

/** The edits that the webhook makes on its own account; remedies are not among them. */
export type AppliedEdit = Extract<
  Edit,
  {
    readonly kind:
      | 'set-gpu-count'
      | 'set-node-selector'
      | 'add-node-affinity'
      | 'add-toleration'
      | 'append-args'
      | 'set-env';
  }
>;

const MAX_APPLIED = 16_384;
const MAX_SET = 256;

export function isAppliedEdit(edit: Edit): edit is AppliedEdit {
  return (
    edit.kind === 'set-gpu-count' ||
    edit.kind === 'set-node-selector' ||
    edit.kind === 'add-node-affinity' ||
    edit.kind === 'add-toleration' ||
    edit.kind === 'append-args' ||
    edit.kind === 'set-env'
  );
}

export function formatApplied(applied: Applied): string {
  return `{"set":${JSON.stringify(applied.set.map(toRow))},"from":${applied.from}}`;
}

type Row = readonly (string | number | boolean | readonly (string | number)[])[];

function toRow(edit: AppliedEdit): Row {
  switch (edit.kind) {
    case 'set-gpu-count':
      return ['gpus', edit.container, edit.resource, edit.count];
    case 'set-node-selector':
      return ['selector', edit.podSpec, edit.key, edit.value];
    case 'add-node-affinity':
      return ['affinity', edit.podSpec, edit.key, edit.operator, edit.values];
    case 'add-toleration':
      return ['toleration', edit.podSpec, edit.key, edit.effect];
    case 'append-args':
      return ['args', edit.list, edit.isNew, edit.args];
    case 'set-env':
      return ['env', edit.container, edit.name, edit.value];
  }
}

/** @returns null for an annotation that is absent, or not exactly of our own making. */
export function parseApplied(annotations: ReadonlyMap<string, unknown>): Applied | null {
  const text = annotations.get(APPLIED_KEY);
  if (typeof text !== 'string' || text.length > MAX_APPLIED) return null;
  const parsed = parseJson(text);
  if (!isRecord(parsed)) return null;
  const [rows, from] = [parsed['set'], parsed['from']];
  if (!Array.isArray(rows) || rows.length > MAX_SET || !isRecord(from)) return null;
  const edits = rows.map(fromRow);
  const set = edits.filter((edit) => edit !== null);
  return set.length === edits.length ? { set, from: JSON.stringify(from) } : null;
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}

function fromRow(row: unknown): AppliedEdit | null {
  if (!Array.isArray(row)) return null;
  const [kind, at, first, second, third]: readonly unknown[] = row;
  if (!isPath(at)) return null;
  if (kind === 'gpus' && isText(first) && isCount(second)) {
    return { kind: 'set-gpu-count', container: at, resource: first, count: second };
  }
  if (kind === 'selector' && isText(first) && isText(second)) {
    return { kind: 'set-node-selector', podSpec: at, key: first, value: second };
  }
  if (kind === 'toleration' && isText(first) && isText(second)) {
    return { kind: 'add-toleration', podSpec: at, key: first, effect: second };
  }
  if (kind === 'env' && isText(first) && isText(second)) {
    return { kind: 'set-env', container: at, name: first, value: second };
  }
  if (kind === 'args' && typeof first === 'boolean' && isTexts(second)) {
    return { kind: 'append-args', list: at, isNew: first, args: second };
  }
  if (kind === 'affinity' && isText(first) && (second === 'In' || second === 'NotIn') && isTexts(third)) {
    return { kind: 'add-node-affinity', podSpec: at, key: first, operator: second, values: third };
  }
  return null;
}

const FORBIDDEN = new Set<unknown>(['__proto__', 'constructor', 'prototype']);

function isPath(value: unknown): value is JsonPath {
  return (
    Array.isArray(value) &&
    value.length <= 16 &&
    value.every((step) => (isText(step) && !FORBIDDEN.has(step)) || isCount(step))
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 512 && !FORBIDDEN.has(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= 16 && value.every(isText);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= 1024;
}

/**
 * True when every edit names a place of this workload's own pod templates. Anybody may write the annotation: one that
 * names other places is not of our making, and counts as absent.
 */
export function belongsTo(applied: Applied, workload: Workload): boolean {
  const places = new Set(workload.templates.flatMap(placesOf).map((path) => JSON.stringify(path)));
  return applied.set.every((edit) => places.has(JSON.stringify(placeOf(edit))));
}

function placesOf({ spec }: PodTemplate): readonly JsonPath[] {
  const containers = [...spec.containers, ...spec.initContainers].map(({ path }) => path);
  const lists = containers.flatMap((path) => [
    [...path, 'args'],
    [...path, 'command'],
  ]);
  return [spec.path, ...containers, ...lists];
}

function placeOf(edit: AppliedEdit): JsonPath {
  if ('podSpec' in edit) return edit.podSpec;
  return 'container' in edit ? edit.container : edit.list;
}
