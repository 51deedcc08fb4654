import { createHash } from 'node:crypto';
import { type FindingCode, isFindingCode } from '../findings.ts';
import type { Mode, Policy } from '../plan/types.ts';
import { bytes, GB, GIB, KIB, MIB } from '../units.ts';
import { BYTE_QUANTITY, type PolicyFile, policySchema } from './schema.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['Ki', KIB],
  ['Mi', MIB],
  ['Gi', GIB],
  ['Ti', 1024 * GIB],
  ['k', 1000],
  ['M', 1_000_000],
  ['G', GB],
  ['T', 1000 * GB],
]);

function headroomOf(quantity: string | number): number {
  if (typeof quantity === 'number') return quantity;
  const [, digits = '0', unit = ''] = BYTE_QUANTITY.exec(quantity) ?? [];
  return Math.ceil(Number(digits) * (UNITS.get(unit) ?? 1));
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
