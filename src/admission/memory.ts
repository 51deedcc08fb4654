import type { Facts } from '../pipeline/types.ts';
import type { Inventory } from '../plan/types.ts';

/** Entries and characters that are kept at most: a few MiB of one process, whatever is sent. */
export interface MemoryLimits {
  readonly entries: number;
  readonly characters: number;
}

/**
 * Answers by content, for one set of facts: another catalog, inventory or policy empties it. Two generations of half the
 * limits each: what was asked for again moves into the young one, and when that is full the old one goes as a whole. So
 * no answer has to be looked for to be forgotten.
 */
export interface Memory<T> {
  readonly recall: (facts: Facts, key: string) => T | undefined;
  readonly keep: (facts: Facts, key: string, value: T) => void;
  /** Of both generations; an answer that has moved counts twice until the old one goes. */
  readonly size: () => number;
}

export function createMemory<T>({ entries, characters }: MemoryLimits): Memory<T> {
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  /** Of the keys in the young generation. */
  let held = 0;
  let current: Facts | null = null;

  function settle(facts: Facts): void {
    if (current !== null && isSame(current, facts)) return;
    young = new Map();
    old = new Map();
    held = 0;
    current = facts;
  }

  function add(key: string, value: T): void {
    if (2 * key.length > characters) return;
    if (2 * (young.size + 1) > entries || 2 * (held + key.length) > characters) {
      old = young;
      young = new Map();
      held = 0;
    }
    young.set(key, value);
    held += key.length;
  }

  return {
    recall(facts, key) {
      settle(facts);
      const fresh = young.get(key);
      if (fresh !== undefined) return fresh;
      const value = old.get(key);
      if (value !== undefined) add(key, value);
      return value;
    },
    keep(facts, key, value) {
      settle(facts);
      if (young.has(key)) young.set(key, value);
      else add(key, value);
    },
    size: () => young.size + old.size,
  };
}

/** Snapshots are swapped whole, so that the same object is the same content. The namespace's mode is in the key. */
function isSame(one: Facts, other: Facts): boolean {
  return (
    one.catalog === other.catalog &&
    one.policy === other.policy &&
    isSameInventory(one.inventory, other.inventory)
  );
}

/** The age of an inventory changes with every review, and no decision depends on it. */
function isSameInventory(one: Inventory, other: Inventory): boolean {
  if (one.state === 'unknown' || other.state === 'unknown') return one === other;
  return one.classes === other.classes;
}
