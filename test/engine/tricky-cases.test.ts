import { describe, expect, it } from 'vitest';
import { readEngine, readServing } from '../../src/engine/read.ts';
import { findServing } from '../../src/engine/serving.ts';
import {
  codes,
  makeContainer,
  makePod,
  NO_OPTIONS,
  names,
  read,
  SCOUT,
  SGLANG_IMAGE,
  script,
  sglang,
  state,
  VLLM_IMAGE,
  vllm,
} from './containers.ts';

/** The reading part of the 25 cases of engine-flags.md §5, in its order; the other rooms test the rest. */
describe('case 1: suffixes differ by engine', () => {
  it('K is 1024 and k is 1000 in vLLM', () => {
    expect(state(vllm('--max-model-len', '128K').context)).toBe(131_072);
    expect(state(vllm('--max-model-len=128k').context)).toBe(128_000);
    expect(state(vllm('--max-model-len', '10M').context)).toBe(10_485_760);
  });

  it('M is a million in SGLang, and K is refused', () => {
    expect(state(sglang('--context-length', '1M').context)).toBe(1_000_000);
    expect(state(sglang('--context-length', '128Ki').context)).toBe(131_072);
    expect(codes(sglang('--context-length', '128K'))).toEqual(['malformed-flag spec.containers[0].args[1]']);
  });

  it('old SGLang takes plain numbers only', () => {
    const reading = read({
      image: 'lmsysorg/sglang:v0.4.9',
      command: ['python3', '-m', 'sglang.launch_server', '--context-length', '128k'],
    });
    expect(state(reading.context)).toBe(128_000);
    expect(codes(reading)).toEqual(['malformed-flag spec.containers[0].command[4]']);
  });

  it('llama.cpp silently takes 32k for 32', () => {
    const reading = read({ image: 'ghcr.io/ggml-org/llama.cpp:server-cuda', args: ['-c', '32k'] });
    expect(state(reading.context)).toBe(32);
    expect(codes(reading)).toEqual(['flag-conflict spec.containers[0].args[1]']);
  });

  it('only three flags of vLLM take a suffix', () => {
    expect(codes(vllm('--max-num-seqs', '1k'))).toEqual(['malformed-flag spec.containers[0].args[1]']);
    expect(codes(vllm('--max-num-batched-tokens', '8k', '--kv-cache-memory-bytes', '20G'))).toEqual([]);
  });
});

describe('case 2: Helm’s floats', () => {
  it('are read as the number and reported', () => {
    const reading = vllm('--max-model-len', '1.048576e+06');
    expect(state(reading.context)).toBe(1_048_576);
    expect(codes(reading)).toEqual(['malformed-flag spec.containers[0].args[1]']);
    expect(reading.findings[0]?.message).toContain('int64');
  });
});

describe('case 3: no context', () => {
  it('is absent, not a guess', () => {
    expect(vllm(SCOUT).context).toEqual({ state: 'absent' });
  });
});

describe('case 4: automatic context', () => {
  it.each(['auto', '-1'])('%s is the engine’s choice', (value) => {
    expect(state(vllm('--max-model-len', value).context)).toBe('auto');
    expect(state(vllm(`--max-model-len=${value}`).context)).toBe('auto');
  });
});

describe('case 5: more context than the checkpoint allows', () => {
  it('is allowed by a variable or an override', () => {
    const env = { VLLM_ALLOW_LONG_MAX_MODEL_LEN: '1' };
    expect(read({ image: VLLM_IMAGE, args: [SCOUT], env }).allowsLongContext).toBe(true);
    expect(vllm('--hf-overrides', '{"max_position_embeddings": 1000000}').allowsLongContext).toBe(true);
    expect(vllm('--hf-overrides.rope_scaling.factor', '2').allowsLongContext).toBe(true);
    expect(vllm(SCOUT).allowsLongContext).toBe(false);
    expect(script(`VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve ${SCOUT}`).allowsLongContext).toBe(true);
  });
});

