import { type Finding, finding, type JsonPath } from '../findings.ts';
import {
  type Asked,
  catalogDevices,
  closeCall,
  countedOf,
  type JudgedClass,
  refused,
  trainingGpus,
} from './asked.ts';
import { planFlags } from './flags.ts';
import { gpusOf, parallelProblems, runningParallel } from './options.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import { names, placeUnit } from './place.ts';
import { selectedProducts } from './products.ts';
import { compareRanked } from './rank.ts';
import {
  hasOwnPlacement,
  knownClasses,
  type Reachable,
  reachableClasses,
  withoutPlacement,
} from './reach.ts';
import type { GpuAsk, Judged, PlanFacts } from './types.ts';
import { askedGpus, type PlannedSpec, type Unit } from './unit.ts';
import { landUnknown } from './unplaced.ts';

/** The author gave a GPU count: it is never changed; is it enough, wherever the pod may land? */
export function planExisting(unit: Unit, ask: GpuAsk, facts: PlanFacts): Outcome {
  const gpus = askedGpus(unit) ?? ask.count;
  const parallel = runningParallel(unit.intent, gpus);
  const asked: Asked = { unit, ask, parallel, facts };
  const counted = countFindings(asked, gpus);
  const landed = facts.inventory.state === 'known' ? landKnown(asked) : landUnknown(asked);
  const flags = planFlags(unit, parallel, false);
  return {
    ...landed,
    edits: [...landed.edits, ...flags.edits],
    findings: [...counted, ...landed.findings, ...flags.findings],
  };
}

function countFindings(asked: Asked, gpus: number): readonly Finding[] {
  const { unit, ask, parallel } = asked;
  if (unit.intent.workload === 'training') return [];
  const problems = parallelProblems(unit.intent, parallel).map((text) =>
    finding('invalid-parallelism', flagPath(unit), text),
  );
  if (problems.length > 0) return problems;
  const used = gpusOf(parallel);
  if (used > gpus) {
    const message = `the engine's parallel flags use ${used} GPUs, but ${gpus} ${gpus === 1 ? 'is' : 'are'} requested`;
    return [finding('gpu-count-too-small', ask.path, message)];
  }
  if (used < gpus) {
    const message = `${gpus} GPUs are requested, but the engine's parallel flags use ${used}`;
    return [finding('unused-gpus', ask.path, message)];
  }
  return [];
}

function flagPath(unit: Unit): JsonPath {
  const site = unit.reading?.flagSites.get('tensor-parallel');
  return site?.path ?? unit.members[0].container.path;
}

// --- a known inventory -------------------------------------------------------------------------------------------

function landKnown(asked: Asked): Outcome {
  const reached = reachedBy(asked, asked.unit.members[0].template.spec);
  const judged = reached.map((reach) => ({ reach, judged: judgeClass(asked, reach) }));
  const fitting = judged.filter((one) => isFitting(asked, one));
  if (fitting.length > 0)
    return landFitting(
      asked,
      fitting,
      judged.filter((one) => !fitting.includes(one)),
    );
  return landNowhere(asked, judged);
}

function reachedBy({ ask, facts }: Asked, spec: PlannedSpec): readonly Reachable[] {
  const wanted = { resource: ask.resource, count: ask.scheduled };
  return reachableClasses(knownClasses(facts), spec, wanted, facts.policy);
}

function judgeClass(asked: Asked, reach: Reachable): Judged | null {
  const device = reach.nodeClass.device;
  return device === null ? null : asked.unit.sizer.judge(asked.parallel, device, trainingGpus(asked));
}

/** Refused is only what does not fit at the low end of the measured spread (contract §3). */
function isFitting(asked: Asked, one: JudgedClass): boolean {
  if (one.judged?.fit?.fitsAtLow !== true) return false;
  const { sharing, device } = one.reach.nodeClass;
  const accepted = asked.unit.intent.gpus;
  if (accepted !== null && !accepted.includes(device?.product ?? '')) return false;
  return sharing === 'none' || sharing === 'not-ready' || isSingleSlice(asked, sharing);
}

