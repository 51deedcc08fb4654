import type { Facts } from '../pipeline/types.ts';
import type { Inventory } from '../plan/types.ts';
import type { Question } from './content-key.ts';

/** Entries and characters that are kept at most: a few MiB of one process, whatever is sent. */
export interface MemoryLimits {
  readonly entries: number;
  readonly characters: number;
}

/**
 * Answers by question, for one set of facts: another catalog, inventory or policy empties it. Two generations of half the
 * limits each: what was asked for again moves into the young one, and when that is full the old one goes as a whole. So
 * no answer has to be looked for to be forgotten. Of questions with one place only the last is kept.
 */
export interface Memory<T> {
  readonly recall: (facts: Facts, question: Question) => T | undefined;
  readonly keep: (facts: Facts, question: Question, value: T) => void;
  /** Of both generations; an answer that has moved counts twice until the old one goes. */
  readonly size: () => number;
}

interface Kept<T> {
  readonly content: string;
  readonly value: T;
}

export function createMemory<T>({ entries, characters }: MemoryLimits): Memory<T> {
  let young = new Map<string, Kept<T>>();
  let old = new Map<string, Kept<T>>();
  /** Of the questions that came into the young generation. */
  let held = 0;
  let current: Facts | null = null;

  function settle(facts: Facts): void {
    if (current !== null && isSame(current, facts)) return;
    young = new Map();
    old = new Map();
    held = 0;
    current = facts;
  }

  function add({ place, content }: Question, value: T): void {
    const length = place.length + content.length;
    if (2 * length > characters) return;
    if (2 * (young.size + 1) > entries || 2 * (held + length) > characters) {
      old = young;
      young = new Map();
      held = 0;
    }
    young.set(place, { content, value });
    held += length;
  }

  return {
    recall(facts, question) {
      settle(facts);
      const { place, content } = question;
      const fresh = young.get(place);
      if (fresh !== undefined) return fresh.content === content ? fresh.value : undefined;
      const kept = old.get(place);
      if (kept?.content !== content) return undefined;
      add(question, kept.value);
      return kept.value;
    },
    keep(facts, question, value) {
      settle(facts);
      const { place, content } = question;
      if (young.get(place)?.content === content) young.set(place, { content, value });
      else add(question, value);
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
