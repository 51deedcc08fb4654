import { createRecall, type Recall } from '../recall.ts';
import { ggufName, type NamedPrecision, pathCandidates, suffixedName, withoutPrefix } from './model-names.ts';
import { nameKey } from './name-key.ts';
import { checkpointFor } from './short-names.ts';
import type {
  Catalog,
  CheckpointEntry,
  GpuEntry,
  InstanceTypeEntry,
  ModelEntry,
  ModelMatch,
} from './types.ts';

export { nearest } from './nearest.ts';
export { parseQuantizationName, quantizationNames } from './quantization-names.ts';
export { checkpointFor } from './short-names.ts';

interface CatalogIndex {
  /** Short names, ids and aliases. Maps throughout: the keys are a user's text. */
  readonly models: ReadonlyMap<string, ModelMatch>;
  /** 16-bit checkpoints by the last part of their names: what remains of a name without its precision. */
  readonly bases: ReadonlyMap<string, ModelMatch & { readonly checkpoint: CheckpointEntry }>;
  readonly gpus: ReadonlyMap<string, readonly GpuEntry[]>;
  readonly instanceTypes: ReadonlyMap<string, InstanceTypeEntry>;
  /** Names that were looked up, as they are written; null: no model of ours. */
  readonly found: Recall<ModelMatch | null>;
  /** The same for GPUs: every class of nodes of every decision asks for its own. */
  readonly foundGpus: Recall<readonly GpuEntry[]>;
}

/** Names of models in one cluster are some dozens; beyond these the memory starts over. */
const MOST_FOUND = 1024;

const indexes = new WeakMap<Catalog, CatalogIndex>();

function indexOf(catalog: Catalog): CatalogIndex {
  const known = indexes.get(catalog);
  if (known !== undefined) return known;
  const index: CatalogIndex = {
    models: indexModels(catalog),
    bases: indexBases(catalog),
    gpus: indexGpus(catalog),
    instanceTypes: new Map(catalog.instanceTypes.map((row) => [row.name.toLowerCase(), row])),
    found: createRecall(MOST_FOUND),
    foundGpus: createRecall(MOST_FOUND),
  };
  indexes.set(catalog, index);
  return index;
}

function checkpointNames(checkpoint: CheckpointEntry): readonly string[] {
  return [checkpoint.id, ...checkpoint.aliases].map((name) => name.toLowerCase());
}

function indexModels(catalog: Catalog): CatalogIndex['models'] {
  const models = new Map<string, ModelMatch>();
  for (const model of catalog.models) {
    models.set(model.name.toLowerCase(), { model, checkpoint: null });
    models.set(model.id.toLowerCase(), { model, checkpoint: null });
    for (const checkpoint of model.checkpoints) {
      for (const name of checkpointNames(checkpoint)) models.set(name, { model, checkpoint });
    }
  }
  return models;
}

function indexBases(catalog: Catalog): CatalogIndex['bases'] {
  const bases = new Map<string, ModelMatch & { readonly checkpoint: CheckpointEntry }>();
  for (const model of catalog.models) {
    for (const checkpoint of model.checkpoints) {
      if (checkpoint.quantization !== 'bf16') continue;
      for (const name of checkpointNames(checkpoint)) {
        const base = name.split('/').at(-1) ?? name;
        if (!bases.has(base)) bases.set(base, { model, checkpoint });
      }
    }
  }
  return bases;
}

function indexGpus(catalog: Catalog): CatalogIndex['gpus'] {
  const exact = new Map<string, readonly GpuEntry[]>();
  const families = new Map<string, readonly GpuEntry[]>();
  for (const gpu of catalog.gpus) {
    for (const name of [gpu.product, ...gpu.aliases]) exact.set(nameKey(name), [gpu]);
    // A family means whole GPUs; slices are named outright.
    if (gpu.mig !== null) continue;
    for (const family of gpu.families.map(nameKey))
      families.set(family, [...(families.get(family) ?? []), gpu]);
  }
  // A product is not widened by somebody else's family.
  return new Map([...families, ...exact]);
}

/** Longer than any path to a model that we know of; the rest of the work grows with the text. */
const MAX_NAME = 512;

/**
 * A model by short name, hub id, alias, path, or a known name with a precision behind it. An owner that we do not know
 * may hold anything, so a name under it counts as the costliest checkpoint of its format. Nothing is guessed from a
 * name that we do not know: `meta-llama/Llama-4-8B` is no model of ours.
 */
export function findModel(catalog: Catalog, text: string): ModelMatch | null {
  if (text.length > MAX_NAME) return null;
  const index = indexOf(catalog);
  return index.found(text, () => findAnew(index, text));
}

function findAnew(index: CatalogIndex, text: string): ModelMatch | null {
  const name = text.trim().toLowerCase().replace(/\/+$/, '');
  if (name === '') return null;
  const exact = index.models.get(name);
  if (exact !== undefined) return exact;
  for (const candidate of pathCandidates(name)) {
    const found = findPart(index, candidate);
    if (found !== null) return found;
  }
  return null;
}

function findPart(index: CatalogIndex, part: string): ModelMatch | null {
  const exact = index.models.get(part);
  // `/models/scout` is somebody's folder, not our short name; ids and aliases of checkpoints are no such accident.
  if (exact !== undefined && exact.checkpoint !== null) return exact;
  if (part.includes('/')) return null;
  const name = withoutPrefix(part);
  return index.bases.get(name) ?? quantized(index, ggufName(name)) ?? quantized(index, suffixedName(name));
}

function quantized(index: CatalogIndex, named: NamedPrecision | null): ModelMatch | null {
  const base = named === null ? undefined : index.bases.get(withoutPrefix(named.base));
  if (named === null || base === undefined) return null;
  return {
    model: base.model,
    checkpoint: checkpointFor(base.model, named.quantization, base.checkpoint.isInstruct),
  };
}

/**
 * GPUs by product label, alias or family name; empty when no row is called so. A family is its whole GPUs, also those
 * whose memory nobody has observed (`device` null).
 */
export function findGpus(catalog: Catalog, text: string): readonly GpuEntry[] {
  const { gpus, foundGpus } = indexOf(catalog);
  return foundGpus(text, () => gpus.get(nameKey(text)) ?? []);
}

export function instanceType(catalog: Catalog, name: string): InstanceTypeEntry | null {
  return indexOf(catalog).instanceTypes.get(name.trim().toLowerCase()) ?? null;
}

/** Every id that a model annotation may use: for messages and suggestions. */
export function modelNames(catalog: Catalog): readonly string[] {
  return catalog.models.flatMap((model: ModelEntry) => [model.id, ...model.checkpoints.map((one) => one.id)]);
}

/** Every family and product: for messages and suggestions. */
export function gpuNames(catalog: Catalog): readonly string[] {
  const families = new Set(catalog.gpus.flatMap((gpu) => gpu.families));
  return [...families, ...catalog.gpus.map((gpu) => gpu.product)];
}
