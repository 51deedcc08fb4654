import type { EngineProfile } from './engine-profile.ts';
import type { ModelShape, Parallel } from './shapes.ts';

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

interface Heads {
  readonly name: string;
  readonly count: number;
}

function indivisible(tensor: number, heads: Heads): string | null {
  const rest = heads.count % tensor;
  if (rest === 0) return null;
  return `tensor parallel ${tensor}: ${heads.count} ${heads.name} cannot be divided by ${tensor} (remainder ${rest})`;
}

/** KV heads are divided up to their number and copied beyond it, each to equally many ranks (vLLM `llama4.py`). */
function kvReason(tensor: number, kvHeads: number): string | null {
  if (tensor <= kvHeads) return indivisible(tensor, { name: 'KV heads', count: kvHeads });
  const rest = tensor % kvHeads;
  if (rest === 0) return null;
  return `tensor parallel ${tensor}: ${kvHeads} KV heads cannot be copied evenly to ${tensor} ranks (remainder ${rest})`;
}

function tensorReasons(model: ModelShape, tensor: number, isTextOnly: boolean): readonly string[] {
  const vision = isTextOnly ? null : model.vision;
  const reasons = [
    indivisible(tensor, { name: 'query heads', count: model.attentionHeads }),
    kvReason(tensor, model.kvHeads),
    vision === null ? null : indivisible(tensor, { name: 'vision heads', count: vision.heads }),
  ];
  return reasons.filter((reason) => reason !== null);
}

function stageReasons(model: ModelShape, profile: EngineProfile, pipeline: number): readonly string[] {
  if (pipeline > 1 && !profile.supportsPipelineParallel) {
    return [`pipeline parallel ${pipeline}: ${profile.title} has no pipeline parallelism`];
  }
  if (pipeline <= model.layers) return [];
  return [`pipeline parallel ${pipeline}: the model has only ${model.layers} layers`];
}

function countReasons(parallel: Parallel): readonly string[] {
  const counts: readonly (readonly [string, number])[] = [
    ['tensor', parallel.tensor],
    ['pipeline', parallel.pipeline],
    ['data', parallel.data],
  ];
  return counts
    .filter(([, value]) => !isCount(value))
    .map(([name, value]) => `${name} parallel ${value}: must be a whole number of at least 1`);
}

/** Why this split cannot run, with the arithmetic; empty when it can. */
export function checkParallel(
  model: ModelShape,
  profile: EngineProfile,
  parallel: Parallel,
  textOnly = false,
): readonly string[] {
  const wrong = countReasons(parallel);
  if (wrong.length > 0) return wrong;
  if (!profile.supportsTensorParallel) {
    return stageReasons(model, profile, parallel.tensor * parallel.pipeline * parallel.data);
  }
  return [
    ...tensorReasons(model, parallel.tensor, textOnly),
    ...stageReasons(model, profile, parallel.pipeline),
  ];
}
