import type { Finding, JsonPath } from '../findings.ts';
import type { NumberGrammar } from './numbers.ts';
import type { FlagConcept, FlagSite } from './types.ts';
import type { Word } from './words.ts';

/** What a flag is about, the same for every engine. */
export type Concept =
  | FlagConcept
  | 'served-name'
  | 'config-file'
  | 'quantization'
  | 'weight-dtype'
  | 'kv-cache-dtype-v'
  | 'data-parallel'
  | 'data-parallel-local'
  | 'data-parallel-rank'
  | 'external-lb'
  | 'expert-parallel'
  | 'dp-attention'
  | 'nodes'
  | 'executor'
  | 'sharded'
  | 'memory-fraction'
  | 'kv-cache-bytes'
  | 'kv-offload'
  | 'prefill-tokens'
  | 'cuda-graph-max-bs'
  | 'cuda-graphs'
  | 'block-size'
  | 'hybrid-off'
  | 'hybrid-ratio'
  | 'swa-ratio'
  | 'eager'
  | 'text-only'
  | 'multimodal'
  | 'image-limit'
  | 'model-overrides'
  | 'rope-scaling'
  | 'kv-connector'
  | 'speculative'
  | 'draft-method'
  | 'draft-model'
  | 'lora'
  | 'lora-paths'
  | 'max-loras'
  | 'max-lora-rank'
  | 'cpu-offload'
  | 'hub-repository'
  | 'hub-file'
  | 'model-url'
  | 'gpu-layers'
  | 'split-mode'
  | 'cpu-experts'
  | 'cpu-expert-layers'
  | 'override-tensor'
  | 'fit';

/** `switch` takes no value, `optional` may, `many` takes all the bare words that follow. */
export type Arity = 'switch' | 'one' | 'many' | 'optional';

export type ValueKind = 'text' | 'json' | 'int' | 'human-int' | 'float' | 'fraction';

/** One flag, as data. */
export interface FlagSpec {
  readonly concept: Concept;
  readonly names: readonly string[];
  readonly arity: Arity;
  readonly kind: ValueKind;
  /** Smallest number that the engine accepts. */
  readonly min?: number;
}

/** How an engine reads its command line (engine-flags.md §6). */
export interface Grammar {
  /** As people write it, for messages. */
  readonly title: string;
  readonly specs: readonly FlagSpec[];
  /** Other flags of the engine: without a value, and with one. They matter for prefixes and for bare words. */
  readonly otherSwitches: readonly string[];
  readonly otherNames: readonly string[];
  /** Spellings that people try and the engine refuses, with the flag that they mean. */
  readonly refused: ReadonlyMap<string, string>;
  /** argparse takes any unambiguous beginning of a long name; click, clap and llama.cpp do not. */
  readonly takesPrefixes: boolean;
  /** `folded`: `--tp_size` is `--tp-size`. `exact`: it is not. */
  readonly underscores: 'folded' | 'exact';
  /** `--flag=value`. */
  readonly takesJoined: boolean;
  /** A second `--flag` replaces the first, or is an error. */
  readonly repeated: 'last-wins' | 'error';
  /** Switches have `--no-` twins. */
  readonly hasNegation: boolean;
  /** `--speculative-config.model X`. */
  readonly takesDottedKeys: boolean;
  /** Whatever follows a flag is its value, dashes included. */
  readonly takesDashedValues: boolean;
  /** Bare words that are arguments of their own: the model. */
  readonly maxPositionals: 0 | 1;
  readonly numbers: ReadonlyMap<ValueKind, NumberGrammar>;
}

/** One use of a flag. */
export interface Occurrence {
  readonly spec: FlagSpec;
  /** As the author spelled it: a flag, or the name of a variable. */
  readonly flag: string;
  /** Key behind the dot of `--flag.key`. */
  readonly key: string | null;
  readonly isNegated: boolean;
  /** null for a switch, and for a flag whose value is missing. */
  readonly value: Word | null;
  readonly path: JsonPath;
  readonly site: FlagSite | null;
}

/** The flags of one command line, or of several put together, weakest first. */
export interface ParsedFlags {
  readonly occurrences: ReadonlyMap<Concept, readonly Occurrence[]>;
  readonly positionals: readonly Word[];
  /** A word that may be any flag, or several of them. */
  readonly isOpaque: boolean;
  readonly findings: readonly Finding[];
}

export const NO_FLAGS: ParsedFlags = {
  occurrences: new Map(),
  positionals: [],
  isOpaque: false,
  findings: [],
};

/** Shorthands for tables of flags. */
export function flag(
  concept: Concept,
  names: readonly string[],
  kind: ValueKind = 'text',
  min?: number,
): FlagSpec {
  const spec: FlagSpec = { concept, names, arity: 'one', kind };
  return min === undefined ? spec : { ...spec, min };
}

export function flagSwitch(concept: Concept, names: readonly string[]): FlagSpec {
  return { concept, names, arity: 'switch', kind: 'text' };
}

export function flagList(concept: Concept, names: readonly string[]): FlagSpec {
  return { concept, names, arity: 'many', kind: 'text' };
}

export function lastOf(flags: ParsedFlags, concept: Concept): Occurrence | null {
  return flags.occurrences.get(concept)?.at(-1) ?? null;
}
