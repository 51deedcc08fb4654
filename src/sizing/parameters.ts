import { ceilDiv } from '../units.ts';
import { COMPONENTS, type Component, type ModelShape, type VisionShape } from './shapes.ts';

/** What one pipeline stage holds of the model. */
export interface Portion {
  readonly layers: number;
  readonly moeLayers: number;
  readonly denseLayers: number;
  readonly hasEmbedding: boolean;
  readonly hasHead: boolean;
  readonly hasVision: boolean;
}

/** How a stage's tensors are cut. */
export interface Ranks {
  /** Slices of attention, shared experts, dense layers, embeddings and vision. */
  readonly tensor: number;
  /** Ranks over which the routed experts are spread: tensor x data. */
  readonly expertRanks: number;
  /** Experts go whole to ranks instead of being cut. */
  readonly isExpertParallel: boolean;
}

/** The share of one GPU: weights, and output rows (per-row scales are counted by them). */
export interface Slice {
  readonly weights: number;
  readonly rows: number;
}

const WHOLE: Ranks = { tensor: 1, expertRanks: 1, isExpertParallel: false };
const NOTHING: Slice = { weights: 0, rows: 0 };

/** Gated feed-forward: gate and up are cut by output row, down by input; down's rows are whole on every rank. */
function gatedSlice(copies: number, hidden: number, ffn: number, ranks: number): Slice {
  return {
    weights: ceilDiv(copies * 3 * hidden * ffn, ranks),
    rows: copies * (ceilDiv(2 * ffn, ranks) + hidden),
  };
}

/**
 * q and o are cut by head. k and v are cut by KV head until every rank holds one, then copied
 * (vLLM `llama4.py`: `num_kv_heads = max(1, total_num_kv_heads // tp_size)`).
 */
function attentionSlice(model: ModelShape, portion: Portion, ranks: Ranks): Slice {
  const queryWidth = model.attentionHeads * model.headDim;
  const kvWidth = Math.max(model.kvHeads, ranks.tensor) * model.headDim;
  const { layers } = portion;
  return {
    weights: ceilDiv(layers * 2 * model.hiddenSize * (queryWidth + kvWidth), ranks.tensor),
    rows: layers * (ceilDiv(queryWidth + 2 * kvWidth, ranks.tensor) + model.hiddenSize),
  };
}

function routedSlice(model: ModelShape, portion: Portion, ranks: Ranks): Slice {
  const { hiddenSize, expertFfnSize, experts } = model;
  if (!ranks.isExpertParallel) {
    return gatedSlice(portion.moeLayers * experts, hiddenSize, expertFfnSize, ranks.expertRanks);
  }
  return gatedSlice(portion.moeLayers * ceilDiv(experts, ranks.expertRanks), hiddenSize, expertFfnSize, 1);
}

/** (336 / 14)^2 patches and a class token: 577 for Llama 4. */
export function patchesPerTile(vision: VisionShape): number {
  return (vision.imageSize / vision.patchSize) ** 2 + 1;
}

/** Tokens that one tile becomes for the text model: 576 x 0.5^2 = 144. */
export function tokensPerTile(vision: VisionShape): number {
  return (patchesPerTile(vision) - 1) * vision.pixelShuffleRatio ** 2;
}

/** Patch embedding, attention and FFN with biases. Norms, positions and biases after a row-parallel product stay whole. */
function towerSlice(vision: VisionShape, tensor: number): Slice {
  const h = vision.hiddenSize;
  const f = vision.ffnSize;
  const cutPerLayer = 4 * h * h + 3 * h + 2 * h * f + f;
  const wholePerLayer = 2 * h + 4 * h;
  const patchEmbedding = 3 * vision.patchSize ** 2 * h;
  const whole = vision.layers * wholePerLayer + h + patchesPerTile(vision) * h + 4 * h;
  return {
    weights: ceilDiv(vision.layers * cutPerLayer + patchEmbedding, tensor) + whole,
    rows: vision.layers * (ceilDiv(3 * h + f, tensor) + 2 * h) + ceilDiv(h, tensor),
  };
}

