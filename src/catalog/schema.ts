import * as z from 'zod';
import { COMPONENTS } from '../sizing/shapes.ts';
import { parseGgufType, parseQuantizationName } from './quantization-names.ts';
import type { Quantization } from './types.ts';

// Our own rows are strict, so that a misspelt field is an error; a pasted config.json has many fields we do not need.

const Name = z.string().trim().min(1).max(200);
const Count = z
  .int()
  .min(1)
  .max(2 ** 31);
const Names = z.array(Name).default([]);

export const SourceRow = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a date such as 2026-08-22'),
  note: z.string().min(1).nullable().default(null),
});

export const FormatRow = z.strictObject({
  name: Name,
  bits: z.number().positive().max(64),
  groups: z.array(z.strictObject({ size: Count, bits: Count })).default([]),
  rowScaleBytes: z.int().min(0).max(64).default(0),
  source: SourceRow,
});
export type FormatRow = z.infer<typeof FormatRow>;

export const RecipeRow = z.strictObject({
  name: Name,
  /** Format of the components that are not listed. */
  default: Name.default('bf16'),
  components: z.partialRecord(z.enum(COMPONENTS), Name),
  source: SourceRow,
});
export type RecipeRow = z.infer<typeof RecipeRow>;

function readQuantization(text: string): Quantization | null {
  // `gguf:BF16` is a file type, `bf16` the contract's word: the prefix keeps them apart.
  return text.startsWith('gguf:') ? parseGgufType(text.slice('gguf:'.length)) : parseQuantizationName(text);
}

const QuantizationName = Name.transform((text, context): Quantization => {
  const parsed = readQuantization(text);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `is not a quantization that vramgate knows: ${text}` });
  return z.NEVER;
});

/** Size of a published file, in the unit in which it was published. */
const FileSize = z
  .strictObject({
    bytes: z.int().positive().optional(),
    gib: z.number().positive().max(1e6).optional(),
    gb: z.number().positive().max(1e6).optional(),
    projectorGib: z.number().min(0).max(1e3).default(0),
  })
  .refine(
    (file) => [file.bytes, file.gib, file.gb].filter((size) => size !== undefined).length === 1,
    'needs exactly one of bytes, gib, gb',
  );
export type FileSize = z.infer<typeof FileSize>;

export const CheckpointRow = z
  .strictObject({
    id: Name,
    aliases: Names,
    quantization: QuantizationName,
    /** Default: the configuration's max_position_embeddings. */
    maxContext: Count.optional(),
    isInstruct: z.boolean().default(true),
    /** Default: whether the configuration has a vision tower. */
    hasVision: z.boolean().optional(),
    recipe: Name.optional(),
    file: FileSize.optional(),
    unquantizedExpertLayers: z.int().min(0).max(1000).default(0),
    /** False: a short name such as `fp8` never means this one, whatever it costs. */
    isShortNameCandidate: z.boolean().default(true),
    source: SourceRow,
  })
  .refine((row) => (row.recipe === undefined) !== (row.file === undefined), {
    path: ['recipe'],
    message: 'needs either recipe or file',
  });
export type CheckpointRow = z.infer<typeof CheckpointRow>;

const TextConfig = z
  .object({
    num_hidden_layers: Count,
    hidden_size: Count,
    vocab_size: Count,
    num_attention_heads: Count,
    num_key_value_heads: Count,
    head_dim: Count,
    intermediate_size: Count,
    intermediate_size_mlp: Count,
    num_local_experts: Count,
    num_experts_per_tok: Count,
    interleave_moe_layer_step: Count,
    // transformers' `configuration_llama4.py` takes 4 where the published file is silent.
    no_rope_layer_interval: Count.default(4),
    attention_chunk_size: Count,
    max_position_embeddings: Count,
    tie_word_embeddings: z.boolean().default(false),
  })
  .refine((text) => text.num_attention_heads % text.num_key_value_heads === 0, {
    path: ['num_key_value_heads'],
    message: 'must divide num_attention_heads',
  });

const VisionConfig = z
  .object({
    num_hidden_layers: Count,
    hidden_size: Count,
    intermediate_size: Count,
    num_attention_heads: Count,
    image_size: Count,
    patch_size: Count,
    pixel_shuffle_ratio: z.number().positive().max(1),
    projector_input_dim: Count,
    projector_output_dim: Count,
    // preprocessor_config.json, not config.json: tiles of one image (`image_processing_llama4_fast.py`).
    max_patches: Count.default(16),
  })
  .refine((vision) => vision.projector_input_dim === vision.projector_output_dim, {
    path: ['projector_input_dim'],
    message: 'must equal projector_output_dim: other adapters are not known here',
  });

const Config = z.object({ text_config: TextConfig, vision_config: VisionConfig.nullable().default(null) });
export type Config = z.infer<typeof Config>;

