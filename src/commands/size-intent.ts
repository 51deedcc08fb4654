import {
  checkpointFor,
  findGpus,
  findModel,
  gpuNames,
  modelNames,
  nearest,
  parseQuantizationName,
  quantizationNames,
} from '../catalog/resolve.ts';
import type { Catalog, CheckpointEntry, GpuEntry, ModelMatch, Quantization } from '../catalog/types.ts';
import { ENGINE_NAMES, type EngineName } from '../engine/types.ts';
import { DEFAULT_SETTINGS } from '../intent/settings.ts';
import { parseTokens } from '../intent/tokens.ts';
import type { EngineSettings, Intent } from '../intent/types.ts';
import { TRAINING_METHODS, type TrainingMethod } from '../intent/values.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { kvDtype } from '../sizing/kv-dtype.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { UsageError } from './io.ts';
import { chosen, countOf, textOf, type Values } from './size-options.ts';

/** What the options of `size` and `solve` describe, in the words of the planner. */

function modelOf(values: Values, catalog: Catalog): ModelMatch {
  const text = textOf(values, 'model');
  if (text === null) throw new UsageError('--model is needed: scout, maverick, behemoth or a checkpoint');
  const found = findModel(catalog, text);
  if (found !== null) return found;
  const close = nearest(modelNames(catalog), text, 3);
  throw new UsageError(
    `--model ${text}: no such model; ${close.length > 0 ? `nearest: ${close.join(', ')}` : 'see vramgate catalog models'}`,
  );
}

function quantizationOf(values: Values, match: ModelMatch, catalog: Catalog): Quantization {
  const text = textOf(values, 'quantization');
  if (text === null) return match.checkpoint?.quantization ?? 'bf16';
  const parsed = parseQuantizationName(text);
  if (parsed !== null) return parsed;
  const close = nearest(quantizationNames(catalog), text, 3);
  throw new UsageError(
    `--quantization ${text}: not known; ${close.length > 0 ? `nearest: ${close.join(', ')}` : 'see --help'}`,
  );
}

function checkpointOf(match: ModelMatch, quantization: Quantization): CheckpointEntry | null {
  if (match.model.shape === null) return null;
  if (match.checkpoint !== null && match.checkpoint.quantization === quantization) return match.checkpoint;
  const found = checkpointFor(match.model, quantization, match.checkpoint?.isInstruct ?? true);
  if (found === null)
    throw new UsageError(
      `--quantization ${quantization}: no published checkpoint of ${match.model.name} is known`,
    );
  return found;
}

function contextOf(values: Values, checkpoint: CheckpointEntry | null): number {
  const text = textOf(values, 'context');
  if (text === null) {
    if (checkpoint !== null) return checkpoint.maxContext;
    throw new UsageError('--context is needed for this model');
  }
  const parsed = parseTokens(text);
  if (parsed === null) {
    throw new UsageError(
      `--context ${text}: not a number of tokens; write 131072, 128K (x1024) or 128k (x1000)`,
    );
  }
  if (checkpoint !== null && parsed > checkpoint.maxContext) {
    throw new UsageError(
      `--context ${text}: ${checkpoint.id} declares at most ${checkpoint.maxContext} tokens`,
    );
  }
  return parsed;
}

/** The engine's own fraction, whatever the engine calls it (contract §6). */
const FRACTION_FLAGS = ['memory-fraction', 'gpu-memory-utilization', 'mem-fraction-static'] as const;

function fractionOf(values: Values): number | null {
  const given = FRACTION_FLAGS.map((flag) => textOf(values, flag)).filter((text) => text !== null);
  const [text] = given;
  if (text === undefined) return null;
  if (given.length > 1) throw new UsageError(`--${FRACTION_FLAGS.join(', --')} mean the same: give one`);
  const fraction = /^(?:0?\.\d{1,6}|1(?:\.0{1,6})?)$/.test(text) ? Number(text) : Number.NaN;
  if (fraction > 0 && fraction <= 1) return fraction;
  throw new UsageError(`--memory-fraction ${text}: must be above 0 and at most 1`);
}

function settingsOf(values: Values): EngineSettings {
  return {
    ...DEFAULT_SETTINGS,
    maxNumSeqs: countOf(values, 'max-num-seqs'),
    maxNumBatchedTokens: countOf(values, 'max-num-batched-tokens'),
    cudaGraphMaxBs: countOf(values, 'cuda-graph-max-bs'),
    memoryFraction: fractionOf(values),
    hybridKv: chosen(values, 'hybrid-kv-cache', ['auto', 'on', 'off']) ?? 'auto',
    enforceEager: values['enforce-eager'] === true,
    textOnly: values['text-only'] === true,
  };
}

