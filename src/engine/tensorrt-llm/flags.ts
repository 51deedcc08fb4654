import { flag, flagSwitch, type Grammar } from '../flags.ts';
import { fraction, pythonInt } from '../numbers.ts';

/** engine-flags.md §6, `trtllm-serve`: `tensorrt_llm/commands/serve.py` (click, underscored names). */
const SPECS: Grammar['specs'] = [
  flag('context', ['--max_seq_len'], 'int', 1),
  flag('max-num-seqs', ['--max_batch_size'], 'int', 1),
  flag('max-num-batched-tokens', ['--max_num_tokens'], 'int', 1),
  flag('tensor-parallel', ['--tp_size', '--tensor_parallel_size'], 'int', 1),
  flag('pipeline-parallel', ['--pp_size', '--pipeline_parallel_size'], 'int', 1),
  flag('expert-parallel', ['--ep_size', '--moe_expert_parallel_size'], 'int', 1),
  flag('memory-fraction', ['--free_gpu_memory_fraction', '--kv_cache_free_gpu_memory_fraction'], 'fraction'),
  flag('kv-cache-dtype', ['--kv_cache_dtype']),
  flag('config-file', ['--config', '--extra_llm_api_options']),
  flag('served-name', ['--served_model_name']),
];

export const GRAMMAR: Grammar = {
  title: 'trtllm-serve',
  specs: SPECS,
  otherSwitches: ['--trust_remote_code', '--enable_chunked_prefill'],
  otherNames: ['--tokenizer', '--host', '--port', '--backend', '--cp_size', '--gpus_per_node', '--log_level'],
  refused: new Map([
    ['--tp', '--tp_size'],
    ['-tp', '--tp_size'],
    ['--pp', '--pp_size'],
    ['--max-model-len', '--max_seq_len'],
  ]),
  takesPrefixes: false,
  underscores: 'exact',
  takesJoined: true,
  repeated: 'last-wins',
  hasNegation: false,
  takesDottedKeys: false,
  takesDashedValues: false,
  maxPositionals: 1,
  numbers: new Map([
    ['int', pythonInt],
    ['fraction', fraction],
  ]),
};

/** `python3 -m dynamo.trtllm`: argparse with dashed names. */
export const DYNAMO_GRAMMAR: Grammar = {
  ...GRAMMAR,
  title: 'dynamo.trtllm',
  specs: [
    flag('model', ['--model-path', '--model']),
    ...SPECS.map((spec) => ({ ...spec, names: spec.names.map((name) => name.replaceAll('_', '-')) })).filter(
      (spec) => spec.concept !== 'config-file',
    ),
    flag('config-file', ['--extra-engine-args', '--override-engine-args']),
    flagSwitch('dp-attention', ['--enable-attention-dp']),
  ],
  otherSwitches: ['--publish-events-and-metrics'],
  otherNames: [
    '--disaggregation-mode',
    '--disaggregation-strategy',
    '--modality',
    '--endpoint',
    '--namespace',
  ],
  refused: new Map(),
  takesPrefixes: true,
  maxPositionals: 0,
};
