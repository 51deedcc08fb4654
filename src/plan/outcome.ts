import type { Finding } from '../findings.ts';
import type { Parallel } from '../sizing/shapes.ts';
import type { ChosenPlan, Edit, Judged } from './types.ts';

/** What planning one serving replica comes to, before modes and policies turn it into a verdict. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly edits: readonly Edit[];
  /** Products that the pods may land on, where nodes are known; absent: the one that was judged. */
  readonly products?: readonly string[];
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
