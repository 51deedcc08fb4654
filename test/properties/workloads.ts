import fc from 'fast-check';

/** Workloads as people write them, generated: every engine, kind and way of leaving things out. Plain JSON. */

type Members = Record<string, unknown>;

interface Engine {
  readonly image: string;
  /** Command line for a model, before the flags below. */
  readonly start: (model: string) => Partial<Record<'command' | 'args', readonly string[]>>;
  readonly tensor: (count: number) => readonly string[];
  readonly context: (tokens: number) => readonly string[];
}

const VLLM: Engine = {
  image: 'vllm/vllm-openai:v0.11.0',
  start: (model) => ({ args: ['--model', model] }),
  tensor: (count) => [`--tensor-parallel-size=${count}`],
  context: (tokens) => ['--max-model-len', String(tokens)],
};
const ENGINES: readonly Engine[] = [
  VLLM,
  {
    ...VLLM,
    image: 'vllm/vllm-openai:latest',
    start: (model) => ({ command: ['vllm', 'serve', model], args: [] }),
  },
  {
    image: 'lmsysorg/sglang:v0.5.3',
    start: (model) => ({ command: ['python3', '-m', 'sglang.launch_server'], args: ['--model-path', model] }),
    tensor: (count) => ['--tp', String(count)],
    context: (tokens) => ['--context-length', String(tokens)],
  },
  {
    image: 'ghcr.io/ggml-org/llama.cpp:server-cuda',
    start: (model) => ({ args: ['-hf', model] }),
    tensor: () => [],
    context: (tokens) => ['-c', String(tokens)],
  },
  {
    image: 'ghcr.io/huggingface/text-generation-inference:3.2.1',
    start: (model) => ({ args: ['--model-id', model] }),
    tensor: (count) => ['--num-shard', String(count)],
    context: (tokens) => ['--max-total-tokens', String(tokens)],
  },
  {
    image: 'nvcr.io/nvidia/tensorrt-llm/release:1.0.0',
    start: (model) => ({ command: ['trtllm-serve', model], args: [] }),
    tensor: (count) => ['--tp_size', String(count)],
    context: (tokens) => ['--max_seq_len', String(tokens)],
  },
];

const CHECKPOINTS = [
  'meta-llama/Llama-4-Scout-17B-16E-Instruct',
  'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16',
  'RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic',
  'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8',
  'unsloth/Llama-4-Scout-17B-16E-Instruct-GGUF:Q4_K_M',
  '/models/nobody-knows',
] as const;

const CONTEXTS = [8192, 131_072, 1_048_576, 9_000_000] as const;

const author = fc.record({
  engine: fc.constantFrom(...ENGINES),
  kind: fc.constantFrom('Deployment', 'StatefulSet', 'Job', 'CronJob', 'Pod', 'LeaderWorkerSet'),
  checkpoint: fc.constantFrom(...CHECKPOINTS),
  model: fc.constantFrom(null, 'scout', 'maverick', 'behemoth', 'llama-5'),
  annotatedContext: fc.constantFrom(null, '8K', '128K', '1M', '10M', 'banana'),
  quantization: fc.constantFrom(null, null, 'bf16', 'fp8', 'w4a16', 'int4', 'Q4_K_M'),
  gpu: fc.constantFrom(null, null, 'H100', 'H200,B200', 'A100-80GB', 'MI300X'),
  kvCacheDtype: fc.constantFrom(null, null, 'fp8'),
  concurrency: fc.constantFrom(null, null, '1', '16'),
  tensor: fc.constantFrom(null, 1, 2, 4, 8, 3),
  context: fc.constantFrom(null, ...CONTEXTS),
  gpus: fc.constantFrom(null, null, 1, 2, 4, 8),
  resource: fc.constantFrom('gpu', 'gpu', 'gpu', 'gpu', 'mig-3g.40gb', 'mig-1g.10gb', 'gpu.shared'),
  training: fc.constantFrom(null, null, null, null, null, 'full', 'bf16-adamw', 'lora', 'qlora'),
  selector: fc.constantFrom(null, null, 'NVIDIA-H100-80GB-HBM3', 'NVIDIA-H200', 'NVIDIA-L4'),
  isTolerant: fc.boolean(),
  hasShm: fc.boolean(),
  memory: fc.constantFrom(null, '16Gi', '512Gi'),
});

type Author = typeof author extends fc.Arbitrary<infer T> ? T : never;

function annotationsOf(one: Author): Members {
  const values: readonly (readonly [string, string | null])[] = [
    ['model', one.model],
    ['context', one.annotatedContext],
    ['quantization', one.quantization],
    ['gpu', one.gpu],
    ['kv-cache-dtype', one.kvCacheDtype],
    ['concurrency', one.concurrency],
    ['workload', one.training === null ? null : 'training'],
    ['training-method', one.training],
  ];
  const given = values.flatMap(([key, value]) => (value === null ? [] : [[`vramgate.io/${key}`, value]]));
  // One key makes an object ours; without any there is nothing to test here.
  return given.length > 0 ? Object.fromEntries(given) : { 'vramgate.io/concurrency': '1' };
}

function containerOf(one: Author): Members {
  const { engine, tensor, context, gpus, memory } = one;
  const start = engine.start(one.checkpoint);
  const flags = [
    ...(tensor === null ? [] : engine.tensor(tensor)),
    ...(context === null ? [] : engine.context(context)),
  ];
  const limits = {
    ...(gpus === null ? {} : { [`nvidia.com/${one.resource}`]: String(gpus) }),
    ...(memory === null ? {} : { memory }),
  };
  return {
    name: 'server',
    image: engine.image,
    ...start,
    args: [...(start.args ?? []), ...flags],
    ...(Object.keys(limits).length > 0 && { resources: { limits } }),
    ...(one.hasShm && { volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }] }),
  };
}

function podSpecOf(one: Author): Members {
  return {
    containers: [containerOf(one)],
    ...(one.selector !== null && { nodeSelector: { 'nvidia.com/gpu.product': one.selector } }),
    ...(one.isTolerant && {
      tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
    }),
    ...(one.hasShm && { volumes: [{ name: 'shm', emptyDir: { medium: 'Memory' } }] }),
  };
}

function objectOf(one: Author): Members {
  const metadata = { name: 'served', namespace: 'ml', annotations: annotationsOf(one) };
  const spec = podSpecOf(one);
  const template = { metadata: { labels: { app: 'served' } }, spec };
  const selector = { matchLabels: { app: 'served' } };
  switch (one.kind) {
    case 'Pod':
      return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
    case 'Job':
      return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } };
    case 'CronJob':
      return {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata,
        spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template } } },
      };
    case 'LeaderWorkerSet':
      return {
        apiVersion: 'leaderworkerset.x-k8s.io/v1',
        kind: 'LeaderWorkerSet',
        metadata,
        spec: { replicas: 1, leaderWorkerTemplate: { size: 2, workerTemplate: template } },
      };
    case 'StatefulSet':
      return {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata,
        spec: { replicas: 2, serviceName: 's', selector, template },
      };
    default:
      return {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 1, selector, template },
      };
  }
}

export const workloads: fc.Arbitrary<Members> = author.map(objectOf);
