import type { Finding } from '../findings.ts';
import type { Parallel } from '../sizing/shapes.ts';
import type { ChosenPlan, Edit, Judged } from './types.ts';

/** What planning one serving replica comes to, before modes and policies turn it into a verdict. */
export interface Outcome {
  readonly findings: readonly Finding[];
  readonly judged: Judged | null;
  readonly plan: ChosenPlan | null;
  readonly edits: readonly Edit[];
}

export const NOTHING: Outcome = { findings: [], judged: null, plan: null, edits: [] };

/** A plan for `perPod` GPUs of `resource` in each of `pods` pods. */
export function chosenPlan(
  resource: string,
  perPod: number,
  pods: number,
  shape: string | null,
  parallel: Parallel,
): ChosenPlan {
  return {
    resource,
    gpus: perPod,
    shape,
    tensorParallel: parallel.tensor,
    pipelineParallel: parallel.pipeline,
    nodes: pods,
  };
}
