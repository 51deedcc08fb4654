/**
 * A deep copy of a JSON value. `structuredClone` handles what JSON has not (cycles, dates, maps) and takes ten times as
 * long, which is a sixth of a decision. Members are defined, never assigned: a key `__proto__` stays a member.
 */
export function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') define(copy, key, copyJson(member));
    else copy[key] = copyJson(member);
  }
  return copy;
}

function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
