import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import type { Decision, Edit, Policy } from '../../src/plan/types.ts';

/** Objects and clusters for the tests of decisions, as an author and an operator write them. */

export type Json = Readonly<Record<string, unknown>>;

const H100 = 'NVIDIA-H100-80GB-HBM3';

/** Nodes with the labels that GPU feature discovery writes. */
export function shape(product: string, gpus: number, more: Json = {}): Json {
  const { labels, ...rest } = more;
  const own = typeof labels === 'object' ? labels : {};
  return { product, gpus, nodes: 4, labels: { 'nvidia.com/gpu.product': product, ...own }, ...rest };
}

export const H100_NODES = shape(H100, 8);
export const L40S_NODES = shape('NVIDIA-L40S', 4);

/** Facts of a cluster with these declared shapes. */
export function cluster(shapes: readonly Json[], policy: Partial<Policy> = {}): Facts {
  const reading = readInventory([shapes], builtinCatalog);
  if (reading.findings.length > 0) throw new Error(JSON.stringify(reading.findings));
  return { ...UNKNOWN, inventory: reading.inventory, policy: { ...UNKNOWN.policy, ...policy } };
}

/** Facts of a cluster with these nodes, as kubectl lists them. */
export function clusterOf(nodes: unknown, policy: Partial<Policy> = {}): Facts {
  const { inventory } = readInventory([nodes], builtinCatalog);
  return { ...UNKNOWN, inventory, policy: { ...UNKNOWN.policy, ...policy } };
}

export const UNKNOWN: Facts = {
  catalog: builtinCatalog,
  inventory: { state: 'unknown', reason: 'test' },
  policy: defaultPolicy(),
  namespaceMode: null,
};

export interface Server {
  readonly annotations?: Json;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Json[];
  readonly limits?: Json;
  readonly container?: Json;
  readonly spec?: Json;
  readonly labels?: Json;
}

export const SCOUT_INT4 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16';
export const SCOUT = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';

export function vllmArgs(
  model: string,
  context: number | null,
  ...more: readonly string[]
): readonly string[] {
  const length = context === null ? [] : [`--max-model-len=${context}`];
  return [`--model=${model}`, ...length, ...more];
}

function annotated(annotations: Json | undefined): Json {
  const own = Object.entries(annotations ?? {}).map(([key, value]) => [`vramgate.io/${key}`, value]);
  return Object.fromEntries(own);
}

export function podSpec(server: Server): Json {
  const { image = 'vllm/vllm-openai:v0.11.0', command, args, env, limits, container, spec } = server;
  const main = {
    name: 'server',
    image,
    ...(command === undefined ? {} : { command }),
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env }),
    ...(limits === undefined ? {} : { resources: { limits } }),
    volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
    ...container,
  };
  return { containers: [main], volumes: [{ name: 'shm', emptyDir: { medium: 'Memory' } }], ...spec };
}

export function template(server: Server): Json {
  return { metadata: { labels: server.labels ?? {} }, spec: podSpec(server) };
}

export function deployment(server: Server, more: Json = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'scout', namespace: 'ml', annotations: annotated(server.annotations) },
    spec: { replicas: 1, strategy: { type: 'Recreate' }, template: template(server), ...more },
  };
}

export function object(apiVersion: string, kind: string, annotations: Json, spec: Json): Json {
  return {
    apiVersion,
    kind,
    metadata: { name: 'scout', namespace: 'ml', annotations: annotated(annotations) },
    spec,
  };
}

export function create(given: unknown, facts: Facts): Decision {
  return decide({ operation: 'CREATE', object: given, oldObject: null, namespace: 'ml', user: null }, facts);
}

export function update(given: unknown, oldObject: unknown, facts: Facts): Decision {
  return decide({ operation: 'UPDATE', object: given, oldObject, namespace: 'ml', user: null }, facts);
}

export function codes(decision: Decision): readonly string[] {
  return decision.findings.map((one) => one.code);
}

export function messageOf(decision: Decision, code: string): string {
  return decision.findings.find((one) => one.code === code)?.message ?? '';
}

export function editsOf<K extends Edit['kind']>(
  decision: Decision,
  kind: K,
): readonly Extract<Edit, { kind: K }>[] {
  return decision.edits.filter((edit): edit is Extract<Edit, { kind: K }> => edit.kind === kind);
}
