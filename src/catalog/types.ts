import type {
  CheckpointWeights,
  Component,
  DeviceShape,
  ModelShape,
  StorageFormat,
} from '../sizing/shapes.ts';
import type { Bytes, Tokens } from '../units.ts';

/** Quantization names of the contract (§2), GGUF types aside, which are `gguf:Q4_K_M`-like. */
export const QUANTIZATIONS = [
  'bf16',
  'fp16',
  'fp8',
  'int8',
  'int4',
  'w4a16',
  'awq',
  'gptq',
  'nf4',
  'nvfp4',
] as const;
export type Quantization = (typeof QUANTIZATIONS)[number] | `gguf:${string}`;

/** Where a figure comes from. Required by the schema on every row. */
export interface Source {
  readonly url: string;
  readonly date: string;
  readonly note: string | null;
}

export interface CheckpointEntry {
  /** Hub id as published: `RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16`, or `scout:Q4_K_M` for GGUF types. */
  readonly id: string;
  readonly aliases: readonly string[];
  readonly quantization: Quantization;
  /** max_position_embeddings of this checkpoint's config.json: base and Instruct differ. */
  readonly maxContext: Tokens;
  readonly isInstruct: boolean;
  readonly hasVision: boolean;
  readonly weights: CheckpointWeights;
  /** Costliest published checkpoint of its quantization for its model, base and Instruct apart: what a short name means. */
  readonly isShortNameFor: boolean;
  readonly source: Source;
}

export interface ModelEntry {
  /** `scout`, `maverick`, `behemoth`, or an operator's own id. */
  readonly id: string;
  readonly name: string;
  readonly isReleased: boolean;
  readonly shape: ModelShape | null;
  readonly checkpoints: readonly CheckpointEntry[];
  readonly source: Source;
}

export interface GpuEntry {
  /** GFD's product label, or AMD's product-name label, or the part name (Gaudi). */
  readonly product: string;
  /** Other labels that mean this product: older drivers, other word orders, cloud spellings. */
  readonly aliases: readonly string[];
  /** Family names a person would say: `H100`, `MI300X`. */
  readonly families: readonly string[];
  readonly nominalGb: number | null;
  /** null when nobody has observed it. Where nothing usable is known either, `device` is null and sizing is unknown. */
  readonly memoryMib: number | null;
  readonly usableBytes: Bytes | null;
  /** True when memory or usable was estimated from a sibling part. */
  readonly isEstimated: boolean;
  readonly vendor: 'nvidia' | 'amd' | 'intel';
  readonly arch: string;
  readonly computeCapability: string;
  readonly fp8: 'native' | 'weights-only' | 'none' | 'unknown';
  readonly fp4: 'native' | 'weights-only' | 'none' | 'unknown';
  readonly hasBf16: boolean;
  readonly nvlinkDomain: number;
  readonly typicalPerNode: readonly number[];
  /** MIG profile when this row is a slice; slices cannot be joined by tensor parallelism. */
  readonly mig: string | null;
  /** Extended resource name that a pod requests. */
  readonly resource: string;
  readonly device: DeviceShape | null;
  readonly source: Source;
}

/** One published figure (decimal bytes) of the article; `tight` marks its second, single-GPU figure. */
export interface PublishedRow {
  readonly model: string;
  readonly workload: 'inference' | 'training';
  readonly format: string;
  readonly context: Tokens;
  readonly bytes: Bytes;
  readonly tightBytes: Bytes | null;
  readonly source: Source;
}

export interface InstanceTypeEntry {
  readonly name: string;
  readonly product: string;
  readonly gpus: number;
  readonly source: Source;
}

/** Which format every component of a checkpoint is stored in, by name: what checkpoint rows refer to. */
export interface Recipe {
  readonly name: string;
  readonly formats: Readonly<Record<Component, StorageFormat>>;
  readonly source: Source;
}

export interface FormatEntry {
  readonly format: StorageFormat;
  readonly source: Source;
}

export interface Catalog {
  /** Content hash of the sources: goes into every record. */
  readonly version: string;
  readonly formats: readonly FormatEntry[];
  readonly recipes: readonly Recipe[];
  readonly models: readonly ModelEntry[];
  readonly gpus: readonly GpuEntry[];
  readonly published: readonly PublishedRow[];
  readonly instanceTypes: readonly InstanceTypeEntry[];
}

/** A model reference that was found: the model, and the checkpoint where the text names one. */
export interface ModelMatch {
  readonly model: ModelEntry;
  readonly checkpoint: CheckpointEntry | null;
}
