/** JSON objects that an edit changes in place: copies of ours, never what a user sent. */

export type Members = Record<string, unknown>;

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Defined, never assigned: a key `__proto__` stays a member. */
export function setOwn(target: Members, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
