import { type FlagSpec, flag, type Grammar } from '../flags.ts';
import { strictInt } from '../numbers.ts';

/** engine-flags.md §6, Ollama: `envconfig/config.go`. `ollama serve` has no flags that matter here. */
export const GRAMMAR: Grammar = {
  title: 'Ollama',
  specs: [],
  otherSwitches: [],
  otherNames: [],
  refused: new Map(),
  takesPrefixes: false,
  underscores: 'exact',
  takesJoined: true,
  repeated: 'last-wins',
  hasNegation: false,
  takesDottedKeys: false,
  takesDashedValues: false,
  maxPositionals: 0,
  numbers: new Map([['int', strictInt]]),
};

export const VARIABLES: readonly (readonly [string, FlagSpec])[] = [
  ['OLLAMA_CONTEXT_LENGTH', flag('context', [], 'int', 0)],
  ['OLLAMA_NUM_PARALLEL', flag('max-num-seqs', [], 'int', 0)],
  ['OLLAMA_KV_CACHE_TYPE', flag('kv-cache-dtype', [])],
];
