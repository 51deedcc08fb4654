import type { Mode, Policy } from '../plan/types.ts';
import { isRecord } from '../workload/json-value.ts';
import { uneditable } from './evaluate.ts';
import { mergedShapes, type RecordedInventory, recordedInventory } from './record-shapes.ts';
import {
  type RecordedFinding,
  type RecordedReading,
  type RecordedUnit,
  recordedFindings,
  recordedReading,
} from './record-units.ts';
import type { Basis, Earlier, Facts } from './types.ts';
import { readUnits, type UnitReading } from './units.ts';

/** The `inputs` of a decision record: enough to compute the decision again from its one line (contract §5). */

export interface RecordedPolicy extends Omit<Policy, 'codeModes' | 'prices' | 'exemptions' | 'hash'> {
  readonly codeModes: readonly { readonly code: string; readonly mode: Mode }[];
  readonly prices: readonly { readonly product: string; readonly price: number }[];
}

export interface RecordInputs {
  /** null: complete. Else what did not fit into the limit, and so cannot be computed again. */
  readonly truncated: Truncation | null;
  /** Label of the namespace; null: none or not known. */
  readonly namespaceMode: Mode | null;
  readonly policy: RecordedPolicy | null;
  /** Set where nothing was judged; `verdict` null: the findings in `given` make it. */
  readonly settled: { readonly verdict: 'ignore' | 'allow' | null } | null;
  /** Findings on the object as a whole; a replay takes them as they are. */
  readonly given: readonly RecordedFinding[];
  readonly units: readonly RecordedReading[];
  /** The object before an update; `same` where it reads like the new one, null where there is nothing to compare. */
  readonly before: readonly RecordedReading[] | 'same' | null;
  /** Edits of ours from an earlier pass. */
  readonly earlier: Earlier | null;
  /** Kueue starts it: it was judged when it was queued, and nothing refused it now. */
  readonly isPardoned: boolean;
  readonly inventory: RecordedInventory;
}

export const INPUT_PARTS = ['shapes', 'before', 'units', 'given', 'policy'] as const;
export type InputPart = (typeof INPUT_PARTS)[number];

export interface Truncation {
  /** What the whole would have taken, as UTF-8 JSON. */
  readonly bytes: number;
  readonly without: readonly InputPart[];
}

/** Contract §5. */
export const MAX_INPUT_BYTES = 8 * 1024;

/** null where there was nothing to decide: not ours, or nothing that a review judges. */
export function recordInputs(basis: Basis, facts: Facts): RecordInputs | null {
  if (basis.settled?.verdict === 'ignore' && basis.given.length === 0) return null;
  const units = basis.readings.map(recordedReading);
  const before = basis.old === null ? null : readUnits(basis.old, facts).map(recordedAsIs);
  const isSame =
    before !== null && JSON.stringify(before) === JSON.stringify(basis.readings.map(recordedAsIs));
  const known: RecordedUnit[] = [];
  for (const { unit } of before === null ? units : [...units, ...before]) if (unit !== null) known.push(unit);
  return bounded({
    truncated: null,
    namespaceMode: facts.namespaceMode,
    policy: recordedPolicy(facts.policy),
    settled: basis.settled,
    given: recordedFindings(basis.given),
    units,
    before: isSame ? 'same' : before,
    earlier: basis.earlier,
    isPardoned: basis.isPardoned,
    inventory: recordedInventory(facts.inventory, known),
  });
}

/** What runs is compared as it stands: nothing of it can be patched any more. */
function recordedAsIs(reading: UnitReading): RecordedReading {
  return recordedReading(uneditable(reading));
}

/** A policy is never changed, only swapped. */
const policies = new WeakMap<Policy, RecordedPolicy>();

function recordedPolicy(policy: Policy): RecordedPolicy {
  const known = policies.get(policy);
  if (known !== undefined) return known;
  const recorded = policyAnew(policy);
  policies.set(policy, recorded);
  return recorded;
}

function policyAnew({ codeModes, prices, exemptions, hash, ...plain }: Policy): RecordedPolicy {
  return {
    ...plain,
    codeModes: Array.from(codeModes, ([code, mode]) => ({ code, mode })),
    prices: Array.from(prices, ([product, price]) => ({ product, price })),
  };
}

// --- at most 8 KiB -----------------------------------------------------------------------------------------------

const ENCODER = new TextEncoder();

/** UTF-8 bytes as JSON. A character takes at most three of them, so most are known to fit without being counted. */
function sizeOf(value: unknown): number {
  const text = JSON.stringify(value);
  return text.length * 3 <= MAX_INPUT_BYTES ? text.length : ENCODER.encode(text).length;
}

/** Sizes of the parts that many records share: those of one policy, and of one snapshot of the nodes. */
const sizes = new WeakMap<object, number>();

function keptSize(part: object, value: unknown): number {
  const known = sizes.get(part);
  if (known !== undefined) return known;
  const size = sizeOf(value);
  sizes.set(part, size);
  return size;
}

/** Names of the members, their quotes and commas, and the values of those that are a word: 180, and the digits of an age. */
const JOINTS = 256;

/** What the whole takes at most, from what its parts take: most records are far below the limit, and no text is made. */
function atMost({ policy, inventory, units, before, given, earlier }: RecordInputs): number {
  const rules = policy === null ? 4 : keptSize(policy, policy);
  const nodes = inventory.state === 'unknown' ? sizeOf(inventory) : keptSize(inventory.shapes, inventory);
  return mostBytes([units, before, given, earlier]) + rules + nodes + JOINTS;
}

/** `\u001f`: what JSON makes of one character at most; 17 digits, sign, point and exponent of a number. */
const MOST_OF_CHARACTER = 6;
const MOST_OF_NUMBER = 24;
const MOST_OF_WORD = 5;

/** UTF-8 bytes that a value takes at most as JSON. Keys are ours: plain ASCII. */
function mostBytes(value: unknown): number {
  if (typeof value === 'string') return 2 + MOST_OF_CHARACTER * value.length;
  if (typeof value === 'number') return MOST_OF_NUMBER;
  let sum = 2;
  if (Array.isArray(value)) {
    for (const item of value) sum += 1 + mostBytes(item);
  } else if (isRecord(value)) {
    for (const key in value) sum += key.length + 4 + mostBytes(value[key]);
  } else return MOST_OF_WORD;
  return sum;
}

/** Classes that are alike become one; then whole parts go, the bulkiest first. Never in silence. */
function bounded(inputs: RecordInputs): RecordInputs {
  if (atMost(inputs) <= MAX_INPUT_BYTES) return inputs;
  const bytes = sizeOf(inputs);
  if (bytes <= MAX_INPUT_BYTES) return inputs;
  let now: RecordInputs = { ...inputs, inventory: mergedShapes(inputs.inventory) };
  const without: InputPart[] = [];
  for (const part of INPUT_PARTS) {
    if (sizeOf(now) <= MAX_INPUT_BYTES) return now;
    without.push(part);
    now = { ...now, ...EMPTY[part], truncated: { bytes, without: [...without] } };
  }
  return now;
}

const EMPTY: Readonly<Record<InputPart, Partial<RecordInputs>>> = {
  shapes: { inventory: { state: 'known', ageSeconds: null, devices: [], keys: [], taints: [], shapes: [] } },
  before: { before: null, earlier: null },
  units: { units: [] },
  given: { given: [] },
  policy: { policy: null },
};
