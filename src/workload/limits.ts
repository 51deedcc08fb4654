import { type JsonNode, reportAt } from './json-node.ts';
import { isRecord } from './json-value.ts';

/** Containers read of one pod template, ordinary and init ones together (design §7). */
export const MAX_CONTAINERS = 64;

/** Nesting that is followed; a pod template needs about 12 levels, a JobSet 18. */
export const MAX_DEPTH = 64;

/**
 * Values of one object. The largest recorded one has 366; 64 containers of 80 variables each have 16,000. A new key
 * costs JSON.parse a microsecond, so two objects at the limit are read in a third of the 100 ms that a review may take.
 */
export const MAX_VALUES = 16_384;

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

interface Level {
  readonly objects: readonly object[];
  /** Values seen so far, scalars included. */
  readonly seen: number;
}

/** Level by level, not by recursion: a body of brackets must not exhaust our stack. */
function isWithin(roots: readonly unknown[]): boolean {
  let level: Level = { objects: roots.filter(isObject), seen: 0 };
  for (let depth = 1; level.objects.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return false;
    level = nextLevel(level);
    if (level.seen > MAX_VALUES) return false;
  }
  return true;
}

/** Stops when enough was seen. Keys are walked with for-in: Object.values takes twice as long on a large map. */
function nextLevel({ objects, seen: before }: Level): Level {
  const next: object[] = [];
  let seen = before;
  for (const parent of objects) {
    seen += Array.isArray(parent) ? addItems(next, parent) : addMembers(next, parent);
    if (seen > MAX_VALUES) break;
  }
  return { objects: next, seen };
}

function addItems(next: object[], items: readonly unknown[]): number {
  if (items.length > MAX_VALUES) return items.length;
  for (const item of items) if (isObject(item)) next.push(item);
  return items.length;
}

function addMembers(next: object[], members: object): number {
  let count = 0;
  for (const key in members) {
    count += 1;
    if (count > MAX_VALUES) break;
    const member: unknown = Reflect.get(members, key);
    if (isObject(member)) next.push(member);
  }
  return count;
}

/**
 * False, with a finding, for an object that is nested too deeply or too large for the rooms after this one.
 * Of the metadata only the annotations are looked at: managedFields are a third of a real object, and nobody
 * reads them.
 */
export function isWithinLimits(object: JsonNode): boolean {
  const metadata = object.record['metadata'];
  const annotations = isRecord(metadata) ? metadata['annotations'] : null;
  if (isWithin([object.record['spec'], annotations])) return true;
  const message = `This object is nested deeper than ${MAX_DEPTH} levels or has more than ${MAX_VALUES} values; its pods were not analysed.`;
  reportAt(object, 'spec', 'analysis-limit', message);
  return false;
}