describe('case 6: abbreviated flags', () => {
  it('are completed for vLLM and SGLang', () => {
    expect(state(vllm('--max-num-batched-token', '8192').maxNumBatchedTokens)).toBe(8192);
    expect(state(vllm('--gpu-memory-util=0.95').memoryFraction)).toBe(0.95);
    expect(state(sglang('--mem-frac', '0.8').memoryFraction)).toBe(0.8);
    expect(state(sglang('--tp', '8').tensorParallel)).toBe(8);
    expect(state(sglang('--dp=2').dataParallel)).toBe(2);
  });

  it('are unknown, with a warning, where they are ambiguous', () => {
    const reading = vllm('--quant', 'fp8');
    expect(reading.quantization.state).toBe('unknown');
    expect(codes(reading)).toEqual(['flag-conflict spec.containers[0].args[0]']);
    expect(vllm('--data-parallel', '2').dataParallel.state).toBe('unknown');
  });

  it('are not completed for the others', () => {
    const reading = read({ command: ['trtllm-serve', SCOUT, '--tp_si', '8'] });
    expect(reading.tensorParallel.state).toBe('absent');
  });

  it('vLLM has no --tp and no -tp8', () => {
    expect(codes(vllm('--tp', '8'))).toEqual(['malformed-flag spec.containers[0].args[0]']);
    expect(codes(vllm('-tp8'))).toEqual(['malformed-flag spec.containers[0].args[0]']);
    expect(state(vllm('-tp', '8').tensorParallel)).toBe(8);
    expect(state(vllm('-tp=8').tensorParallel)).toBe(8);
  });
});

describe('case 7: underscores', () => {
  it('are folded by vLLM and llama.cpp', () => {
    expect(state(vllm('--max_model_len=8192').context)).toBe(8192);
    expect(state(read({ command: ['llama-server', '--ctx_size', '8192'] }).context)).toBe(8192);
  });

  it('are refused by SGLang and belong to TensorRT-LLM', () => {
    expect(codes(sglang('--tp_size', '8'))).toEqual(['malformed-flag spec.containers[0].args[0]']);
    expect(state(read({ command: ['trtllm-serve', SCOUT, '--tp_size', '8'] }).tensorParallel)).toBe(8);
    expect(codes(read({ command: ['trtllm-serve', SCOUT, '--tp-size', '8'] }))).toEqual([
      'malformed-flag spec.containers[0].command[2]',
    ]);
  });
});

describe('case 8: repeated flags', () => {
  it('the last one wins, with a warning where they differ', () => {
    const reading = vllm('--max-model-len', '8192', '--max-model-len=4096');
    expect(state(reading.context)).toBe(4096);
    expect(codes(reading)).toEqual(['flag-conflict spec.containers[0].args[2]']);
    expect(codes(vllm('-tp', '8', '--tensor-parallel-size', '8'))).toEqual([]);
  });

  it('TGI refuses them', () => {
    const image = 'ghcr.io/huggingface/text-generation-inference:3.2.0';
    const args = ['--num-shard', '4', '--num-shard', '4'];
    expect(codes(read({ image, args }))).toEqual(['malformed-flag spec.containers[0].args[3]']);
  });

  it('args come after VLLM_ADDITIONAL_ARGS in KServe', () => {
    const reading = read({
      image: 'kserve/huggingfaceserver:v0.15.0-gpu',
      args: ['--model_name=llama4', '--model_dir=/mnt/models', '--max-model-len=4096'],
      env: { VLLM_ADDITIONAL_ARGS: '--max-model-len 8192 --tensor-parallel-size=8' },
    });
    expect(state(reading.context)).toBe(4096);
    expect(state(reading.tensorParallel)).toBe(8);
    expect(codes(reading)).toEqual(['flag-conflict spec.containers[0].args[2]']);
    expect(names(reading)).toEqual(['served-name llama4']);
  });
});

