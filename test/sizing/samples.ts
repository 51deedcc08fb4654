import type { SizingRequest } from '../../src/sizing/request.ts';
import {
  type CheckpointWeights,
  COMPONENTS,
  type Component,
  type DeviceShape,
  type ModelShape,
  type Parallel,
  type StorageFormat,
} from '../../src/sizing/shapes.ts';
import { BF16 } from '../../src/sizing/weights.ts';
import { bytes, gibibytes, mebibytes, tokens } from '../../src/units.ts';
import { type EngineProfile, engineProfile } from './engine.ts';

/** The two released models, from llama4-memory.md §1, and checkpoints of theirs. */
export const SCOUT: ModelShape = {
  layers: 48,
  hiddenSize: 5120,
  vocabSize: 202_048,
  attentionHeads: 40,
  kvHeads: 8,
  headDim: 128,
  expertFfnSize: 8192,
  denseFfnSize: 16_384,
  experts: 16,
  expertsPerToken: 1,
  moeLayerStep: 1,
  fullAttentionStep: 4,
  attentionChunkSize: 8192,
  tiedEmbeddings: false,
  vision: {
    layers: 34,
    hiddenSize: 1408,
    ffnSize: 5632,
    heads: 16,
    imageSize: 336,
    patchSize: 14,
    pixelShuffleRatio: 0.5,
    adapterInputSize: 5632,
    adapterOutputSize: 4096,
    maxTiles: 16,
  },
};

export const MAVERICK: ModelShape = { ...SCOUT, experts: 128, moeLayerStep: 2 };

export const SCOUT_POSITIONS = tokens(10_485_760);
export const MAVERICK_POSITIONS = tokens(1_048_576);

const FFN: readonly Component[] = ['routedExperts', 'sharedExperts', 'denseFfn'];
const FFN_AND_ATTENTION: readonly Component[] = [...FFN, 'attention'];
const EXPERTS: readonly Component[] = ['routedExperts', 'sharedExperts'];

export function storage(name: string, bits: number, rest: Partial<StorageFormat> = {}): StorageFormat {
  return { ...BF16, name, bits, ...rest };
}

export function tensors(
  format: StorageFormat,
  quantized: readonly Component[],
  unquantizedExpertLayers = 0,
): CheckpointWeights {
  const formats = Object.fromEntries(
    COMPONENTS.map((component) => [component, quantized.includes(component) ? format : BF16]),
  );
  return {
    kind: 'tensors',
    formats: formats as Readonly<Record<Component, StorageFormat>>,
    unquantizedExpertLayers,
  };
}

const G128 = { size: 128, bits: 16 };

export const BF16_WEIGHTS = tensors(BF16, []);
export const META_FP8 = tensors(storage('fp8', 8, { rowScaleBytes: 4 }), ['routedExperts']);
export const META_FP8_LAST_BF16 = tensors(storage('fp8', 8, { rowScaleBytes: 4 }), ['routedExperts'], 1);
export const FP8_DYNAMIC = tensors(storage('fp8', 8, { rowScaleBytes: 2 }), FFN);
export const FP8_PLAIN = tensors(storage('fp8', 8), FFN);
export const MODELOPT_FP8 = tensors(storage('fp8', 8), FFN_AND_ATTENTION);
export const W4A16 = tensors(storage('w4a16', 4, { groups: [G128] }), FFN);
export const AWQ = tensors(storage('awq', 4, { groups: [G128, { size: 128, bits: 4 }] }), FFN_AND_ATTENTION);
const NVFP4_FORMAT = storage('nvfp4', 4, { groups: [{ size: 16, bits: 8 }] });
export const NVFP4 = tensors(NVFP4_FORMAT, FFN);
export const NVFP4_ATTENTION = tensors(NVFP4_FORMAT, FFN_AND_ATTENTION);
export const INT4_MIXED = tensors(storage('int4', 4, { rowScaleBytes: 4 }), EXPERTS);
export const NF4_LINEARISED = tensors(
  storage('nf4', 4, {
    groups: [
      { size: 64, bits: 8 },
      { size: 16_384, bits: 32 },
    ],
  }),
  FFN_AND_ATTENTION,
);

/** gpus.csv: what CUDA reports as total, and what nvidia-smi does. */
export const H100: DeviceShape = {
  product: 'NVIDIA-H100-80GB-HBM3',
  vendor: 'nvidia',
  usableBytes: gibibytes(79.11),
  totalBytes: mebibytes(81_559),
  computeCapability: '9.0',
  nvlinkDomain: 8,
  arch: 'hopper',
};
export const H200: DeviceShape = {
  ...H100,
  product: 'NVIDIA-H200',
  usableBytes: gibibytes(139.8),
  totalBytes: mebibytes(143_771),
};
export const L40S: DeviceShape = {
  ...H100,
  product: 'NVIDIA-L40S',
  usableBytes: gibibytes(44.39),
  totalBytes: mebibytes(46_068),
  computeCapability: '8.9',
  nvlinkDomain: 1,
  arch: 'ada-lovelace',
};
export const A100: DeviceShape = {
  ...H100,
  product: 'NVIDIA-A100-SXM4-80GB',
  usableBytes: gibibytes(79.15),
  totalBytes: mebibytes(81_920),
  computeCapability: '8.0',
  arch: 'ampere',
};
export const B200: DeviceShape = {
  ...H100,
  product: 'NVIDIA-B200',
  usableBytes: gibibytes(178.35),
  totalBytes: mebibytes(183_359),
  computeCapability: '10.0',
  arch: 'blackwell',
};

export function parallel(tensor: number, pipeline = 1, rest: Partial<Parallel> = {}): Parallel {
  return { tensor, pipeline, data: 1, isExpertParallel: false, ...rest };
}

export function engine(name: string, version: string | null = null): EngineProfile {
  return engineProfile(name, version);
}

export const KV16 = { name: 'bf16', keyBits: 16, valueBits: 16 };
export const KV8 = { name: 'fp8', keyBits: 8, valueBits: 8 };

/** Scout bf16 on vLLM 0.12.0, TP8, 8,192 tokens, one sequence, engine defaults. */
export function request(changes: Partial<SizingRequest> = {}): SizingRequest {
  return {
    model: SCOUT,
    weights: BF16_WEIGHTS,
    maxPositions: SCOUT_POSITIONS,
    loadedFrom: null,
    engine: engine('vllm', '0.12.0'),
    context: tokens(8192),
    concurrency: 1,
    kvDtype: KV16,
    parallel: parallel(8),
    hybridKv: 'auto',
    hybridBlocker: null,
    maxNumSeqs: null,
    maxNumBatchedTokens: null,
    cudaGraphMaxBs: null,
    memoryFraction: null,
    kvCacheBytes: null,
    blockSize: null,
    swaFullTokensRatio: null,
    enforceEager: false,
    textOnly: false,
    multimodalRequested: false,
    lora: null,
    draftBytes: null,
    cpuOffloadBytes: bytes(0),
    ...changes,
  };
}

export function maverick(changes: Partial<SizingRequest> = {}): SizingRequest {
  return request({ model: MAVERICK, maxPositions: MAVERICK_POSITIONS, ...changes });
}
