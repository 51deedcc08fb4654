import type { JsonPath } from '../findings.ts';

// A patch library writes through a prototype where it is told to (reference toolchain.md §2).
function isForbidden(token: string | number): boolean {
  return token === '__proto__' || token === 'constructor' || token === 'prototype';
}

function escapeToken(token: string | number): string {
  if (typeof token === 'number') return String(token);
  const escaped = token.includes('~') ? token.replaceAll('~', '~0') : token;
  return escaped.includes('/') ? escaped.replaceAll('/', '~1') : escaped;
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

/** The steps to what holds the last token of a pointer of ours, and that token as a pointer of its own. */
export function splitPointer(pointer: string): { readonly parent: JsonPath; readonly last: string } {
  const end = pointer.lastIndexOf('/');
  const last = pointer.slice(end);
  if (end < 1) return { parent: [], last };
  const tokens = pointer.slice(1, end).split('/');
  const isPlain = !pointer.includes('~');
  return {
    parent: isPlain ? tokens : tokens.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')),
    last,
  };
}
