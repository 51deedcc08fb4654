import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/plan/types.ts';
import {
  cluster,
  codes,
  create,
  deployment,
  type Json,
  messageOf,
  SCOUT,
  SCOUT_INT4,
  type Server,
  shape,
  vllmArgs,
} from '../plan/cases.ts';

/** Contract §2: annotations and flags, reconciled. GPUs large enough that nothing is refused for its size. */

const ROOMY = cluster([shape('NVIDIA-B300-SXM6-AC', 8)]);
const EIGHT = { 'nvidia.com/gpu': 8 };
const TP8 = '--tensor-parallel-size=8';

function decide(server: Server): Decision {
  return create(deployment({ limits: EIGHT, ...server }), ROOMY);
}

function annotate(annotations: Json, args: readonly string[] = vllmArgs(SCOUT_INT4, 131_072, TP8)): Decision {
  return decide({ annotations, args });
}

function pathsOf(decision: Decision, code: string): readonly string[] {
  return decision.findings.filter((one) => one.code === code).map((one) => one.path.join('.'));
}

const KEY = 'metadata.annotations.vramgate.io/';

describe('a context annotation', () => {
  // vLLM's own grammar: upper case are powers of 1024 without decimals, lower case powers of 1000 (engine-flags.md §6).
  it.each([
    ['131072', 131_072],
    ['128K', 131_072],
    ['128k', 128_000],
    ['1M', 1_048_576],
    ['1m', 1_000_000],
    ['10M', 10_485_760],
    ['25.6k', 25_600],
    [' 128K ', 131_072],
  ])('%j is %i tokens', (text, want) => {
    const decision = annotate({ model: 'scout', context: text }, vllmArgs(SCOUT_INT4, want, TP8));

    expect(codes(decision)).not.toContain('malformed-annotation');
    expect(decision.judged?.intent.context.value).toBe(want);
  });

  it.each([
    '1.5M',
    '1e3',
    '1.048576e+06',
    '128 K',
    '128Ki',
    '128Kb',
    '-1',
    '0',
    '',
    '1_000',
    '1,000',
    '٣٢',
    '1２8',
    '99999999999999999999',
    '9007199254740993',
    'banana',
  ])('%j is malformed', (text) => {
    const decision = annotate({ model: 'scout', context: text });

    expect(pathsOf(decision, 'malformed-annotation')).toEqual([`${KEY}context`]);
    expect(decision.status).toBe(422);
  });

  it.each([131_072, true, null, ['128K'], { tokens: '128K' }])('%j is no string', (value) => {
    expect(pathsOf(annotate({ model: 'scout', context: value }), 'malformed-annotation')).toEqual([
      `${KEY}context`,
    ]);
  });
});

describe('a value outside the lists', () => {
  it.each<readonly [string, string, string]>([
    ['quantization', 'fp9', 'fp8'],
    ['quantization', 'w4a61', 'w4a16'],
    ['gpu', 'H10', 'H100'],
    ['gpu', 'NVIDIA-H100-80GB-HBM4', 'NVIDIA-H100-80GB-HBM3'],
    ['engine', 'vlm', 'vllm'],
    ['workload', 'serving', 'inference'],
    ['training-method', 'sft', 'qlora'],
    ['kv-cache-dtype', 'fp7', 'KV cache dtype'],
    ['concurrency', '1.5', 'whole number'],
    ['concurrency', '0', 'whole number'],
    ['engine-version', 'latest', '0.11.0'],
    ['container', 'servr', 'server'],
  ])('%s: %s is malformed and names %s', (key, value, hint) => {
    const decision = annotate({ model: 'scout', context: '128K', [key]: value });

    expect(pathsOf(decision, 'malformed-annotation')).toEqual([KEY + key]);
    expect(messageOf(decision, 'malformed-annotation')).toContain(hint);
    expect(decision.status).toBe(422);
  });

  it('of a model is unknown, with the nearest names', () => {
    const decision = annotate({ model: 'scuot' }, ['--model=/mnt/models']);

    expect(codes(decision)).toEqual(['unknown-model']);
    expect(messageOf(decision, 'unknown-model')).toContain('scout');
    expect(decision.allowed).toBe(true);
  });

  it.each([
    ['contxt', 'context'],
    ['quantisation', 'quantization'],
    ['kv-cache-type', 'kv-cache-dtype'],
    ['gpus', 'gpu'],
  ])('of a key, %s, is a warning that names %s', (key, meant) => {
    const decision = annotate({ model: 'scout', context: '128K', [key]: 'x' });

    expect(messageOf(decision, 'unknown-key')).toContain(`vramgate.io/${meant}`);
    expect(decision.allowed).toBe(true);
  });
});