describe('case 9: values behind variables', () => {
  const args = ['--model', '$(MODEL)', '--max-model-len=$(LEN)', '--tensor-parallel-size', '$(TP)'];

  it('are resolved from literals', () => {
    const reading = read({ image: VLLM_IMAGE, args, env: { MODEL: SCOUT, LEN: '128K', TP: '8' } });
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`]);
    expect(state(reading.context)).toBe(131_072);
    expect(state(reading.tensorParallel)).toBe(8);
  });

  it('are unknown from a ConfigMap, never the literal text', () => {
    const reading = read({ image: VLLM_IMAGE, args, env: { MODEL: SCOUT, LEN: null, TP: null } });
    expect(reading.context).toEqual({
      state: 'unknown',
      path: ['spec', 'containers', 0, 'args', 2],
      text: '--max-model-len=$(LEN)',
    });
    expect(reading.tensorParallel.state).toBe('unknown');
    expect(reading.isOpaque).toBe(false);
  });

  it('stay literal when nothing sets them, and are unknown when a ConfigMap may', () => {
    expect(codes(read({ image: VLLM_IMAGE, args: ['-tp', '$(TP)'] }))).toEqual([
      'malformed-flag spec.containers[0].args[1]',
    ]);
    expect(codes(read({ image: VLLM_IMAGE, args: ['-tp', '$(TP)'], hasEnvFrom: true }))).toEqual([]);
  });

  it('expand in order, with $$ as the escape', () => {
    const env = { A: '$(B)', B: '8', C: '$(B)', D: '$$(B)' };
    const value = (name: string): unknown =>
      state(read({ image: VLLM_IMAGE, args: ['-q', `$(${name})`], env }).quantization);
    expect(['A', 'B', 'C', 'D'].map(value)).toEqual(['$(B)', '8', '8', '$(B)']);
  });

  it('a word that may be any flag makes the launch opaque', () => {
    const reading = read({ image: VLLM_IMAGE, args: [SCOUT, '$(EXTRA)'], env: { EXTRA: null } });
    expect(reading.isOpaque).toBe(true);
    expect(reading.append).toBeNull();
  });
});

describe('case 10: identity from a path', () => {
  it.each([
    [
      '/models/meta-llama/Llama-4-Scout-17B-16E',
      ['path meta-llama/Llama-4-Scout-17B-16E', 'path Llama-4-Scout-17B-16E'],
    ],
    ['/gcs/meta-llama/x-1', ['path meta-llama/x-1', 'path x-1']],
    [
      '/cache/hub/models--meta-llama--Llama-4-Scout-17B-16E/snapshots/0123456789abcdef',
      ['path meta-llama/Llama-4-Scout-17B-16E'],
    ],
    ['/models/Meta-Llama-3.1-405B-Instruct', ['path Meta-Llama-3.1-405B-Instruct']],
    ['/mnt/models', []],
    ['/mnt/models/', []],
    ['/model-cache/', []],
    [SCOUT, [`hub-id ${SCOUT}`]],
  ])('%s', (model, want) => {
    expect(names(vllm('--model', model))).toEqual(want);
  });

  it('a split GGUF file is named without its part', () => {
    const file = '/models/Llama-4-Scout-17B-16E-Instruct-UD-Q4_K_XL-00001-of-00003.gguf';
    expect(names(read({ command: ['llama-server', '-m', file] }))).toEqual([
      'path Llama-4-Scout-17B-16E-Instruct-UD-Q4_K_XL',
    ]);
  });
});

describe('case 11: the order of identities', () => {
  it('is flag, path, storage, label, served name', () => {
    const container = makeContainer({
      image: VLLM_IMAGE,
      args: [
        '--model=/models/meta-llama/Llama-4-Maverick-FP8',
        '--served-model-name',
        'llama4',
        'vllm-model',
        '--port',
        '80',
      ],
      env: { STORAGE_URI: 'hf://meta-llama/Llama-4-Maverick' },
    });
    const labels = new Map([['ai.gke.io/model', 'maverick-label']]);
    const reading = readEngine(container, { ...NO_OPTIONS, labels });
    expect(reading && names(reading)).toEqual([
      'path meta-llama/Llama-4-Maverick-FP8',
      'path Llama-4-Maverick-FP8',
      'storage-uri meta-llama/Llama-4-Maverick',
      'label maverick-label',
      'served-name llama4',
    ]);
    expect(reading?.identities[3]?.path).toEqual(['metadata', 'labels', 'ai.gke.io/model']);
  });

  it('knows the storage initializer of KServe', () => {
    const init = makeContainer({
      path: ['spec', 'initContainers', 0],
      name: 'storage-initializer',
      args: ['s3://bucket/meta-llama/Llama-4-Scout', '/mnt/models'],
    });
    const reading = read({ image: VLLM_IMAGE, args: ['--model', '/mnt/models'] }, { initContainers: [init] });
    expect(names(reading)).toEqual(['storage-uri meta-llama/Llama-4-Scout', 'storage-uri Llama-4-Scout']);
  });
});

describe('cases 12 and 13: quantization in names and in flags', () => {
  it('the name is handed on as written and the flag in the engine’s word', () => {
    const reading = vllm('--model', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16', '-q', 'fp8');
    expect(names(reading)).toEqual(['hub-id RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16']);
    expect(state(reading.quantization)).toBe('fp8');
  });

  it('TGI’s is a variable', () => {
    const image = 'ghcr.io/huggingface/text-generation-inference:3.2.0';
    const reading = read({ image, env: { MODEL_ID: SCOUT, QUANTIZE: 'bitsandbytes-nf4', NUM_SHARD: '4' } });
    expect(state(reading.quantization)).toBe('bitsandbytes-nf4');
    expect(state(reading.tensorParallel)).toBe(4);
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`]);
  });
});

