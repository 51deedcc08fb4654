import { type Finding, finding, type JsonPath } from '../findings.ts';
import { type Asked, countedOf } from './asked.ts';
import { planFlags } from './flags.ts';
import { landKnown } from './land.ts';
import { parallelProblems, runningParallel, seenGpus, usedGpus } from './options.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import type { GpuAsk, Judged, PlanFacts } from './types.ts';
import { askedGpus, podsOf, type Unit } from './unit.ts';
import { landUnknown } from './unplaced.ts';

/** The author gave a GPU count: it is never changed; is it enough, wherever the pod may land? */
export function planExisting(unit: Unit, ask: GpuAsk, facts: PlanFacts): Outcome {
  const gpus = askedGpus(unit) ?? ask.count;
  const parallel = runningParallel(unit.intent, seenGpus(unit.intent, gpus, podsOf(unit)));
  const asked: Asked = { unit, ask, parallel, facts };
  const counted = countFindings(asked, gpus);
  // What cannot run in this shape has no size in it.
  const isInvalid = counted.some((one) => one.code === 'invalid-parallelism');
  if (isInvalid) return { ...unlanded(asked, null), findings: counted };
  const landed = gpus === 0 ? unlanded(asked, unit.sizer.judge(parallel, null, 1)) : land(asked);
  const flags = planFlags(unit, parallel, false);
  return {
    ...landed,
    edits: [...landed.edits, ...flags.edits],
    findings: [...counted, ...landed.findings, ...flags.findings],
  };
}

function land(asked: Asked): Outcome {
  return asked.facts.inventory.state === 'known' ? landKnown(asked) : landUnknown(asked);
}

/** Wherever the pod lands, it is not a matter of the node. */
function unlanded(asked: Asked, judged: Judged | null): Outcome {
  return { findings: [], judged, plan: chosenPlan(countedOf(asked), null, asked.parallel), edits: [] };
}

function countFindings(asked: Asked, gpus: number): readonly Finding[] {
  const { unit, ask, parallel } = asked;
  if (gpus === 0) {
    return [finding('gpu-count-too-small', ask.path, `0 x ${ask.resource}: the pod would run without a GPU`)];
  }
  if (unit.intent.workload === 'training') return [];
  const problems = parallelProblems(unit.intent, parallel).map((text) =>
    finding('invalid-parallelism', flagPath(unit), text),
  );
  if (problems.length > 0) return problems;
  const used = usedGpus(unit.intent, parallel, podsOf(unit));
  if (used > gpus && unit.intent.nodes === 'unknown' && podsOf(unit) === 1) {
    const message = `the engine's parallel flags use ${used} GPUs, ${used - gpus} more than are requested here: they are taken for those of other pods`;
    return [finding('unknown-value', flagPath(unit), message)];
  }
  if (used > gpus) {
    const message = `the engine's parallel flags use ${used} GPUs, but ${gpus} ${gpus === 1 ? 'is' : 'are'} requested`;
    return [finding('gpu-count-too-small', ask.path, message)];
  }
  return hiddenFindings(asked, gpus, used) ?? unusedFindings(asked, gpus, used);
}

/** A variable hides GPUs that the flags use: the engine would not start. null: none that it needs. */
function hiddenFindings({ unit }: Asked, gpus: number, used: number): readonly Finding[] | null {
  const { visibleGpus } = unit.intent;
  const seen = seenGpus(unit.intent, gpus, podsOf(unit));
  if (visibleGpus === null || used <= seen) return null;
  const message = `the engine's parallel flags use ${used} GPU${used === 1 ? '' : 's'}, but ${visibleGpus.variable} lets it see ${seen} of the ${gpus} that are requested`;
  return [finding('gpu-count-too-small', visibleGpus.path, message)];
}

function unusedFindings({ unit, ask }: Asked, gpus: number, used: number): readonly Finding[] {
  if (used >= gpus) return [];
  const { visibleGpus } = unit.intent;
  const seen = seenGpus(unit.intent, gpus, podsOf(unit));
  const why =
    visibleGpus !== null && seen < gpus && used === seen
      ? `${visibleGpus.variable} lets the engine see ${seen}`
      : `the engine's parallel flags use ${used}`;
  return [finding('unused-gpus', ask.path, `${gpus} GPUs are requested, but ${why}`)];
}

function flagPath(unit: Unit): JsonPath {
  const site = unit.reading?.flagSites.get('tensor-parallel');
  return site?.path ?? unit.members[0].container.path;
}