const FROM_FLAGS = { from: 'flag' as const, path: [] };

export function intentOf(values: Values, catalog: Catalog): Intent {
  const match = modelOf(values, catalog);
  const quantization = quantizationOf(values, match, catalog);
  const checkpoint = checkpointOf(match, quantization);
  const engine: EngineName = chosen(values, 'engine', ENGINE_NAMES) ?? 'vllm';
  const version = textOf(values, 'engine-version');
  const profile = engineProfile(engine, version);
  const kvName = textOf(values, 'kv-cache-dtype') ?? 'auto';
  const kv = profile === null ? null : kvDtype(profile, kvName);
  if (kv === null) {
    const names = [...(profile?.kvDtypes.keys() ?? [])];
    throw new UsageError(
      `--kv-cache-dtype ${kvName}: not known to ${engine}; one of ${names.slice(0, 12).join(', ')}`,
    );
  }
  const workload = chosen(values, 'workload', ['inference', 'training']) ?? 'inference';
  const method: TrainingMethod | null = chosen(values, 'training-method', TRAINING_METHODS);
  if (workload === 'inference' && method !== null)
    throw new UsageError('--training-method needs --workload training');
  if (workload === 'training' && method === null && values.method !== 'published')
    throw new UsageError('--workload training needs --training-method full, bf16-adamw, lora or qlora');
  return {
    workload,
    trainingMethod: method,
    model: { value: match.model, origin: FROM_FLAGS },
    checkpoint: checkpoint === null ? null : { value: checkpoint, origin: FROM_FLAGS },
    loadedFrom: null,
    context: { value: contextOf(values, checkpoint), origin: FROM_FLAGS },
    isContextAuto: false,
    needsContextFlag: false,
    quantization,
    kvCacheDtype: { value: kvName, origin: FROM_FLAGS },
    kvDtype: kv,
    concurrency: { value: countOf(values, 'concurrency') ?? 1, origin: FROM_FLAGS },
    engine,
    engineVersion: version,
    engineRecognisedBy: 'annotation',
    settings: settingsOf(values),
    tensorParallel: null,
    pipelineParallel: null,
    dataParallel: 1,
    dataParallelLocal: null,
    copies: 1,
    nodes: null,
    visibleGpus: null,
    spills: false,
    isExpertParallel: false,
    gpus: null,
  };
}

export interface NamedGpu {
  readonly gpu: GpuEntry;
  readonly device: DeviceShape;
}

/** A family means its smallest product: it decides (contract §2). */
export function deviceOf(values: Values, catalog: Catalog): NamedGpu | null {
  const text = textOf(values, 'gpu');
  if (text === null) return null;
  const found = findGpus(catalog, text);
  if (found.length === 0) {
    const close = nearest(gpuNames(catalog), text, 3);
    throw new UsageError(
      `--gpu ${text}: no such GPU; ${close.length > 0 ? `nearest: ${close.join(', ')}` : 'see vramgate catalog gpus'}`,
    );
  }
  const sized = found.flatMap((gpu) => (gpu.device === null ? [] : [{ gpu, device: gpu.device }]));
  const [smallest] = sized.toSorted((one, other) => one.device.usableBytes - other.device.usableBytes);
  if (smallest === undefined)
    throw new UsageError(`--gpu ${text}: its memory has not been observed, so nothing can be said`);
  return smallest;
}

/** `--gpus 16` without parallel flags runs as stages of eight; other counts as tensor parallelism. */
export function parallelOf(values: Values): Parallel | null {
  const gpus = countOf(values, 'gpus');
  const tensor = countOf(values, 'tensor-parallel');
  const pipeline = countOf(values, 'pipeline-parallel');
  if (gpus === null && tensor === null && pipeline === null) return null;
  const stages = pipeline ?? (tensor === null && gpus !== null && gpus > 8 && gpus % 8 === 0 ? gpus / 8 : 1);
  const ranks = tensor ?? (gpus === null ? 1 : gpus / stages);
  if (gpus !== null && ranks * stages !== gpus) {
    throw new UsageError(
      `--gpus ${gpus}: tensor parallel ${ranks} x pipeline parallel ${stages} makes ${ranks * stages}`,
    );
  }
  return { tensor: ranks, pipeline: stages, data: 1, isExpertParallel: false };
}
