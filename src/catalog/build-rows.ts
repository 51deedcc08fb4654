import {
  type CheckpointWeights,
  COMPONENTS,
  type Component,
  type DeviceShape,
  type ModelShape,
  type StorageFormat,
  type VisionShape,
} from '../sizing/shapes.ts';
import { type Bytes, bytes, GB, gibibytes, mebibytes, type Tokens, tokens } from '../units.ts';
import type {
  CheckpointRow,
  Config,
  FileSize,
  FormatRow,
  GpuRow,
  InstanceTypeRow,
  PublishedRow,
  RecipeRow,
} from './schema.ts';
import type {
  CheckpointEntry,
  FormatEntry,
  GpuEntry,
  InstanceTypeEntry,
  ModelEntry,
  PublishedRow as PublishedEntry,
  Recipe,
} from './types.ts';

/** Validated rows of the YAML as the catalog's own values. A reference to a row that does not exist is reported. */

/** Says what is wrong with a field of the row at hand. */
export type Report = (field: string, message: string) => void;

export function formatOf(row: FormatRow): FormatEntry {
  const { name, bits, groups, rowScaleBytes } = row;
  return { format: { name, bits, groups, rowScaleBytes }, source: row.source };
}

export function recipeOf(
  row: RecipeRow,
  formats: ReadonlyMap<string, StorageFormat>,
  report: Report,
): Recipe | null {
  const resolved = new Map<Component, StorageFormat>();
  for (const component of COMPONENTS) {
    const listed = row.components[component];
    const format = formats.get(listed ?? row.default);
    const field = listed === undefined ? 'default' : `components.${component}`;
    if (format === undefined) report(field, `no format is named ${listed ?? row.default}`);
    else resolved.set(component, format);
  }
  if (resolved.size < COMPONENTS.length) return null;
  return { name: row.name, formats: recordOf(resolved), source: row.source };
}

function recordOf(
  formats: ReadonlyMap<Component, StorageFormat>,
): Readonly<Record<Component, StorageFormat>> {
  const take = (component: Component): StorageFormat => {
    const format = formats.get(component);
    if (format === undefined) throw new RangeError(`recipe without ${component}`);
    return format;
  };
  return {
    tokenEmbedding: take('tokenEmbedding'),
    lmHead: take('lmHead'),
    attention: take('attention'),
    router: take('router'),
    routedExperts: take('routedExperts'),
    sharedExperts: take('sharedExperts'),
    denseFfn: take('denseFfn'),
    norms: take('norms'),
    visionTower: take('visionTower'),
    visionAdapter: take('visionAdapter'),
    projector: take('projector'),
  };
}

export function shapeOf(config: Config): ModelShape {
  const text = config.text_config;
  return {
    layers: text.num_hidden_layers,
    hiddenSize: text.hidden_size,
    vocabSize: text.vocab_size,
    attentionHeads: text.num_attention_heads,
    kvHeads: text.num_key_value_heads,
    headDim: text.head_dim,
    expertFfnSize: text.intermediate_size,
    denseFfnSize: text.intermediate_size_mlp,
    experts: text.num_local_experts,
    expertsPerToken: text.num_experts_per_tok,
    moeLayerStep: text.interleave_moe_layer_step,
    fullAttentionStep: text.no_rope_layer_interval,
    attentionChunkSize: text.attention_chunk_size,
    tiedEmbeddings: text.tie_word_embeddings,
    vision: config.vision_config === null ? null : visionOf(config.vision_config),
  };
}

/** The adapter takes what pixel shuffle gathers: hidden size over the square of the ratio (1408 / 0.25 = 5632). */
function visionOf(vision: NonNullable<Config['vision_config']>): VisionShape {
  return {
    layers: vision.num_hidden_layers,
    hiddenSize: vision.hidden_size,
    ffnSize: vision.intermediate_size,
    heads: vision.num_attention_heads,
    imageSize: vision.image_size,
    patchSize: vision.patch_size,
    pixelShuffleRatio: vision.pixel_shuffle_ratio,
    adapterInputSize: Math.round(vision.hidden_size / vision.pixel_shuffle_ratio ** 2),
    adapterOutputSize: vision.projector_output_dim,
    maxTiles: vision.max_patches,
  };
}

