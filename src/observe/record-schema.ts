import * as z from 'zod';
import type { RecordInputs } from '../pipeline/record-inputs.ts';
import type { DecisionRecord } from '../pipeline/types.ts';
import { inputsSchema } from './inputs-schema.ts';

/**
 * The published schema of a decision record: one JSON line of the webhook's log. Keys are added, never renamed and
 * never removed; members that are not known here are kept, so that a record of a later version can still be read.
 * docs/decision-record.md tells what each key means, and a test compares the two.
 */

const count = z.int().nonnegative();
const text = z.string();
const texts = z.array(text);
const mode = z.enum(['enforce', 'warn', 'audit']);
const verdict = z.enum(['deny', 'patch', 'warn', 'allow', 'ignore']);
const parallel = z.object({
  tensor: count,
  pipeline: count,
  data: count,
  isExpertParallel: z.boolean(),
});

const nullableText = text.nullable();

const members = {
  decision: text.describe('hash of uid, webhook, policy hash and catalog version; also an audit annotation'),
  uid: nullableText.describe('of the request; null in vramgate check'),
  time: text.describe('RFC 3339: when the review arrived'),
  webhook: z.enum(['mutate', 'validate', 'check']).describe('which endpoint, or the command line'),
  mode: mode.describe('enforce, warn or audit: in effect for this object'),
  verdict: verdict.describe('deny, patch, warn, allow or ignore: by the rules alone, before the mode'),
  allowed: z
    .boolean()
    .describe(
      'what the caller was told, after mode and policy; /mutate never refuses: there a verdict of deny says what /validate will do',
    ),
  operation: text.describe('CREATE, UPDATE, DELETE or CONNECT'),
  dryRun: z.boolean().describe('nothing was to be stored'),
  subject: z
    .object({
      kind: text,
      namespace: nullableText,
      name: nullableText,
      generateName: nullableText,
      user: nullableText,
    })
    .describe('kind, namespace, name, generateName, user: texts of users, 256 characters each at most'),
  model: nullableText.describe('id in the catalog'),
  checkpoint: nullableText.describe('id in the catalog'),
  context: count.nullable().describe('tokens'),
  quantization: nullableText.describe('of the checkpoint that was judged'),
  kvCacheDtype: nullableText.describe('of the cache that was judged'),
  engine: nullableText.describe('vllm, sglang, llama.cpp, tensorrt-llm, tgi or ollama'),
  engineVersion: nullableText.describe('from the image or its annotation; null: not known'),
  engineRecognisedBy: nullableText.describe('annotation, command, image, environment or default'),
  parallel: parallel.nullable().describe('tensor, pipeline and data ranks of one replica, as judged'),
  bytesNeededPerGpu: count
    .nullable()
    .describe('of the fullest GPU: what counts against the limit that binds'),
  bytesAvailablePerGpu: count
    .nullable()
    .describe('the limit that binds: the budget of the engine, or the whole usable memory of the GPU'),
  requestedGpus: count.nullable().describe('of one serving replica, by its author; null: none'),
  plannedGpus: count.nullable().describe('of one serving replica, by the plan'),
  shape: nullableText.describe('class of nodes, or product, that was chosen'),
  replicas: count.nullable().describe('serving replicas that the object asks for'),
  free: z
    .array(
      z.object({
        path: text,
        resource: text,
        gpus: count,
        pods: count,
        nodes: count,
        room: count,
        most: count,
      }),
    )
    .nullable()
    // Records of the first versions do not have it.
    .default(null)
    .describe(
      'for pods that are to be made: room for so many of them on the nodes that the plan leads to, and the most GPUs free on one; null: not known',
    ),
  findings: z
    .array(z.object({ code: text, severity: z.enum(['error', 'warning', 'info']), path: text }))
    .describe('code, severity and path of the first 64'),
  patchPaths: texts.describe('JSON pointers of the patch, the first 64'),
  policyHash: text.describe('of the policy values in effect'),
  catalogVersion: text.describe('hash of the catalog'),
  vramgateVersion: text.describe('of the program that decided'),
  durationMicroseconds: count.describe('from the whole request to its answer'),
  inputs: inputsSchema
    .nullable()
    .describe('what the decision is computed again from, 8 KiB at most; null: nothing to decide'),
};

export const recordSchema = z.looseObject(members);

export type ReadRecord = z.output<typeof recordSchema>;

/** For reading many records: what `inputs` holds is looked at only where a record is computed again. */
export const auditRecordSchema = recordSchema.extend({ inputs: z.unknown() });

export type AuditRecord = z.output<typeof auditRecordSchema>;

/** @returns null where they are not what the schema says. */
export function readInputs(value: unknown): RecordInputs | null {
  const parsed = inputsSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

type Written = Frozen<z.input<z.ZodObject<typeof members>>>;

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

/** What is written is what the schema says: `never` where one has a key that the other lacks. */
export type WrittenRecord = [DecisionRecord, keyof DecisionRecord] extends [Written, keyof Written]
  ? DecisionRecord
  : never;

/** JSON Schema (draft 2020-12) of one line, for whoever reads the log with other tools. */
export function recordJsonSchema(): unknown {
  return z.toJSONSchema(recordSchema, { io: 'input', target: 'draft-2020-12' });
}
