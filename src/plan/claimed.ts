import { finding } from '../findings.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import { isAccepted } from './missing.ts';
import { NOTHING, type Outcome } from './outcome.ts';
import { names } from './place.ts';
import { knownClasses, type Reachable, reachableClasses, schedulingOf } from './reach.ts';
import { subjectText } from './texts.ts';
import type { NodeClass, PlanFacts } from './types.ts';
import type { Unit } from './unit.ts';
import { judgeWay, smallestWay, type Way } from './ways.ts';

/**
 * GPUs that come by a resource claim: their number and kind are the claim's, which is not read, and allocation decides
 * (contract §4). What can be said is what the nodes that serve GPUs by DRA would take, and that none of them would do.
 */
export function planClaimed(unit: Unit, facts: PlanFacts): Outcome {
  const { path } = unit.members[0].template.spec;
  const reached = servingClasses(unit, facts);
  const sized = reached.flatMap((one) => wayOn(unit, one.nodeClass));
  const [best] = sized.toSorted((one, other) => one.way.perPod - other.way.perPod);
  if (best !== undefined) return enough(unit, { best, ways: sized, reached }, facts);
  const isSure = reached.length > 0 && reached.every((one) => one.nodeClass.device !== null);
  if (!isSure) {
    const message = 'the GPUs come by a DRA resource claim: their number and memory are not known here';
    return { ...NOTHING, findings: [finding('unknown-gpu', path, message)] };
  }
  const where = facts.policy.disclose
    ? names(reached.map((one) => one.nodeClass))
    : 'nodes that serve GPUs by DRA';
  const message = `the GPUs come by a DRA resource claim, and no count of those of ${where} holds ${subjectText(unit.intent)}`;
  return { ...NOTHING, findings: [finding('no-node-fits', path, message)] };
}

/** Classes whose GPUs a claim of these pods could get. Slices are there, too: a claim may be for one. */
function servingClasses(unit: Unit, facts: PlanFacts): readonly Reachable[] {
  const spec = schedulingOf(unit, unit.members[0]);
  return knownClasses(facts).flatMap((nodeClass) => {
    const { resource, sharing, device } = nodeClass;
    if (deviceClassOf(resource) === null || sharing === 'invalid') return [];
    if (device !== null && !isAccepted(unit, device)) return [];
    return reachableClasses([nodeClass], spec, { resource, count: 1 }, facts.policy);
  });
}

interface ClaimedWay {
  readonly nodeClass: NodeClass;
  readonly way: Way;
}

/** Several slices, or several shares of one device, never make one. */
function wayOn(unit: Unit, nodeClass: NodeClass): readonly ClaimedWay[] {
  const { device, sharing, gpusPerNode } = nodeClass;
  if (device === null) return [];
  const isWhole = sharing === 'none' || sharing === 'not-ready';
  const way = smallestWay(unit, device, isWhole ? gpusPerNode : 1);
  return way === null ? [] : [{ nodeClass, way }];
}

interface Enough {
  readonly best: ClaimedWay;
  readonly ways: readonly ClaimedWay[];
  readonly reached: readonly Reachable[];
}

const MOST_COUNTS = 3;

function enough(unit: Unit, { best, ways, reached }: Enough, { policy }: PlanFacts): Outcome {
  const { path } = unit.members[0].template.spec;
  const counts = new Set(
    ways.map(({ nodeClass, way }) => `${way.perPod} x ${nodeClass.device?.product ?? ''}`),
  );
  const shown = policy.disclose ? `; it takes ${[...counts].slice(0, MOST_COUNTS).join(' or ')}` : '';
  const taints = new Set(reached.flatMap((one) => one.taintsToTolerate.map(({ key }) => key)));
  const isBehind = reached.every((one) => one.taintsToTolerate.length > 0);
  const tolerate = isBehind ? `, and a toleration of ${[...taints].join(', ')}` : '';
  const judged = judgeWay(unit, best.way, best.nodeClass.device);
  const message = `the GPUs come by a DRA resource claim, which is not read${shown}${tolerate}; placement was left alone`;
  return { ...NOTHING, findings: [finding('unknown-gpu', path, message)], judged };
}
