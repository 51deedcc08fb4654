import type { BatchLimits } from './engine-profile.ts';
import { patchesPerTile, tokensPerTile } from './parameters.ts';
import type { ModelShape, VisionShape } from './shapes.ts';

/**
 * Peak of one profiling step per GPU. Derived from `mllama4.py`, `llama4.py`, `fused_moe.py`, `gpu_model_runner.py` and
 * `topk_topp_sampler.py` of vLLM 0.12.0 (4fd9d6a85c00), upper-bound counts; reference/engine-facts.md §3 has the derivation.
 */
export interface ActivationInput {
  readonly model: ModelShape;
  readonly tensor: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly limits: BatchLimits;
  /** Bytes per entry of the vocabulary that sampling all sequences keeps alive. */
  readonly samplerBytes: (sequences: number) => number;
  /** The engine profiles with images. */
  readonly hasImages: boolean;
}

export interface ActivationPeak {
  readonly bytes: number;
  readonly cause: 'sampler' | 'text' | 'vision encoder';
}

/** bf16. */
const ELEMENT_BYTES = 2;

/**
 * Alive per token in a decoder layer, in units of the hidden size and of the expert FFN size: attention path
 * 10 hidden (51,200 B at 5120) + 6 ffn / tp (49,152 B at 8192); expert path 12 hidden (61,440 B) + 2 ffn / tp (16,384 B).
 */
function textPeak(input: ActivationInput): number {
  const { hiddenSize, expertFfnSize } = input.model;
  const attentionPath = 10 * hiddenSize + (6 * expertFfnSize) / input.tensor;
  const expertPath = 12 * hiddenSize + (2 * expertFfnSize) / input.tensor;
  return input.limits.batchedTokens * Math.max(attentionPath, expertPath);
}

/**
 * Logits are gathered whole on every rank, so tensor parallelism does not shrink this. To them come the hidden states
 * of the batch (2 H per token) and of the sampled rows, gathered and normed (4 H per row; inferred: with it the table
 * of peaks in engine-facts.md comes out to the last digit also in the rows with many sequences).
 */
function samplerPeak(input: ActivationInput): number {
  const { sequences, batchedTokens } = input.limits;
  const { hiddenSize, vocabSize } = input.model;
  return (
    vocabSize * input.samplerBytes(sequences) +
    2 * ELEMENT_BYTES * sequences * hiddenSize +
    ELEMENT_BYTES * batchedTokens * hiddenSize
  );
}

/** Tiles of the largest image: 16 and the global one. */
function tilesPerImage(vision: VisionShape): number {
  return vision.maxTiles + 1;
}

/** Images in the profiling run: the encoder budget (the batch, at least one image of 2,448 tokens) over one image. */
function profiledImages(vision: VisionShape, batchedTokens: number): number {
  const perImage = tilesPerImage(vision) * tokensPerTile(vision);
  return Math.floor(Math.max(batchedTokens, perImage) / perImage);
}

/** Per patch 4 widths (5,632 B at 1408) and 26 widths / tp (36,600 B): attention and FFN of the tower, bf16. */
function visionPeak(vision: VisionShape, images: number, tensor: number): number {
  const patches = images * tilesPerImage(vision) * patchesPerTile(vision);
  return patches * (4 * vision.hiddenSize + (26 * vision.hiddenSize) / tensor);
}

/** Encoder outputs and pixels (3 colours, bf16) stay alive while the text model runs. */
function keptImages(vision: VisionShape, images: number, hiddenSize: number): number {
  const outputs = tilesPerImage(vision) * tokensPerTile(vision) * ELEMENT_BYTES * hiddenSize;
  const pixels = tilesPerImage(vision) * 3 * vision.imageSize ** 2 * ELEMENT_BYTES;
  return images * (outputs + pixels);
}

/** Alive beside the peak: images on the first stage, the received hidden states and residual on later ones. */
function keptBytes(input: ActivationInput, images: number): number {
  const { vision, hiddenSize } = input.model;
  if (!input.isFirst) return 2 * ELEMENT_BYTES * input.limits.batchedTokens * hiddenSize;
  return vision === null ? 0 : keptImages(vision, images, hiddenSize);
}

export function activationPeak(input: ActivationInput): ActivationPeak {
  const { vision } = input.model;
  const hasImages = input.hasImages && vision !== null;
  const images = hasImages ? profiledImages(vision, input.limits.batchedTokens) : 0;
  const kept = keptBytes(input, images);
  const text = textPeak(input) + kept;
  const sampler = input.isLast ? samplerPeak(input) + kept : 0;
  const encoder = hasImages && input.isFirst ? visionPeak(vision, images, input.tensor) : 0;
  const most = Math.max(text, sampler, encoder);
  if (most === sampler) return { bytes: most, cause: 'sampler' };
  return { bytes: most, cause: most === text ? 'text' : 'vision encoder' };
}
