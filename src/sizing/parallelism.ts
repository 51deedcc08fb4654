import type { EngineProfile } from './engine-profile.ts';
import type { ModelShape, Parallel } from './shapes.ts';

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

function indivisible(tensor: number, heads: string, count: number): string | null {
  const rest = count % tensor;
  if (rest === 0) return null;
  return `tensor parallel ${tensor}: ${count} ${heads} cannot be divided by ${tensor} (remainder ${rest})`;
}

/** KV heads are divided up to their number and copied beyond it, each to equally many ranks (vLLM `llama4.py`). */
function kvReason(tensor: number, kvHeads: number): string | null {
  if (tensor <= kvHeads) return indivisible(tensor, 'KV heads', kvHeads);
  const rest = tensor % kvHeads;
  if (rest === 0) return null;
  return `tensor parallel ${tensor}: ${kvHeads} KV heads cannot be copied evenly to ${tensor} ranks (remainder ${rest})`;
}

function tensorReasons(model: ModelShape, tensor: number, isTextOnly: boolean): readonly string[] {
  const vision = isTextOnly ? null : model.vision;
  const query = indivisible(tensor, 'query heads', model.attentionHeads);
  const keyValue = kvReason(tensor, model.kvHeads);
  const image = vision === null ? null : indivisible(tensor, 'vision heads', vision.heads);
  if (query === null && keyValue === null && image === null) return NONE;
  return [query, keyValue, image].filter((reason) => reason !== null);
}

function stageReasons(model: ModelShape, profile: EngineProfile, pipeline: number): readonly string[] {
  if (pipeline > 1 && !profile.supportsPipelineParallel) {
    return [`pipeline parallel ${pipeline}: ${profile.title} has no pipeline parallelism`];
  }
  if (pipeline <= model.layers) return NONE;
  return [`pipeline parallel ${pipeline}: the model has only ${model.layers} layers`];
}

const NONE: readonly string[] = [];

function countReasons(parallel: Parallel): readonly string[] {
  if (isCount(parallel.tensor) && isCount(parallel.pipeline) && isCount(parallel.data)) return NONE;
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
  const tensor = tensorReasons(model, parallel.tensor, textOnly);
  const stages = stageReasons(model, profile, parallel.pipeline);
  return stages.length === 0 ? tensor : [...tensor, ...stages];
}