function adapterSlice(vision: VisionShape, tensor: number): Slice {
  const { adapterInputSize, adapterOutputSize } = vision;
  return {
    weights: ceilDiv(adapterInputSize * adapterOutputSize + adapterOutputSize ** 2, tensor),
    rows: ceilDiv(adapterOutputSize, tensor) + adapterOutputSize,
  };
}

function vocabularySlice(model: ModelShape, isHeld: boolean, tensor: number): Slice {
  if (!isHeld) return NOTHING;
  return {
    weights: ceilDiv(model.vocabSize * model.hiddenSize, tensor),
    rows: ceilDiv(model.vocabSize, tensor),
  };
}

function normSlice(model: ModelShape, portion: Portion): Slice {
  const vectors = 2 * portion.layers + (portion.hasHead ? 1 : 0);
  return { weights: vectors * model.hiddenSize, rows: 0 };
}

type SliceRule = (model: ModelShape, portion: Portion, ranks: Ranks) => Slice;

const SLICES: Readonly<Record<Component, SliceRule>> = {
  tokenEmbedding: (model, portion, ranks) => vocabularySlice(model, portion.hasEmbedding, ranks.tensor),
  lmHead: (model, portion, ranks) =>
    vocabularySlice(model, portion.hasHead && !model.tiedEmbeddings, ranks.tensor),
  attention: attentionSlice,
  router: (model, portion) => ({
    weights: portion.moeLayers * model.hiddenSize * model.experts,
    rows: portion.moeLayers * model.experts,
  }),
  routedExperts: routedSlice,
  sharedExperts: (model, portion, ranks) =>
    gatedSlice(portion.moeLayers, model.hiddenSize, model.expertFfnSize, ranks.tensor),
  denseFfn: (model, portion, ranks) =>
    gatedSlice(portion.denseLayers, model.hiddenSize, model.denseFfnSize, ranks.tensor),
  norms: normSlice,
  visionTower: (model, portion, ranks) =>
    model.vision !== null && portion.hasVision ? towerSlice(model.vision, ranks.tensor) : NOTHING,
  visionAdapter: (model, portion, ranks) =>
    model.vision !== null && portion.hasVision ? adapterSlice(model.vision, ranks.tensor) : NOTHING,
  projector: (model, portion, ranks) =>
    model.vision !== null && portion.hasVision
      ? {
          weights: ceilDiv(model.vision.adapterOutputSize * model.hiddenSize, ranks.tensor),
          rows: ceilDiv(model.hiddenSize, ranks.tensor),
        }
      : NOTHING,
};

/** What one GPU of a stage holds of a component. */
export function sliceOf(model: ModelShape, portion: Portion, ranks: Ranks): (component: Component) => Slice {
  return (component) => SLICES[component](model, portion, ranks);
}

export function moeLayersOf(model: ModelShape): number {
  return Math.floor(model.layers / model.moeLayerStep);
}

/** The model undivided. */
export function wholePortion(model: ModelShape): Portion {
  const moeLayers = moeLayersOf(model);
  return {
    layers: model.layers,
    moeLayers,
    denseLayers: model.layers - moeLayers,
    hasEmbedding: true,
    hasHead: true,
    hasVision: true,
  };
}

export function sliceOfWhole(model: ModelShape): (component: Component) => Slice {
  return sliceOf(model, wholePortion(model), WHOLE);
}

export type ParameterCounts = Readonly<Record<Component, number>> & { readonly total: number };

/** All parameters, also those that a token does not pass: memory holds every expert. */
export function countParameters(shape: ModelShape): ParameterCounts {
  const slice = sliceOfWhole(shape);
  const count = (component: Component): number => slice(component).weights;
  let total = 0;
  for (const component of COMPONENTS) total += count(component);
  return {
    tokenEmbedding: count('tokenEmbedding'),
    lmHead: count('lmHead'),
    attention: count('attention'),
    router: count('router'),
    routedExperts: count('routedExperts'),
    sharedExperts: count('sharedExperts'),
    denseFfn: count('denseFfn'),
    norms: count('norms'),
    visionTower: count('visionTower'),
    visionAdapter: count('visionAdapter'),
    projector: count('projector'),
    total,
  };
}
