import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FINDINGS } from '../../src/findings.ts';
import {
  cluster,
  clusterOf,
  codes,
  create,
  deployment,
  editsOf,
  H100_NODES,
  type Json,
  L40S_NODES,
  messageOf,
  object,
  SCOUT,
  SCOUT_INT4,
  type Server,
  shape,
  template,
  UNKNOWN,
  vllmArgs,
} from './cases.ts';

const SOURCE = new URL('../../src/', import.meta.url);

function sources(): readonly string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'findings.ts')
    .map((name) => readFileSync(new URL(name, SOURCE), 'utf8'));
}

describe('the closed list of findings', () => {
  it('holds no code that nothing emits', () => {
    const text = sources().join('\n');
    const silent = Object.keys(FINDINGS).filter((code) => !text.includes(`'${code}'`));

    expect(silent).toEqual([]);
  });
});

const FP8 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic';
const NVFP4 = 'nvidia/Llama-4-Scout-17B-16E-Instruct-NVFP4';

function scout(model: string, gpus: number, more: Server = {}): Json {
  return deployment({
    annotations: { model: 'scout', context: '8K' },
    args: vllmArgs(model, 8192, ...(gpus === 1 ? [] : [`--tensor-parallel-size=${gpus}`])),
    limits: { 'nvidia.com/gpu': gpus },
    ...more,
  });
}

describe('what a pod dies of although its GPUs suffice', () => {
  const worker = (more: Json): Json => ({
    spec: {
      containers: [
        {
          name: 'worker',
          image: 'vllm/vllm-openai:v0.11.0',
          resources: { limits: { 'nvidia.com/gpu': 4 } },
          ...more,
        },
      ],
    },
  });
  const group = (more: Json): Json =>
    object(
      'leaderworkerset.x-k8s.io/v1',
      'LeaderWorkerSet',
      { model: 'scout', context: '8K' },
      {
        leaderWorkerTemplate: {
          size: 2,
          leaderTemplate: template({
            args: vllmArgs(SCOUT, 8192, '--tensor-parallel-size=4', '--pipeline-parallel-size=2'),
            limits: { 'nvidia.com/gpu': 4 },
          }),
          workerTemplate: worker(more),
        },
      },
    );

  it('is looked for in the workers of a group as in its leader', () => {
    const found = create(group({}), cluster([H100_NODES])).findings.filter(
      ({ code }) => code === 'missing-shm',
    );

    expect(found.map(({ path }) => path[2])).toEqual(['workerTemplate']);
  });
});

describe('a format that the GPU has no arithmetic for', () => {
  it('is told where any node that the pod may land on has none', () => {
    const both = cluster([shape('NVIDIA-A100-SXM4-80GB', 8), shape('NVIDIA-H200', 8)]);

    expect(messageOf(create(scout(FP8, 4), both), 'quantization-not-native')).toContain(
      'NVIDIA-A100-SXM4-80GB',
    );
  });

  // gpu-catalog.md §1.6: FP8 native from 8.9 on, FP4 from 10.0; weights only through Marlin from 7.5 on.
  it.each([
    [FP8, 'NVIDIA-A100-SXM4-80GB', 'memory is saved, speed is not'],
    [FP8, 'NVIDIA-H100-80GB-HBM3', ''],
    [FP8, 'NVIDIA-L40S', ''],
    [FP8, 'Tesla-V100-SXM2-32GB', 'refuse to start'],
    [NVFP4, 'NVIDIA-H100-80GB-HBM3', 'memory is saved, speed is not'],
    [NVFP4, 'NVIDIA-B200', ''],
    [SCOUT_INT4, 'NVIDIA-A100-SXM4-80GB', ''],
    [SCOUT, 'Tesla-V100-SXM2-32GB', 'refuse to start'],
  ])('%s on %s: %j', (model, product, want) => {
    const decision = create(scout(model, 8), cluster([shape(product, 8)]));
    const message = messageOf(decision, 'quantization-not-native');

    expect(message === '').toBe(want === '');
    expect(message).toContain(want);
  });

  it('and no kernel either is never chosen', () => {
    const bare = deployment({
      annotations: { model: 'scout', context: '8K', quantization: 'fp8' },
      args: vllmArgs(FP8, 8192),
    });
    const decision = create(bare, cluster([shape('Tesla-V100-SXM2-32GB', 8), shape('NVIDIA-H200', 8)]));

    expect(decision.plan?.shape).toBe('8x NVIDIA-H200');
  });
});