describe('an annotation beside a flag', () => {
  it('of the same value is fine', () => {
    expect(codes(annotate({ model: 'scout', context: '128K', quantization: 'w4a16' }))).toEqual([]);
  });

  it.each([
    ['1M', 131_072, 1_048_576],
    ['8K', 131_072, 131_072],
  ])('context %s against %i: the larger is judged, and both are quoted', (text, flag, want) => {
    const decision = annotate({ model: 'scout', context: text }, vllmArgs(SCOUT_INT4, flag, TP8));

    expect(decision.judged?.intent.context.value).toBe(want);
    expect(messageOf(decision, 'intent-conflict')).toContain('131,072');
    expect(messageOf(decision, 'intent-conflict')).toContain('spec.template.spec.containers[0].args[1]');
  });

  it('refuses where the larger does not fit, and warns where it does', () => {
    const facts = cluster([shape('NVIDIA-H100-80GB-HBM3', 8)]);
    const server = (context: string): Json =>
      deployment({
        annotations: { model: 'scout', context },
        args: vllmArgs(SCOUT_INT4, 131_072, '--tensor-parallel-size=2'),
        limits: { 'nvidia.com/gpu': 2 },
      });

    expect(create(server('8K'), facts).verdict).toBe('warn');
    expect(create(server('10M'), facts).verdict).toBe('deny');
  });

  it('names another model: the one that weighs more is judged', () => {
    const decision = annotate({ model: 'maverick', context: '128K' });

    expect(decision.judged?.intent.model.value.id).toBe('maverick');
    expect(messageOf(decision, 'intent-conflict')).toContain(SCOUT_INT4);
    expect(messageOf(decision, 'intent-conflict')).toContain('maverick');
  });

  it('names another format: the heavier checkpoint is judged', () => {
    const light = annotate(
      { model: 'scout', context: '128K', quantization: 'w4a16' },
      vllmArgs(SCOUT, 131_072, TP8),
    );
    const heavy = annotate({ model: 'scout', context: '128K', quantization: 'bf16' });

    expect(light.judged?.intent.quantization).toBe('bf16');
    expect(heavy.judged?.intent.quantization).toBe('bf16');
    expect(codes(light)).toEqual(['intent-conflict']);
    expect(codes(heavy)).toEqual(['intent-conflict']);
  });

  it('of the KV cache is judged as the wider one; without a flag the engine runs 16 bit', () => {
    const flag = [...vllmArgs(SCOUT_INT4, 131_072, TP8), '--kv-cache-dtype=fp8'];

    expect(codes(annotate({ model: 'scout', context: '128K', 'kv-cache-dtype': 'fp8' }, flag))).toEqual([]);
    expect(annotate({ model: 'scout', context: '128K' }, flag).judged?.intent.kvDtype.keyBits).toBe(8);
    const alone = annotate({ model: 'scout', context: '128K', 'kv-cache-dtype': 'fp8' });
    expect(alone.judged?.intent.kvDtype.keyBits).toBe(16);
    expect(codes(alone)).toEqual(['intent-conflict']);
  });

  it('of the engine’s version gives way to the image', () => {
    const decision = annotate({ model: 'scout', context: '128K', 'engine-version': '0.8.5' });

    expect(decision.judged?.intent.engineVersion).toBe('0.11.0');
    expect(messageOf(decision, 'intent-conflict')).toContain('0.8.5');
  });

  it('names the engine that an unknown image runs', () => {
    const decision = decide({
      annotations: { model: 'scout', context: '128K', engine: 'sglang', 'engine-version': '0.5.6' },
      image: 'registry.example/llm:1',
      args: ['--model-path', SCOUT, '--context-length', '131072', '--tp', '8'],
    });

    expect(decision.judged?.intent).toMatchObject({
      engine: 'sglang',
      engineVersion: '0.5.6',
      engineRecognisedBy: 'annotation',
      tensorParallel: 8,
    });
  });

  it('on the object and on the template differ: both paths are named, and neither is used', () => {
    const given = deployment({
      annotations: { model: 'scout', context: '128K' },
      args: vllmArgs(SCOUT_INT4, 131_072, TP8),
      limits: EIGHT,
    });
    const spec = JSON.parse(JSON.stringify(given['spec']));
    spec.template.metadata.annotations = { 'vramgate.io/context': '1M' };
    const decision = create({ ...given, spec }, ROOMY);

    expect(pathsOf(decision, 'annotation-conflict')).toEqual([
      `${KEY}context`,
      'spec.template.metadata.annotations.vramgate.io/context',
    ]);
    expect(decision.status).toBe(422);
  });

  it('on the object and on the template are equal: no word about it', () => {
    const given = deployment({
      annotations: { model: 'scout', context: '128K' },
      args: vllmArgs(SCOUT_INT4, 131_072, TP8),
      limits: EIGHT,
    });
    const spec = JSON.parse(JSON.stringify(given['spec']));
    spec.template.metadata.annotations = { 'vramgate.io/context': '128K' };

    expect(codes(create({ ...given, spec }, ROOMY))).toEqual([]);
  });
});

