import { toldFree } from '../../pipeline/conclude.ts';
import { decisionRecord } from '../../pipeline/record.ts';
import type { Decided, Facts } from '../../pipeline/types.ts';
import { freeFigures } from '../../plan/free.ts';
import type { FreeDevices } from '../../plan/types.ts';
import { type Judged, judgeObject } from '../judge.ts';
import { type CheckElement, elementOf } from '../reports/json.ts';
import type { Found } from './collect.ts';

/** What a workload asks for, over all its replicas; null where it is not known. */
export interface GpuCount {
  readonly requested: number | null;
  /** Asked for, and used by no rank of the engine. */
  readonly unused: number;
  /** Fewest that a way out would add. */
  readonly missing: number;
}

/** One element of the JSON of `scan`: that of `check`, with what the webhook would answer and the GPUs. */
export interface ScanElement extends CheckElement {
  /** After mode and policy. */
  readonly allowed: boolean;
  readonly gpus: GpuCount;
}

export interface Scanned {
  readonly found: Found;
  readonly judged: Judged;
  readonly facts: Facts;
  readonly element: ScanElement;
}

function missingPerReplica({ decision }: Judged, requested: number): number {
  const counts = decision.remedies.map(({ edits }) =>
    edits.reduce((sum, edit) => sum + (edit.kind === 'set-gpu-count' ? edit.count : 0), 0),
  );
  const least = Math.min(...counts.filter((count) => count > requested));
  return Number.isFinite(least) ? least - requested : 0;
}

function gpusOf(judged: Judged, facts: Facts): GpuCount {
  const { decision, kind, namespace, name } = judged;
  const identity = {
    uid: null,
    time: '',
    webhook: 'check',
    operation: 'CREATE',
    dryRun: false,
    namespace,
    name,
    generateName: null,
    kind,
    user: null,
    durationMicroseconds: 0,
  } as const;
  const { requestedGpus, replicas, parallel, findings } = decisionRecord(decision, identity, facts, []);
  const times = replicas ?? 1;
  const used = parallel === null ? 0 : parallel.tensor * parallel.pipeline * parallel.data;
  const isUnused = requestedGpus !== null && findings.some(({ code }) => code === 'unused-gpus');
  return {
    requested: requestedGpus === null ? null : requestedGpus * times,
    unused: isUnused ? Math.max(0, requestedGpus - used) * times : 0,
    missing: missingPerReplica(judged, requestedGpus ?? 0) * times,
  };
}

/** One object and the verdict on it, before anything is made of it. */
export type ScanJudged = Omit<Scanned, 'element'>;

export function judgeFound(found: Found, facts: Facts): ScanJudged {
  return { found, judged: judgeObject(found.object, facts), facts };
}

/** @param free null: it is told nothing of what is free. */
export function scannedOf(
  { found, judged: { decision, ...rest }, facts }: ScanJudged,
  free: FreeDevices | null,
): Scanned {
  const judged = { ...rest, decision: toldNow(decision, facts, free) };
  const element = {
    ...elementOf(judged, found.path, facts.catalog),
    allowed: judged.decision.allowed,
    gpus: gpusOf(judged, facts),
  };
  return { found, judged, facts, element };
}

function toldNow(decision: Decided, { inventory, ...facts }: Facts, free: FreeDevices | null): Decided {
  if (free === null || inventory.state === 'unknown') return decision;
  const { landings } = decision.basis;
  return toldFree(decision, freeFigures(landings, { ...inventory, free }), facts);
}
