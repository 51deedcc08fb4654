import * as z from 'zod';
import { ENGINE_NAMES, FLAG_CONCEPTS } from '../engine/types.ts';
import type { AppliedEdit } from '../pipeline/applied.ts';
import { INPUT_PARTS, type RecordInputs } from '../pipeline/record-inputs.ts';
import { bytes } from '../units.ts';

/** Schema of a record's `inputs`: what a decision is computed again from. The rules of record-schema.ts hold here too. */

const count = z.int().nonnegative();
const size = count.transform(bytes);
const text = z.string();
const texts = z.array(text);
const path = z.array(z.union([z.string(), z.int()]));
const mode = z.enum(['enforce', 'warn', 'audit']);
const labels = z.array(z.object({ key: text, value: text }));
const found = z.array(z.object({ code: text, path: text }));

const settings = z.object({
  maxNumSeqs: z.number().nullable(),
  maxNumBatchedTokens: z.number().nullable(),
  cudaGraphMaxBs: z.number().nullable(),
  memoryFraction: z.number().nullable(),
  kvCacheBytes: size.nullable(),
  blockSize: z.number().nullable(),
  hybridKv: z.enum(['auto', 'on', 'off']),
  hybridBlocker: text.nullable(),
  swaFullTokensRatio: z.number().nullable(),
  enforceEager: z.boolean(),
  textOnly: z.boolean(),
  multimodalRequested: z.boolean(),
  lora: z.object({ maxLoras: z.number(), maxRank: z.number() }).nullable(),
  draftBytes: z.union([size, z.literal('unknown')]).nullable(),
  cpuOffloadBytes: size,
});

const ORIGINS = [
  'annotation',
  'flag',
  'environment',
  'image',
  'checkpoint',
  'engine-default',
  'policy',
  'name',
] as const;

const intent = z.object({
  workload: z.enum(['inference', 'training']),
  trainingMethod: z.enum(['full', 'bf16-adamw', 'lora', 'qlora']).nullable(),
  model: text,
  modelPath: path,
  checkpoint: text.nullable(),
  loadedFrom: text.nullable(),
  context: count,
  contextFrom: z.enum(ORIGINS),
  isContextAuto: z.boolean(),
  needsContextFlag: z.boolean(),
  quantization: text,
  kvCacheDtype: text,
  kvDtype: z.object({ name: text, keyBits: z.number(), valueBits: z.number() }),
  concurrency: count,
  engine: z.enum(ENGINE_NAMES),
  engineVersion: text.nullable(),
  engineRecognisedBy: z.enum(['annotation', 'command', 'image', 'environment', 'default']),
  settings,
  tensorParallel: count.nullable(),
  pipelineParallel: count.nullable(),
  dataParallel: count,
  dataParallelLocal: count.nullable(),
  copies: count,
  nodes: z.union([count, z.literal('unknown')]).nullable(),
  // Older records were made without a look at it.
  visibleGpus: z.object({ count, variable: text, path }).nullable().default(null),
  spills: z.boolean(),
  isExpertParallel: z.boolean(),
  gpus: texts.nullable(),
});

const ask = z.object({
  resource: text,
  count,
  scheduled: count,
  form: z.enum(['gpu', 'mig', 'shared', 'hami', 'other-accelerator']),
  path,
});

const requirement = z.object({
  key: text,
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: texts,
});

const member = z.object({
  container: path,
  podSpec: path,
  ask: ask.nullable(),
  pods: count,
  nodeSelector: labels,
  requiredNodeAffinity: z
    .array(z.object({ matchExpressions: z.array(requirement), matchFields: z.array(requirement) }))
    .nullable(),
  tolerations: z.array(
    z.object({
      key: text.nullable(),
      operator: z.enum(['Exists', 'Equal', 'Gt', 'Lt']),
      value: text,
      effect: text.nullable(),
    }),
  ),
  // Of workers nothing was known in the first records.
  memoryLimit: text.nullable().default(null),
  hasSharedMemory: z.boolean().default(true),
});

const unit = z.object({
  intent,
  members: z.array(member),
  image: text.nullable(),
  placementOwner: z
    .object({ owner: z.enum(['kueue', 'dra', 'scheduler', 'node-name']), detail: text })
    .nullable(),
  canEdit: z.boolean(),
  tensorParallelPath: path.nullable(),
  append: z.object({ path, isNew: z.boolean() }).nullable(),
  variables: z.array(z.object({ concept: z.enum(FLAG_CONCEPTS), name: text })),
  rollout: z.object({ replicas: count, maxSurge: count, maxUnavailable: count }).nullable(),
  trainingPods: count,
});

const readings = z.array(z.object({ given: found, unit: unit.nullable() }));

