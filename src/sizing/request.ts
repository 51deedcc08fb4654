import type { Bytes, Tokens } from '../units.ts';
import type { EngineProfile } from './engine-profile.ts';
import type { CheckpointWeights, KvDtype, ModelShape, Parallel } from './shapes.ts';

/** Everything that the size of one serving replica depends on, except the device. Plain numbers, no names. */
export interface SizingRequest {
  readonly model: ModelShape;
  readonly weights: CheckpointWeights;
  /** max_position_embeddings of the checkpoint: sizes the RoPE table, caps the context. */
  readonly maxPositions: Tokens;
  /** Weights as they are on disk when the engine quantizes them while loading; null otherwise. */
  readonly loadedFrom: CheckpointWeights | null;
  readonly engine: EngineProfile;
  readonly context: Tokens;
  /** Full-length sequences that must fit at once. */
  readonly concurrency: number;
  readonly kvDtype: KvDtype;
  readonly parallel: Parallel;
  readonly hybridKv: 'auto' | 'on' | 'off';
  /** A KV connector or EAGLE draft that turns the hybrid manager off; null when there is none. */
  readonly hybridBlocker: string | null;
  /** null: the engine's default for this version and device. */
  readonly maxNumSeqs: number | null;
  readonly maxNumBatchedTokens: number | null;
  readonly cudaGraphMaxBs: number | null;
  readonly memoryFraction: number | null;
  readonly kvCacheBytes: Bytes | null;
  readonly blockSize: number | null;
  readonly swaFullTokensRatio: number | null;
  readonly enforceEager: boolean;
  readonly textOnly: boolean;
  readonly multimodalRequested: boolean;
  readonly lora: { readonly maxLoras: number; readonly maxRank: number } | null;
  /** Weights of a speculative draft model per GPU; 'unknown' when one is named that no catalog knows. */
  readonly draftBytes: Bytes | 'unknown' | null;
  /** Bytes of weights per GPU that the engine keeps in host memory. */
  readonly cpuOffloadBytes: Bytes;
}
