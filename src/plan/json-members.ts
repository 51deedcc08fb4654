/** JSON objects that an edit changes in place: copies of ours, never what a user sent. */

export type Members = Record<string, unknown>;

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A key `__proto__` stays a member: the one name that a plain assignment would hand to a setter (ECMA-262 B.2.2.1). */
export function setOwn(target: Members, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