describe('what no annotation says', () => {
  it('is read from the command line, with a warning about the model', () => {
    const decision = annotate({ context: '128K' });

    expect(codes(decision)).toEqual(['model-from-command-line']);
    expect(decision.judged?.intent.checkpoint?.value.id).toBe(SCOUT_INT4);
  });

  // engine-facts.md §0: 10,485,760 and 1,048,576 positions of the Instruct checkpoints, 262,144 of the base ones.
  it.each([
    [SCOUT, 10_485_760],
    ['meta-llama/Llama-4-Maverick-17B-128E-Instruct', 1_048_576],
    ['meta-llama/Llama-4-Scout-17B-16E', 262_144],
  ])('about the context means the maximum of %s', (model, want) => {
    const decision = annotate({ concurrency: '1' }, vllmArgs(model, null, TP8));

    expect(decision.judged?.intent.context.value).toBe(want);
    expect(codes(decision)).toContain('default-context');
  });

  it('where a ConfigMap says it is unknown, never a number', () => {
    const env = [{ name: 'LENGTH', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }];
    const args = [`--model=${SCOUT_INT4}`, '--max-model-len=$(LENGTH)', TP8];

    expect(codes(decide({ annotations: { model: 'scout' }, args, env }))).toEqual(['unknown-value']);
    expect(codes(decide({ annotations: { model: 'scout', context: '128K' }, args, env }))).toEqual([]);
  });

  it('and that --max-model-len auto leaves to vLLM cannot refuse', () => {
    const decision = annotate({ model: 'scout' }, [`--model=${SCOUT_INT4}`, '--max-model-len=auto', TP8]);

    expect(decision.judged?.intent.isContextAuto).toBe(true);
    expect(decision.verdict).toBe('allow');
  });

  it('beyond what the checkpoint declares is refused by the engines that refuse it', () => {
    const long = vllmArgs('meta-llama/Llama-4-Scout-17B-16E', 1_000_000, TP8);
    const env = [{ name: 'VLLM_ALLOW_LONG_MAX_MODEL_LEN', value: '1' }];

    expect(codes(annotate({ model: 'scout' }, long))).toContain('context-too-long');
    expect(codes(decide({ annotations: { model: 'scout' }, args: long, env }))).not.toContain(
      'context-too-long',
    );
  });
});