describe('a rolling update', () => {
  const node = (name: string): Json => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3',
        'nvidia.com/gpu.memory': '81559',
        'nvidia.com/gpu.count': '8',
      },
    },
    status: { allocatable: { 'nvidia.com/gpu': '8' }, conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const one = clusterOf({ kind: 'List', items: [node('a')] });
  const two = clusterOf({ kind: 'List', items: [node('a'), node('b')] });
  const rolling = (strategy: Json, gpus = 8): Json => {
    const given = scout(SCOUT_INT4, gpus);
    return { ...given, spec: { ...Object(given['spec']), strategy } };
  };

  it('that has no room for one more pod would wait for ever', () => {
    expect(codes(create(rolling({}), one))).toEqual(['surge-deadlock']);
    expect(create(rolling({}), one).allowed).toBe(true);
  });

  it.each([
    ['with another node', rolling({}), two],
    ['with room on the node', rolling({}, 4), one],
    ['that takes a pod away first', rolling({ rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }), one],
    ['that recreates', rolling({ type: 'Recreate' }), one],
    ['of nodes that nobody counts', rolling({}), cluster([H100_NODES])],
  ])('%s is no matter', (_what, object, facts) => {
    expect(codes(create(object, facts))).toEqual([]);
  });
});

describe('Ollama, which is told by variables', () => {
  const image = 'ollama/ollama:0.6.6';
  const annotations = { model: 'llama4:scout', context: '16K' };
  const limits = { 'nvidia.com/gpu': 1 };
  const facts = cluster([H100_NODES]);

  it('gets the annotated context as one', () => {
    expect(create(deployment({ image, annotations, limits }), facts).edits).toContainEqual({
      kind: 'set-env',
      container: ['spec', 'template', 'spec', 'containers', 0],
      name: 'OLLAMA_CONTEXT_LENGTH',
      value: '16384',
    });
  });

  it('keeps the one that it has', () => {
    const env = [{ name: 'OLLAMA_CONTEXT_LENGTH', value: '16384' }];

    expect(create(deployment({ image, annotations, limits, env }), facts).edits).toEqual([]);
  });

  it('whose variable comes from a ConfigMap is not touched', () => {
    const env = [
      { name: 'OLLAMA_CONTEXT_LENGTH', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } },
      { name: 'OLLAMA_KV_CACHE_TYPE', valueFrom: { configMapKeyRef: { name: 'c', key: 'v' } } },
    ];

    expect(create(deployment({ image, annotations, limits, env }), facts).edits).toEqual([]);
  });

  it('spills to the CPU, which is a warning', () => {
    const large = { model: 'llama4:maverick', context: '16K' };
    const decision = create(deployment({ image, annotations: large, limits }), facts);

    expect(codes(decision)).toContain('spills-to-cpu');
    expect(decision.allowed).toBe(true);
  });
});

describe('llama.cpp', () => {
  const image = 'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943';
  const file = '/models/Llama-4-Maverick-17B-128E-Instruct-Q4_K_M.gguf';
  const serve = (...more: readonly string[]): Json =>
    deployment({
      image,
      annotations: { model: 'maverick', context: '8K' },
      args: ['-m', file, '-c', '8192', ...more],
      limits: { 'nvidia.com/gpu': 1 },
    });

  it.each([
    [[], 'spills-to-cpu'],
    [['--cpu-moe'], 'spills-to-cpu'],
    [['-ngl', '20'], 'spills-to-cpu'],
    [['-ngl', '99'], 'does-not-fit'],
    [['-fit', 'off'], 'does-not-fit'],
  ])('with %j: %s', (flags, code) => {
    const decision = create(serve(...flags), cluster([shape('NVIDIA-H100-80GB-HBM3', 4)]));

    expect(codes(decision)).toContain(code);
  });

  it('takes a context longer than the model was trained for', () => {
    const base = create(
      deployment({
        image,
        annotations: { model: 'maverick' },
        args: ['-m', file, '-c', '2097152'],
        limits: { 'nvidia.com/gpu': 8 },
      }),
      cluster([shape('NVIDIA-B300-SXM6-AC', 8)]),
    );

    expect(codes(base)).not.toContain('context-too-long');
  });
});

