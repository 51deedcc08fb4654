import type { Finding } from '../../findings.ts';
import type { Edit, Judged } from '../../plan/types.ts';
import type { Unit, UnitDraft } from '../../plan/unit.ts';
import { formatGib } from '../../units.ts';
import type { Workload } from '../../workload/types.ts';
import type { Facts } from '../types.ts';

/** One object decided, with what the search for a way out goes on from. */
export interface Tried {
  readonly isAdmitted: boolean;
  readonly workload: Workload | null;
  /** What was read of the first replica; null where nothing says what will run. */
  readonly draft: UnitDraft | null;
  /** The same with its sizes; null where no method can size it. */
  readonly unit: Unit | null;
  readonly judged: Judged | null;
  readonly findings: readonly Finding[];
}

/** For what could not be decided, and for the first half of a joint sentence, which gives no figures of its own. */
export const NOT_TRIED: Tried = {
  isAdmitted: false,
  workload: null,
  draft: null,
  unit: null,
  judged: null,
  findings: [],
};

export interface Candidate {
  readonly edits: readonly Edit[];
  readonly text: (tried: Tried) => string;
}

/** What can be written, whether or not it can be sized. */
export interface Draft {
  readonly workload: Workload;
  readonly unit: UnitDraft;
  readonly facts: Facts;
}

export interface Scene extends Draft {
  readonly unit: Unit;
  readonly judged: Judged | null;
}

export function draftOf({ workload, draft }: Tried, facts: Facts): Draft | null {
  return workload === null || draft === null ? null : { workload, unit: draft, facts };
}

export function sceneOf({ workload, unit, judged }: Tried, facts: Facts): Scene | null {
  return workload === null || unit === null ? null : { workload, unit, judged, facts };
}

export function needOf(tried: Tried): string {
  const { judged } = tried;
  if (judged === null || judged.fit === null) return '';
  return `: ${formatGib(Math.max(0, judged.fit.headroomBytes))} left on each GPU`;
}
