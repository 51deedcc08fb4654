import type { JsonPath } from '../findings.ts';
import { isRecord } from '../workload/json-value.ts';

/** Reading a JSON value of which nothing is known, by own members only. */

/** undefined where the member is absent or null: Kubernetes takes both for "not set". */
export function memberAt(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  const member: unknown = Reflect.get(value, step);
  return member ?? undefined;
}

export function valueAt(root: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>(memberAt, root);
}

export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isSameJson(item, other[index]));
  }
  if (!isRecord(one) || !isRecord(other)) return false;
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && isSameJson(one[key], other[key]));
}
