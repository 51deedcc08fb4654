import type { JsonPath } from '../findings.ts';
import { createRecall } from '../recall.ts';

// A patch library writes through a prototype where it is told to (reference toolchain.md §2).
function isForbidden(token: string | number): boolean {
  return token === '__proto__' || token === 'constructor' || token === 'prototype';
}

function escapeToken(token: string | number): string {
  if (typeof token === 'number') return String(token);
  return token.includes('/') || token.includes('~') ? escapes(token, () => escapeText(token)) : token;
}

/** Keys with a slash are label keys of one cluster, resources and annotations of ours. */
const escapes = createRecall<string>(1024);

function escapeText(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** @throws Error on a token that names a prototype: no edit of ours has a reason to. */
export function requireSafe(path: JsonPath): void {
  for (const token of path) {
    if (isForbidden(token)) throw new Error(`a patch must not go through ${JSON.stringify(token)}`);
  }
}

/**
 * RFC 6901, for `path` of JSON Patch.
 * @throws Error as `requireSafe` does.
 */
export function jsonPointer(path: JsonPath): string {
  requireSafe(path);
  let pointer = '';
  for (const token of path) pointer += `/${escapeToken(token)}`;
  return pointer;
}

/** A pointer taken apart. */
interface Split {
  /** The steps to what holds the last token. */
  readonly parent: JsonPath;
  /** The last token, as a pointer of its own. */
  readonly last: string;
}

/** Places that plans change are some dozens, with the labels of one cluster. */
const splits = createRecall<Split>(1024);

/** For pointers of ours: a text is taken apart once. */
export function splitPointer(pointer: string): Split {
  return splits(pointer, () => splitAnew(pointer));
}

function splitAnew(pointer: string): Split {
  const end = pointer.lastIndexOf('/');
  const last = pointer.slice(end);
  if (end < 1) return { parent: [], last };
  const tokens = pointer.slice(1, end).split('/');
  return { parent: tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')), last };
}
