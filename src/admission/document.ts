import type { JsonPath } from '../findings.ts';
import { memberOf } from '../workload/json-value.ts';

/** Reading a JSON value of which nothing is known, by own members only. */

/** undefined where the member is absent or null: Kubernetes takes both for "not set". */
export function memberAt(value: unknown, step: string | number): unknown {
  return memberOf(value, step) ?? undefined;
}

export function valueAt(root: unknown, path: JsonPath): unknown {
  let value = root;
  for (const step of path) value = memberAt(value, step);
  return value;
}
