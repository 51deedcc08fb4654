import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readBody } from '../../src/admission/door.ts';
import { handleReview, type Judge, type Outcome, type Webhook } from '../../src/admission/handle.ts';
import type { Review } from '../../src/admission/review.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { decisionRecord, identifyRecord } from '../../src/pipeline/record.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import type { Policy } from '../../src/plan/types.ts';

/** Reviews built from the requests that a real API server sent, and the whole room run on them in process. */

const FIXTURES = new URL('../fixtures/', import.meta.url);

export type Members = Record<string, unknown>;

/** Two DGX H100, as `kubectl get nodes -o yaml` prints them. */
const NODES: unknown = parse(readFileSync(new URL('nodes/dgx-h100.yaml', FIXTURES), 'utf8'));

export const FACTS: Facts = {
  catalog: builtinCatalog,
  inventory: readInventory([NODES], builtinCatalog).inventory,
  policy: defaultPolicy(),
  namespaceMode: null,
};

export function factsWith(policy: Partial<Policy>): Facts {
  return { ...FACTS, policy: { ...FACTS.policy, ...policy } };
}

export function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at `path`; a fixture that lacks it is a mistake of the test. */
export function at(root: unknown, ...path: readonly (string | number)[]): Members {
  const found = path.reduce<unknown>(
    (value, step) => (typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined),
    root,
  );
  if (isMembers(found)) return found;
  throw new Error(`no object at ${path.join('.')}`);
}

/** One of the 36 requests of test/fixtures/admission-reviews, parsed anew. */
export function recorded(file: string): Members {
  return at(JSON.parse(readFileSync(new URL(`admission-reviews/${file}`, FIXTURES), 'utf8')));
}

export const NEW_DEPLOYMENT = '01-apply-create.user.create.deployment.json';

export const W4A16 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16';
const BF16 = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';
export const H100 = { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' };

/** What a case changes of the recorded Deployment; null leaves the field out. */
export interface Subject {
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly args: readonly string[];
  readonly gpus: number | null;
  readonly nodeSelector: Readonly<Record<string, string>> | null;
}

export const FITS: Subject = {
  annotations: {
    'vramgate.io/model': 'scout',
    'vramgate.io/context': '128K',
    'vramgate.io/quantization': 'w4a16',
  },
  args: [W4A16, '--max-model-len=131072', '--tensor-parallel-size=4', '--gpu-memory-utilization=0.92'],
  gpus: 4,
  nodeSelector: H100,
};

/** No count, no placement, no parallel flag: all are filled in. */
export const INCOMPLETE: Subject = {
  ...FITS,
  args: [W4A16, '--max-model-len=131072'],
  gpus: null,
  nodeSelector: null,
};

/** 216 GB of weights on one GPU of 80 GB. */
export const UNDERSIZED: Subject = {
  annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '128K' },
  args: [BF16, '--max-model-len=131072', '--tensor-parallel-size=1'],
  gpus: 1,
  nodeSelector: H100,
};

export const MALFORMED: Subject = {
  ...FITS,
  annotations: { ...FITS.annotations, 'vramgate.io/context': 'banana' },
};

export const UNKNOWN_MODEL: Subject = {
  ...FITS,
  annotations: { 'vramgate.io/model': 'llama-5-huge' },
  args: ['--tensor-parallel-size=8'],
  gpus: 8,
};

export const NOT_OURS: Subject = { ...UNDERSIZED, annotations: {} };

/** The recorded Deployment with the subject's manifest in place of the recorded one. */
export function deployment(subject: Subject): Members {
  const object = at(recorded(NEW_DEPLOYMENT), 'request', 'object');
  const metadata = at(object, 'metadata');
  metadata['annotations'] = { ...subject.annotations };
  delete metadata['managedFields'];
  fill(at(object, 'spec', 'template', 'spec'), subject);
  return object;
}

export function fill(podSpec: Members, { args, gpus, nodeSelector }: Subject): void {
  const container = at(podSpec, 'containers', 0);
  container['args'] = [...args];
  const gpu = gpus === null ? {} : { 'nvidia.com/gpu': String(gpus) };
  container['resources'] = {
    limits: { memory: '256Gi', ...gpu },
    requests: { cpu: '16', memory: '256Gi', ...gpu },
  };
  delete podSpec['tolerations'];
  if (nodeSelector === null) delete podSpec['nodeSelector'];
  else podSpec['nodeSelector'] = { ...nodeSelector };
}

/** The recorded envelope around `object`; `changes` are members of the request. */
export function envelope(object: unknown, changes: Members = {}): Members {
  const review = recorded(NEW_DEPLOYMENT);
  Object.assign(at(review, 'request'), { object, uid: 'uid-1' }, changes);
  return review;
}

export function created(subject: Subject, changes: Members = {}): Members {
  return envelope(deployment(subject), changes);
}

export function updated(object: unknown, oldObject: unknown, changes: Members = {}): Members {
  return envelope(object, { operation: 'UPDATE', oldObject, ...changes });
}

export function read(body: unknown): Review {
  // Through text: what arrives was JSON, and shares nothing with the test's own values.
  const reading = readBody(new TextEncoder().encode(JSON.stringify(body)));
  if (reading.kind === 'review') return reading.review;
  throw new Error(reading.message);
}

export const TIME = '2026-11-25T12:00:00.000Z';

export const JUDGE: Judge = { decide, record: decisionRecord, identify: identifyRecord };

export function review(webhook: Webhook, read: Review, facts: Facts = FACTS): Outcome {
  return handleReview({ review: read, webhook, time: TIME }, facts, JUDGE);
}

export function handle(webhook: Webhook, body: unknown, facts?: Facts): Outcome {
  return review(webhook, read(body), facts);
}

/** What a reviewer reads at a glance: `allowed`, code, number of patch operations, warnings. */
export function glance({ answer: { response } }: Outcome): Members {
  return {
    allowed: response.allowed,
    code: response.status?.code ?? null,
    isPatched: response.patch !== undefined,
    warns: (response.warnings?.length ?? 0) > 0,
  };
}

export function codesOf({ record }: Outcome): readonly string[] {
  return record.findings.map((one) => one.code);
}

export function patchOf({ answer: { response } }: Outcome): readonly Members[] {
  if (response.patch === undefined) return [];
  const operations: unknown = JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));
  return Array.isArray(operations) ? operations.filter(isMembers) : [];
}
