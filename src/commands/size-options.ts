import { parseArgs } from 'node:util';
import { builtinCatalog } from '../catalog/builtin.ts';
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
import type { CheckpointEntry, GpuEntry, ModelMatch, Quantization } from '../catalog/types.ts';
import { ENGINE_NAMES, type EngineName } from '../engine/types.ts';
import { DEFAULT_SETTINGS } from '../intent/settings.ts';
import { parseTokens } from '../intent/tokens.ts';
import type { EngineSettings, Intent } from '../intent/types.ts';
import { TRAINING_METHODS, type TrainingMethod } from '../intent/values.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { kvDtype } from '../sizing/kv-dtype.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { UsageError } from './io.ts';

export const SIZE_OPTIONS = {
  model: { type: 'string' },
  context: { type: 'string' },
  quantization: { type: 'string' },
  method: { type: 'string' },
  engine: { type: 'string' },
  'engine-version': { type: 'string' },
  gpu: { type: 'string' },
  gpus: { type: 'string' },
  'tensor-parallel': { type: 'string' },
  'pipeline-parallel': { type: 'string' },
  'kv-cache-dtype': { type: 'string' },
  'hybrid-kv-cache': { type: 'string' },
  concurrency: { type: 'string' },
  'max-num-seqs': { type: 'string' },
  'max-num-batched-tokens': { type: 'string' },
  'cuda-graph-max-bs': { type: 'string' },
  'memory-fraction': { type: 'string' },
  'gpu-memory-utilization': { type: 'string' },
  'mem-fraction-static': { type: 'string' },
  'enforce-eager': { type: 'boolean' },
  'text-only': { type: 'boolean' },
  workload: { type: 'string' },
  'training-method': { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const SIZE_USAGE = `usage: vramgate size --model NAME [options]

  --model NAME                 scout, maverick, behemoth, or a checkpoint such as
                               meta-llama/Llama-4-Scout-17B-16E-Instruct
  --context N                  tokens: 131072, 128K (x1024), 128k (x1000); default: the checkpoint's maximum
  --quantization NAME          bf16 fp16 fp8 int8 int4 w4a16 awq gptq nf4 nvfp4, or a GGUF type such as Q4_K_M
  --method computed|published  default: computed
  --engine NAME                vllm sglang llama.cpp tensorrt-llm tgi ollama; default: vllm
  --engine-version X           such as 0.11.0; unknown means the costlier case
  --gpu PRODUCT                a catalog product, or a family such as H100 (its smallest product decides)
  --gpus N                     GPUs of one replica
  --tensor-parallel N          default: --gpus
  --pipeline-parallel N        default: 1
  --kv-cache-dtype NAME        auto, bf16, fp8, or the engine's own names
  --hybrid-kv-cache auto|on|off
  --concurrency N              full-length sequences at once; default: 1
  --max-num-seqs N  --max-num-batched-tokens N  --cuda-graph-max-bs N
  --memory-fraction F          the engine's own fraction (also --gpu-memory-utilization, --mem-fraction-static)
  --enforce-eager  --text-only
  --workload inference|training  --training-method full|bf16-adamw|lora|qlora
  -o, --output table|json|yaml default: table

exit codes: 0 fits or no GPU named, 3 does not fit, 2 wrong input, 1 a fault of vramgate
`;

export type Flag = keyof typeof SIZE_OPTIONS;
export type Values = { readonly [K in Flag]?: string | boolean | undefined };

export function readFlags(argv: readonly string[]): Values {
  try {
    return parseArgs({ args: [...argv], options: SIZE_OPTIONS, strict: true, allowPositionals: false })
      .values;
  } catch (error) {
    const flag = argv.find(
      (word) => word.startsWith('--') && !Object.hasOwn(SIZE_OPTIONS, word.slice(2).split('=')[0] ?? ''),
    );
    const close = flag === undefined ? [] : nearest(Object.keys(SIZE_OPTIONS), flag.slice(2), 1);
    const hint = close.length > 0 ? `; did you mean --${close.join('')}?` : '';
    const text =
      error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : 'the options cannot be read';
    throw new UsageError(`${text}${hint}`);
  }
}

function textOf(values: Values, flag: Flag): string | null {
  const value = values[flag];
  return typeof value === 'string' ? value : null;
}

export function chosen<T extends string>(values: Values, flag: Flag, allowed: readonly T[]): T | null {
  const text = textOf(values, flag);
  if (text === null) return null;
  const found = allowed.find((one) => one === text.toLowerCase());
  if (found !== undefined) return found;
  const close = nearest(allowed, text, 1);
  const hint = close.length > 0 ? `; did you mean ${close.join('')}?` : `; one of ${allowed.join(', ')}`;
  throw new UsageError(`--${flag} ${text}: not a value that is known${hint}`);
}

function countOf(values: Values, flag: Flag): number | null {
  const text = textOf(values, flag);
  if (text === null) return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag} ${text}: must be a whole number from 1`);
}

function modelOf(values: Values): ModelMatch {
  const text = textOf(values, 'model');
  if (text === null) throw new UsageError('--model is needed: scout, maverick, behemoth or a checkpoint');
  const found = findModel(builtinCatalog, text);
  if (found !== null) return found;
  const close = nearest(modelNames(builtinCatalog), text, 3);
  throw new UsageError(
    `--model ${text}: no such model; ${close.length > 0 ? `nearest: ${close.join(', ')}` : 'see vramgate catalog models'}`,
  );
}

function quantizationOf(values: Values, match: ModelMatch): Quantization {
  const text = textOf(values, 'quantization');
  if (text === null) return match.checkpoint?.quantization ?? 'bf16';
  const parsed = parseQuantizationName(text);
  if (parsed !== null) return parsed;
  const close = nearest(quantizationNames(builtinCatalog), text, 3);
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

function fractionOf(values: Values): number | null {
  const text =
    textOf(values, 'memory-fraction') ??
    textOf(values, 'gpu-memory-utilization') ??
    textOf(values, 'mem-fraction-static');
  if (text === null) return null;
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

export function intentOf(values: Values): Intent {
  const match = modelOf(values);
  const quantization = quantizationOf(values, match);
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
  if (workload === 'training' && method === null)
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
    isExpertParallel: false,
    gpus: null,
  };
}

export function deviceOf(values: Values): { readonly gpu: GpuEntry; readonly device: DeviceShape } | null {
  const text = textOf(values, 'gpu');
  if (text === null) return null;
  const found = findGpus(builtinCatalog, text);
  if (found.length === 0) {
    const close = nearest(gpuNames(builtinCatalog), text, 3);
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
