import { type Members, setOwn } from './json-members.ts';

/**
 * A deep copy of a JSON value. `structuredClone` handles what JSON has not (cycles, dates, maps) and takes ten times as
 * long, which is a sixth of a decision.
 */
export function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const copy: Members = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') setOwn(copy, key, copyJson(member));
    else copy[key] = copyJson(member);
  }
  return copy;
}
