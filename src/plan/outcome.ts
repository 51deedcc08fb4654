import type { Finding } from '../findings.ts';
import type { Parallel } from '../sizing/shapes.ts';
import type { Landing } from './free.ts';
import type { ChosenPlan, Edit, Judged } from './types.ts';

/** What planning one serving replica comes to, before modes and policies turn it into a verdict. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly edits: readonly Edit[];
  /** Where the pods may land, for each template; absent where no nodes are known, or none holds them. */
  readonly landings?: readonly Landing[];
}

export const NOTHING: Outcome = { findings: [], judged: null, plan: null, edits: [] };

/** GPUs of one pod, and the pods of one replica. */
export interface Counted {
  readonly resource: string;
  readonly gpus: number;
  readonly pods: number;
}

export function chosenPlan(
  { resource, gpus, pods }: Counted,
  shape: string | null,
  parallel: Parallel,
): ChosenPlan {
  return {
    resource,
    gpus,
    shape,
    tensorParallel: parallel.tensor,
    pipelineParallel: parallel.pipeline,
    nodes: pods,
  };
}