describe('cases 14, 15 and 17: sizes are handed on as written', () => {
  it('whatever the model can run', () => {
    const reading = vllm('-tp', '3', '-pp', '2', '-dp', '4', '-dpl', '2', '--enable-expert-parallel');
    expect(
      [reading.tensorParallel, reading.pipelineParallel, reading.dataParallel, reading.dataParallelLocal].map(
        state,
      ),
    ).toEqual([3, 2, 4, 2]);
    expect(state(reading.expertParallel)).toBe(true);
  });

  it('an external load balancer means one rank a pod', () => {
    expect(state(vllm('-dp', '4', '--data-parallel-rank', '1').dataParallelLocal)).toBe(1);
    expect(state(vllm('-dp', '4', '-dpe').dataParallelLocal)).toBe(1);
  });

  it('SGLang’s data-parallel attention is told apart', () => {
    expect(sglang('--dp', '8', '--tp', '8', '--enable-dp-attention').hasDpAttention).toBe(true);
  });
});

describe('case 16: several nodes', () => {
  it('a worker without flags is recognised and opaque, not refused', () => {
    const reading = script('ray start --address=$(LEADER):6379 --block', { image: VLLM_IMAGE });
    expect(reading.recognisedBy).toBe('image');
    expect(reading.isOpaque).toBe(true);
    expect(reading.findings).toEqual([]);
  });

  it('the number of nodes is read', () => {
    expect(state(sglang('--nnodes', '2', '--node-rank', '0').nodes)).toBe(2);
  });
});

describe('case 18: an unknown GPU type', () => {
  it('changes nothing here', () => {
    expect(read({ image: VLLM_IMAGE, args: [SCOUT], gpus: '8' })).toEqual(vllm(SCOUT));
  });
});

describe('case 19: the engine is not the first container', () => {
  const engine = makeContainer({ name: 'engine', image: VLLM_IMAGE, args: [SCOUT], gpus: '8' });
  const helper = makeContainer({
    name: 'helper',
    path: ['spec', 'containers', 1],
    image: 'lmcache/router:1',
    args: ['--model', SCOUT, '--port', '8000'],
  });

  it('beside a helper with look-alike flags', () => {
    expect(findServing(makePod([helper, engine]), null, null)).toEqual({
      kind: 'one',
      container: engine,
      engine: 'vllm',
    });
  });

  it('as a native sidecar', () => {
    const sidecar = { ...engine, isInit: true, isSidecar: true };
    expect(findServing(makePod([helper], [sidecar]), null, null)).toMatchObject({
      kind: 'one',
      container: sidecar,
    });
  });

  it('never as a download', () => {
    const download = makeContainer({
      isInit: true,
      image: VLLM_IMAGE,
      command: ['huggingface-cli', 'download', SCOUT],
      gpus: '1',
    });
    expect(findServing(makePod([helper], [download]), null, null)).toEqual({ kind: 'none' });
  });
});

