import * as z from 'zod';

/** The YAML of the catalog: one schema for the built-in data and an operator's additions. Unknown keys are refused. */

const Name = z.string().min(1).max(160);
const Count = z.number().int().min(1);

export const SourceRow = z.strictObject({
  url: z.url(),
  date: z.iso.date(),
  note: z.string().min(1).optional(),
});

const ScaleGroupRow = z.strictObject({ size: Count, bits: Count });

const FormatRow = z.strictObject({
  name: Name,
  bits: Count,
  groups: z.array(ScaleGroupRow).default([]),
  rowScaleBytes: z.number().int().min(0).default(0),
  source: SourceRow,
});

const ComponentName = z.enum([
  'tokenEmbedding',
  'lmHead',
  'attention',
  'router',
  'routedExperts',
  'sharedExperts',
  'denseFfn',
  'norms',
  'visionTower',
  'visionAdapter',
  'projector',
]);

const RecipeRow = z.strictObject({
  name: Name,
  default: Name.default('bf16'),
  components: z.partialRecord(ComponentName, Name),
  source: SourceRow,
});

/** Fields of config.json, under their own names (huggingface/transformers `configuration_llama4.py`). */
const TextConfigRow = z.strictObject({
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
  no_rope_layer_interval: Count,
  attention_chunk_size: Count,
  max_position_embeddings: Count,
  tie_word_embeddings: z.boolean(),
});

const VisionConfigRow = z.strictObject({
  num_hidden_layers: Count,
  hidden_size: Count,
  intermediate_size: Count,
  num_attention_heads: Count,
  image_size: Count,
  patch_size: Count,
  pixel_shuffle_ratio: z.number().positive().max(1),
  projector_input_dim: Count,
  projector_output_dim: Count,
  max_patches: Count,
});

const ConfigRow = z.strictObject({ text_config: TextConfigRow, vision_config: VisionConfigRow.optional() });

/** Size of a published file, in the unit that its source prints. */
const FileRow = z
  .strictObject({
    bytes: Count.optional(),
    gib: z.number().positive().optional(),
    gb: z.number().positive().optional(),
    projectorGib: z.number().min(0),
  })
  .refine((row) => [row.bytes, row.gib, row.gb].filter((size) => size !== undefined).length === 1, {
    message: 'give the size once, as bytes, gib or gb',
  });

const CheckpointRow = z
  .strictObject({
    id: Name,
    aliases: z.array(Name).default([]),
    quantization: Name,
    maxContext: Count,
    isInstruct: z.boolean(),
    hasVision: z.boolean().default(true),
    recipe: Name.optional(),
    file: FileRow.optional(),
    unquantizedExpertLayers: z.number().int().min(0).default(0),
    isShortNameCandidate: z.boolean().default(true),
    source: SourceRow,
  })
  .refine((row) => (row.recipe === undefined) !== (row.file === undefined), {
    message: 'give either a recipe or a file size',
  });

const ModelRow = z.strictObject({
  id: Name,
  name: Name,
  isReleased: z.boolean().default(true),
  config: ConfigRow.optional(),
  checkpoints: z.array(CheckpointRow).default([]),
  source: SourceRow,
});

const Precision = z.enum(['native', 'weights-only', 'none', 'unknown']);

const GpuRow = z.strictObject({
  product: Name,
  aliases: z.array(Name).default([]),
  families: z.array(Name),
  vendor: z.enum(['nvidia', 'amd', 'intel']),
  arch: Name,
  computeCapability: Name,
  nominalGb: z.number().positive().nullable(),
  memoryMib: Count.nullable(),
  usableGib: z.number().positive().nullable(),
  isEstimated: z.boolean(),
  fp8: Precision,
  fp4: Precision,
  hasBf16: z.boolean(),
  nvlinkDomain: Count,
  typicalPerNode: z.array(Count),
  mig: Name.nullable(),
  resource: Name,
  source: SourceRow,
});

const PublishedRowSchema = z.strictObject({
  model: Name,
  workload: z.enum(['inference', 'training']),
  format: Name,
  context: z.string().regex(/^[1-9]\d{0,3}[KM]$/),
  size: z.string().regex(/^\d{1,4}(\.\d{1,3})? (GB|TB)$/),
  tight: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,3})? (GB|TB)$/)
    .optional(),
  source: SourceRow,
});

const InstanceTypeRow = z.strictObject({ name: Name, product: Name, gpus: Count, source: SourceRow });

export const CatalogFile = z.strictObject({
  formats: z.array(FormatRow).default([]),
  recipes: z.array(RecipeRow).default([]),
  models: z.array(ModelRow).default([]),
  gpus: z.array(GpuRow).default([]),
  published: z.array(PublishedRowSchema).default([]),
  instanceTypes: z.array(InstanceTypeRow).default([]),
});
export type CatalogFile = z.infer<typeof CatalogFile>;
