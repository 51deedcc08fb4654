import type { Portion } from './parameters.ts';
import type { ModelShape } from './shapes.ts';

/** One pipeline stage: its layers by kind, and what it holds besides. */
export interface Stage extends Portion {
  readonly index: number;
  readonly count: number;
  readonly firstLayer: number;
  readonly fullLayers: number;
  readonly chunkedLayers: number;
}

/** Which stages hold the vision tower. */
export type VisionStages = 'every' | 'first' | 'none';

/** Layers per stage. */
export type LayerSplit = (layers: number, stages: number) => readonly number[];

/**
 * vLLM `get_pp_indices` (`vllm/distributed/utils.py`): the remainder goes one each to the stages before the last,
 * which has the head to carry.
 */
export function splitBeforeLast(layers: number, stages: number): readonly number[] {
  const base = Math.floor(layers / stages);
  const remainder = layers % stages;
  const counts: number[] = [];
  for (let fromEnd = stages; fromEnd >= 1; fromEnd -= 1) {
    counts.push(base + (fromEnd >= 2 && fromEnd < remainder + 2 ? 1 : 0));
  }
  return counts;
}

/**
 * llama.cpp (`llama_model::load_tensors`): with equal GPUs, layer i of `layers + 1` (the output counts as one)
 * goes to GPU floor(i * gpus / (layers + 1)).
 */
export function splitProportionally(layers: number, stages: number): readonly number[] {
  const counts = new Array<number>(stages).fill(0);
  for (let layer = 0; layer < layers; layer += 1) {
    const stage = Math.floor((layer * stages) / (layers + 1));
    counts[stage] = (counts[stage] ?? 0) + 1;
  }
  return counts;
}

/** Multiples of `step` among layer numbers first+1 … first+count. */
function everyNth(first: number, count: number, step: number): number {
  return Math.floor((first + count) / step) - Math.floor(first / step);
}

export interface StagePlan {
  readonly stages: number;
  readonly split: LayerSplit;
  readonly vision: VisionStages;
}

export function stagesOf(model: ModelShape, plan: StagePlan): readonly Stage[] {
  let firstLayer = 0;
  return plan.split(model.layers, plan.stages).map((layers, index) => {
    const stage = stageAt(model, plan, { index, firstLayer, layers });
    firstLayer += layers;
    return stage;
  });
}

interface Cut {
  readonly index: number;
  readonly firstLayer: number;
  readonly layers: number;
}

function stageAt(model: ModelShape, plan: StagePlan, cut: Cut): Stage {
  const { index, firstLayer, layers } = cut;
  const isFirst = index === 0;
  const isLast = index === plan.stages - 1;
  const fullLayers = everyNth(firstLayer, layers, model.fullAttentionStep);
  const moeLayers = everyNth(firstLayer, layers, model.moeLayerStep);
  return {
    index,
    count: plan.stages,
    firstLayer,
    layers,
    fullLayers,
    chunkedLayers: layers - fullLayers,
    moeLayers,
    denseLayers: layers - moeLayers,
    hasEmbedding: isFirst || (isLast && model.tiedEmbeddings),
    hasHead: isLast,
    hasVision: plan.vision === 'every' || (plan.vision === 'first' && isFirst),
  };
}
