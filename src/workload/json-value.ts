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
    return one.length === other.length && one.every((item, index) => isSameJson(item, other[index]));
  }
  return isRecord(one) && isRecord(other) && haveSameMembers(one, other);
}

/** Copies of one object mostly have their members in one order: then none has to be looked for. */
function haveSameMembers(one: JsonRecord, other: JsonRecord): boolean {
  const keys = Object.keys(one);
  const others = Object.keys(other);
  if (keys.length !== others.length) return false;
  return keys.every((key, index) => {
    if (key !== others[index] && !Object.hasOwn(other, key)) return false;
    const value = one[key];
    return value === other[key] || isSameJson(value, other[key]);
  });
}
