import type { JsonPath } from '../findings.ts';

// A patch library writes through a prototype where it is told to (reference toolchain.md §2).
const FORBIDDEN_TOKENS: readonly (string | number)[] = ['__proto__', 'constructor', 'prototype'];

const ESCAPED = /[~/]/;

function escapeToken(token: string | number): string {
  if (typeof token === 'number' || !ESCAPED.test(token)) return String(token);
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** @throws Error on a token that names a prototype: no edit of ours has a reason to. */
export function requireSafe(path: JsonPath): void {
  const forbidden = path.find((token) => FORBIDDEN_TOKENS.includes(token));
  if (forbidden !== undefined) throw new Error(`a patch must not go through ${JSON.stringify(forbidden)}`);
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

/** The steps to what holds the last token of a pointer of ours. */
export function parentPath(pointer: string): JsonPath {
  return pointer
    .split('/')
    .slice(1, -1)
    .map((token) => (token.includes('~') ? token.replaceAll('~1', '/').replaceAll('~0', '~') : token));
}
