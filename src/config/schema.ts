import * as z from 'zod';
import { ENGINE_NAMES } from '../engine/types.ts';
import { FINDINGS } from '../findings.ts';

/**
 * The one configuration file. Every key has a default, an unknown key is refused: a misspelt policy that is
 * silently ignored is a policy that its operator believes in. Nothing here transforms, so that the JSON Schema
 * says exactly what the parser does.
 */

const MODES = ['enforce', 'warn', 'audit'] as const;

/** `0`, `2Gi`, `512Mi`, `1.5G`: a Kubernetes quantity of bytes. */
const BYTE_QUANTITY = /^(\d{1,12}(?:\.\d{1,6})?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/;

const MAX_LIST = 256;
const text = z.string().min(1).max(253);
const texts = z.array(text).max(MAX_LIST);
const mode = z.enum(MODES);
const findingCode = z.enum(Object.keys(FINDINGS), 'no such finding code');

const gpuTaintSchema = z.strictObject({
  key: text,
  value: z.string().max(63).nullable().default(null).describe('null: any value'),
});

const exemptionsSchema = z.strictObject({
  users: texts.default([]).describe('users who may exempt'),
  groups: texts.default([]).describe('groups whose members may exempt'),
  namespaces: texts.default([]).describe('namespaces in which everyone may exempt'),
});

export const policySchema = z.strictObject({
  mode: mode.default('enforce').describe('what a misfit does: refuse, warn, or only record'),
  minimumMode: mode
    .nullable()
    .default(null)
    .describe('floor under the vramgate.io/mode label of a namespace'),
  codeModes: z.partialRecord(findingCode, mode).default({}).describe('mode of single finding codes'),
  unknown: z.enum(['warn', 'deny', 'allow']).default('warn').describe('what cannot be sized'),
  capacity: z.enum(['warn', 'deny', 'ignore']).default('warn').describe('what no known node could hold'),
  unannotated: z
    .enum(['ignore', 'warn', 'judge'])
    .default('ignore')
    .describe('Llama 4 serving that carries no annotation of ours'),
  inventory: z.enum(['partial', 'complete']).default('partial').describe('complete: no other GPU can appear'),
  disclose: z.boolean().default(true).describe('false leaves the shapes of the cluster out of messages'),
  method: z
    .enum(['computed', 'published'])
    .default('computed')
    .describe('sized from the architecture, or by the published figures'),
  defaultEngine: z.enum(ENGINE_NAMES).nullable().default('vllm').describe('where nothing names the engine'),
  defaultGpu: text.nullable().default(null).describe('product to assume without an inventory'),
  preferGpus: texts.default([]).describe('products in order of preference'),
  prices: z.record(text, z.number().nonnegative()).default({}).describe('price of one GPU hour by product'),
  placement: z
    .enum(['node-selector', 'affinity'])
    .default('node-selector')
    .describe('how a placement is written: one shape, or any that fits'),
  missingFlag: z.enum(['deny', 'warn']).default('deny').describe('a flag that is needed and cannot be added'),
  headroom: z
    .union([z.int().nonnegative(), z.string().regex(BYTE_QUANTITY)])
    .default(0)
    .describe('bytes of each GPU kept free'),
  // The documented taint of AKS GPU pools (reference gpu-catalog.md §3.2); the resource's own name needs no entry.
  gpuTaints: z
    .array(gpuTaintSchema)
    .max(MAX_LIST)
    .default([{ key: 'sku', value: 'gpu' }])
    .describe('taints to tolerate beside the name of the GPU resource'),
  exemptions: exemptionsSchema.prefault({}).describe('who may exempt; empty lists: everyone'),
});

export const serverSchema = z.strictObject({
  host: text.nullable().default(null).describe('address to listen on; null: all'),
  drainSeconds: z
    .number()
    .min(0)
    .max(300)
    .default(12)
    .describe('answers after SIGTERM, each closing its connection'),
  stopSeconds: z.number().min(0).max(300).default(15).describe('then the time for what is still open'),
  maxConnections: z.int().min(1).max(65_536).default(2048).describe('connections at once'),
  clientCaFile: text
    .nullable()
    .default(null)
    .describe('CA that client certificates must chain to; read again when it changes'),
});

const clusterSchema = z.strictObject({
  watch: z
    .boolean()
    .default(true)
    .describe('whether serve keeps nodes, pools and namespaces in step with the API server'),
  pods: z
    .boolean()
    .default(false)
    .describe('whether it watches all pods as well, to tell when no GPU is free now; needs watch'),
});

export const configSchema = z.strictObject({
  policy: policySchema.prefault({}),
  // Read row by row with the catalog's own schema (catalog.ts), which names a bad row by its key.
  catalog: z.unknown().optional(),
  // Read by the reader of `--inventory`, which names what is wrong with a shape at its own path.
  shapes: z.unknown().optional(),
  cluster: clusterSchema.prefault({}),
  server: serverSchema.prefault({}),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('least severity that is logged; decision records always are'),
});

export type PolicyFile = z.infer<typeof policySchema>;
export type ClusterConfig = Readonly<z.infer<typeof clusterSchema>>;
export type ServerConfig = Readonly<z.infer<typeof serverSchema>>;
export type ConfigFile = z.infer<typeof configSchema>;
