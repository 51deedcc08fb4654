/** A JSON value of which nothing is known: the one place that looks into it, by own members only. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined where the value has no such member of its own. */
export function memberOf(value: unknown, name: string | number): unknown {
  if (Array.isArray(value)) return typeof name === 'number' ? value[name] : undefined;
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Equal but for the order of members. What two values share is not looked into. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    if (one.length !== other.length) return false;
    for (let at = 0; at < one.length; at += 1) if (!isSameJson(one[at], other[at])) return false;
    return true;
  }
  return isRecord(one) && isRecord(other) && haveSameMembers(one, other);
}

/** Walked with for-in: to list the keys of both takes three times as long, and JSON inherits none. */
function haveSameMembers(one: JsonRecord, other: JsonRecord): boolean {
  let count = 0;
  for (const key in one) {
    const [value, counterpart] = [one[key], other[key]];
    // What is absent, or inherited, is no member.
    if ((value !== counterpart || value === undefined) && !Object.hasOwn(other, key)) return false;
    if (value !== counterpart && !isSameJson(value, counterpart)) return false;
    count += 1;
  }
  for (const _ in other) count -= 1;
  return count === 0;
}