const policy = z.object({
  mode,
  minimumMode: mode.nullable(),
  codeModes: z.array(z.object({ code: text, mode })),
  unknown: z.enum(['warn', 'deny', 'allow']),
  capacity: z.enum(['warn', 'deny', 'ignore']),
  unannotated: z.enum(['ignore', 'warn', 'judge']),
  inventory: z.enum(['partial', 'complete']),
  disclose: z.boolean(),
  method: z.enum(['computed', 'published']),
  defaultEngine: z.enum(ENGINE_NAMES).nullable(),
  defaultGpu: text.nullable(),
  preferGpus: texts,
  prices: z.array(z.object({ product: text, price: z.number() })),
  placement: z.enum(['node-selector', 'affinity']),
  missingFlag: z.enum(['deny', 'warn']),
  headroomBytes: size,
  gpuTaints: z.array(z.object({ key: text, value: text.nullable() })),
});

const device = z.object({
  product: text,
  vendor: z.enum(['nvidia', 'amd', 'intel']),
  usableBytes: size,
  totalBytes: size,
  computeCapability: text,
  nvlinkDomain: count,
  arch: text,
});

const shape = z.object({
  id: text,
  device: count.nullable(),
  resource: text,
  gpusPerNode: count,
  nodes: count,
  sharing: z.enum(['none', 'mig', 'time-slicing', 'mps', 'mixed-models', 'invalid', 'not-ready']),
  source: z.enum(['node', 'pool', 'declared']),
  placementKeys: z.array(count),
  labels: z.array(text.nullable()),
  varyingLabels: z.array(z.object({ key: count, values: texts })),
  nodeNames: texts,
  taints: z.array(count),
});

type EditSchemas = { readonly [K in AppliedEdit['kind']]: z.ZodType<Extract<AppliedEdit, { kind: K }>> };

/** One for each kind: a kind without a schema does not compile. */
const EDITS = {
  'set-gpu-count': z.object({ kind: z.literal('set-gpu-count'), container: path, resource: text, count }),
  'set-node-selector': z.object({
    kind: z.literal('set-node-selector'),
    podSpec: path,
    key: text,
    value: text,
  }),
  'add-node-affinity': z.object({
    kind: z.literal('add-node-affinity'),
    podSpec: path,
    key: text,
    operator: z.enum(['In', 'NotIn']),
    values: texts,
  }),
  'add-toleration': z.object({ kind: z.literal('add-toleration'), podSpec: path, key: text, effect: text }),
  'append-args': z.object({ kind: z.literal('append-args'), list: path, isNew: z.boolean(), args: texts }),
  'set-env': z.object({ kind: z.literal('set-env'), container: path, name: text, value: text }),
} satisfies EditSchemas;

const edit = z.discriminatedUnion('kind', [
  EDITS['set-gpu-count'],
  EDITS['set-node-selector'],
  EDITS['add-node-affinity'],
  EDITS['add-toleration'],
  EDITS['append-args'],
  EDITS['set-env'],
]);

const truncated = z
  .object({ bytes: count, without: z.array(z.enum(INPUT_PARTS)) })
  .nullable()
  .describe('null: complete; else what the whole would have taken, and the parts left out: not replayable');

export const inputsSchema: z.ZodType<RecordInputs> = z.object({
  truncated,
  namespaceMode: mode.nullable().describe('label of the namespace; null: none, or not known'),
  policy: policy.nullable().describe('every value in effect but who may exempt'),
  settled: z
    .object({ verdict: z.enum(['ignore', 'allow']).nullable() })
    .nullable()
    .describe('set where nothing was judged: exempt, malformed, left alone'),
  given: found.describe('findings on the object as a whole; a replay takes them as they are'),
  units: readings.describe('each serving replica: findings of reading it, and what planning reads of it'),
  before: z
    .union([z.literal('same'), readings])
    .nullable()
    .describe('the object before an update; same: it reads like the new one'),
  earlier: z
    .object({ kind: z.enum(['standing', 'replanned']), edits: z.array(edit) })
    .nullable()
    .describe('edits of an earlier pass: put back (standing), or given up for a new plan (replanned)'),
  isPardoned: z.boolean().describe('Kueue starts it, so nothing refused it'),
  inventory: z
    .discriminatedUnion('state', [
      z.object({ state: z.literal('unknown') }),
      z.object({
        state: z.literal('known'),
        // Records of the first versions do not have it.
        ageSeconds: count.nullable().default(null),
        devices: z.array(device),
        keys: texts,
        taints: z.array(z.object({ key: text, value: text, effect: text })),
        shapes: z.array(shape),
      }),
    ])
    .describe('devices in bytes, and the classes of nodes as far as this decision tells them apart'),
});
