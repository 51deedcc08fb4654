import type { Finding, FindingCode, Severity } from '../findings.ts';
import type { FreeFigures, Landing } from '../plan/free.ts';
import type { Decision, Mode, PlanFacts, Verdict } from '../plan/types.ts';
import type { Parallel } from '../sizing/shapes.ts';
import type { Workload } from '../workload/types.ts';
import type { AppliedEdit } from './applied.ts';
import type { RecordInputs } from './record-inputs.ts';
import type { UnitReading } from './units.ts';

/** What is known beside the object: immutable snapshots, swapped whole, passed in. */
export interface Facts extends PlanFacts {
  /** The `vramgate.io/mode` label of the object's namespace; null: none or not known. */
  readonly namespaceMode: Mode | null;
}

/**
 * What ways out are looked for of. It takes ten times as long as the decision itself, so nobody looks who has no place to
 * say them: `refused`: whatever the rules refuse, in any mode; `denied`: only what the caller is refused.
 */
export type WaysOutFor = 'refused' | 'denied' | 'none';

export interface Requester {
  readonly username: string;
  readonly groups: readonly string[];
}

/** One object to decide about, as it arrived. */
export interface DecideInput {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly object: unknown;
  /** null on CREATE and in the CLI. */
  readonly oldObject: unknown;
  /** Namespace of the request; the object's own may be absent. */
  readonly namespace: string | null;
  /** null in the CLI: exemption rights are then not checked. */
  readonly user: Requester | null;
}

/** Edits of ours that an object carries or has lost, as `vramgate.io/applied` names them. */
export interface Earlier {
  /**
   * `standing`: the author's inputs are those of the record, and these edits were put back. `replanned`: they are
   * not, and these edits gave way to a new plan.
   */
  readonly kind: 'standing' | 'replanned';
  readonly edits: readonly AppliedEdit[];
}

/** What a decision was computed from, by reference. The record makes its `inputs` of it. */
export interface Basis {
  /** Findings on the object as a whole, which no plan changes. */
  readonly given: readonly Finding[];
  /** Set where nothing was judged: the verdict, or null where `given` makes it. */
  readonly settled: { readonly verdict: 'ignore' | 'allow' | null } | null;
  readonly readings: readonly UnitReading[];
  /** The object before an update, where it was ours. */
  readonly old: Workload | null;
  readonly earlier: Earlier | null;
  /** Kueue starts it: nothing refused it. */
  readonly isPardoned: boolean;
  readonly replicas: number | null;
  /** Of pods that are to be made now: what is free for them is told, and is no part of the verdict. */
  readonly landings: readonly Landing[];
  /** What was free there; null: not known, or nothing was to be made. */
  readonly free: readonly FreeFigures[] | null;
}

export interface Decided extends Decision {
  readonly basis: Basis;
}

/** What the envelope adds to a record. `check` gives the same shape with nulls. */
export interface RecordIdentity {
  readonly uid: string | null;
  /** RFC 3339. */
  readonly time: string;
  readonly webhook: 'mutate' | 'validate' | 'check';
  readonly operation: string;
  readonly dryRun: boolean;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly generateName: string | null;
  readonly kind: string;
  readonly user: string | null;
  readonly durationMicroseconds: number;
}

/**
 * The decision record: one log line. Only plain JSON values. What a user may have written is under `subject` and
 * `inputs`; elsewhere texts have a closed alphabet. The keys are a published schema (`observe/record-schema.ts`,
 * docs/decision-record.md): add, never rename.
 */
export interface DecisionRecord {
  /** Hash of uid, webhook, policy and catalog: equal for every call that the API server makes of one review. */
  readonly decision: string;
  readonly uid: string | null;
  readonly time: string;
  readonly webhook: 'mutate' | 'validate' | 'check';
  readonly mode: Mode;
  readonly verdict: Verdict;
  readonly allowed: boolean;
  readonly operation: string;
  readonly dryRun: boolean;
  readonly subject: {
    readonly kind: string;
    readonly namespace: string | null;
    readonly name: string | null;
    readonly generateName: string | null;
    readonly user: string | null;
  };
  readonly model: string | null;
  readonly checkpoint: string | null;
  readonly context: number | null;
  readonly quantization: string | null;
  readonly kvCacheDtype: string | null;
  readonly engine: string | null;
  readonly engineVersion: string | null;
  readonly engineRecognisedBy: string | null;
  readonly parallel: Parallel | null;
  readonly bytesNeededPerGpu: number | null;
  readonly bytesAvailablePerGpu: number | null;
  /** GPUs of one serving replica that the author asks for; null: none asked for. */
  readonly requestedGpus: number | null;
  /** GPUs of one serving replica by the plan. */
  readonly plannedGpus: number | null;
  readonly replicas: number | null;
  readonly shape: string | null;
  /** GPUs that no pod held where the plan leads its pods; null: not known, or no pods were to be made. */
  readonly free: readonly FreeFigures[] | null;
  readonly findings: readonly {
    readonly code: FindingCode;
    readonly severity: Severity;
    readonly path: string;
  }[];
  readonly patchPaths: readonly string[];
  readonly policyHash: string;
  readonly catalogVersion: string;
  readonly vramgateVersion: string;
  readonly durationMicroseconds: number;
  /** null where there was nothing to decide. */
  readonly inputs: RecordInputs | null;
}
