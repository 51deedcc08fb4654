import { decisionRecord } from '../../pipeline/record.ts';
import type { Facts } from '../../pipeline/types.ts';
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

export function scanOne(found: Found, facts: Facts): Scanned {
  const judged = judgeObject(found.object, facts);
  const element = {
    ...elementOf(judged, found.path, facts.catalog),
    allowed: judged.decision.allowed,
    gpus: gpusOf(judged, facts),
  };
  return { found, judged, facts, element };
}