/** What a checkpoint row leaves to its model. */
export interface Defaults {
  readonly maxContext: Tokens;
  readonly hasVision: boolean;
}

export function checkpointOf(
  row: CheckpointRow,
  defaults: Defaults,
  recipes: ReadonlyMap<string, Recipe>,
  report: Report,
): CheckpointEntry | null {
  const weights = row.file === undefined ? tensorWeights(row, recipes, report) : fileWeights(row.file);
  if (weights === null) return null;
  return {
    id: row.id,
    aliases: row.aliases,
    quantization: row.quantization,
    maxContext: row.maxContext === undefined ? defaults.maxContext : tokens(row.maxContext),
    isInstruct: row.isInstruct,
    hasVision: row.hasVision ?? defaults.hasVision,
    weights,
    isShortNameFor: false,
    source: row.source,
  };
}

function fileWeights(file: FileSize): CheckpointWeights {
  const size =
    file.gib === undefined ? bytes(file.bytes ?? Math.round((file.gb ?? 0) * GB)) : gibibytes(file.gib);
  return { kind: 'file', bytes: size, projectorBytes: gibibytes(file.projectorGib) };
}

function tensorWeights(
  row: CheckpointRow,
  recipes: ReadonlyMap<string, Recipe>,
  report: Report,
): CheckpointWeights | null {
  const recipe = recipes.get(row.recipe ?? '');
  if (recipe !== undefined) {
    return { kind: 'tensors', formats: recipe.formats, unquantizedExpertLayers: row.unquantizedExpertLayers };
  }
  report('recipe', `no recipe is named ${row.recipe ?? ''}`);
  return null;
}

/** What a short name means for a base, under the name and the position limit of a fine-tune of it. */
export function fineTuneOf(
  checkpoint: CheckpointEntry,
  tune: Pick<ModelEntry, 'id' | 'source'> & {
    readonly aliases: readonly string[];
    readonly maxContext: Tokens | null;
  },
): CheckpointEntry {
  return {
    ...checkpoint,
    id: `${tune.id}:${checkpoint.quantization}`,
    aliases: checkpoint.quantization === 'bf16' ? tune.aliases : [],
    maxContext: tune.maxContext ?? checkpoint.maxContext,
    source: tune.source,
  };
}

export function gpuOf(row: GpuRow): GpuEntry {
  const { replaces: _, usableGib, ...fields } = row;
  const usableBytes = usableGib === null ? null : gibibytes(usableGib);
  return { ...fields, usableBytes, device: deviceOf(row, usableBytes) };
}

/** Parts that report no total (Gaudi) are sized by what is usable. */
function deviceOf(row: GpuRow, usableBytes: Bytes | null): DeviceShape | null {
  if (usableBytes === null) return null;
  const { product, vendor, computeCapability, nvlinkDomain, arch } = row;
  const totalBytes = row.memoryMib === null ? usableBytes : mebibytes(row.memoryMib);
  return { product, vendor, usableBytes, totalBytes, computeCapability, nvlinkDomain, arch };
}

export function instanceTypeOf(row: InstanceTypeRow): InstanceTypeEntry {
  const { name, product, gpus, source } = row;
  return { name, product, gpus, source };
}

export function publishedOf(row: PublishedRow): PublishedEntry {
  const power = row.context.endsWith('M') ? 1024 ** 2 : 1024;
  return {
    model: row.model,
    workload: row.workload,
    format: row.format,
    context: tokens(Number(row.context.slice(0, -1)) * power),
    bytes: decimalSize(row.size),
    tightBytes: row.tight === null ? null : decimalSize(row.tight),
    source: row.source,
  };
}

/** `99.5 GB`, `1.22 TB`: decimal units, as the article prints them. */
function decimalSize(text: string): Bytes {
  const [figure = '0', unit = 'GB'] = text.split(' ');
  return bytes(Math.round(Number(figure) * (unit === 'TB' ? 1000 * GB : GB)));
}
