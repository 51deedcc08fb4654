import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits } from '../../../src/admission/json-patch.ts';
import { builtinCatalog } from '../../../src/catalog/builtin.ts';
import { replayRecord } from '../../../src/commands/audit/replay.ts';
import { auditRecordSchema } from '../../../src/observe/record-schema.ts';
import { decide } from '../../../src/pipeline/decide.ts';
import type { Facts } from '../../../src/pipeline/types.ts';
import type { Inventory, Policy } from '../../../src/plan/types.ts';
import { envelope, FACTS, handle, type Members } from '../../admission/subjects.ts';
import { gpuPod } from '../../inventory/gpu-pods.ts';
import { classesOf, fixtureText, readText } from '../../inventory/nodes.ts';

/** Any decision, computed again from its own line, is the same decision. */

const SCOUT = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';

interface Parts {
  readonly kind: 'Deployment' | 'StatefulSet' | 'Job' | 'LeaderWorkerSet';
  readonly annotations: Members;
  readonly args: readonly string[];
  readonly image: string;
  readonly gpus: number | null;
  readonly resource: string;
  readonly claims: boolean;
  readonly nodeSelector: Members | null;
  readonly tolerations: readonly Members[];
  readonly labels: Members;
  readonly replicas: number;
}

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

function present(values: Members): Members {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const ANNOTATIONS = fc
  .record({
    'vramgate.io/model': fc.constantFrom('scout', 'maverick', 'behemoth', 'llama-5', SCOUT),
    'vramgate.io/context': maybe(fc.constantFrom('8K', '128K', '1M', '10M', 'banana')),
    'vramgate.io/quantization': maybe(fc.constantFrom('w4a16', 'fp8', 'bf16', 'int4')),
    'vramgate.io/kv-cache-dtype': maybe(fc.constantFrom('fp8', 'auto')),
    'vramgate.io/concurrency': maybe(fc.constantFrom('1', '16')),
    'vramgate.io/engine': maybe(fc.constantFrom('vllm', 'sglang', 'llama.cpp', 'ollama')),
    'vramgate.io/gpu': maybe(fc.constantFrom('H100', 'H200', 'L40S', 'B9000')),
    'vramgate.io/workload': maybe(fc.constantFrom('training', 'inference')),
    'vramgate.io/training-method': maybe(fc.constantFrom('lora', 'full')),
    'vramgate.io/exempt': maybe(fc.constantFrom('a reason that is long enough', 'no')),
  })
  .map(present);

const ARGS = fc.subarray([
  '--max-model-len=131072',
  '--tensor-parallel-size=2',
  '--pipeline-parallel-size=2',
  '--gpu-memory-utilization=0.95',
  '--kv-cache-dtype=fp8',
  '--max-num-seqs=64',
  '--enforce-eager',
  '--config=/etc/vllm.yaml',
]);

const PARTS: fc.Arbitrary<Parts> = fc.record({
  kind: fc.constantFrom('Deployment', 'StatefulSet', 'Job', 'LeaderWorkerSet'),
  annotations: ANNOTATIONS,
  args: ARGS,
  image: fc.constantFrom('vllm/vllm-openai:v0.11.0', 'vllm/vllm-openai', 'rocm/vllm:v0.11.0', 'own/image:1'),
  gpus: fc.constantFrom(null, 1, 2, 4, 8),
  resource: fc.constantFrom(
    'nvidia.com/gpu',
    'nvidia.com/gpu',
    'amd.com/gpu',
    'nvidia.com/mig-3g.40gb',
    'deviceclass.resource.kubernetes.io/gpu.nvidia.com',
  ),
  claims: fc.constantFrom(false, false, true),
  nodeSelector: fc.constantFrom(
    null,
    { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' },
    { 'kubernetes.io/hostname': 'nowhere' },
    { 'cloud.google.com/gke-accelerator': 'nvidia-h100-80gb' },
    { 'topology.kubernetes.io/region': 'us-east-1', 'kubernetes.io/arch': 'amd64' },
  ),
  tolerations: fc.constantFrom([], [{ key: 'nvidia.com/gpu', operator: 'Exists' }]),
  labels: fc.constantFrom({}, { 'kueue.x-k8s.io/queue-name': 'gpus' }),
  replicas: fc.integer({ min: 0, max: 3 }),
});

function podOf(parts: Parts, selector: Members | null): Members {
  const limits = parts.gpus === null ? {} : { [parts.resource]: String(parts.gpus) };
  const container = {
    name: 'server',
    image: parts.image,
    args: ['--model', SCOUT, ...parts.args],
    resources: { limits: { memory: '64Gi', ...limits } },
  };
  const spec = {
    containers: [container],
    tolerations: parts.tolerations,
    nodeSelector: selector ?? undefined,
    resourceClaims: parts.claims ? [{ name: 'gpu' }] : undefined,
  };
  return { metadata: { labels: { app: 'x', ...parts.labels } }, spec: present(spec) };
}

const API: Readonly<Record<Parts['kind'], string>> = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  Job: 'batch/v1',
  LeaderWorkerSet: 'leaderworkerset.x-k8s.io/v1',
};

function objectOf(parts: Parts): Members {
  const { kind, annotations, labels, replicas, nodeSelector } = parts;
  const template = podOf(parts, nodeSelector);
  const specs: Readonly<Record<Parts['kind'], Members>> = {
    Deployment: { replicas, template },
    StatefulSet: { replicas, template },
    Job: { suspend: true, template },
    // The leader and its workers are placed apart from each other.
    LeaderWorkerSet: {
      replicas,
      leaderWorkerTemplate: { size: 2, leaderTemplate: template, workerTemplate: podOf(parts, null) },
    },
  };
  return {
    apiVersion: API[kind],
    kind,
    metadata: { name: 'x', namespace: 'ml', annotations, labels },
    spec: specs[kind],
  };
}

const POLICY: fc.Arbitrary<Partial<Policy>> = fc.record({
  mode: fc.constantFrom('enforce', 'warn', 'audit'),
  unknown: fc.constantFrom('warn', 'deny', 'allow'),
  capacity: fc.constantFrom('warn', 'deny', 'ignore'),
  inventory: fc.constantFrom('partial', 'complete'),
  placement: fc.constantFrom('node-selector', 'affinity'),
  missingFlag: fc.constantFrom('deny', 'warn'),
  method: fc.constantFrom('computed', 'published'),
  defaultGpu: fc.constantFrom(null, 'NVIDIA-H200'),
});

const NODES = [
  'dgx-h100.yaml',
  'gke.yaml',
  'mig-mixed.yaml',
  'time-sliced.yaml',
  'amd-mi300x.yaml',
  'eks-karpenter.yaml',
  'karpenter-pools.yaml',
  'dra-nvidia.yaml',
  'dra-mig.yaml',
];
/** GPUs that a pod holds on each node; null: no pods are known. */
const TAKEN = [null, 0, 4, 8] as const;

function inventoryOf(name: string, taken: number | null): Inventory {
  const nodes = fixtureText(name);
  if (taken === null) return readText(nodes).inventory;
  const pods = classesOf(readText(nodes)).flatMap(({ nodeNames, resource }) =>
    [...nodeNames].map((node) =>
      gpuPod({ name: `${node}-${resource}`, node, limits: { [resource]: String(taken) } }),
    ),
  );
  const unbound = gpuPod({ name: 'unbound' });
  return readText(`${nodes}\n---\n${JSON.stringify({ kind: 'List', items: [...pods, unbound] })}`).inventory;
}

const INVENTORIES = new Map(
  NODES.flatMap((name) => TAKEN.map((taken) => [`${name} ${taken}`, inventoryOf(name, taken)] as const)),
);
const UNKNOWN: Inventory = { state: 'unknown', reason: 'test' };

interface Setting {
  readonly policy: Partial<Policy>;
  /** A list of nodes; null: no inventory. */
  readonly nodes: string | null;
  readonly taken: (typeof TAKEN)[number];
  readonly namespaceMode: 'warn' | null;
}

const SETTING: fc.Arbitrary<Setting> = fc.record({
  policy: POLICY,
  nodes: fc.constantFrom(null, ...NODES),
  taken: fc.constantFrom(...TAKEN),
  namespaceMode: fc.constantFrom(null, 'warn' as const),
});

function factsOf({ policy, nodes, taken, namespaceMode }: Setting): Facts {
  const inventory = INVENTORIES.get(`${nodes} ${taken}`) ?? UNKNOWN;
  return { ...FACTS, inventory, namespaceMode, policy: { ...FACTS.policy, ...policy } };
}

function reviewOf(object: Members, oldObject: Members | null): Members {
  const group = String(object['apiVersion']).split('/');
  const kind = { group: group[0], version: group[1], kind: object['kind'] };
  const resource = {
    group: group[0],
    version: group[1],
    resource: `${String(object['kind']).toLowerCase()}s`,
  };
  const operation = oldObject === null ? 'CREATE' : 'UPDATE';
  return envelope(object, {
    kind,
    resource,
    requestKind: kind,
    requestResource: resource,
    operation,
    oldObject,
  });
}

function expectSame(body: Members, facts: Facts): void {
  for (const webhook of ['mutate', 'validate'] as const) {
    const { record } = handle(webhook, body, facts);
    const read = auditRecordSchema.parse(JSON.parse(JSON.stringify(record)));
    const today = { catalog: builtinCatalog, vramgateVersion: record.vramgateVersion, policy: null };

    expect(record.inputs).toMatchObject({ truncated: null });
    expect(replayRecord(read, today)).toEqual({ outcome: 'same' });
  }
}

describe('a decision, computed again from its own line', () => {
  it('about a new object is the same decision', () => {
    fc.assert(
      fc.property(PARTS, SETTING, (parts, setting) =>
        expectSame(reviewOf(objectOf(parts), null), factsOf(setting)),
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('about an update, with our edits in the old object, is the same decision', () => {
    const changed = fc.record({ before: PARTS, after: PARTS, isSame: fc.boolean() });
    fc.assert(
      fc.property(changed, SETTING, ({ before, after, isSame }, setting) => {
        const facts = factsOf(setting);
        const object = objectOf(before);
        const input = { operation: 'CREATE', object, oldObject: null, namespace: 'ml', user: null } as const;
        const old: Members = Object(applyPatch(object, lowerEdits(object, decide(input, facts).edits)));
        expectSame(reviewOf(objectOf(isSame ? before : { ...after, kind: before.kind }), old), facts);
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
