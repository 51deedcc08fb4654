import { isDeepStrictEqual } from 'node:util';
import { asWritten } from '../../admission/as-written.ts';
import type { Catalog } from '../../catalog/types.ts';
import { type AuditRecord, readInputs } from '../../observe/record-schema.ts';
import { decisionId, outcomeOf } from '../../pipeline/record.ts';
import type { RecordInputs } from '../../pipeline/record-inputs.ts';
import { type Computed, replay } from '../../pipeline/replay.ts';
import type { Policy } from '../../plan/types.ts';

/** What may have changed since the records were written. */
export interface Today {
  readonly catalog: Catalog;
  readonly vramgateVersion: string;
  /** null: only the policy that a record holds. */
  readonly policy: Policy | null;
}

export type Reason = 'catalog' | 'version' | 'policy' | 'record';

/** One member of a record that came out as something else. */
export interface Difference {
  readonly field: string;
  readonly recorded: unknown;
  readonly computed: unknown;
}

export type ReplayResult =
  | { readonly outcome: 'same' }
  /** Nothing was judged: an object that is not ours, or a request that is never judged. */
  | { readonly outcome: 'left-alone' }
  | { readonly outcome: 'not-replayable'; readonly why: string }
  | {
      readonly outcome: 'different';
      readonly reasons: readonly Reason[];
      readonly why: string;
      readonly differences: readonly Difference[];
    };

const WRONG_ID = 'its decision id is not the hash of its uid, webhook, policy and catalog: it was altered';

/** Computes one decision again, with today's catalog, and says what came out differently and why. */
export function replayRecord(record: AuditRecord, today: Today): ReplayResult {
  const { uid, webhook, policyHash, catalogVersion } = record;
  if (decisionId({ uid, webhook }, policyHash, catalogVersion) !== record.decision) {
    return different([{ reason: 'record', text: WRONG_ID }], []);
  }
  if (record.inputs === null) return leftAlone(record);
  const inputs = readInputs(record.inputs);
  if (inputs === null) return { outcome: 'not-replayable', why: 'its inputs are not those of this version' };
  return replayInputs(record, inputs, today);
}

function leftAlone({ verdict, allowed, findings }: AuditRecord): ReplayResult {
  if (verdict === 'ignore' && allowed && findings.length === 0) return { outcome: 'left-alone' };
  return { outcome: 'not-replayable', why: 'it holds no inputs' };
}

function replayInputs(record: AuditRecord, inputs: RecordInputs, today: Today): ReplayResult {
  const { catalog, policy } = today;
  const recorded = { inputs, free: record.free };
  const then = replay(recorded, { catalog, policy: null });
  const changes = changesOf(record, today);
  if (then.kind === 'impossible') return notReplayable(then.reason, changes);
  const differences = differencesOf(record, then);
  const now =
    policy === null || policy.hash === record.policyHash ? then : replay(recorded, { catalog, policy });
  if (now.kind === 'impossible') return notReplayable(now.reason, changes);
  const byPolicy = now === then ? [] : differencesOf(record, now);
  if (differences.length > 0) {
    const changed = changes.length === 0 ? [ALTERED] : changes;
    return different(changed, differences);
  }
  return byPolicy.length === 0 ? { outcome: 'same' } : different([policyChange(record, policy)], byPolicy);
}

interface Change {
  readonly reason: Reason;
  readonly text: string;
}

/** What a record names and what is not so any more. */
function changesOf(record: AuditRecord, { catalog, vramgateVersion }: Today): readonly Change[] {
  const changes: Change[] = [];
  if (record.catalogVersion !== catalog.version) {
    const text = `the catalog was ${record.catalogVersion} and is ${catalog.version}`;
    changes.push({ reason: 'catalog', text });
  }
  if (record.vramgateVersion !== vramgateVersion) {
    const text = `vramgate was ${record.vramgateVersion} and is ${vramgateVersion}`;
    changes.push({ reason: 'version', text });
  }
  return changes;
}

const ALTERED: Change = {
  reason: 'record',
  text: 'catalog and version are those of the record: it was altered, or this is a fault of vramgate',
};

function policyChange({ policyHash }: AuditRecord, policy: Policy | null): Change {
  return { reason: 'policy', text: `the policy was ${policyHash} and is ${policy?.hash ?? ''}` };
}

function notReplayable(reason: string, changes: readonly Change[]): ReplayResult {
  return { outcome: 'not-replayable', why: [reason, ...changes.map(({ text }) => text)].join('; ') };
}

function different(changes: readonly Change[], differences: readonly Difference[]): ReplayResult {
  return {
    outcome: 'different',
    reasons: changes.map(({ reason }) => reason),
    why: changes.map(({ text }) => text).join('; '),
    differences,
  };
}

// --- what differs ------------------------------------------------------------------------------------------------

/** A record holds this many findings at most; beyond, its codes are not all of them. */
const MAX_FINDINGS = 64;

function differencesOf(record: AuditRecord, { decision, policy }: Computed): readonly Difference[] {
  // The validating webhook judges what will be stored: edits that are still wanted were never made.
  const final = record.webhook === 'validate' ? asWritten(decision, policy) : decision;
  const computed = Object.entries({ ...outcomeOf(final, record.webhook), codes: codesOf(final.findings) });
  const recorded: Readonly<Record<string, unknown>> = { ...record, codes: codesOf(record.findings) };
  return computed
    .map(([field, value]) => ({ field, recorded: recorded[field], computed: value }))
    .filter((one) => !isDeepStrictEqual(one.recorded, one.computed))
    .filter(({ field }) => field !== 'codes' || record.findings.length < MAX_FINDINGS);
}

function codesOf(findings: readonly { readonly code: string }[]): readonly string[] {
  return [...new Set(findings.map(({ code }) => code))].sort();
}
