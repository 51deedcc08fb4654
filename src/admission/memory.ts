import type { Facts } from '../pipeline/types.ts';
import type { Inventory } from '../plan/types.ts';

/** Entries and characters that are kept at most: a few MiB of one process, whatever is sent. */
export interface MemoryLimits {
  readonly entries: number;
  readonly characters: number;
}

/** Answers by content, for one set of facts: another catalog, inventory or policy empties it. Least recently used goes. */
export interface Memory<T> {
  readonly recall: (facts: Facts, key: string) => T | undefined;
  readonly keep: (facts: Facts, key: string, value: T) => void;
  readonly size: () => number;
}

export function createMemory<T>(limits: MemoryLimits): Memory<T> {
  const known = new Map<string, T>();
  let characters = 0;
  let current: Facts | null = null;

  function settle(facts: Facts): void {
    if (current !== null && isSame(current, facts)) return;
    known.clear();
    characters = 0;
    current = facts;
  }

  function forget(key: string): void {
    if (known.delete(key)) characters -= key.length;
  }

  return {
    recall(facts, key) {
      settle(facts);
      const value = known.get(key);
      if (value === undefined) return undefined;
      known.delete(key);
      known.set(key, value);
      return value;
    },
    keep(facts, key, value) {
      settle(facts);
      if (key.length > limits.characters) return;
      forget(key);
      known.set(key, value);
      characters += key.length;
      for (const oldest of known.keys()) {
        if (known.size <= limits.entries && characters <= limits.characters) break;
        forget(oldest);
      }
    },
    size: () => known.size,
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
