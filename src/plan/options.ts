import type { Intent } from '../intent/types.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { checkParallel } from '../sizing/parallelism.ts';
import type { Parallel } from '../sizing/shapes.ts';

/** Tensor-parallel sizes that a node can hold; the model's own rules thin them out (llama4-memory.md §4, TP rules). */
const TENSOR_SIZES: readonly number[] = [1, 2, 4, 8, 16];

/** How the engine runs when its flags are what the author wrote: absent flags are the engine's defaults. */
export function runningParallel(intent: Intent, gpus: number | null): Parallel {
  const usesAll = engineProfile(intent.engine, intent.engineVersion)?.defaultGpus === 'all';
  const pipeline = intent.pipelineParallel ?? 1;
  const rest = Math.max(1, Math.floor((gpus ?? 1) / (pipeline * intent.dataParallel * intent.copies)));
  return {
    tensor: intent.tensorParallel ?? (usesAll ? rest : 1),
    pipeline,
    data: intent.dataParallel,
    isExpertParallel: intent.isExpertParallel,
  };
}

/** GPUs that the engine's flags use in one replica: of a launch for one rank of many, that rank's. */
export function usedGpus(intent: Intent, parallel: Parallel, pods: number): number {
  const { tensor, pipeline, data } = parallel;
  const ranks = pods === 1 ? (intent.dataParallelLocal ?? data) : data;
  return tensor * pipeline * ranks * intent.copies;
}

/** Of this many GPUs in all pods of a replica, those that the engine sees. */
export function seenGpus({ visibleGpus }: Intent, gpus: number, pods: number): number {
  return visibleGpus === null ? gpus : Math.min(gpus, visibleGpus.count * pods);
}

export function gpusOf(parallel: Parallel): number {
  return parallel.tensor * parallel.pipeline * parallel.data;
}

/** Reasons why the model or the engine cannot run in this shape; empty when it can. */
export function parallelProblems(intent: Intent, parallel: Parallel): readonly string[] {
  const profile = engineProfile(intent.engine, intent.engineVersion);
  const shape = intent.model.value.shape;
  const tooLarge = sizeProblem(intent, parallel);
  if (tooLarge !== null) return [tooLarge];
  if (profile === null || shape === null) return [];
  return checkParallel(shape, profile, parallel, intent.settings.textOnly);
}

/** Half of the safe integers: no size may leave them. */
const MOST_BYTES = 2 ** 52;
/** Bounds from above: what a GPU holds beside the cache, and a token of one sequence in 32 bits (393,216 B). */
const GPU_BYTES = 2 ** 40;
const TOKEN_BYTES = 2 ** 19;

/** Thousands of GPUs, or as many caches of millions of tokens: more than any cluster gives to one model. */
function sizeProblem({ context, concurrency }: Intent, parallel: Parallel): string | null {
  const gpus = gpusOf(parallel);
  const caches = parallel.data * Math.ceil(parallel.tensor / 8);
  const most = gpus * GPU_BYTES + caches * context.value * concurrency.value * TOKEN_BYTES;
  return most <= MOST_BYTES
    ? null
    : `one replica of ${gpus} GPUs with such a cache is more than vramgate considers`;
}

/**
 * Ways to run one replica, smallest first, whether or not it can run so. What the author's flags fix stays fixed;
 * `pipeline` is the number of stages to try when no flag says so (one, or the pods of a group).
 */
export function parallelCandidates(intent: Intent, pipeline: number): readonly Parallel[] {
  const tensors = intent.tensorParallel === null ? TENSOR_SIZES : [intent.tensorParallel];
  return tensors.map((tensor) => ({
    tensor,
    pipeline: intent.pipelineParallel ?? pipeline,
    data: intent.dataParallel,
    isExpertParallel: intent.isExpertParallel,
  }));
}

/** True where the replica can run so on at most `maxGpus` GPUs in all its pods. */
export function isRunnable(intent: Intent, option: Parallel, maxGpus: number, pods: number): boolean {
  return (
    usedGpus(intent, option, pods) <= seenGpus(intent, maxGpus, pods) &&
    parallelProblems(intent, option).length === 0
  );
}

/** Those of the candidates that can run on at most `maxGpus` GPUs. */
export function parallelOptions(intent: Intent, maxGpus: number, pipeline: number): readonly Parallel[] {
  return parallelCandidates(intent, pipeline).filter((option) =>
    isRunnable(intent, option, maxGpus, pipeline),
  );
}
