import type { EngineReading } from '../engine/types.ts';
import type { Intent } from '../intent/types.ts';
import type { PlacementOwner } from '../workload/ownership.ts';
import type { Container, PodTemplate } from '../workload/types.ts';
import type { Sizer } from './sizer.ts';
import type { GpuAsk } from './types.ts';

/** One pod template of a serving replica, with the GPUs its pod asks for. */
export interface Member {
  readonly template: PodTemplate;
  readonly container: Container;
  readonly ask: GpuAsk | null;
  readonly pods: number;
}

/**
 * One serving replica: a pod, or the pods of a LeaderWorkerSet group. The first member holds the engine's command
 * line; workers of a group may have none.
 */
export interface Unit {
  readonly members: readonly [Member, ...Member[]];
  readonly intent: Intent;
  readonly sizer: Sizer;
  readonly reading: EngineReading | null;
  /** False where nothing may be patched: several serving containers, immutable, owned elsewhere. */
  readonly canEdit: boolean;
  readonly placementOwner: PlacementOwner | null;
  /** Pods that train together (replicas x parallelism); 1 for serving. */
  readonly trainingPods: number;
}

export function podsOf(unit: Unit): number {
  return unit.members.reduce((sum, member) => sum + member.pods, 0);
}

/** GPUs of all pods of the replica, or null when no member asks for any. */
export function askedGpus(unit: Unit): number | null {
  const asks = unit.members.flatMap((member) =>
    member.ask === null ? [] : [member.ask.count * member.pods],
  );
  return asks.length === 0 ? null : asks.reduce((sum, count) => sum + count, 0);
}
