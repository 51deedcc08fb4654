import { createHash } from 'node:crypto';
import { type FindingCode, isFindingCode } from '../findings.ts';
import type { Mode, Policy } from '../plan/types.ts';
import { bytes } from '../units.ts';
import { parseQuantity } from '../workload/quantity.ts';
import { type PolicyFile, policySchema } from './schema.ts';

/** Rounded up: what is kept free is never less than what was written. */
function headroomOf(quantity: string | number): number {
  return Math.ceil(parseQuantity(quantity)?.value ?? 0);
}

function sortedEntries<T>(values: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1));
}

function codeModesOf(file: PolicyFile): ReadonlyMap<FindingCode, Mode> {
  const modes = new Map<FindingCode, Mode>();
  for (const [code, mode] of sortedEntries(file.codeModes)) {
    if (isFindingCode(code) && mode !== undefined) modes.set(code, mode);
  }
  return modes;
}

/** Of the values in effect, so that comments, order and spelled-out defaults do not count. */
function hashOf(file: PolicyFile): string {
  const canonical = { ...file, codeModes: sortedEntries(file.codeModes), prices: sortedEntries(file.prices) };
  return createHash('sha256').update(JSON.stringify(canonical)).digest('hex').slice(0, 16);
}

export function policyOf(file: PolicyFile): Policy {
  const { headroom, ...rest } = file;
  return Object.freeze({
    ...rest,
    codeModes: codeModesOf(file),
    prices: new Map(sortedEntries(file.prices)),
    headroomBytes: bytes(headroomOf(headroom)),
    hash: hashOf(file),
  });
}

/** The policy without a configuration file: the defaults of the contract (§5). */
export function defaultPolicy(): Policy {
  return policyOf(policySchema.parse({}));
}
