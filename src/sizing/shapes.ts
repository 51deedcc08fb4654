import type { Bytes, Tokens } from '../units.ts';

/** The parts of a Llama 4 checkpoint whose storage can differ. Their parameters add up to the total exactly. */
export const COMPONENTS = [
  'tokenEmbedding',
  'lmHead',
  'attention',
  'router',
  'routedExperts',
  'sharedExperts',
  'denseFfn',
  'norms',
  'visionTower',
  'visionAdapter',
  'projector',
] as const;
export type Component = (typeof COMPONENTS)[number];

/** Vision encoder in front of the text model. Sizes in elements. */
export interface VisionShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly ffnSize: number;
  readonly heads: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly pixelShuffleRatio: number;
  readonly adapterInputSize: number;
  readonly adapterOutputSize: number;
  readonly maxTiles: number;
}

/** Architecture as the checkpoint's config.json gives it; never the class defaults of a library. */
export interface ModelShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly attentionHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly expertFfnSize: number;
  readonly denseFfnSize: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** Every n-th layer is mixture-of-experts ((index + 1) mod n = 0), the others are dense. */
  readonly moeLayerStep: number;
  /** Every n-th layer attends to everything ((index + 1) mod n = 0); the others attend within a chunk. */
  readonly fullAttentionStep: number;
  readonly attentionChunkSize: number;
  readonly tiedEmbeddings: boolean;
  readonly vision: VisionShape | null;
}

/** Scale data kept beside quantized weights: one scale of `bits` for each `size` weights. */
export interface ScaleGroup {
  readonly size: number;
  readonly bits: number;
}

/** How the weights of one component are stored. */
export interface StorageFormat {
  readonly name: string;
  readonly bits: number;
  readonly groups: readonly ScaleGroup[];
  /** Bytes of scale per output row (per-channel formats); 0 otherwise. */
  readonly rowScaleBytes: number;
}

/** What a checkpoint's weights weigh: tensor by tensor, or the size of a file that somebody published. */
export type CheckpointWeights =
  | {
      readonly kind: 'tensors';
      readonly formats: Readonly<Record<Component, StorageFormat>>;
      /** The routed experts of the last N mixture-of-experts layers stay bf16 (Meta's FP8 quantizer skips the last layer). */
      readonly unquantizedExpertLayers: number;
    }
  | { readonly kind: 'file'; readonly bytes: Bytes; readonly projectorBytes: Bytes };

/** Bits per element of the KV cache, K and V apart because llama.cpp lets them differ (q8_0 = 8.5). */
export interface KvDtype {
  readonly name: string;
  readonly keyBits: number;
  readonly valueBits: number;
}

/** A GPU as the driver offers it. */
export interface DeviceShape {
  readonly product: string;
  readonly vendor: 'nvidia' | 'amd' | 'intel';
  /** What CUDA or HIP reports as total: already less what the driver reserves. */
  readonly usableBytes: Bytes;
  /** What `nvidia-smi` and GFD report, driver reserve included; engines pick defaults by it. */
  readonly totalBytes: Bytes;
  readonly computeCapability: string;
  /** GPUs that share NVLink or xGMI; 1 where there is none. */
  readonly nvlinkDomain: number;
  readonly arch: string;
}

export interface Parallel {
  readonly tensor: number;
  readonly pipeline: number;
  /** Data-parallel replicas that share the experts (expert parallelism); 1 without. */
  readonly data: number;
  /** Routed experts are spread whole over tensor x data ranks instead of being sliced. */
  readonly isExpertParallel: boolean;
}

export function isSameParallel(one: Parallel, other: Parallel): boolean {
  return (
    one.tensor === other.tensor &&
    one.pipeline === other.pipeline &&
    one.data === other.data &&
    one.isExpertParallel === other.isExpertParallel
  );
}