describe('a flag that the plan needs', () => {
  const annotations = { model: 'scout', context: '128K' };

  it.each([
    [
      'vllm/vllm-openai:v0.11.0',
      vllmArgs(SCOUT_INT4, null),
      ['--tensor-parallel-size', '2', '--max-model-len', '131072'],
    ],
    [
      'lmsysorg/sglang:v0.5.6',
      ['python3', '-m', 'sglang.launch_server', '--model-path', FP8],
      ['--tp-size', '4', '--context-length', '131072'],
    ],
    [
      'nvcr.io/nvidia/tensorrt-llm/release:1.0.0',
      ['trtllm-serve', FP8],
      ['--tp_size', '4', '--max_seq_len', '131072'],
    ],
  ])('is spelt as %s wants it', (image, words, want) => {
    const isCommand = words[0]?.startsWith('-') === false;
    const server = isCommand ? { command: words } : { args: words };
    const decision = create(deployment({ image, annotations, ...server }), cluster([H100_NODES]));
    const [append] = editsOf(decision, 'append-args');

    expect(append?.args.filter((_, index) => index % 2 === 0)).toEqual(
      want.filter((_, index) => index % 2 === 0),
    );
    expect(append?.args.at(-1)).toBe('131072');
    expect(create(deployment({ image, annotations, ...server }), cluster([H100_NODES])).verdict).toBe(
      'patch',
    );
  });

  it.each([
    [
      'ghcr.io/huggingface/text-generation-inference:3.3.4',
      ['--model-id', FP8],
      ['--max-total-tokens', '131072'],
    ],
    [
      'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943',
      ['-m', '/models/Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf'],
      ['--ctx-size', '131072'],
    ],
  ])('of an engine that takes all GPUs is only the context: %s', (image, args, want) => {
    const decision = create(deployment({ image, annotations, args }), cluster([H100_NODES]));

    expect(editsOf(decision, 'append-args').flatMap((edit) => edit.args)).toEqual(want);
  });

  it.each([
    ['deny', 'deny', false],
    ['warn', 'patch', true],
  ] as const)('and that a script cannot be given is, by policy %s, %s', (missingFlag, verdict, allowed) => {
    const script = { command: ['bash', '-c', `vllm serve ${SCOUT_INT4} --max-model-len 131072`] };
    const decision = create(deployment({ annotations, ...script }), cluster([H100_NODES], { missingFlag }));

    expect(decision).toMatchObject({ verdict, allowed });
    expect(messageOf(decision, 'flag-missing')).toContain('--tensor-parallel-size 2');
  });
});

