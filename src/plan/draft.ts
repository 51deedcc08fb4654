import type { JsonPath } from '../findings.ts';
import { isMembers, type Members, setOwn } from './json-members.ts';

/**
 * A JSON value that is being changed, beside the one it comes from. Only what a change reaches is copied; everything
 * else is shared with the original, which stays as it is. A whole copy would be a sixth of a decision.
 */
export interface Draft {
  readonly root: unknown;
  /** The value of an own member or item, ready to be changed; undefined where there is none. `parent` is of the draft. */
  child(parent: unknown, step: string | number): unknown;
}

const MOST_LISTED = 32;

export function createDraft(source: unknown): Draft {
  // A handful, so that a look at each is quicker than a set; a patch of hundreds of places gets one.
  const few: object[] = [];
  let more: Set<object> | null = null;
  const isOurs = (value: object): boolean => few.includes(value) || more?.has(value) === true;
  const own = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || isOurs(value)) return value;
    const copy = Array.isArray(value) ? [...value] : { ...value };
    if (few.length < MOST_LISTED) few.push(copy);
    else {
      more ??= new Set();
      more.add(copy);
    }
    return copy;
  };
  return {
    root: own(source),
    child(parent, step) {
      if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, step)) return undefined;
      if (Array.isArray(parent)) {
        const index = Number(step);
        const item: unknown = parent[index];
        const owned = own(item);
        if (owned !== item) parent[index] = owned;
        return owned;
      }
      if (!isMembers(parent)) return undefined;
      const value = parent[step];
      const owned = own(value);
      if (owned !== value) setOwn(parent, typeof step === 'string' ? step : String(step), owned);
      return owned;
    },
  };
}

/** undefined where the path leads nowhere. */
export function reach(draft: Draft, path: JsonPath): unknown {
  let value = draft.root;
  for (const step of path) value = draft.child(value, step);
  return value;
}

export function childMembers(draft: Draft, parent: unknown, name: string): Members | null {
  const value = draft.child(parent, name);
  return isMembers(value) ? value : null;
}

export function childList(draft: Draft, parent: unknown, name: string): unknown[] | null {
  const value = draft.child(parent, name);
  return Array.isArray(value) ? value : null;
}
