import type { EngineReading } from '../engine/types.ts';
import type { Intent } from '../intent/types.ts';
import type { PlacementOwner } from '../workload/ownership.ts';
import type { Container, PodSpec, PodTemplate, RolloutSurge } from '../workload/types.ts';
import type { Sizer } from './sizer.ts';
import type { GpuAsk } from './types.ts';

/**
 * What planning reads of a pod. A decision record keeps exactly this, so that the decision can be computed again from
 * it: what is added here is added to `pipeline/record-inputs.ts` as well.
 */
export type PlannedSpec = Pick<
  PodSpec,
  'path' | 'nodeSelector' | 'requiredNodeAffinity' | 'tolerations' | 'volumes' | 'sharesHostIpc'
>;
export type PlannedContainer = Pick<Container, 'path' | 'image' | 'limits' | 'volumeMounts'>;

/** One pod template of a serving replica, with the GPUs its pod asks for. */
export interface Member {
  readonly template: Pick<PodTemplate, 'path'> & { readonly spec: PlannedSpec };
  readonly container: PlannedContainer;
  readonly ask: GpuAsk | null;
  readonly pods: number;
}

export interface Rollout extends RolloutSurge {
  readonly replicas: number;
}

/**
 * One serving replica: a pod, or the pods of a LeaderWorkerSet group. The first member holds the engine's command
 * line; workers of a group may have none.
 */
export interface Unit {
  readonly members: readonly [Member, ...Member[]];
  readonly intent: Intent;
  readonly sizer: Sizer;
  readonly reading: Pick<EngineReading, 'append' | 'flagSites' | 'variables'> | null;
  /** False where nothing may be patched: several serving containers, immutable, owned elsewhere. */
  readonly canEdit: boolean;
  readonly placementOwner: PlacementOwner | null;
  /** What a rolling update adds and takes away; null where the kind does not surge. */
  readonly rollout: Rollout | null;
  /** Pods that train together (all of a replica's, times the replicas); those of a replica for serving. */
  readonly trainingPods: number;
}

/** A replica as it was read, before any method of sizing was chosen. */
export type UnitDraft = Omit<Unit, 'sizer'>;

/** Pods of one replica: those of its group, or those over which the launch of a single template spreads it. */
export function podsOf(unit: UnitDraft): number {
  return groupPods(unit) * spreadOf(unit);
}

function groupPods({ members }: UnitDraft): number {
  let sum = 0;
  for (const { pods } of members) sum += pods;
  return sum;
}

function spreadOf(unit: UnitDraft): number {
  const { nodes } = unit.intent;
  return typeof nodes === 'number' && groupPods(unit) === 1 ? nodes : 1;
}

/** Pods of one replica that are made of this template. */
export function podsLike(unit: UnitDraft, member: Member): number {
  return member.pods * spreadOf(unit);
}

/** GPUs of all pods of the replica, or null when no member asks for any. */
export function askedGpus(unit: UnitDraft): number | null {
  let sum: number | null = null;
  for (const { ask, pods } of unit.members) if (ask !== null) sum = (sum ?? 0) + ask.count * pods;
  return sum === null ? null : sum * spreadOf(unit);
}

/** Twice the largest training cluster that was published; more would only make the need per GPU smaller. */
const MOST_TRAINING_GPUS = 65_536;

/** GPUs that one training state is spread over, of those that the pods ask for. */
export function trainingGpus(unit: UnitDraft): number {
  const gpus = ((askedGpus(unit) ?? 0) * unit.trainingPods) / podsOf(unit);
  return Math.min(MOST_TRAINING_GPUS, gpus);
}

/** The member whose request speaks for the replica: the leader's, or a worker's where the leader runs without a GPU. */
export function askOf(unit: UnitDraft): GpuAsk | null {
  return unit.members.find(({ ask }) => ask !== null && ask.count > 0)?.ask ?? unit.members[0].ask;
}
