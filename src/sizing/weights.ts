import { type Bytes, bytes, ceilDiv } from '../units.ts';
import { countParameters, moeLayersOf, type Ranks, type Slice, sliceOf, sliceOfWhole } from './parameters.ts';
import {
  type CheckpointWeights,
  COMPONENTS,
  type Component,
  type ModelShape,
  type StorageFormat,
} from './shapes.ts';
import type { Stage } from './stages.ts';

/** What nothing quantizes: two bytes a weight, no scales. */
export const BF16: StorageFormat = { name: 'bf16', bits: 16, groups: [], rowScaleBytes: 0 };

export const VISION_COMPONENTS: readonly Component[] = ['visionTower', 'visionAdapter', 'projector'];
const TEXT_COMPONENTS: readonly Component[] = COMPONENTS.filter((name) => !VISION_COMPONENTS.includes(name));

type Tensors = Extract<CheckpointWeights, { kind: 'tensors' }>;

/** Weights, then one scale per group, then one per output row. */
function storedBytes(format: StorageFormat, slice: Slice): number {
  let sum = Math.ceil((slice.weights * format.bits) / 8) + slice.rows * format.rowScaleBytes;
  for (const group of format.groups) sum += Math.ceil((ceilDiv(slice.weights, group.size) * group.bits) / 8);
  return sum;
}

function componentsBytes(
  weights: Tensors,
  components: readonly Component[],
  slice: (component: Component) => Slice,
): number {
  let sum = 0;
  for (const component of components) sum += storedBytes(weights.formats[component], slice(component));
  return sum;
}

/** What the last N expert layers cost more because they stay bf16. */
function unquantizedExtra(weights: Tensors, layers: number, slice: (moeLayers: number) => Slice): number {
  if (layers <= 0) return 0;
  const experts = slice(layers);
  return Math.max(0, storedBytes(BF16, experts) - storedBytes(weights.formats.routedExperts, experts));
}

/** A whole checkpoint, as it lies on disk. */
export function weightBytes(shape: ModelShape, weights: CheckpointWeights): Bytes {
  if (weights.kind === 'file') return bytes(weights.bytes + weights.projectorBytes);
  const slice = sliceOfWhole(shape);
  const moeLayers = moeLayersOf(shape);
  const experts = slice('routedExperts');
  const perLayer = (layers: number): Slice => ({
    weights: (experts.weights / moeLayers) * layers,
    rows: (experts.rows / moeLayers) * layers,
  });
  const kept = Math.min(weights.unquantizedExpertLayers, moeLayers);
  return bytes(componentsBytes(weights, COMPONENTS, slice) + unquantizedExtra(weights, kept, perLayer));
}

/** Expert layers of this stage that stay bf16: of the model's last N, those that are here. */
export function keptOnStage(model: ModelShape, weights: CheckpointWeights, stage: Stage): number {
  if (weights.kind === 'file') return 0;
  const before = Math.floor(stage.firstLayer / model.moeLayerStep);
  const firstKept = moeLayersOf(model) - weights.unquantizedExpertLayers;
  return Math.max(0, before + stage.moeLayers - Math.max(before, firstKept));
}

/** A file's tensors are not listed: it is spread as its parameters are. The vision projector is another file, uncut. */
function fileShare(model: ModelShape, stage: Stage, ranks: Ranks, fileBytes: number): number {
  const slice = sliceOf(model, stage, ranks);
  const counts = countParameters(model);
  let mine = 0;
  let all = 0;
  for (const component of TEXT_COMPONENTS) {
    mine += slice(component).weights;
    all += counts[component];
  }
  return Math.ceil((fileBytes * mine) / all);
}

export interface GpuWeights {
  readonly text: number;
  readonly vision: number;
}

/** What one GPU of a stage holds. */
export function gpuWeights(
  model: ModelShape,
  weights: CheckpointWeights,
  stage: Stage,
  ranks: Ranks,
): GpuWeights {
  if (weights.kind === 'file') {
    return {
      text: fileShare(model, stage, ranks, weights.bytes),
      vision: stage.hasVision ? weights.projectorBytes : 0,
    };
  }
  const slice = sliceOf(model, stage, ranks);
  const kept = keptOnStage(model, weights, stage);
  const extra = unquantizedExtra(weights, kept, (moeLayers) =>
    sliceOf(model, { ...stage, moeLayers }, ranks)('routedExperts'),
  );
  return {
    text: componentsBytes(weights, TEXT_COMPONENTS, slice) + extra,
    vision: componentsBytes(weights, VISION_COMPONENTS, slice),
  };
}

/** Name of the format that most weights are in. */
export function formatName(weights: CheckpointWeights): string {
  return weights.kind === 'file' ? 'file' : weights.formats.routedExperts.name;
}
