import {
  type CheckpointWeights,
  COMPONENTS,
  type Component,
  type DeviceShape,
  type ModelShape,
  type StorageFormat,
  type VisionShape,
} from '../sizing/shapes.ts';
import { bytes, GB, GIB, gibibytes, mebibytes, tokens } from '../units.ts';
import { parseQuantizationName } from './quantization-names.ts';
import type { CatalogFile } from './schema.ts';
import type { CheckpointEntry, GpuEntry, ModelEntry, PublishedRow, Recipe, Source } from './types.ts';

/** Validated rows of the YAML turned into the catalog's own values. What does not refer to a known row is reported. */

type Rows<Key extends keyof CatalogFile> = CatalogFile[Key][number];
export type Report = (row: string, field: string, message: string) => void;

export function sourceOf(row: { url: string; date: string; note?: string | undefined }): Source {
  return { url: row.url, date: row.date, note: row.note ?? null };
}

export function formatOf(row: Rows<'formats'>): StorageFormat {
  return { name: row.name, bits: row.bits, groups: row.groups, rowScaleBytes: row.rowScaleBytes };
}

export function recipeOf(
  row: Rows<'recipes'>,
  formats: ReadonlyMap<string, StorageFormat>,
  report: Report,
): Recipe | null {
  const resolved = new Map<Component, StorageFormat>();
  for (const component of COMPONENTS) {
    const name = row.components[component] ?? row.default;
    const format = formats.get(name);
    if (format === undefined) report(row.name, `components.${component}`, `no format is named ${name}`);
    else resolved.set(component, format);
  }
  const pick = (component: Component): StorageFormat | undefined => resolved.get(component);
  const all = COMPONENTS.map(pick);
  if (all.some((format) => format === undefined)) return null;
  return { name: row.name, formats: recordOf(resolved), source: sourceOf(row.source) };
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

type Config = NonNullable<Rows<'models'>['config']>;

function shapeOf(config: Config): ModelShape {
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
    vision: config.vision_config === undefined ? null : visionOf(config.vision_config),
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

export function modelOf(
  row: Rows<'models'>,
  recipes: ReadonlyMap<string, Recipe>,
  report: Report,
): { readonly model: ModelEntry; readonly candidates: ReadonlySet<string> } {
  const checkpoints = row.checkpoints.flatMap((one) => checkpointOf(row.id, one, recipes, report));
  const model: ModelEntry = {
    id: row.id,
    name: row.name,
    isReleased: row.isReleased,
    shape: row.config === undefined ? null : shapeOf(row.config),
    checkpoints,
    source: sourceOf(row.source),
  };
  const candidates = new Set(row.checkpoints.filter((one) => one.isShortNameCandidate).map((one) => one.id));
  return { model, candidates };
}

type CheckpointRow = Rows<'models'>['checkpoints'][number];

function checkpointOf(
  model: string,
  row: CheckpointRow,
  recipes: ReadonlyMap<string, Recipe>,
  report: Report,
): readonly CheckpointEntry[] {
  const quantization = parseQuantizationName(row.quantization);
  if (quantization === null) report(`${model}.${row.id}`, 'quantization', `unknown: ${row.quantization}`);
  const weights = weightsOf(model, row, recipes, report);
  if (quantization === null || weights === null) return [];
  return [
    {
      id: row.id,
      aliases: row.aliases,
      quantization,
      maxContext: tokens(row.maxContext),
      isInstruct: row.isInstruct,
      hasVision: row.hasVision,
      weights,
      isShortNameFor: false,
      source: sourceOf(row.source),
    },
  ];
}

function weightsOf(
  model: string,
  row: CheckpointRow,
  recipes: ReadonlyMap<string, Recipe>,
  report: Report,
): CheckpointWeights | null {
  if (row.file !== undefined) {
    const size =
      row.file.bytes ?? (row.file.gib === undefined ? (row.file.gb ?? 0) * GB : row.file.gib * GIB);
    return { kind: 'file', bytes: bytes(Math.round(size)), projectorBytes: gibibytes(row.file.projectorGib) };
  }
  const recipe = recipes.get(row.recipe ?? '');
  if (recipe === undefined) {
    report(`${model}.${row.id}`, 'recipe', `no recipe is named ${row.recipe ?? ''}`);
    return null;
  }
  return { kind: 'tensors', formats: recipe.formats, unquantizedExpertLayers: row.unquantizedExpertLayers };
}

export function gpuOf(row: Rows<'gpus'>): GpuEntry {
  const usable = row.usableGib === null ? null : gibibytes(row.usableGib);
  return {
    product: row.product,
    aliases: row.aliases,
    families: row.families,
    nominalGb: row.nominalGb,
    memoryMib: row.memoryMib,
    usableBytes: usable,
    isEstimated: row.isEstimated,
    vendor: row.vendor,
    arch: row.arch,
    computeCapability: row.computeCapability,
    fp8: row.fp8,
    fp4: row.fp4,
    hasBf16: row.hasBf16,
    nvlinkDomain: row.nvlinkDomain,
    typicalPerNode: row.typicalPerNode,
    mig: row.mig,
    resource: row.resource,
    device: deviceOf(row, usable),
    source: sourceOf(row.source),
  };
}

/** Parts without a reported total (Gaudi) are sized by what is usable. */
function deviceOf(row: Rows<'gpus'>, usable: DeviceShape['usableBytes'] | null): DeviceShape | null {
  if (usable === null) return null;
  return {
    product: row.product,
    vendor: row.vendor,
    usableBytes: usable,
    totalBytes: row.memoryMib === null ? usable : mebibytes(row.memoryMib),
    computeCapability: row.computeCapability,
    nvlinkDomain: row.nvlinkDomain,
    arch: row.arch,
  };
}

const CONTEXT_POWERS: ReadonlyMap<string, number> = new Map([
  ['K', 1024],
  ['M', 1024 ** 2],
]);

export function publishedOf(row: Rows<'published'>): PublishedRow {
  const power = CONTEXT_POWERS.get(row.context.slice(-1)) ?? 1;
  return {
    model: row.model,
    workload: row.workload,
    format: row.format,
    context: tokens(Number(row.context.slice(0, -1)) * power),
    bytes: decimalSize(row.size),
    tightBytes: row.tight === undefined ? null : decimalSize(row.tight),
    source: sourceOf(row.source),
  };
}

/** `99.5 GB`, `1.22 TB`: decimal units, as the article prints them. */
function decimalSize(text: string): PublishedRow['bytes'] {
  const [figure = '0', unit = 'GB'] = text.split(' ');
  return bytes(Math.round(Number(figure) * (unit === 'TB' ? 1000 * GB : GB)));
}
