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

/** Copies of one object mostly have their members in one order: then none has to be looked for. */
function haveSameMembers(one: JsonRecord, other: JsonRecord): boolean {
  const keys = Object.keys(one);
  const others = Object.keys(other);
  if (keys.length !== others.length) return false;
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] ?? '';
    if (key !== others[at] && !Object.hasOwn(other, key)) return false;
    if (!isSameJson(one[key], other[key])) return false;
  }
  return true;
}
