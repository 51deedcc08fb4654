import { type Finding, finding } from '../findings.ts';
import type { Outcome } from './outcome.ts';
import { knownClasses, reachableClasses, schedulingOf } from './reach.ts';
import type { NodeClass, PlanFacts } from './types.ts';
import { podsOf, type Unit } from './unit.ts';

/**
 * A rolling update that may not take a pod away before the new one runs needs room for one more. Where the nodes that
 * are known hold exactly the replicas, the update waits for ever (peers.md §3, item 6). Other workloads are not
 * counted: this says only what could never be.
 */
export function surgeFindings(unit: Unit, outcome: Outcome, facts: PlanFacts): readonly Finding[] {
  const { rollout } = unit;
  const { plan } = outcome;
  if (rollout === null || plan === null || plan.gpus === 0 || podsOf(unit) > 1) return [];
  if (rollout.maxUnavailable > 0 || rollout.maxSurge === 0 || plan.shape === null) return [];
  const room = roomFor(unit, outcome, facts);
  if (room === null || room !== rollout.replicas) return [];
  const message =
    `the nodes that are known hold ${room} such pod${room === 1 ? '' : 's'}, all of them taken by the replicas: a rolling update ` +
    `adds one first and waits for ever; set strategy Recreate or maxUnavailable 1`;
  return [finding('surge-deadlock', ['spec', 'strategy'], message)];
}

/** Pods of this size on all nodes that they may run on; null where nobody knows how many nodes there will be. */
function roomFor(unit: Unit, { plan, edits }: Outcome, facts: PlanFacts): number | null {
  if (plan === null) return null;
  const isNarrowed = edits.some(
    (edit) => edit.kind === 'set-node-selector' || edit.kind === 'add-node-affinity',
  );
  const wanted = { resource: plan.resource, count: plan.gpus };
  const spec = schedulingOf(unit, unit.members[0]);
  const classes = reachableClasses(knownClasses(facts), spec, wanted, facts.policy)
    .map((one) => one.nodeClass)
    .filter((one) => one.sharing === 'none' && (!isNarrowed || isSameShape(one, plan.shape)));
  if (classes.length === 0 || classes.some((one) => one.source !== 'node')) return null;
  return classes.reduce((sum, one) => sum + one.nodes * Math.floor(one.gpusPerNode / plan.gpus), 0);
}

function isSameShape({ id }: NodeClass, shape: string | null): boolean {
  return id === shape;
}
