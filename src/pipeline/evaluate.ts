import { type Finding, formatPath, type JsonPath } from '../findings.ts';
import { adviseOn } from '../plan/advice.ts';
import type { Landing } from '../plan/free.ts';
import { planUnit } from '../plan/plan.ts';
import { createSizer } from '../plan/sizer.ts';
import type { ChosenPlan, Edit, Judged } from '../plan/types.ts';
import { askedGpus, type Unit } from '../plan/unit.ts';
import { isRefusedBy } from '../plan/verdict.ts';
import type { Workload } from '../workload/types.ts';
import type { Facts } from './types.ts';
import { readUnits, type UnitReading } from './units.ts';

/** One object judged by today's rules, before ratchet, modes and ways out. */
export interface Evaluation {
  readonly findings: readonly Finding[];
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly edits: readonly Edit[];
  /** Where the pods may land, were they made now. */
  readonly landings: readonly Landing[];
  readonly units: readonly Unit[];
  /** What it was judged from: enough to judge it again. */
  readonly readings: readonly UnitReading[];
  /** By the rules alone. */
  readonly isRefused: boolean;
  /** Bytes that are missing over all GPUs of the replica; what the ratchet compares. */
  readonly shortfall: number;
}

/** @param mayEdit false where nothing can be patched: what would need a patch is then refused or told. */
export function evaluate(workload: Workload, facts: Facts, mayEdit: boolean): Evaluation {
  const readings = readUnits(workload, facts);
  return evaluateReadings(mayEdit ? readings : readings.map(uneditable), facts);
}

export function uneditable(reading: UnitReading): UnitReading {
  return reading.unit === null ? reading : { ...reading, unit: { ...reading.unit, canEdit: false } };
}

/** Reads nothing but what a decision record keeps. */
export function evaluateReadings(readings: readonly UnitReading[], facts: Facts): Evaluation {
  const findings: Finding[] = [];
  const edits: Edit[] = [];
  const landings: Landing[] = [];
  const units: Unit[] = [];
  const plans: PodPlan[] = [];
  let decisive: Decisive = { judged: null, plan: null, shortfall: 0 };
  for (const reading of readings) {
    findings.push(...reading.findings);
    if (reading.unit === null) continue;
    const made = createSizer(reading.unit.intent, facts.catalog, facts.policy);
    if (made.kind === 'unknown') {
      findings.push(made.finding);
      continue;
    }
    const unit = { ...reading.unit, sizer: made.sizer };
    const outcome = planUnit(unit, facts);
    units.push(unit);
    findings.push(...outcome.findings, ...adviseOn(unit, outcome.judged));
    edits.push(...outcome.edits);
    if (outcome.landings !== undefined) landings.push(...outcome.landings);
    plans.push({ pod: unit.members[0].template.path, plan: outcome.plan });
    decisive = moreDecisive(decisive, {
      judged: outcome.judged,
      plan: outcome.plan,
      shortfall: shortfallOf(unit, outcome.judged),
    });
  }
  const isRefused = isRefusedBy(findings, facts.policy);
  const plan = ofWholePod(decisive.plan, plans);
  return { ...decisive, plan, findings, edits: isRefused ? [] : edits, landings, units, readings, isRefused };
}

interface PodPlan {
  /** Path of the pod's template. */
  readonly pod: JsonPath;
  readonly plan: ChosenPlan | null;
}

/** Several servers in one pod are judged one by one; its GPUs are those of all. */
function ofWholePod(plan: ChosenPlan | null, plans: readonly PodPlan[]): ChosenPlan | null {
  const own = plans.find((one) => one.plan === plan);
  if (plan === null || own === undefined || plans.length === 1) return plan;
  const pod = formatPath(own.pod);
  const beside = plans.filter((one) => one.plan?.resource === plan.resource && formatPath(one.pod) === pod);
  if (beside.length === 1) return plan;
  return { ...plan, gpus: beside.reduce((sum, one) => sum + (one.plan?.gpus ?? 0), 0) };
}

interface Decisive {
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly shortfall: number;
}

/** Of several templates the one that is shortest of memory is what the verdict hangs on. */
function moreDecisive(one: Decisive, other: Decisive): Decisive {
  if (one.judged === null) return other;
  return other.shortfall > one.shortfall ? other : one;
}

function shortfallOf(unit: Unit, judged: Judged | null): number {
  if (judged === null) return 0;
  const missingGpus = Math.max(0, judged.gpus - (askedGpus(unit) ?? 0));
  const perGpu = Math.max(0, -(judged.fit?.headroomBytes ?? 0));
  return perGpu * judged.gpus + missingGpus * judged.perGpu.mid;
}
