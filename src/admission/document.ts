import type { JsonPath } from '../findings.ts';

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
