import { type FlagSpec, flag, flagList, type Grammar } from '../flags.ts';
import { fraction, pythonFloat, strictInt } from '../numbers.ts';

/** engine-flags.md §6, TGI: `launcher/src/main.rs` (clap). Every option has a variable in capitals. */
const SPECS: Grammar['specs'] = [
  flag('model', ['--model-id']),
  flag('context', ['--max-total-tokens'], 'int', 1),
  flag('quantization', ['--quantize']),
  flag('weight-dtype', ['--dtype']),
  flag('kv-cache-dtype', ['--kv-cache-dtype']),
  flag('tensor-parallel', ['--num-shard'], 'int', 1),
  flag('sharded', ['--sharded']),
  flag('memory-fraction', ['--cuda-memory-fraction'], 'fraction'),
  flag('max-num-batched-tokens', ['--max-batch-prefill-tokens'], 'int', 1),
  flag('max-num-seqs', ['--max-batch-size'], 'int', 1),
  flag('cuda-graphs', ['--cuda-graphs']),
  flag('speculative', ['--speculate'], 'int', 0),
  flagList('lora-paths', ['--lora-adapters']),
  flag('rope-scaling', ['--rope-scaling']),
];

export const GRAMMAR: Grammar = {
  title: 'TGI',
  specs: SPECS,
  otherSwitches: [
    '--trust-remote-code',
    '--json-output',
    '--disable-grammar-support',
    '--disable-custom-kernels',
    '-e',
  ],
  otherNames: ['--port', '--hostname', '--revision', '--max-input-tokens', '--max-concurrent-requests', '-p'],
  refused: new Map([
    ['--tensor-parallel-size', '--num-shard'],
    ['--max-model-len', '--max-total-tokens'],
  ]),
  takesPrefixes: false,
  underscores: 'exact',
  takesJoined: true,
  repeated: 'error',
  hasNegation: false,
  takesDottedKeys: false,
  takesDashedValues: false,
  maxPositionals: 0,
  numbers: new Map([
    ['int', strictInt],
    ['float', pythonFloat],
    ['fraction', fraction],
  ]),
};

/** `--num-shard` is NUM_SHARD. */
export const VARIABLES: readonly (readonly [string, FlagSpec])[] = SPECS.map((spec) => [
  (spec.names[0] ?? '').slice(2).replaceAll('-', '_').toUpperCase(),
  spec,
]);
