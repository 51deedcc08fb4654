import { GIB } from '../units.ts';
import type { BillItem, Spread } from './shapes.ts';
import { between, exactly } from './spread.ts';

/** Measured overheads that several engines share. Each shows where it was measured; low and high are the extremes seen. */

function gib(low: number, mid: number, high: number): Spread {
  return between(low * GIB, mid * GIB, high * GIB);
}

const ZERO = exactly(0);

/** CUDA context with its kernels: about 0.5 GiB (engine-facts §3, inferred: absolute against relative readings of vLLM). */
export const CUDA_CONTEXT: Spread = gib(0.5, 0.5, 0.5);

/** NCCL with custom all-reduce. Low: NVIDIA's planner (aiconfigurator `h100_sxm.yaml`, 342 MB at TP2, 392 MB at TP4-8). */
const NCCL_TP2 = gib(0.35, 0.35, 1.35);
const NCCL_TP4 = gib(0.4, 0.4, 1.35);
/** At TP8 measured: two Scout runs differ by 1.33 GiB where vLLM 0.11 moved NCCL out of its count (engine-facts §3). */
const NCCL_TP8 = gib(0.4, 1.33, 1.35);

/** Buffers of the process group; `tensor` ranks in each of `stages`. */
export function ncclBuffers(tensor: number, stages: number): Spread {
  if (tensor >= 8) return NCCL_TP8;
  if (tensor >= 4) return NCCL_TP4;
  return tensor > 1 || stages > 1 ? NCCL_TP2 : ZERO;
}

/**
 * CUDA graphs. Measured on Maverick: 1.40 GiB (vLLM 0.9.2, 8xH100, sgl-project/sglang#8538) and 1.3 GB
 * (vllm-project/vllm#21489).
 */
export const GRAPHS: Spread = gib(1.21, 1.4, 1.4);

/**
 * The same in SGLang: 6.19 GB (5.76 GiB) were measured on Maverick FP8, 8xH100 (#8538). Inferred: two of our separately
 * billed tables are in it (2 GiB each at the checkpoint's own 1,048,576 tokens and 512 sequences; the log's context is not
 * known), so the rest is the middle and the whole is the high end.
 */
export const SGLANG_GRAPHS: Spread = gib(1.21, 1.76, 5.76);

/**
 * What is left of the measured remainder once the peak formula is taken away: 0.34 and 0.42 GiB at TP1, 1.01 at TP8
 * (engine-facts §3, "Against measurements").
 */
const LEFT_OVER_ONE_GPU = 0.4 * GIB;
const LEFT_OVER_TENSOR_PARALLEL = 1.0 * GIB;
/** Honest band on everything that is neither weights nor KV cache: six runs (engine-facts §3). */
const BAND_BELOW = 0.6 * GIB;
const BAND_ABOVE = 1.5 * GIB;

/** The lower 0.6 GiB come off the left-over first, then off the activations, neither below nothing. */
function leftOver(size: number): Spread {
  return between(size - BAND_BELOW, size, size + BAND_ABOVE);
}

const LEFT_OVER_TERMS = {
  one: runtime('allocator and libraries', leftOver(LEFT_OVER_ONE_GPU), true),
  several: runtime('allocator and libraries', leftOver(LEFT_OVER_TENSOR_PARALLEL), true),
};
const BAND_ON_ACTIVATIONS = {
  one: Math.max(0, BAND_BELOW - LEFT_OVER_ONE_GPU),
  several: Math.max(0, BAND_BELOW - LEFT_OVER_TENSOR_PARALLEL),
};

function runtime(label: string, size: Spread, isInBudget: boolean): BillItem {
  return { line: 'runtime', label: [label], bytes: size, isInBudget };
}

function ranks(tensor: number): 'one' | 'several' {
  return tensor > 1 ? 'several' : 'one';
}

export function activationTerm(peak: Spread, cause: string, tensor: number): BillItem {
  const below = BAND_ON_ACTIVATIONS[ranks(tensor)];
  return {
    line: 'activations',
    label: ['peak of a step (', cause, ')'],
    bytes: between(peak.low - below, peak.mid, peak.high),
    isInBudget: true,
  };
}

export function leftOverTerm(tensor: number): BillItem {
  return LEFT_OVER_TERMS[ranks(tensor)];
}

const CONTEXT_INSIDE = runtime('CUDA context', CUDA_CONTEXT, true);
const CONTEXT_OUTSIDE = runtime('CUDA context', CUDA_CONTEXT, false);

export function contextTerm(isInBudget: boolean): BillItem {
  return isInBudget ? CONTEXT_INSIDE : CONTEXT_OUTSIDE;
}

export function ncclTerm(tensor: number, stages: number, isInBudget: boolean): BillItem {
  return runtime('NCCL and all-reduce buffers', ncclBuffers(tensor, stages), isInBudget);
}

export function graphTerm(size: Spread, isEager: boolean, isInBudget: boolean): BillItem {
  return isEager
    ? { line: 'graphs', label: ['CUDA graphs (eager)'], bytes: ZERO, isInBudget }
    : { line: 'graphs', label: ['CUDA graphs'], bytes: size, isInBudget };
}

export function outsideBudget(term: BillItem): BillItem {
  return { ...term, isInBudget: false };
}