describe('a quantization flag', () => {
  it('on a 16-bit checkpoint quantizes while loading', () => {
    const decision = annotate({ model: 'scout', context: '128K' }, [
      ...vllmArgs(SCOUT, 131_072, TP8),
      '--quantization=fp8',
    ]);

    expect(decision.judged?.intent).toMatchObject({ quantization: 'fp8', loadedFrom: { id: SCOUT } });
  });

  it.each([
    ['awq', 'awq'],
    ['gptq_marlin', 'gptq'],
    ['modelopt_fp4', 'nvfp4'],
  ])('%s says how the unnamed checkpoint was stored', (flag, want) => {
    const decision = annotate({ model: 'scout', context: '128K' }, [
      ...vllmArgs('/mnt/models', 131_072, TP8),
      `--quantization=${flag}`,
    ]);

    expect(decision.judged?.intent).toMatchObject({ quantization: want, loadedFrom: null });
  });

  it('that contradicts the checkpoint is a conflict, and the checkpoint is judged', () => {
    const decision = annotate({ model: 'scout', context: '128K' }, [
      ...vllmArgs(SCOUT_INT4, 131_072, TP8),
      '--quantization=modelopt_fp4',
    ]);

    expect(codes(decision)).toEqual(['flag-conflict']);
    expect(decision.judged?.intent.quantization).toBe('w4a16');
  });
});

describe('an identity', () => {
  const cache =
    '/root/.cache/huggingface/hub/models--meta-llama--Llama-4-Scout-17B-16E-Instruct/snapshots/92f3b1597a195b523d8d9e5700e57e4fbb8f20d3';

  it('is decoded from the cache of the hub', () => {
    const decision = annotate({ context: '128K' }, vllmArgs(cache, 131_072, TP8));

    expect(decision.judged?.intent.checkpoint?.value.id).toBe(SCOUT);
  });

  it('is taken from KServe’s storage initializer', () => {
    const decision = decide({
      annotations: { context: '128K' },
      args: vllmArgs('/mnt/models', 131_072, TP8),
      spec: {
        initContainers: [
          {
            name: 'storage-initializer',
            image: 'kserve/storage-initializer:v0.15',
            args: [`hf://${SCOUT}`, '/mnt/models'],
          },
        ],
      },
    });

    expect(decision.judged?.intent.checkpoint?.value.id).toBe(SCOUT);
  });

  it('of a NIM image says the model, and its profile the precision', () => {
    const nim = (profile: string | null, annotations: Json): Decision =>
      decide({
        annotations: { context: '8K', ...annotations },
        image: 'nvcr.io/nim/meta/llama-4-scout-17b-16e-instruct:1.2.0',
        env: profile === null ? [] : [{ name: 'NIM_MODEL_PROFILE', value: profile }],
        container: {
          env: [
            ...(profile === null ? [] : [{ name: 'NIM_MODEL_PROFILE', value: profile }]),
            { name: 'NIM_TENSOR_PARALLEL_SIZE', value: '8' },
            { name: 'NIM_MAX_MODEL_LEN', value: '8192' },
          ],
        },
      });

    expect(nim('vllm-fp8-tp8-pp1', {}).judged?.intent).toMatchObject({
      quantization: 'fp8',
      loadedFrom: null,
    });
    expect(codes(nim(null, {}))).toContain('assumed-costlier');
    expect(nim(null, {}).judged?.intent.quantization).toBe('bf16');
    expect(nim(null, { quantization: 'fp8' }).judged?.intent.quantization).toBe('fp8');
    expect(codes(nim(null, { quantization: 'fp8' }))).not.toContain('intent-conflict');
  });

  it.each(['llama4', 'llama4:latest', 'llama4:scout', 'llama4:16x17b'])(
    'of Ollama’s library, %s, is Scout',
    (name) => {
      const decision = decide({
        annotations: { context: '8K' },
        image: 'ollama/ollama:0.6.6',
        command: ['/bin/sh', '-c'],
        args: [`ollama serve & sleep 5; ollama pull ${name}; wait`],
      });

      expect(decision.judged?.intent.model.value.id).toBe('scout');
      expect(decision.judged?.intent.quantization).toBe('gguf:Q4_K_M');
    },
  );

  it('that is only an alias says nothing: llama4 may be anything', () => {
    const args = [...vllmArgs('/mnt/models', 131_072, TP8), '--served-model-name=llama4'];

    expect(codes(annotate({ context: '128K' }, args))).toEqual(['unknown-model']);
  });
});

