import { type FindingCode, isFindingCode } from '../findings.ts';
import type { FreeFigures } from '../plan/free.ts';
import type { Edit, Mode, Policy } from '../plan/types.ts';
import { isAppliedEdit } from './applied.ts';
import { conclude, settle, toldFree } from './conclude.ts';
import { type Evaluation, evaluateReadings, uneditable } from './evaluate.ts';
import { pardoned, removals, stalePlacement } from './judgement.ts';
import { ratchet } from './ratchet.ts';
import type { RecordedPolicy, RecordInputs } from './record-inputs.ts';
import { inventoryFrom } from './record-shapes.ts';
import { findingsFrom, type RecordedReading, readingFrom, UnknownName } from './record-units.ts';
import type { Decided, Earlier, Facts } from './types.ts';
import type { UnitReading } from './units.ts';

/** A decision computed again from its record: the steps of `decide` after reading, without ways out. */
export interface Computed {
  readonly kind: 'decided';
  readonly decision: Decided;
  /** The policy that it was computed under. */
  readonly policy: Policy;
}

export type Replayed = Computed | { readonly kind: 'impossible'; readonly reason: string };

/** What may differ from the time of the record. */
export type ReplayFacts = Pick<Facts, 'catalog'> & {
  /** null: the values that the record holds. */
  readonly policy: Policy | null;
};

/** What a record holds of what a decision was made from. */
export interface Recorded {
  readonly inputs: RecordInputs;
  /** Found then: which pods held what is in no record. */
  readonly free: readonly FreeFigures[] | null;
}

export function replay({ inputs, free }: Recorded, now: ReplayFacts): Replayed {
  const { truncated } = inputs;
  if (truncated !== null)
    return impossible(`its inputs were truncated (without ${truncated.without.join(', ')})`);
  const policy = now.policy ?? (inputs.policy === null ? null : policyFrom(inputs.policy));
  if (policy === null) return impossible('its inputs hold no policy');
  const inventory = inventoryFrom(inputs.inventory);
  const facts: Facts = { catalog: now.catalog, policy, inventory, namespaceMode: inputs.namespaceMode };
  try {
    return { kind: 'decided', decision: toldFree(again(inputs, facts), free, facts), policy };
  } catch (error) {
    if (error instanceof UnknownName) return impossible(error.message);
    throw error;
  }
}

function impossible(reason: string): Replayed {
  return { kind: 'impossible', reason };
}

function again(inputs: RecordInputs, facts: Facts): Decided {
  const given = findingsFrom(inputs.given);
  if (inputs.settled !== null) return settle(given, inputs.settled.verdict, facts);
  const evaluation = evaluationOf(inputs.units, facts);
  const isStanding = inputs.earlier?.kind === 'standing';
  const judged = isStanding ? stalePlacement(evaluation, facts.policy) : evaluation;
  const before = inputs.before === 'same' ? inputs.units : inputs.before;
  const compared =
    before === null || !judged.isRefused ? judged.findings : ratchet(standingOf(before, facts), judged);
  const { earlier, isPardoned } = inputs;
  const edits = isPardoned ? [] : editsOf(earlier, evaluation);
  const findings = [...given, ...(isPardoned ? pardoned(compared) : compared)];
  const decision = conclude({ evaluation, findings, edits }, facts, () => []);
  const { readings } = evaluation;
  return {
    ...decision,
    basis: {
      given,
      settled: null,
      readings,
      old: null,
      earlier,
      isPardoned,
      replicas: null,
      landings: decision.verdict === 'deny' ? [] : evaluation.landings,
      free: null,
    },
  };
}

function evaluationOf(recorded: readonly RecordedReading[], facts: Facts): Evaluation {
  return evaluateReadings(readingsFrom(recorded, facts), facts);
}

/** The object before the update: compared as it stood. */
function standingOf(recorded: readonly RecordedReading[], facts: Facts): Evaluation {
  return evaluateReadings(readingsFrom(recorded, facts).map(uneditable), facts);
}

function readingsFrom(recorded: readonly RecordedReading[], facts: Facts): readonly UnitReading[] {
  return recorded.map((one) => readingFrom(one, facts.catalog));
}

function editsOf(earlier: Earlier | null, evaluation: Evaluation): readonly Edit[] {
  const planned = evaluation.edits.filter(isAppliedEdit);
  if (earlier === null) return planned;
  return earlier.kind === 'standing' ? earlier.edits : [...removals(earlier.edits, planned), ...planned];
}

function policyFrom({ codeModes, prices, ...plain }: RecordedPolicy): Policy {
  const modes = codeModes.flatMap(({ code, mode }): readonly (readonly [FindingCode, Mode])[] =>
    isFindingCode(code) ? [[code, mode]] : [],
  );
  return {
    ...plain,
    codeModes: new Map(modes),
    prices: new Map(prices.map(({ product, price }) => [product, price])),
    // An exemption is among the given findings: who may exempt is not asked again.
    exemptions: { users: [], groups: [], namespaces: [] },
    hash: '',
  };
}