describe('advice', () => {
  const bare = { container: { volumeMounts: [] } };

  it.each<readonly [string, Server, boolean]>([
    ['no mount', bare, true],
    ['a disk-backed emptyDir', { spec: { volumes: [{ name: 'shm', emptyDir: {} }] } }, true],
    ['a memory-backed one', {}, false],
    [
      'its path with a slash at the end',
      { container: { volumeMounts: [{ name: 'shm', mountPath: '/dev/shm/' }] } },
      false,
    ],
    ['the host’s', { spec: { volumes: [{ name: 'shm', hostPath: { path: '/dev/shm' } }] } }, false],
    ['the host’s IPC namespace', { ...bare, spec: { hostIPC: true } }, false],
  ])('on /dev/shm with tensor parallelism and %s: %s', (_what, server, isTold) => {
    const decision = create(scout(SCOUT_INT4, 2, server), cluster([H100_NODES]));

    expect(codes(decision).includes('missing-shm')).toBe(isTold);
  });

  it('on /dev/shm is none for one GPU, and none for an engine of one process', () => {
    const one = create(scout(SCOUT_INT4, 1, bare), cluster([shape('NVIDIA-H200', 8)]));
    const ggml = deployment({
      image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943',
      annotations: { model: 'scout', context: '8K' },
      args: ['-m', '/models/Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf', '-c', '8192'],
      limits: { 'nvidia.com/gpu': 2 },
      ...bare,
    });

    expect(codes(one)).toEqual([]);
    expect(codes(create(ggml, cluster([H100_NODES])))).toEqual([]);
  });

  // engine-facts.md §3: 10.49M tokens, 1024 sequences, hybrid off: 2.5 GiB of block tables per worker, pinned again in host memory.
  it.each([
    ['8Gi', true],
    ['64Gi', false],
  ])('on a memory limit of %s for the block tables of 10M tokens: %s', (memory, isTold) => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '10M' },
        args: vllmArgs(SCOUT_INT4, 10_485_760, '--tensor-parallel-size=8', '--max-num-seqs=1024'),
        limits: { 'nvidia.com/gpu': 8, memory },
      }),
      cluster([shape('NVIDIA-B300-SXM6-AC', 8)]),
    );

    expect(codes(decision).includes('memory-limit-low')).toBe(isTold);
  });

  it('on loading says when the 16-bit weights do not fit while they are quantized', () => {
    const online = scout(SCOUT, 2, {
      args: vllmArgs(SCOUT, 8192, '--tensor-parallel-size=2', '--quantization=fp8', '--max-num-seqs=64'),
    });

    expect(codes(create(online, cluster([H100_NODES])))).toContain('load-peak');
    expect(codes(create(online, cluster([shape('NVIDIA-H200', 8)])))).not.toContain('load-peak');
  });
});

describe('an inventory that is not known', () => {
  const annotations = { model: 'scout', context: '128K' };
  const args = vllmArgs(SCOUT_INT4, 131_072);

  it('fills in a count where the GPU is named, and never a placement', () => {
    const decision = create(deployment({ annotations: { ...annotations, gpu: 'H100' }, args }), UNKNOWN);

    expect(codes(decision)).toEqual(['value-set', 'inventory-unknown']);
    expect(decision.edits.map((edit) => edit.kind)).toEqual([
      'set-gpu-count',
      'append-args',
      'set-annotation',
    ]);
  });

  it('gives the counts for common GPUs where nothing is named', () => {
    const decision = create(deployment({ annotations, args }), UNKNOWN);

    expect(decision.verdict).toBe('deny');
    expect(messageOf(decision, 'gpu-count-missing')).toContain('2 x NVIDIA-H100-80GB-HBM3');
  });

  it('is judged by the smallest product of a family', () => {
    const one = scout(SCOUT_INT4, 1, { annotations: { model: 'scout', context: '8K', gpu: 'A100' } });

    expect(create(one, UNKNOWN).verdict).toBe('deny');
    expect(create(one, UNKNOWN).judged?.device?.product).toContain('40GB');
  });

  it('warns, as long as some GPU would hold it', () => {
    expect(codes(create(scout(SCOUT_INT4, 1), UNKNOWN))).toEqual(['inventory-unknown']);
  });
});

describe('the best shape', () => {
  const args = vllmArgs(SCOUT_INT4, 131_072);
  const bare = deployment({ annotations: { model: 'scout', context: '128K' }, args });
  const shapes = [H100_NODES, shape('NVIDIA-H200', 8), L40S_NODES];

  it.each([
    [{}, '8x NVIDIA-H200', 1],
    [{ preferGpus: ['NVIDIA-H100-80GB-HBM3'] }, '8x NVIDIA-H100-80GB-HBM3', 2],
    [
      {
        prices: new Map([
          ['NVIDIA-H200', 9],
          ['NVIDIA-H100-80GB-HBM3', 2],
          ['NVIDIA-L40S', 9],
        ]),
      },
      '8x NVIDIA-H100-80GB-HBM3',
      2,
    ],
    // A price for only some of them makes no order.
    [{ prices: new Map([['NVIDIA-H100-80GB-HBM3', 1]]) }, '8x NVIDIA-H200', 1],
  ])('by %j is %s', (policy, want, gpus) => {
    expect(create(bare, cluster(shapes, policy)).plan).toMatchObject({ shape: want, gpus });
  });
});
