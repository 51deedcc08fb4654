import type { Finding, JsonPath } from '../findings.ts';

export type EngineName = 'vllm' | 'sglang' | 'llama.cpp' | 'tensorrt-llm' | 'tgi' | 'ollama';

export const ENGINE_NAMES: readonly EngineName[] = [
  'vllm',
  'sglang',
  'llama.cpp',
  'tensorrt-llm',
  'tgi',
  'ollama',
];

/**
 * What a launch says about one thing. `unknown` means: it is set, but its value cannot be read at admission
 * (a ConfigMap, a Secret, a file, a shell expression); it is never treated as absent or as a number.
 */
export type Reading<T> =
  | { readonly state: 'absent' }
  | { readonly state: 'set'; readonly value: T; readonly path: JsonPath; readonly text: string }
  | { readonly state: 'unknown'; readonly path: JsonPath; readonly text: string };

export const ABSENT = { state: 'absent' } as const;

/** How a model was named, strongest first: an id in a flag beats a decoded path, which beats an image name. */
export type IdentityKind = 'hub-id' | 'path' | 'storage-uri' | 'image' | 'label' | 'served-name';

export interface ModelIdentity {
  readonly kind: IdentityKind;
  /** The id or path as written, already decoded (`models--org--name` becomes `org/name`). */
  readonly text: string;
  readonly path: JsonPath;
}

/** Where flags can be appended, when the command line is an argv that we understand from end to end. */
export interface AppendPoint {
  /** The array `args` or `command` of the container (it exists, or `args` may be created when `isNew`). */
  readonly path: JsonPath;
  readonly isNew: boolean;
}

/** The word that holds a flag's value, so that a remedy can replace exactly it. */
export interface FlagSite {
  /** Path of the argv element. */
  readonly path: JsonPath;
  /** True when the element is `--flag=value`, false when the value is an element of its own. */
  readonly isJoined: boolean;
  /** The flag as the author spelled it, for `isJoined` elements; the name of a variable. */
  readonly flag: string;
  /** The value is that of a literal entry of `env`, and `path` the entry's. */
  readonly isVariable: boolean;
}

/** The flags that remedies may change, by concept. */
export const FLAG_CONCEPTS = [
  'context',
  'tensor-parallel',
  'pipeline-parallel',
  'kv-cache-dtype',
  'max-num-seqs',
  'max-num-batched-tokens',
  'model',
] as const;
export type FlagConcept = (typeof FLAG_CONCEPTS)[number];

export interface DraftModel {
  /** Model id when it was named, null when only the method is known (n-gram, EAGLE head unnamed). */
  readonly id: string | null;
  /** True for methods for which vLLM's `use_eagle()` holds; they turn the hybrid KV manager off. */
  readonly isEagle: boolean;
}

export interface EngineReading {
  readonly engine: EngineName;
  readonly recognisedBy: 'annotation' | 'command' | 'image' | 'environment' | 'default';
  readonly containerPath: JsonPath;
  /** Strongest first; empty when nothing names a model. */
  readonly identities: readonly ModelIdentity[];
  readonly version: Reading<string>;
  /** `auto`: the engine picks what fits (vLLM `auto` / -1; llama.cpp fit). */
  readonly context: Reading<number | 'auto'>;
  /** Online or declared quantization by flag, in the engine's own word. */
  readonly quantization: Reading<string>;
  readonly weightDtype: Reading<string>;
  readonly kvCacheDtype: Reading<string>;
  /** llama.cpp sets V apart from K; absent elsewhere. */
  readonly kvCacheDtypeV: Reading<string>;
  readonly tensorParallel: Reading<number>;
  readonly pipelineParallel: Reading<number>;
  readonly dataParallel: Reading<number>;
  /** DP ranks inside this pod when the launch says so (`--data-parallel-size-local`, external LB). */
  readonly dataParallelLocal: Reading<number>;
  readonly expertParallel: Reading<number | boolean>;
  /** What a data-parallel rank is: one that shares the experts, or a copy of the whole model. */
  readonly dataParallelKind: 'shares-experts' | 'copies';
  readonly hasDpAttention: boolean;
  readonly nodes: Reading<number>;
  /** GPUs of the container that a variable lets the engine see; `text` is the variable's name. */
  readonly visibleGpus: Reading<number>;
  readonly memoryFraction: Reading<number>;
  readonly kvCacheBytes: Reading<number>;
  readonly maxNumSeqs: Reading<number>;
  readonly maxNumBatchedTokens: Reading<number>;
  readonly cudaGraphMaxBs: Reading<number>;
  readonly blockSize: Reading<number>;
  readonly hybridKv: Reading<'on' | 'off'>;
  readonly swaFullTokensRatio: Reading<number>;
  readonly enforceEager: boolean;
  readonly textOnly: boolean;
  /** SGLang builds the vision tower only on request. */
  readonly multimodalRequested: boolean;
  readonly allowsLongContext: boolean;
  readonly kvConnector: Reading<string>;
  readonly draft: DraftModel | null;
  readonly lora: { readonly maxLoras: number; readonly maxRank: number } | null;
  readonly cpuOffloadBytes: Reading<number>;
  /** llama.cpp `--cpu-moe`, `-ngl` below all layers …: weights that stay off the GPU on purpose. */
  readonly partialOffload: Reading<string>;
  /** Every layer was ordered onto the GPUs: an engine that spills by itself then fails instead. */
  readonly isOffloadFixed: boolean;
  /** Flags of a config file that we cannot read (`--config f.yaml`). */
  readonly configFile: JsonPath | null;
  /** True when the launch cannot be read to the end: any flag not seen may still be there. */
  readonly isOpaque: boolean;
  readonly append: AppendPoint | null;
  readonly flagSites: ReadonlyMap<FlagConcept, FlagSite>;
  /** Variables by which this launch can be told what no flag of it says, by concept. */
  readonly variables: ReadonlyMap<FlagConcept, string>;
  readonly findings: readonly Finding[];
}
