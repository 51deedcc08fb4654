import { readFileSync } from 'node:fs';

/** AdmissionReviews as the API server sends them: the recorded request, with the manifest of each case in it. */

const RECORDED = new URL(
  '../fixtures/admission-reviews/01-apply-create.user.create.deployment.json',
  import.meta.url,
);

export interface Case {
  readonly title: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly image: string;
  /** null: the author asks for no GPU. */
  readonly gpus: number | null;
  readonly nodeSelector: Readonly<Record<string, string>> | null;
  readonly want: 'allow' | 'patch' | 'deny';
  readonly wantStatus?: number;
}

const H100 = { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' };
const W4A16 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16';

export const CASES: readonly Case[] = [
  {
    title: 'fits as written: Scout in 4 bit with 128K tokens on four H100',
    name: 'scout-fits',
    annotations: {
      'vramgate.io/model': 'scout',
      'vramgate.io/context': '128K',
      'vramgate.io/quantization': 'w4a16',
    },
    args: [W4A16, '--max-model-len=131072', '--tensor-parallel-size=4', '--gpu-memory-utilization=0.92'],
    image: 'vllm/vllm-openai:v0.11.0',
    gpus: 4,
    nodeSelector: H100,
    want: 'allow',
  },
  {
    title: 'patched: no GPU count, no placement and no parallel flag',
    name: 'scout-patched',
    annotations: {
      'vramgate.io/model': 'scout',
      'vramgate.io/context': '128K',
      'vramgate.io/quantization': 'w4a16',
    },
    args: [W4A16, '--max-model-len=131072'],
    image: 'vllm/vllm-openai:v0.11.0',
    gpus: null,
    nodeSelector: null,
    want: 'patch',
  },
  {
    title: 'refused: Scout in bf16 with a million tokens on four H100',
    name: 'scout-refused',
    annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' },
    args: [
      'meta-llama/Llama-4-Scout-17B-16E-Instruct',
      '--max-model-len=1048576',
      '--tensor-parallel-size=4',
    ],
    image: 'vllm/vllm-openai:v0.11.0',
    gpus: 4,
    nodeSelector: H100,
    want: 'deny',
    wantStatus: 403,
  },
  {
    title: 'unknown model: allowed with a warning, never in silence',
    name: 'unknown-model',
    annotations: { 'vramgate.io/model': 'llama-5-huge' },
    args: ['--tensor-parallel-size=8'],
    image: 'vllm/vllm-openai:v0.11.0',
    gpus: 8,
    nodeSelector: H100,
    want: 'allow',
  },
  {
    title: 'context banana: malformed',
    name: 'banana',
    annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': 'banana' },
    args: [W4A16, '--max-model-len=131072', '--tensor-parallel-size=4'],
    image: 'vllm/vllm-openai:v0.11.0',
    gpus: 4,
    nodeSelector: H100,
    want: 'deny',
    wantStatus: 422,
  },
];

type Members = Record<string, unknown>;

function members(value: unknown, key: string): Members {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof found === 'object' && found !== null && !Array.isArray(found)) return Object.assign(found);
  throw new Error(`the recorded request has no ${key}`);
}

export function recordedReview(): Members {
  const parsed: unknown = JSON.parse(readFileSync(RECORDED, 'utf8'));
  return members({ parsed }, 'parsed');
}

/** The recorded CREATE with the case's manifest in place of the recorded one. */
export function reviewOf(one: Case, uid: string): Members {
  const review = recordedReview();
  const request = members(review, 'request');
  request['uid'] = uid;
  request['name'] = one.name;
  const object = members(request, 'object');
  const metadata = members(object, 'metadata');
  metadata['name'] = one.name;
  metadata['annotations'] = { ...one.annotations };
  delete metadata['managedFields'];
  const spec = members(members(members(object, 'spec'), 'template'), 'spec');
  const containers: unknown = spec['containers'];
  const container: unknown = Array.isArray(containers) ? containers[0] : null;
  const first = members({ container }, 'container');
  first['args'] = [...one.args];
  first['image'] = one.image;
  const gpu = one.gpus === null ? {} : { 'nvidia.com/gpu': String(one.gpus) };
  first['resources'] = {
    limits: { memory: '256Gi', ...gpu },
    requests: { cpu: '16', memory: '256Gi', ...gpu },
  };
  if (one.nodeSelector === null) {
    delete spec['nodeSelector'];
    delete spec['tolerations'];
  } else spec['nodeSelector'] = { ...one.nodeSelector };
  return review;
}
