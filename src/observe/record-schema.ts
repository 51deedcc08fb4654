import * as z from 'zod';
import { ENGINE_NAMES } from '../engine/types.ts';
import { INPUT_PARTS, type RecordInputs } from '../pipeline/record-inputs.ts';
import type { DecisionRecord } from '../pipeline/types.ts';
import { bytes } from '../units.ts';

/**
 * The published schema of a decision record: one JSON line of the webhook's log. Keys are added, never renamed and
 * never removed; members that are not known here are kept, so that a record of a later version can still be read.
 * docs/decision-record.md tells what each key means, and a test compares the two.
 */

const count = z.int().nonnegative();
const size = count.transform(bytes);
const text = z.string();
const texts = z.array(text);
const path = z.array(z.union([z.string(), z.int()]));
const mode = z.enum(['enforce', 'warn', 'audit']);
const verdict = z.enum(['deny', 'patch', 'warn', 'allow', 'ignore']);
const labels = z.array(z.object({ key: text, value: text }));
const found = z.array(z.object({ code: text, path: text }));
const parallel = z.object({
  tensor: count,
  pipeline: count,
  data: count,
  isExpertParallel: z.boolean(),
});

// --- inputs ------------------------------------------------------------------------------------------------------

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

const unit = z.object({
  intent,
  members: z.array(z.object({ container: path, podSpec: path, ask: ask.nullable(), pods: count })),
  image: text.nullable(),
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
  placementOwner: z
    .object({ owner: z.enum(['kueue', 'dra', 'scheduler', 'node-name']), detail: text })
    .nullable(),
  canEdit: z.boolean(),
  tensorParallelPath: path.nullable(),
  append: z.object({ path, isNew: z.boolean() }).nullable(),
  trainingPods: count,
  memoryLimit: text.nullable(),
  hasSharedMemory: z.boolean(),
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
  placementKeys: texts,
  labels,
  varyingLabels: z.array(z.object({ key: text, values: texts })),
  nodeNames: texts,
  taints: z.array(z.object({ key: text, value: text, effect: text })),
});

const edit = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('set-gpu-count'), container: path, resource: text, count }),
  z.object({ kind: z.literal('set-node-selector'), podSpec: path, key: text, value: text }),
  z.object({
    kind: z.literal('add-node-affinity'),
    podSpec: path,
    key: text,
    operator: z.enum(['In', 'NotIn']),
    values: texts,
  }),
  z.object({ kind: z.literal('add-toleration'), podSpec: path, key: text, effect: text }),
  z.object({ kind: z.literal('append-args'), list: path, isNew: z.boolean(), args: texts }),
]);

const inputs: z.ZodType<RecordInputs> = z.object({
  truncated: z.object({ bytes: count, without: z.array(z.enum(INPUT_PARTS)) }).nullable(),
  namespaceMode: mode.nullable(),
  policy: policy.nullable(),
  settled: z.object({ verdict: z.enum(['ignore', 'allow']).nullable() }).nullable(),
  given: found,
  units: readings,
  before: z.union([z.literal('same'), readings]).nullable(),
  earlier: z.object({ kind: z.enum(['standing', 'replanned']), edits: z.array(edit) }).nullable(),
  inventory: z.discriminatedUnion('state', [
    z.object({ state: z.literal('unknown') }),
    z.object({ state: z.literal('known'), devices: z.array(device), shapes: z.array(shape) }),
  ]),
});

// --- the record --------------------------------------------------------------------------------------------------

const nullableText = text.nullable();

export const recordSchema = z.looseObject({
  decision: text.describe('hash of uid, webhook, policy hash and catalog version; also an audit annotation'),
  uid: nullableText.describe('of the request; null in vramgate check'),
  time: text.describe('RFC 3339: when the review arrived'),
  webhook: z.enum(['mutate', 'validate', 'check']),
  mode: mode.describe('in effect for this object'),
  verdict: verdict.describe('by the rules alone, before the mode'),
  allowed: z.boolean().describe('after mode and policy: what was answered'),
  operation: text.describe('CREATE, UPDATE, DELETE or CONNECT'),
  dryRun: z.boolean(),
  subject: z
    .object({
      kind: text,
      namespace: nullableText,
      name: nullableText,
      generateName: nullableText,
      user: nullableText,
    })
    .describe('who and what; texts of users, at most 256 characters each'),
  model: nullableText.describe('id in the catalog'),
  checkpoint: nullableText.describe('id in the catalog'),
  context: count.nullable().describe('tokens'),
  quantization: nullableText,
  kvCacheDtype: nullableText,
  engine: nullableText,
  engineVersion: nullableText,
  engineRecognisedBy: nullableText.describe('annotation, command, image, environment or default'),
  parallel: parallel.nullable().describe('how it was judged to run'),
  bytesNeededPerGpu: count.nullable().describe('bytes of the fullest GPU, at the middle of the spread'),
  bytesAvailablePerGpu: count.nullable().describe('bytes that the engine may use of one GPU'),
  requestedGpus: count.nullable().describe('of one serving replica, by its author'),
  plannedGpus: count.nullable().describe('of one serving replica, by the plan'),
  replicas: count.nullable().describe('serving replicas that the object asks for'),
  shape: nullableText.describe('class of nodes, or product, that was chosen'),
  findings: z
    .array(z.object({ code: text, severity: z.enum(['error', 'warning', 'info']), path: text }))
    .describe('the first 64'),
  patchPaths: texts.describe('JSON pointers of the patch, the first 64'),
  policyHash: text,
  catalogVersion: text,
  vramgateVersion: text,
  durationMicroseconds: count,
  inputs: inputs.nullable().describe('what the decision can be computed again from, at most 8 KiB'),
});

export type ReadRecord = z.output<typeof recordSchema>;

/** What is written is what the schema says: a key that is missing here, or there, does not compile. */
export type WrittenRecord = DecisionRecord extends z.input<typeof recordSchema> ? DecisionRecord : never;

/** JSON Schema (draft 2020-12) of one line, for whoever reads the log with other tools. */
export function recordJsonSchema(): unknown {
  return z.toJSONSchema(recordSchema, { io: 'input', target: 'draft-2020-12' });
}
