import type { CheckpointEntry, ModelEntry } from '../catalog/types.ts';
import type { EngineName, EngineReading } from '../engine/types.ts';
import type { JsonPath } from '../findings.ts';
import type { KvDtype } from '../sizing/shapes.ts';
import type { Bytes } from '../units.ts';

/** Where a value of the intent came from, so that a message can name it. */
export interface Origin {
  readonly from:
    | 'annotation'
    | 'flag'
    | 'environment'
    | 'image'
    | 'checkpoint'
    | 'engine-default'
    | 'policy'
    | 'name';
  readonly path: JsonPath;
}

export interface Stated<T> {
  readonly value: T;
  readonly origin: Origin;
}

export interface VisibleGpus {
  readonly count: number;
  /** `CUDA_VISIBLE_DEVICES` or one of ROCm's. */
  readonly variable: string;
  readonly path: JsonPath;
}

/** Engine settings in effect; null: the engine's default for its version and the device. */
export interface EngineSettings {
  readonly maxNumSeqs: number | null;
  readonly maxNumBatchedTokens: number | null;
  readonly cudaGraphMaxBs: number | null;
  readonly memoryFraction: number | null;
  readonly kvCacheBytes: Bytes | null;
  readonly blockSize: number | null;
  readonly hybridKv: 'auto' | 'on' | 'off';
  /** A KV connector or EAGLE draft that turns the hybrid manager off. */
  readonly hybridBlocker: string | null;
  readonly swaFullTokensRatio: number | null;
  readonly enforceEager: boolean;
  readonly textOnly: boolean;
  readonly multimodalRequested: boolean;
  readonly lora: { readonly maxLoras: number; readonly maxRank: number } | null;
  readonly draftBytes: Bytes | 'unknown' | null;
  readonly cpuOffloadBytes: Bytes;
}

/** Everything that the decision depends on from the author's side, after annotations and flags were reconciled. */
export interface Intent {
  readonly workload: 'inference' | 'training';
  readonly trainingMethod: 'full' | 'bf16-adamw' | 'lora' | 'qlora' | null;
  readonly model: Stated<ModelEntry>;
  readonly checkpoint: Stated<CheckpointEntry> | null;
  /** Checkpoint on disk when the engine quantizes while loading. */
  readonly loadedFrom: CheckpointEntry | null;
  readonly context: Stated<number>;
  /** The engine picks the context by itself (`--max-model-len auto`): context cannot refuse. */
  readonly isContextAuto: boolean;
  /** Annotated, and the flag is absent: the flag has to be added. */
  readonly needsContextFlag: boolean;
  readonly quantization: string;
  readonly kvCacheDtype: Stated<string>;
  readonly kvDtype: KvDtype;
  readonly concurrency: Stated<number>;
  readonly engine: EngineName;
  readonly engineVersion: string | null;
  readonly engineRecognisedBy: EngineReading['recognisedBy'];
  readonly settings: EngineSettings;
  readonly tensorParallel: number | null;
  readonly pipelineParallel: number | null;
  /** Data-parallel ranks that share one model's experts; 1 without. */
  readonly dataParallel: number;
  /** Those of them that run in one pod, where the launch says so; null: all. */
  readonly dataParallelLocal: number | null;
  /** Copies of the whole model beside each other in one launch (SGLang's data parallelism); 1 without. */
  readonly copies: number;
  readonly isExpertParallel: boolean;
  /** The engine runs on the CPU what the GPUs do not hold, or was told to keep a part there. */
  readonly spills: boolean;
  /** Pods over which the launch says that its ranks run; `unknown`: over others, nobody can see how many. */
  readonly nodes: number | 'unknown' | null;
  /** GPUs of each pod that a variable lets the engine see; null: all of them. */
  readonly visibleGpus: VisibleGpus | null;
  /** Catalog products that the author accepts; null: any. */
  readonly gpus: readonly string[] | null;
}
