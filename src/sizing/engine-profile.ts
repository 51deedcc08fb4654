import type { KvShape, KvStrategy } from './kv-layouts.ts';
import type { SizingRequest } from './request.ts';
import type { Assumption, BillItem, DeviceShape, KvDtype, Spread } from './shapes.ts';
import type { End } from './spread.ts';
import type { LayerSplit, Stage, VisionStages } from './stages.ts';

/** How the cache is laid out, and why. */
export interface KvDecision {
  readonly strategy: KvStrategy;
  readonly assumption: string;
  /** The costlier layout was taken because a fact is not known. */
  readonly isAssumed: boolean;
}

/** What the engine batches, after its own defaults and clamps. */
export interface BatchLimits {
  readonly sequences: number;
  readonly batchedTokens: number;
}

/** One stage of one request under one context: all that an engine's overheads may depend on. */
export interface StageSetting {
  readonly request: SizingRequest;
  readonly device: DeviceShape | null;
  readonly stage: Stage;
  readonly tensor: number;
  readonly limits: BatchLimits;
  readonly context: number;
  readonly kv: KvStrategy;
  readonly kvShape: KvShape;
  /** Weights and RoPE table, at the middle. */
  readonly fixedBytes: number;
}

export interface BudgetInput {
  readonly usableBytes: number;
  readonly fraction: number;
  /** Everything in the budget but the KV cache, at `end`. */
  readonly fixedBytes: number;
  readonly tensor: number;
  readonly stages: number;
  readonly end: End;
}

/** Whether the vision tower's weights are on the GPU; `perhaps`: not known, so from nothing to all of it. */
export type VisionState = 'yes' | 'no' | 'perhaps';

/**
 * What an engine at a version is like. The shared path reads these properties and calls these strategies; it never
 * asks for the name. Names of engines live in `engines/` only.
 */
export interface EngineProfile {
  /** The contract's name: `vllm`. For messages and records, never for decisions. */
  readonly name: string;
  /** As people write it: `vLLM`. */
  readonly title: string;
  /** As given; null when it was not. */
  readonly version: string | null;
  /** False when the version is absent or no release number: the costlier profile stands in. */
  readonly versionIsKnown: boolean;
  /** First releases of everything that the sizes tell apart, oldest first; empty: one profile serves all. */
  readonly releases: readonly string[];
  /** What the memory fraction is a fraction of. */
  readonly fractionMeaning: string;
  /** Runs on the CPU what the GPUs do not hold, by itself. */
  readonly spills: boolean;
  /** GPUs used when no flag says how many. */
  readonly defaultGpus: 'one' | 'all';
  readonly kvDtypeAuto: string;
  readonly kvDtypes: ReadonlyMap<string, KvDtype>;
  /** False: whole layers are dealt to the GPUs, and any count works. */
  readonly supportsTensorParallel: boolean;
  readonly supportsPipelineParallel: boolean;
  readonly splitLayers: LayerSplit;
  readonly visionStages: VisionStages;
  readonly vision: (request: Pick<SizingRequest, 'textOnly' | 'multimodalRequested'>) => VisionState;
  /** RoPE table kept for every position of the checkpoint: bytes per element, 0 when there is none. */
  readonly ropeElementBytes: Spread;
  readonly kv: (request: SizingRequest, device: DeviceShape | null) => KvDecision;
  readonly limits: (request: SizingRequest, device: DeviceShape | null, context: number) => BatchLimits;
  /** The memory fraction in effect. */
  readonly fraction: (request: SizingRequest, device: DeviceShape) => number;
  /** What the engine lets itself use, in bytes. */
  readonly budget: (input: BudgetInput) => number;
  readonly overheads: (at: StageSetting) => readonly BillItem[];
  readonly assumptions: (request: SizingRequest, device: DeviceShape | null) => readonly Assumption[];
}