describe('case 20: shell text', () => {
  it('a script is read to the end', () => {
    const reading = script(
      [
        '#!/bin/bash',
        'set -euo pipefail',
        '# vllm serve other --max-model-len 1',
        'cat > /tmp/t.jinja <<EOF',
        'vllm serve third',
        'EOF',
        `MODEL=\${MODEL:-${SCOUT}}`,
        'ARGS=(--tensor-parallel-size $((NODES*8)))',
        `ARGS+=(--max-model-len "\${LEN:-128K}")`,
        'export VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE=1',
        'exec vllm serve "$MODEL" \\',
        '  --gpu-memory-utilization 0.95 \\',
        `  "\${ARGS[@]}" \${EXTRA-} 2>&1 | tee /tmp/log &`,
        'wait',
      ].join('\n'),
      { env: { NODES: '1' } },
    );
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`]);
    expect(state(reading.tensorParallel)).toBe(8);
    expect(state(reading.context)).toBe(131_072);
    expect(state(reading.memoryFraction)).toBe(0.95);
    expect(state(reading.hybridKv)).toBe('on');
    expect(reading.isOpaque).toBe(false);
    expect(reading.append).toBeNull();
    expect([...reading.flagSites.keys()]).toEqual([]);
    expect(reading.findings).toEqual([]);
  });

  it('paths are those of the script', () => {
    const reading = script(`vllm serve ${SCOUT} --max-model-len 8192`);
    expect(reading.context).toMatchObject({ path: ['spec', 'containers', 0, 'args', 0] });
  });

  it('what only a shell knows is unknown', () => {
    const reading = script(
      `vllm serve ${SCOUT} --tensor-parallel-size $(nvidia-smi -L | wc -l) --max-model-len $LEN`,
    );
    expect(reading.tensorParallel.state).toBe('unknown');
    expect(reading.context.state).toBe('unknown');
    expect(reading.isOpaque).toBe(false);
  });

  it('arguments behind the script are its own', () => {
    const reading = read({ command: ['bash', '-c', 'exec vllm serve "$@"', 'x'], args: [SCOUT, '-tp', '8'] });
    expect(state(reading.tensorParallel)).toBe(8);
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`]);
  });

  it('KServe’s eval is read', () => {
    const reading = script(`eval "vllm serve /mnt/models --port 8000 \${VLLM_ADDITIONAL_ARGS} $@"`, {
      env: { VLLM_ADDITIONAL_ARGS: '--max-model-len 8192' },
    });
    expect(state(reading.context)).toBe(8192);
  });

  it('an unknown word in place of a flag makes it opaque', () => {
    expect(script(`vllm serve ${SCOUT} $EXTRA`).isOpaque).toBe(true);
  });

  it('two starts are not guessed between', () => {
    const reading = script(`if x; then vllm serve ${SCOUT}; else vllm serve ${SCOUT} --headless; fi`);
    expect(reading.isOpaque).toBe(true);
    expect(codes(reading)).toEqual(['unknown-value spec.containers[0].args[0]']);
  });
});

describe('case 21: shell habits without a shell', () => {
  it('flag and value in one element are reported, never silently fixed', () => {
    const reading = vllm(SCOUT, '--max-model-len 8192');
    expect(codes(reading)).toEqual(['malformed-flag spec.containers[0].args[1]']);
    expect(reading.flagSites.has('context')).toBe(false);
  });

  it('so are quotes inside an element', () => {
    expect(codes(vllm(`--model='${SCOUT}'`))).toEqual(['malformed-flag spec.containers[0].args[0]']);
    expect(codes(vllm("--model 'x'"))).toEqual(['malformed-flag spec.containers[0].args[0]']);
    expect(codes(vllm('--model', `"${SCOUT}"`))).toEqual(['malformed-flag spec.containers[0].args[1]']);
  });

  it('JSON keeps its quotes', () => {
    expect(codes(vllm('--hf-overrides', '{"a": "b"}'))).toEqual([]);
  });
});

