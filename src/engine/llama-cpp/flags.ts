import { type FlagSpec, flag, flagSwitch, type Grammar } from '../flags.ts';
import { pythonFloat, stoi } from '../numbers.ts';

/** engine-flags.md §6, llama.cpp: `tools/server/README.md`, `common/arg.cpp`. */
const MODEL = flag('model', ['-m', '--model']);
const HUB = flag('hub-repository', ['-hf', '-hfr', '--hf-repo']);
const CONTEXT = flag('context', ['-c', '--ctx-size'], 'int', 0);
const CACHE_K = flag('kv-cache-dtype', ['-ctk', '--cache-type-k']);
const CACHE_V = flag('kv-cache-dtype-v', ['-ctv', '--cache-type-v']);
const LAYERS = flag('gpu-layers', ['-ngl', '--gpu-layers', '--n-gpu-layers']);
const PARALLEL = flag('max-num-seqs', ['-np', '--parallel'], 'int', -1);
const MICRO_BATCH = flag('max-num-batched-tokens', ['-ub', '--ubatch-size'], 'int', 1);
const HUB_FILE = flag('hub-file', ['-hff', '--hf-file']);
const MODEL_URL = flag('model-url', ['-mu', '--model-url']);
const FIT = flag('fit', ['-fit', '--fit']);
const SPLIT = flag('split-mode', ['-sm', '--split-mode']);

const SPECS: Grammar['specs'] = [
  MODEL,
  HUB,
  HUB_FILE,
  MODEL_URL,
  flag('served-name', ['-a', '--alias']),
  CONTEXT,
  CACHE_K,
  CACHE_V,
  LAYERS,
  SPLIT,
  PARALLEL,
  MICRO_BATCH,
  FIT,
  flag('draft-model', ['-md', '--model-draft', '-hfd', '--hf-repo-draft']),
  flagSwitch('cpu-experts', ['-cmoe', '--cpu-moe', '-nkvo', '--no-kv-offload']),
  flag('cpu-expert-layers', ['-ncmoe', '--n-cpu-moe'], 'int', 0),
  flag('override-tensor', ['-ot', '--override-tensor']),
  flagSwitch('hybrid-off', ['--swa-full']),
  flag('multimodal', ['-mm', '--mmproj', '-mmu', '--mmproj-url']),
  flagSwitch('text-only', ['--no-mmproj']),
];

const SWITCHES: Grammar['otherSwitches'] = [
  '--jinja',
  '--mlock',
  '--no-mmap',
  '--mmap',
  '--metrics',
  '--slots',
  '--no-slots',
  '--no-webui',
  '--embedding',
  '--embeddings',
  '--reranking',
  '--cont-batching',
  '-cb',
  '--no-cont-batching',
  '-nocb',
  '--verbose',
  '-v',
  '--no-warmup',
  '--offline',
  '--kv-unified',
  '-kvu',
  '--context-shift',
  '--no-context-shift',
  '--server',
  '--log-disable',
  '--special',
  '--verbose-prompt',
];

export const GRAMMAR: Grammar = {
  title: 'llama.cpp',
  specs: SPECS,
  otherSwitches: SWITCHES,
  otherNames: [],
  refused: new Map(),
  takesPrefixes: false,
  underscores: 'folded',
  takesJoined: false,
  repeated: 'last-wins',
  hasNegation: false,
  takesDottedKeys: false,
  takesDashedValues: true,
  maxPositionals: 0,
  numbers: new Map([
    ['int', stoi],
    ['float', pythonFloat],
  ]),
};

/** Variables that stand for flags; the command line beats them. */
export const VARIABLES: readonly (readonly [string, FlagSpec])[] = [
  ['LLAMA_ARG_MODEL', MODEL],
  ['LLAMA_ARG_HF_REPO', HUB],
  ['LLAMA_ARG_HF_FILE', HUB_FILE],
  ['LLAMA_ARG_MODEL_URL', MODEL_URL],
  ['LLAMA_ARG_CTX_SIZE', CONTEXT],
  ['LLAMA_ARG_CACHE_TYPE_K', CACHE_K],
  ['LLAMA_ARG_CACHE_TYPE_V', CACHE_V],
  ['LLAMA_ARG_N_GPU_LAYERS', LAYERS],
  ['LLAMA_ARG_SPLIT_MODE', SPLIT],
  ['LLAMA_ARG_N_PARALLEL', PARALLEL],
  ['LLAMA_ARG_UBATCH', MICRO_BATCH],
  ['LLAMA_ARG_FIT', FIT],
];

/** `python3 -m llama_cpp.server` is another program: pydantic settings, underscored names. */
export const PYTHON_GRAMMAR: Grammar = {
  ...GRAMMAR,
  title: 'llama_cpp.server',
  specs: [
    flag('model', ['--model']),
    flag('served-name', ['--model_alias']),
    flag('context', ['--n_ctx'], 'int', 0),
    flag('gpu-layers', ['--n_gpu_layers']),
  ],
  underscores: 'exact',
  takesJoined: true,
  takesDashedValues: true,
};