export const ModelRow = z
  .strictObject({
    id: Name,
    name: Name.optional(),
    isReleased: z.boolean().default(true),
    /** Fields of config.json under their own names. */
    config: Config.optional(),
    /** Id of the model that this one is a fine-tune of. */
    base: Name.optional(),
    /** Names of the bf16 checkpoint of a fine-tune. */
    aliases: Names,
    /** Position limit of a fine-tune, where it differs from its base's. */
    maxContext: Count.optional(),
    /** Read one by one, so that one bad checkpoint does not hide the others. */
    checkpoints: z.array(z.unknown()).default([]),
    source: SourceRow,
  })
  .refine((row) => row.config === undefined || row.base === undefined, {
    path: ['base'],
    message: 'a fine-tune has the architecture of its base: give config or base, not both',
  })
  .refine((row) => row.config !== undefined || row.base !== undefined || row.checkpoints.length === 0, {
    path: ['config'],
    message: 'checkpoints need an architecture: give config or base',
  })
  .refine((row) => row.base !== undefined || (row.aliases.length === 0 && row.maxContext === undefined), {
    path: ['aliases'],
    message: 'aliases and maxContext belong to a checkpoint, except in a fine-tune (base)',
  });
export type ModelRow = z.infer<typeof ModelRow>;

const Precision = z.enum(['native', 'weights-only', 'none', 'unknown']);

export const GpuRow = z
  .strictObject({
    product: Name,
    aliases: Names,
    families: Names,
    vendor: z.enum(['nvidia', 'amd', 'intel']),
    arch: Name,
    computeCapability: Name,
    nominalGb: z.number().positive().nullable().default(null),
    // 2^20 MiB would be a value in bytes, which GFD of 2022 wrote (NVIDIA/gpu-feature-discovery#26).
    memoryMib: z
      .int()
      .min(1024)
      .max(2 ** 20 - 1)
      .nullable(),
    usableGib: z.number().positive().nullable(),
    isEstimated: z.boolean().default(false),
    fp8: Precision.default('unknown'),
    fp4: Precision.default('unknown'),
    hasBf16: z.boolean(),
    nvlinkDomain: Count.default(1),
    typicalPerNode: z.array(Count).min(1),
    mig: Name.nullable().default(null),
    resource: z
      .string()
      .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, 'must be an extended resource such as nvidia.com/gpu'),
    /** True: takes the place of the row of this product that is there already. */
    replaces: z.boolean().default(false),
    source: SourceRow,
  })
  .refine((row) => row.memoryMib === null || row.usableGib !== null, {
    path: ['usableGib'],
    message: 'is needed where memoryMib is known',
  })
  .refine(
    (row) => row.memoryMib === null || row.usableGib === null || row.usableGib * 1024 <= row.memoryMib,
    {
      path: ['usableGib'],
      message: 'must not exceed memoryMib: what the driver reserves cannot be used',
    },
  );
export type GpuRow = z.infer<typeof GpuRow>;

export const PublishedRow = z.strictObject({
  model: Name,
  workload: z.enum(['inference', 'training']),
  format: Name,
  context: z.string().regex(/^[1-9]\d{0,5}[KM]$/, 'must be as printed: 4K, 128K, 10M'),
  size: z.string().regex(/^\d{1,5}(\.\d{1,3})? (GB|TB)$/, 'must be as printed: 99.5 GB, 1.22 TB'),
  tight: z
    .string()
    .regex(/^\d{1,5}(\.\d{1,3})? (GB|TB)$/, 'must be as printed: 76.2 GB')
    .nullable()
    .default(null),
  source: SourceRow,
});
export type PublishedRow = z.infer<typeof PublishedRow>;

export const InstanceTypeRow = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/, 'must be in lower case'),
  product: Name,
  gpus: z.int().min(1).max(256),
  /** True: takes the place of the row of this name that is there already. */
  replaces: z.boolean().default(false),
  source: SourceRow,
});
export type InstanceTypeRow = z.infer<typeof InstanceTypeRow>;

const Rows = z.array(z.unknown()).nullable().default(null);

/** One file. Any file may hold any of the sections. */
export const CatalogDocument = z.strictObject({
  formats: Rows,
  recipes: Rows,
  models: Rows,
  gpus: Rows,
  published: Rows,
  instanceTypes: Rows,
});
export type CatalogDocument = z.infer<typeof CatalogDocument>;

/**
 * The same document with its rows spelled out. For the JSON Schema only: the parser takes row by row, so that one
 * bad row is named by its key and hides no other.
 */
export const CatalogRows = z.strictObject({
  formats: z.array(FormatRow).nullable().default(null),
  recipes: z.array(RecipeRow).nullable().default(null),
  models: z
    .array(ModelRow.safeExtend({ checkpoints: z.array(CheckpointRow).default([]) }))
    .nullable()
    .default(null),
  gpus: z.array(GpuRow).nullable().default(null),
  published: z.array(PublishedRow).nullable().default(null),
  instanceTypes: z.array(InstanceTypeRow).nullable().default(null),
});