describe('case 22: config files', () => {
  it('of vLLM and SGLang are noted', () => {
    expect(vllm('--config', '/etc/v.yaml').configFile).toEqual(['spec', 'containers', 0, 'args', 1]);
    expect(sglang('--config=/etc/s.yaml').configFile).toEqual(['spec', 'containers', 0, 'args', 0]);
  });

  it('of TensorRT-LLM beat the command line', () => {
    const reading = read({
      command: [
        'trtllm-serve',
        SCOUT,
        '--tp_size',
        '8',
        '--max_seq_len',
        '8192',
        '--extra_llm_api_options',
        '/c.yaml',
      ],
    });
    expect(codes(reading)).toEqual(['unknown-value spec.containers[0].command[7]']);
    expect(reading.kvCacheDtype.state).toBe('unknown');
    expect(reading.configFile).not.toBeNull();
  });

  it('the command line beats variables in TGI and llama.cpp', () => {
    const image = 'ghcr.io/ggml-org/llama.cpp:server-cuda-b4719';
    const reading = read({
      image,
      args: ['-c', '4096'],
      env: { LLAMA_ARG_CTX_SIZE: '8192', LLAMA_ARG_HF_REPO: 'a/b:Q8_0' },
    });
    expect(state(reading.context)).toBe(4096);
    expect(state(reading.quantization)).toBe('Q8_0');
    expect(state(reading.version)).toBe('b4719');
  });
});

describe('case 23: memory fractions', () => {
  it('above 1 or in per cent are refused', () => {
    for (const value of ['95', '90%', '1.5']) {
      expect(codes(vllm('--gpu-memory-utilization', value))).toEqual([
        'malformed-flag spec.containers[0].args[1]',
      ]);
    }
    expect(codes(vllm('--gpu-memory-utilization', '0.99'))).toEqual([]);
  });

  it('are one field for every engine', () => {
    expect(state(sglang('--mem-fraction-static', '0.8').memoryFraction)).toBe(0.8);
    const trtllm = read({ command: ['trtllm-serve', SCOUT, '--kv_cache_free_gpu_memory_fraction', '0.7'] });
    expect(state(trtllm.memoryFraction)).toBe(0.7);
  });

  it('a KV size in bytes is read beside them', () => {
    expect(state(vllm('--kv-cache-memory-bytes', '20G').kvCacheBytes)).toBe(20 * 2 ** 30);
  });
});

describe('case 24: requests that are not whole GPUs', () => {
  it('a quantity of 0 is no request, but the engine still counts', () => {
    const container = makeContainer({ image: 'ollama/ollama:0.6.5', gpus: '0' });
    expect(findServing(makePod([container]), null, null)).toEqual({
      kind: 'one',
      container,
      engine: 'ollama',
    });
  });

  it('a MIG slice is a GPU request', () => {
    const slice = makeContainer({ image: 'corp/x:1', limits: new Map([['nvidia.com/mig-4g.71gb', '1']]) });
    const other = makeContainer({ image: 'corp/y:1' });
    expect(findServing(makePod([other, slice]), null, null)).toEqual({
      kind: 'one',
      container: slice,
      engine: null,
    });
  });
});

describe('case 25: not our business', () => {
  it.each([
    ['a router', SGLANG_IMAGE, ['python3', '-m', 'sglang_router.launch_router', '--model-path', SCOUT]],
    ['a benchmark client', VLLM_IMAGE, ['python3', 'benchmark_serving.py', '--model', SCOUT]],
    ['vllm bench', VLLM_IMAGE, ['vllm', 'bench', 'serve', '--model', SCOUT]],
    ['training', VLLM_IMAGE, ['torchrun', '--nproc-per-node', '8', 'train.py', '--model', SCOUT]],
    ['a download', VLLM_IMAGE, ['sh', '-c', `pip install hf && huggingface-cli download ${SCOUT}`]],
    ['a web server', 'nginx:1.27', ['nginx', '-g', 'daemon off;']],
  ])('%s is not recognised', (_name, image, command) => {
    const container = makeContainer({ image, command });
    expect(readEngine(container, NO_OPTIONS)).toBeNull();
    expect(readServing(makePod([container]), new Map())?.identities ?? []).toEqual([]);
  });

  it('an engine with a model is', () => {
    const container = makeContainer({ image: VLLM_IMAGE, args: [SCOUT] });
    expect(readServing(makePod([container]), new Map())?.identities).not.toEqual([]);
  });
});