describe('a GGUF type that no published file has', () => {
  it.each([
    [{ quantization: 'Q5_K_M' }, '/models/model.gguf'],
    [{}, '/models/Llama-4-Scout-17B-16E-Instruct-Q5_K_M.gguf'],
  ])('is sized as the next wider one, and says so: %j %s', (more, file) => {
    const decision = decide({
      annotations: { model: 'scout', context: '8K', ...more },
      image: 'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943',
      args: ['-m', file, '-c', '8192'],
    });

    expect(messageOf(decision, 'assumed-costlier')).toContain('gguf:Q5_K_M');
    expect(messageOf(decision, 'assumed-costlier')).toContain('gguf:Q6_K');
  });
});

describe('several containers that could be the server', () => {
  const second = {
    name: 'other',
    image: 'vllm/vllm-openai:v0.11.0',
    args: [`--model=${SCOUT_INT4}`],
    resources: { limits: { 'nvidia.com/gpu': 1 } },
  };
  const server = (annotations: Json): Json => {
    const given = deployment({
      annotations: { model: 'scout', context: '128K', ...annotations },
      args: vllmArgs(SCOUT_INT4, 131_072, TP8),
      limits: EIGHT,
    });
    const spec = JSON.parse(JSON.stringify(given['spec']));
    spec.template.spec.containers.push(second);
    return { ...given, spec };
  };

  it('are judged as their sum and never patched', () => {
    const decision = create(server({}), cluster([shape('NVIDIA-B300-SXM6-AC', 16)]));

    expect(codes(decision)).toContain('ambiguous-container');
    expect(decision.plan?.gpus).toBe(9);
    expect(decision.edits).toEqual([]);
  });

  it('are told apart by the annotation', () => {
    expect(
      codes(create(server({ container: 'server' }), cluster([shape('NVIDIA-B300-SXM6-AC', 16)]))),
    ).toEqual([]);
  });
});

describe('the KV cache dtypes of the contract', () => {
  it.each([
    ['vllm/vllm-openai:v0.11.0', vllmArgs(SCOUT_INT4, 8192, TP8)],
    ['lmsysorg/sglang:v0.5.6', ['--model-path', SCOUT, '--context-length', '8192', '--tp', '8']],
    [
      'ghcr.io/huggingface/text-generation-inference:3.3.4',
      ['--model-id', SCOUT, '--max-total-tokens', '8192'],
    ],
    [
      'ghcr.io/ggml-org/llama.cpp:server-cuda-b5943',
      ['-m', '/models/Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf', '-c', '8192'],
    ],
    ['ollama/ollama:0.6.6', []],
  ])('are no mistake for %s', (image, args) => {
    for (const dtype of ['auto', 'bf16', 'fp8']) {
      const command = image.startsWith('lmsysorg') ? ['python3', '-m', 'sglang.launch_server'] : undefined;
      const decision = decide({
        annotations: { model: 'scout', context: '8K', 'kv-cache-dtype': dtype },
        image,
        args,
        ...(command === undefined ? {} : { command }),
      });

      expect(codes(decision), dtype).not.toContain('malformed-annotation');
    }
  });
});
