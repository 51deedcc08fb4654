import { weightBytes } from '../sizing/weights.ts';
import { formatsMeantBy, parseQuantizationName } from './quantization-names.ts';
import type {
  Catalog,
  CheckpointEntry,
  GpuEntry,
  InstanceTypeEntry,
  ModelEntry,
  ModelMatch,
  Quantization,
} from './types.ts';

export { nearest } from './nearest.ts';
export { parseQuantizationName, quantizationNames } from './quantization-names.ts';

interface Index {
  readonly models: ReadonlyMap<string, ModelMatch>;
  readonly gpus: ReadonlyMap<string, readonly GpuEntry[]>;
  readonly instanceTypes: ReadonlyMap<string, InstanceTypeEntry>;
  /** Names without their precision: what a name with a precision suffix is compared with. */
  readonly bases: ReadonlyMap<string, { readonly model: ModelEntry; readonly isInstruct: boolean }>;
}

const indexes = new WeakMap<Catalog, Index>();

function indexOf(catalog: Catalog): Index {
  const known = indexes.get(catalog);
  if (known !== undefined) return known;
  const built = buildIndex(catalog);
  indexes.set(catalog, built);
  return built;
}

function buildIndex(catalog: Catalog): Index {
  const models = new Map<string, ModelMatch>();
  const bases = new Map<string, { readonly model: ModelEntry; readonly isInstruct: boolean }>();
  for (const model of catalog.models) {
    models.set(model.id.toLowerCase(), { model, checkpoint: null });
    models.set(model.name.toLowerCase(), { model, checkpoint: null });
    for (const checkpoint of model.checkpoints) {
      for (const name of [checkpoint.id, ...checkpoint.aliases])
        models.set(name.toLowerCase(), { model, checkpoint });
      if (checkpoint.quantization === 'bf16')
        bases.set(baseName(checkpoint.id), { model, isInstruct: checkpoint.isInstruct });
    }
  }
  const instanceTypes = new Map(catalog.instanceTypes.map((row) => [row.name.toLowerCase(), row]));
  return { models, gpus: gpuIndex(catalog), instanceTypes, bases };
}

function gpuIndex(catalog: Catalog): ReadonlyMap<string, readonly GpuEntry[]> {
  const exact = new Map<string, readonly GpuEntry[]>();
  const families = new Map<string, readonly GpuEntry[]>();
  for (const gpu of catalog.gpus) {
    for (const name of [gpu.product, ...gpu.aliases]) exact.set(name.toLowerCase(), [gpu]);
    // A family means whole GPUs; slices are named outright.
    if (gpu.mig !== null) continue;
    for (const family of gpu.families) {
      const key = family.toLowerCase();
      families.set(key, [...(families.get(key) ?? []), gpu]);
    }
  }
  return new Map([...exact, ...families]);
}

/** `meta-llama/Llama-4-Scout-17B-16E-Instruct` → `llama-4-scout-17b-16e-instruct`. */
function baseName(id: string): string {
  return (id.split('/').at(-1) ?? id).toLowerCase();
}

const MAX_NAME = 512;

/** A model by short name, hub id, alias, or a known name with a precision behind it. Never by a guess. */
export function findModel(catalog: Catalog, text: string): ModelMatch | null {
  const name = text.trim().toLowerCase();
  if (name === '' || name.length > MAX_NAME) return null;
  const index = indexOf(catalog);
  return index.models.get(name) ?? findByBase(index, name);
}

/** Separators between a base name and its precision, in names of uploads and GGUF files. */
const SEPARATORS = ['-', '.', '_', ':'];

function findByBase(index: Index, name: string): ModelMatch | null {
  const last = baseName(withoutFileParts(name));
  for (const [base, found] of index.bases) {
    if (last === base)
      return { model: found.model, checkpoint: checkpointFor(found.model, 'bf16', found.isInstruct) };
    if (!last.startsWith(base) || !SEPARATORS.includes(last.charAt(base.length))) continue;
    const precision = precisionOf(last.slice(base.length + 1));
    const checkpoint = precision === null ? null : checkpointFor(found.model, precision, found.isInstruct);
    if (checkpoint !== null) return { model: found.model, checkpoint };
  }
  return null;
}

/** `X-Q4_K_M-00001-of-00002.gguf` → `X-Q4_K_M`. */
function withoutFileParts(name: string): string {
  return name.replace(/\.gguf$/, '').replace(/-\d{5}-of-\d{5}$/, '');
}

/** Precision suffixes of published uploads (reference engine-flags.md §5, case 12). */
const SUFFIXES: ReadonlyMap<string, Quantization> = new Map([
  ['original', 'bf16'],
  ['fp8', 'fp8'],
  ['fp8-dynamic', 'fp8'],
  ['fp8-block', 'fp8'],
  ['fp4', 'nvfp4'],
  ['nvfp4', 'nvfp4'],
  ['quantized.w4a16', 'w4a16'],
  ['w4a16', 'w4a16'],
  ['quantized.w8a8', 'int8'],
  ['w8a8', 'int8'],
  ['int8', 'int8'],
  ['int4', 'int4'],
  ['awq', 'awq'],
  ['gptq', 'gptq'],
  ['gptq-int4', 'gptq'],
  ['bnb-4bit', 'nf4'],
  ['unsloth-bnb-4bit', 'nf4'],
]);

function precisionOf(suffix: string): Quantization | null {
  const known = SUFFIXES.get(suffix);
  if (known !== undefined) return known;
  const parsed = parseQuantizationName(suffix.replace(/^gguf[:-]/, ''));
  return parsed?.startsWith('gguf:') === true ? parsed : null;
}

/** The checkpoint that a format's name means for a model: the costliest published one. fp16 falls back on bf16. */
export function checkpointFor(
  model: ModelEntry,
  quantization: Quantization,
  isInstruct: boolean,
): CheckpointEntry | null {
  const { shape } = model;
  if (shape === null) return null;
  const meant = formatsMeantBy(quantization);
  const own = model.checkpoints.filter(
    (one) => one.isInstruct === isInstruct && meant.includes(one.quantization),
  );
  const marked = own.filter((one) => one.isShortNameFor);
  const [costliest] = (marked.length > 0 ? marked : own).toSorted(
    (one, other) => weightBytes(shape, other.weights) - weightBytes(shape, one.weights),
  );
  if (costliest !== undefined) return costliest;
  return quantization === 'fp16' ? checkpointFor(model, 'bf16', isInstruct) : null;
}

/** GPUs by product label, alias or family name; empty when no row is called so. */
export function findGpus(catalog: Catalog, text: string): readonly GpuEntry[] {
  return indexOf(catalog).gpus.get(text.trim().toLowerCase()) ?? [];
}

export function instanceType(catalog: Catalog, name: string): InstanceTypeEntry | null {
  return indexOf(catalog).instanceTypes.get(name.trim().toLowerCase()) ?? null;
}

export function modelNames(catalog: Catalog): readonly string[] {
  return catalog.models.flatMap((model) => [model.id, ...model.checkpoints.map((one) => one.id)]);
}

export function gpuNames(catalog: Catalog): readonly string[] {
  const families = new Set(catalog.gpus.flatMap((gpu) => gpu.families));
  return [...families, ...catalog.gpus.map((gpu) => gpu.product)];
}