/** A MIG slice, an MPS share or a time slice can hold one rank, never several: slices cannot be joined. */
function isSingleSlice(asked: Asked, sharing: string): boolean {
  return asked.ask.count === 1 && (sharing === 'mig' || sharing === 'mps' || sharing === 'time-slicing');
}

function landFitting(asked: Asked, fitting: readonly JudgedClass[], others: readonly JudgedClass[]): Outcome {
  const { unit, ask, parallel } = asked;
  const { policy } = asked.facts;
  const ordered = fitting.toSorted(
    (one, other) =>
      Number(one.reach.taintsToTolerate.length > 0) - Number(other.reach.taintsToTolerate.length > 0) ||
      compareRanked(policy)(
        { nodeClass: one.reach.nodeClass, gpus: ask.count },
        { nodeClass: other.reach.nodeClass, gpus: ask.count },
      ),
  );
  const [best] = ordered;
  if (best === undefined) throw new RangeError('no fitting class to choose from');
  const landing = {
    best: best.reach,
    fitting: ordered.map((one) => one.reach),
    unfitting: others.map((one) => one.reach),
  };
  const placed = placeUnit(unit, landing, policy);
  return {
    findings: [...placed.findings, ...closeFindings(asked, best), ...sharingFindings(asked, best)],
    judged: best.judged,
    plan: chosenPlan(countedOf(asked), best.reach.nodeClass.id, parallel),
    edits: placed.edits,
  };
}

function closeFindings(asked: Asked, best: JudgedClass): readonly Finding[] {
  return best.judged === null ? [] : closeCall(best.judged, asked.ask.path);
}

function sharingFindings(asked: Asked, best: JudgedClass): readonly Finding[] {
  const { sharing, id } = best.reach.nodeClass;
  if (sharing !== 'time-slicing' && sharing !== 'mps') return [];
  const message = `${id} is shared by ${sharing}: its memory is not exclusive to this pod`;
  return [finding('shared-gpu', asked.ask.path, message)];
}

/** No class that the pod can reach holds it: is that the author's doing, or the cluster's? (contract §4) */
function landNowhere(asked: Asked, judged: readonly JudgedClass[]): Outcome {
  const { unit, ask } = asked;
  const sized = judged.flatMap((one) => (one.judged === null ? [] : [one.judged]));
  const largest = sized.toSorted((one, other) => deviceBytes(other) - deviceBytes(one))[0];
  if (largest !== undefined && isPinned(asked, judged)) return refused(asked, largest, judged);
  const possible = catalogDevices(asked).map((one) =>
    unit.sizer.judge(asked.parallel, one.device, trainingGpus(asked)),
  );
  const carried = possible.find((one) => one.fit?.fitsAtLow === true);
  if (carried === undefined) return refused(asked, largest ?? possible.at(-1) ?? null, judged);
  const known =
    judged.length === 0
      ? 'no node or pool that is known offers it'
      : `${names(judged.map((one) => one.reach.nodeClass))} cannot hold it`;
  const message = `${ask.count} x ${ask.resource}: ${known}; ${carried.device?.product ?? 'another GPU'} would`;
  return {
    findings: [finding('no-node-fits', ask.path, message)],
    judged: largest ?? carried,
    plan: chosenPlan(countedOf(asked), null, asked.parallel),
    edits: [],
  };
}

function deviceBytes(judged: Judged): number {
  return judged.device?.usableBytes ?? 0;
}

/** The author's own selector or GPU annotation keeps the pod away from what would hold it. */
function isPinned(asked: Asked, judged: readonly JudgedClass[]): boolean {
  const { unit } = asked;
  const spec = unit.members[0].template.spec;
  if (unit.intent.gpus !== null || selectedProducts(asked.facts.catalog, spec) !== null) return true;
  if (!hasOwnPlacement(spec)) return false;
  return reachedBy(asked, withoutPlacement(spec)).length > judged.length;
}
