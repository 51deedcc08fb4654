import { describe, expect, it } from 'vitest';
import {
  cluster,
  create,
  deployment,
  H100_NODES,
  type Json,
  object,
  SCOUT,
  template,
  UNKNOWN,
  vllmArgs,
} from './cases.ts';

/** Numbers beyond anything that runs: a refusal or a warning, in bounded time, and never a fault of ours. */

const KNOWN = cluster([H100_NODES]);
const GGML = 'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943';
const MAVERICK = 'meta-llama/Llama-4-Maverick-17B-128E-Instruct';
const EIGHT = { 'nvidia.com/gpu': 8 };

function vllm(context: string, tokens: number, flags: readonly string[], more: Json = {}): Json {
  return deployment({
    annotations: { model: 'scout', context, ...more },
    args: vllmArgs(SCOUT, tokens, ...flags),
    limits: EIGHT,
  });
}

function ggml(context: string, flags: readonly string[], gpus: number): Json {
  return deployment({
    image: GGML,
    annotations: { model: 'scout', context },
    args: ['-m', '/models/Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf', ...flags],
    limits: { 'nvidia.com/gpu': gpus },
  });
}

function training(parallelism: number, context: string): Json {
  const annotations = { model: 'scout', workload: 'training', 'training-method': 'full', context };
  return object('batch/v1', 'Job', annotations, {
    parallelism,
    template: template({ command: ['torchrun'], limits: EIGHT }),
  });
}

function group(size: number, more: Json): Json {
  const workerTemplate = template({ args: vllmArgs(SCOUT, 4096), ...more });
  const annotations = { model: 'scout', context: '4K' };
  return object('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', annotations, {
    leaderWorkerTemplate: { size, workerTemplate },
  });
}

const REFUSED: readonly (readonly [string, Json])[] = [
  [
    'a million sequences of 10M tokens',
    vllm('10M', 10_485_760, ['--tensor-parallel-size=8'], { concurrency: '999999' }),
  ],
  [
    'a thousand sequences of 8M tokens',
    vllm('8M', 8_388_608, ['--tensor-parallel-size=8'], { concurrency: '1000' }),
  ],
  ['2^53 - 1 tokens', vllm('9007199254740991', 9_007_199_254_740_991, [])],
  ['2^53 - 1 tokens of llama.cpp', ggml('9007199254740991', ['-c', '9007199254740991'], 1)],
  ['a billion data-parallel ranks', vllm('8K', 8192, ['--data-parallel-size=1000000000'])],
  ['eight billion tensor-parallel ranks', vllm('8K', 8192, ['--tensor-parallel-size=8000000000'])],
  ['eight billion stages', vllm('8K', 8192, ['--pipeline-parallel-size=8000000000'])],
  ['a hundred million GPUs of llama.cpp', ggml('8K', ['-c', '8192'], 100_000_000)],
  ['sequences beyond any scheduler', vllm('8K', 8192, ['--max-num-seqs=900719925474099'])],
  ['batched tokens beyond 32 bits', vllm('8K', 8192, ['--max-num-batched-tokens=9007199254740991'])],
  ['a cache of 8 PiB', vllm('8K', 8192, ['--kv-cache-memory-bytes=9007199254740991'])],
  ['an offload of 100 PB', vllm('8K', 8192, ['--cpu-offload-gb=100000000'])],
  ['a fraction of next to nothing', vllm('8K', 8192, ['--gpu-memory-utilization=1e-300'])],
];

const ADMITTED: readonly (readonly [string, Json])[] = [
  ['two billion pods of a Job', training(2_000_000_000, '10M')],
  ['no pods of a Job', training(0, '4K')],
  ['two billion pods of a group', group(2_000_000_000, { limits: EIGHT })],
  ['a trillion nodes', vllm('8K', 8192, ['--nnodes=1000000000000'])],
];

describe.each([
  ['known', KNOWN],
  ['unknown', UNKNOWN],
])('with an inventory that is %s', (_state, facts) => {
  it.each(REFUSED)('%s are refused', (_what, given) => {
    expect(create(given, facts).verdict).toBe('deny');
  });

  it.each(ADMITTED)('%s are judged', (_what, given) => {
    expect(create(given, facts).findings).toBeInstanceOf(Array);
    expect(create(given, facts).judged?.totalBytes).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });

  it.each([1, 2, 8, 64])('the widest cache of llama.cpp on %i GPUs stays a number', (gpus) => {
    const wide = ['-c', '2147483647', '-ctk', 'f32', '-ctv', 'f32', '--swa-full', '-np', '64'];

    expect(create(ggml('8K', wide, gpus), facts).findings.length).toBeGreaterThan(0);
  });

  it.each([2, 64, 512])('%i data-parallel ranks of Maverick with 1,000 sequences stay a number', (ranks) => {
    const given = deployment({
      annotations: { model: 'maverick', context: '1M', concurrency: '1000' },
      args: vllmArgs(MAVERICK, 1_048_576, '--tensor-parallel-size=8', `--data-parallel-size=${ranks}`),
      limits: EIGHT,
    });

    expect(create(given, facts).verdict).toBe('deny');
  });
});