/** low ≤ mid ≤ high; equal for what is arithmetic, apart for what was measured with a spread. */
export interface Spread {
  readonly low: number;
  readonly mid: number;
  readonly high: number;
}

export const BILL_LINES = [
  'weights',
  'ropeTable',
  'kvCache',
  'activations',
  'runtime',
  'graphs',
  'engineTables',
] as const;
export type BillLine = (typeof BILL_LINES)[number];

/** Text and counts, put together only when somebody reads the bill (`formatLabel`): most bills nobody reads. */
export type Label = readonly (string | number)[];

/** One item of the bill of one GPU. Several items may belong to one line. */
export interface BillItem {
  readonly line: BillLine;
  /** What it is, for the table: `RoPE table, 10,485,760 positions, bf16`. */
  readonly label: Label;
  readonly bytes: Spread;
  /** Counted by the engine inside its own budget, or living in the rest of the device. */
  readonly isInBudget: boolean;
}

export type PerGpu = Readonly<Record<BillLine, Bytes>> & { readonly total: Bytes };

export interface StageBill {
  readonly stage: number;
  readonly layers: number;
  readonly items: readonly BillItem[];
  readonly perGpu: PerGpu;
  /** Spread of the total of this stage. */
  readonly total: Spread;
}

export type KvLayout = 'full' | 'hybrid' | 'two-pools' | 'ring';

export interface KvBill {
  /** Bytes that one more token of one sequence costs, summed over the GPUs of a replica. */
  readonly bytesPerToken: Bytes;
  /** The whole requested concurrency at the whole context, summed over the GPUs of a replica. */
  readonly bytes: Bytes;
  readonly layout: KvLayout;
  /** Why this layout: `vLLM 0.11 has the hybrid KV cache off for Llama 4`. */
  readonly assumption: string;
  /** True when the costlier layout was taken because a fact (version, flag) is not known. */
  readonly isAssumed: boolean;
}

/** A fact that was not known, the costlier case that was taken, and what would settle it. */
export interface Assumption {
  readonly fact: 'engine-version' | 'hybrid-kv' | 'gpu' | 'overheads' | 'checkpoint' | 'engine-default';
  readonly text: string;
  /** The annotation or flag that would settle it, or null. */
  readonly settledBy: string | null;
}

export interface Bill {
  readonly stages: readonly StageBill[];
  /** Index of the stage with the largest total: it decides. */
  readonly fullest: number;
  readonly perGpu: PerGpu;
  readonly total: Spread;
  readonly totalBytes: Bytes;
  readonly gpus: number;
  readonly kv: KvBill;
  /** Bytes per GPU that loading needs for a while beyond the resident weights; 0 when it does not. */
  readonly loadPeakExtra: Bytes;
  readonly assumptions: readonly Assumption[];
  readonly context: Tokens;
  readonly concurrency: number;
}

export interface Fit {
  readonly product: string;
  readonly usableBytes: Bytes;
  /** What the engine may use, by its own rule. */
  readonly budgetBytes: Bytes;
  /** Room left at the middle of the spread, of the tighter of budget and rest; negative when it does not fit. */
  readonly headroomBytes: number;
  readonly spread: { readonly lowBytes: Bytes; readonly highBytes: Bytes };
  readonly fits: boolean;
  /** Fits if every measured term is at its low end: only when this is false may anything be refused. */
  readonly fitsAtLow: boolean;
  /** Fits at the high end: what we choose or offer must. */
  readonly fitsAtHigh: boolean;
  /** Which limit binds: the engine's budget, or what must fit beside it. */
  readonly binding: 'budget' | 'rest';
  /** Fullest stage under this device. */
  readonly stage: number;
  /**
   * Largest context (tokens, of `concurrency` sequences) that fits; null when none does. Capped at the checkpoint's
   * maximum. Worked out when it is first asked for.
   */
  readonly maxContext: () => Tokens | null;
  /** Sequences of the whole context that the KV space holds, as vLLM logs it. */
  readonly maxConcurrency: number;
}
