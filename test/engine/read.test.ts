import { describe, expect, it } from 'vitest';
import { readEngine } from '../../src/engine/read.ts';
import { spellFlag } from '../../src/engine/spell.ts';
import {
  codes,
  makeContainer,
  NO_OPTIONS,
  names,
  read,
  SCOUT,
  script,
  sglang,
  state,
  VLLM_IMAGE,
  vllm,
} from './containers.ts';

const TGI_IMAGE = 'ghcr.io/huggingface/text-generation-inference:3.2.0';
const ARGS = ['spec', 'containers', 0, 'args'];

describe('a launcher', () => {
  it.each<[string, string, readonly string[]]>([
    ['vllm', 'vllm serve', ['vllm', 'serve', SCOUT]],
    ['vllm', 'an absolute path', ['/opt/venv/bin/vllm', 'serve', SCOUT]],
    [
      'vllm',
      'the python module',
      ['python3', '-u', '-m', 'vllm.entrypoints.openai.api_server', '--model', SCOUT],
    ],
    ['vllm', 'dynamo', ['python3', '-m', 'dynamo.vllm', '--model', SCOUT]],
    ['vllm', 'KAITO', ['python3', '/workspace/vllm/inference_api.py', '--model', SCOUT]],
    ['vllm', 'the program as a script', ['python3', '/opt/venv/bin/vllm', 'serve', SCOUT]],
    ['vllm', 'run-batch', ['vllm', 'run-batch', '-i', 'in.jsonl', '-o', 'out.jsonl', '--model', SCOUT]],
    [
      'vllm',
      'run-batch as a module',
      ['python3', '-m', 'vllm.entrypoints.openai.run_batch', '-i', 'in', '-o', 'out', '--model', SCOUT],
    ],
    ['vllm', 'bench throughput', ['vllm', 'bench', 'throughput', '--model', SCOUT]],
    ['sglang', 'bench_one_batch', ['python3', '-m', 'sglang.bench_one_batch', '--model-path', SCOUT]],
    ['vllm', 'tini', ['tini', '--', 'vllm', 'serve', SCOUT]],
    ['vllm', 'env', ['env', 'A=1', 'vllm', 'serve', SCOUT]],
    ['sglang', 'launch_server', ['python3', '-m', 'sglang.launch_server', '--model-path', SCOUT]],
    ['sglang', 'its alias of the model flag', ['python', '-m', 'sglang.launch_server', '--model', SCOUT]],
    ['llama.cpp', 'llama-server', ['./llama-server', '-hf', SCOUT]],
    ['tensorrt-llm', 'trtllm-serve', ['trtllm-serve', 'serve', SCOUT]],
    [
      'tensorrt-llm',
      'MPI',
      ['mpirun', '-n', '8', '--oversubscribe', 'trtllm-llmapi-launch', 'trtllm-serve', SCOUT],
    ],
    ['tensorrt-llm', 'dynamo.trtllm', ['python3', '-m', 'dynamo.trtllm', '--model-path', SCOUT]],
    ['tgi', 'the launcher', ['text-generation-launcher', '--model-id', SCOUT]],
  ])('of %s: %s', (engine, _name, command) => {
    const reading = read({ command });
    expect(reading.engine).toBe(engine);
    expect(reading.recognisedBy).toBe('command');
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`]);
  });

  it('beats the image', () => {
    const reading = read({ image: VLLM_IMAGE, command: ['python3', '-m', 'sglang.launch_server'] });
    expect(reading.engine).toBe('sglang');
    expect(reading.version.state).toBe('absent');
  });
});

describe('the version', () => {
  it.each([
    [VLLM_IMAGE, '0.11.0'],
    ['vllm/vllm-openai:v0.11.0-cu128', '0.11.0'],
    ['registry.corp:5000/mirror/vllm-openai:v0.10.1.1', '0.10.1.1'],
    ['vllm/vllm-openai:v0.11.0@sha256:0123', '0.11.0'],
    ['vllm/vllm-openai:latest', 'absent'],
    ['vllm/vllm-openai', 'absent'],
    ['vllm/vllm-openai@sha256:0123', 'absent'],
    ['vllm/vllm-openai:nightly-0123abc', 'absent'],
    ['corp/vllm:v9.9.9', 'absent'],
    ['rocm/vllm:rocm6.3.1_instinct_vllm0.8.3_20250410', '0.8.3'],
    ['nvcr.io/nvidia/vllm:25.09-py3', 'absent'],
  ])('of vLLM in %s is %s', (image, want) => {
    expect(state(read({ image, args: [SCOUT] }).version)).toBe(want);
  });

  it.each([
    ['lmsysorg/sglang:v0.5.6.post2-cu126', '0.5.6.post2'],
    ['lmsysorg/sglang:latest', 'absent'],
    ['corp/sglang-server:v1.0.0', 'absent'],
    [TGI_IMAGE, '3.2.0'],
    ['nvcr.io/nvidia/tensorrt-llm/release:1.0.0', '1.0.0'],
    ['ollama/ollama:0.6.5', '0.6.5'],
  ])('in %s is %s', (image, want) => {
    expect(state(read({ image }).version)).toBe(want);
  });
});

describe('the append point', () => {
  it('is the end of args, of command, or new args of an image with an entrypoint', () => {
    expect(vllm(SCOUT).append).toEqual({ path: ARGS, isNew: false });
    expect(read({ command: ['vllm', 'serve', SCOUT] }).append).toEqual({
      path: ['spec', 'containers', 0, 'command'],
      isNew: false,
    });
    expect(read({ image: VLLM_IMAGE }).append).toEqual({ path: ARGS, isNew: true });
  });

  it('is nowhere in shell text, behind --, or where the launch is not understood', () => {
    expect(script(`vllm serve ${SCOUT}`).append).toBeNull();
    expect(vllm('--', SCOUT).append).toBeNull();
    expect(read({ image: VLLM_IMAGE, command: ['/start.sh'] }).append).toBeNull();
    expect(read({ image: 'ollama/ollama:0.6.5' }).append).toBeNull();
  });
});

describe('flag sites', () => {
  it('name the element to replace', () => {
    const reading = vllm('--model', SCOUT, '--max-model-len=8192', '-tp', '8');
    expect([...reading.flagSites]).toEqual([
      ['context', { path: [...ARGS, 2], isJoined: true, flag: '--max-model-len', isVariable: false }],
      ['tensor-parallel', { path: [...ARGS, 4], isJoined: false, flag: '-tp', isVariable: false }],
      ['model', { path: [...ARGS, 1], isJoined: false, flag: '--model', isVariable: false }],
    ]);
  });

  it('include the positional model', () => {
    expect(vllm(SCOUT).flagSites.get('model')).toEqual({
      path: [...ARGS, 0],
      isJoined: false,
      flag: '',
      isVariable: false,
    });
    expect(read({ command: ['trtllm-serve', SCOUT] }).flagSites.has('model')).toBe(true);
  });

  it('are those of the flag that wins', () => {
    expect(vllm('-tp', '4', '-tp', '8').flagSites.get('tensor-parallel')?.path).toEqual([...ARGS, 3]);
  });
});

describe('flags that an annotation repeats', () => {
  const options = {
    extraArgs: '--max-model-len 8192 -tp 8',
    extraArgsPath: ['metadata', 'annotations', 'x'],
  };

  it('count where nothing visible says otherwise', () => {
    const reading = read({ image: VLLM_IMAGE, args: [SCOUT, '-tp', '4'] }, options);
    expect(reading.context).toMatchObject({ value: 8192, path: options.extraArgsPath });
    expect(state(reading.tensorParallel)).toBe(4);
    expect(codes(reading)).toEqual(['flag-conflict spec.containers[0].args[2]']);
    expect([...reading.flagSites.keys()]).toEqual(['tensor-parallel', 'model']);
  });
});

describe('an engine named by annotation or policy', () => {
  const parts = { image: 'corp/llm:7', args: ['--max-model-len', '8192'] };

  it('is read by its own grammar', () => {
    const reading = read(parts, { wantedEngine: 'vllm' });
    expect(reading).toMatchObject({ engine: 'vllm', recognisedBy: 'annotation', isOpaque: false });
    expect(state(reading.context)).toBe(8192);
    expect(read(parts, { defaultEngine: 'vllm' }).recognisedBy).toBe('default');
    expect(readEngine(makeContainer(parts), NO_OPTIONS)).toBeNull();
  });

  it('is opaque where nothing can be read', () => {
    expect(read({ image: 'corp/llm:7' }, { wantedEngine: 'vllm' })).toMatchObject({
      isOpaque: true,
      append: null,
    });
    expect(read({ image: 'corp/llm:7', command: ['/run.sh'] }, { wantedEngine: 'sglang' }).isOpaque).toBe(
      true,
    );
  });
});

describe('vLLM', () => {
  it('hybrid KV follows flag and variable', () => {
    const name = 'VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE';
    const hybrid = (args: readonly string[], env = {}): unknown =>
      state(read({ image: VLLM_IMAGE, args, env }).hybridKv);
    expect(hybrid([])).toBe('absent');
    expect(hybrid(['--disable-hybrid-kv-cache-manager'])).toBe('off');
    expect(hybrid(['--no-disable-hybrid-kv-cache-manager'])).toBe('on');
    expect(hybrid([], { [name]: '1' })).toBe('on');
    expect(hybrid([], { [name]: '0' })).toBe('off');
    expect(hybrid(['--no-disable-hybrid-kv-cache-manager'], { [name]: '0' })).toBe('off');
    expect(hybrid(['--disable-hybrid-kv-cache-manager'], { [name]: '1' })).toBe('off');
    expect(hybrid([], { [name]: null })).toBe('unknown');
  });

  it('speculative decoding in every spelling', () => {
    const eagle = { id: 'org/draft', isEagle: true };
    expect(vllm('--speculative-config', '{"method":"eagle3","model":"org/draft"}').draft).toEqual(eagle);
    expect(
      vllm('--speculative-config.method', 'eagle', '--speculative-config.model=org/draft').draft,
    ).toEqual(eagle);
    expect(vllm('--speculative-config', '{"method":"ngram"}').draft).toEqual({ id: null, isEagle: false });
    expect(vllm('--speculative-model', 'org/small').draft).toEqual({ id: 'org/small', isEagle: false });
    expect(vllm('--speculative-config', 'nonsense').draft).toEqual({ id: null, isEagle: true });
    expect(vllm(SCOUT).draft).toBeNull();
  });

  it('connectors, LoRA, offload, eager, DP', () => {
    const reading = vllm(
      ...['--kv-transfer-config', '{"kv_connector":"LMCacheConnectorV1","kv_role":"kv_both"}'],
      ...[
        '--enable-lora',
        '--max-loras=4',
        '--cpu-offload-gb',
        '1.5',
        '--enforce-eager',
        '--block-size',
        '32',
      ],
    );
    expect(state(reading.kvConnector)).toBe('LMCacheConnectorV1');
    expect(reading.lora).toEqual({ maxLoras: 4, maxRank: 16 });
    expect(state(reading.cpuOffloadBytes)).toBe(1.5 * 2 ** 30);
    expect(reading.enforceEager).toBe(true);
    expect(state(reading.blockSize)).toBe(32);
    expect(vllm('--enforce-eager', '--no-enforce-eager').enforceEager).toBe(false);
    expect(vllm('--enforce-eager=False').enforceEager).toBe(false);
  });

  it('an image limit of 0 is text only, in releases that then skip the tower', () => {
    expect(vllm('--limit-mm-per-prompt', '{"image":0}').textOnly).toBe(true);
    expect(vllm('--limit-mm-per-prompt.image', '0').textOnly).toBe(true);
    expect(
      read({ image: 'vllm/vllm-openai:v0.8.3', args: ['--limit-mm-per-prompt', 'image=0'] }).textOnly,
    ).toBe(false);
    expect(vllm('--limit-mm-per-prompt', 'image=5').textOnly).toBe(false);
  });

  it('bare words of a list flag are not the model', () => {
    const reading = vllm('--served-model-name', 'a', 'b', '--trust-remote-code', SCOUT);
    expect(names(reading)).toEqual([`hub-id ${SCOUT}`, 'served-name a']);
  });
});

describe('SGLang', () => {
  it('refuses vLLM’s fp8 for the KV cache', () => {
    expect(codes(sglang('--kv-cache-dtype', 'fp8'))).toEqual(['malformed-flag spec.containers[0].args[1]']);
    expect(codes(sglang('--kv-cache-dtype', 'fp8_e5m2'))).toEqual([]);
  });

  it('hybrid memory, graphs, tower, drafts', () => {
    expect(state(sglang('--disable-hybrid-swa-memory').hybridKv)).toBe('off');
    expect(state(sglang('--hybrid-kvcache-ratio').hybridKv)).toBe('on');
    expect(sglang('--disable-cuda-graph').enforceEager).toBe(true);
    expect(sglang('--enable-multimodal').multimodalRequested).toBe(true);
    expect(
      sglang('--speculative-algorithm', 'EAGLE3', '--speculative-draft-model-path', 'o/d').draft,
    ).toEqual({
      id: 'o/d',
      isEagle: true,
    });
  });

  it('chunking off leaves the prefill limit', () => {
    expect(
      state(sglang('--chunked-prefill-size', '-1', '--max-prefill-tokens', '32k').maxNumBatchedTokens),
    ).toBe(32_000);
    expect(state(sglang('--chunked-prefill-size', '4096').maxNumBatchedTokens)).toBe(4096);
  });
});

describe('llama.cpp', () => {
  it('matches whole words only', () => {
    expect(codes(read({ command: ['llama-server', '--ctx-size=8192'] }))).toEqual([
      'malformed-flag spec.containers[0].command[1]',
    ]);
  });

  it('0 is the model’s own context, and -fit on whatever fits', () => {
    expect(state(read({ command: ['llama-server', '-c', '0'] }).context)).toBe('absent');
    expect(state(read({ command: ['llama-server', '-fit', 'on'] }).context)).toBe('auto');
  });

  it.each<[readonly string[], string]>([
    [['--cpu-moe'], '--cpu-moe'],
    [['-ncmoe', '12'], '-ncmoe 12'],
    [['-ot', '.ffn_.*_exps.=CPU'], '.ffn_.*_exps.=CPU'],
    [['-ngl', '20'], '-ngl 20'],
    [['-ngl', '99'], 'absent'],
    [['-ngl', 'all'], 'absent'],
  ])('%j keeps weights off the GPU: %s', (args, want) => {
    expect(state(read({ command: ['llama-server', ...args] }).partialOffload)).toBe(want);
  });

  it('K and V have types of their own', () => {
    const reading = read({
      command: ['llama-server', '-ctk', 'q8_0', '-ctv', 'q4_0', '-np', '4', '-sm', 'none'],
    });
    expect(
      [reading.kvCacheDtype, reading.kvCacheDtypeV, reading.maxNumSeqs, reading.tensorParallel].map((one) =>
        state<unknown>(one),
      ),
    ).toEqual(['q8_0', 'q4_0', 4, 1]);
  });
});

describe('Ollama', () => {
  it('is told by variables, and pulls in a script', () => {
    const reading = script('ollama serve & sleep 5; ollama pull llama4:scout; wait', {
      image: 'ollama/ollama:0.6.5',
      env: { OLLAMA_CONTEXT_LENGTH: '8192', OLLAMA_NUM_PARALLEL: '2', OLLAMA_KV_CACHE_TYPE: 'q8_0' },
    });
    expect(names(reading)).toEqual(['hub-id llama4:scout']);
    expect(
      [reading.context, reading.maxNumSeqs, reading.kvCacheDtype].map((one) => state<unknown>(one)),
    ).toEqual([8192, 2, 'q8_0']);
  });

  it('chooses the context by the memory that it finds', () => {
    expect(state(read({ image: 'ollama/ollama:0.6.5' }).context)).toBe('auto');
  });
});

describe('NIM', () => {
  const image = 'nvcr.io/nim/meta/llama-4-scout-17b-16e-instruct:1.2.0';

  it('is identified by its image; precision and parallel size are unknown', () => {
    const reading = read({ image });
    expect(reading.engine).toBe('tensorrt-llm');
    expect(names(reading)[0]).toBe('image meta/llama-4-scout-17b-16e-instruct');
    expect(
      [reading.version, reading.quantization, reading.tensorParallel].map((one) => state<unknown>(one)),
    ).toEqual(['absent', 'unknown', 'unknown']);
    expect(reading.append).toBeNull();
  });

  it('a readable profile and variables say more, the variables more strongly', () => {
    const env = {
      NIM_MODEL_PROFILE: 'vllm-fp8-tp8-pp1',
      NIM_TENSOR_PARALLEL_SIZE: '4',
      NIM_MAX_MODEL_LEN: '8192',
    };
    const reading = read({ image, env });
    expect(reading.engine).toBe('vllm');
    expect(
      [reading.quantization, reading.tensorParallel, reading.pipelineParallel, reading.context].map((one) =>
        state<unknown>(one),
      ),
    ).toEqual(['nim-fp8', 4, 1, 8192]);
  });

  it('passed-through arguments beat the variables', () => {
    const env = { NIM_PASSTHROUGH_ARGS: '--max-model-len 4096', NIM_MAX_MODEL_LEN: '8192' };
    expect(state(read({ image, env }).context)).toBe(4096);
  });
});

describe('TGI', () => {
  it('takes strict numbers', () => {
    expect(codes(read({ image: TGI_IMAGE, args: ['--max-total-tokens=32k'] }))).toEqual([
      'malformed-flag spec.containers[0].args[0]',
    ]);
  });

  it('is opaque where a ConfigMap may hold its variables', () => {
    expect(read({ image: TGI_IMAGE, hasEnvFrom: true }).isOpaque).toBe(true);
    expect(read({ image: VLLM_IMAGE, args: [SCOUT], hasEnvFrom: true }).isOpaque).toBe(false);
  });
});

describe('too much text', () => {
  it('is not analysed', () => {
    const reading = read({ image: VLLM_IMAGE, args: ['x'.repeat(64 * 1024 + 1)] });
    expect(codes(reading)).toEqual(['analysis-limit spec.containers[0]']);
    expect(reading.isOpaque).toBe(true);
  });

  it('ends a script of more commands than anybody writes', () => {
    const reading = script(`vllm serve ${SCOUT} -tp 8; ${'a;'.repeat(5000)}`);
    expect(codes(reading)).toEqual(['analysis-limit spec.containers[0]']);
    expect(state(reading.tensorParallel)).toBe(8);
    expect(reading.isOpaque).toBe(true);
  });

  it('is not produced by expansion either', () => {
    const env = Object.fromEntries([
      ['V0', 'x'.repeat(1000)],
      ...Array.from({ length: 40 }, (_, index) => [`V${index + 1}`, `$(V${index})$(V${index})`]),
    ]);
    const reading = read({ image: VLLM_IMAGE, args: ['--model', '$(V40)'], env });
    expect(codes(reading)).toContain('analysis-limit spec.containers[0]');
  });
});

describe('spelling', () => {
  it('is the engine’s own', () => {
    expect(spellFlag('vllm', 'tensor-parallel', 8)).toEqual(['--tensor-parallel-size', '8']);
    expect(spellFlag('sglang', 'context', 8192)).toEqual(['--context-length', '8192']);
    expect(spellFlag('tensorrt-llm', 'context', 8192)).toEqual(['--max_seq_len', '8192']);
    expect(spellFlag('llama.cpp', 'tensor-parallel', 8)).toBeNull();
    expect(spellFlag('ollama', 'context', 8192)).toBeNull();
  });
});
