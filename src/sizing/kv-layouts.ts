import { ceilDiv } from '../units.ts';
import type { KvLayout } from './shapes.ts';

/** The attention layers of one stage as one GPU sees them. */
export interface KvShape {
  readonly fullLayers: number;
  readonly chunkedLayers: number;
  /** K and V of one token in one layer, on one GPU. */
  readonly tokenBytes: number;
  /** Tokens that a chunked layer looks back at most. */
  readonly chunk: number;
}

export interface KvLoad {
  readonly context: number;
  readonly sequences: number;
  /** Tokens that one step may add to a sequence beyond its chunk. */
  readonly batchedTokens: number;
}

/** One way to lay the cache out. Every record answers the same four questions, per GPU. */
export interface KvStrategy {
  readonly layout: KvLayout;
  /** Bytes that the load needs. */
  readonly bytes: (shape: KvShape, load: KvLoad) => number;
  /** Bytes that one more token of one sequence needs, rounding to blocks aside. */
  readonly bytesPerToken: (shape: KvShape, load: KvLoad) => number;
  /** Sequences of the load's context that `available` bytes hold, as the engine would log it. */
  readonly capacity: (shape: KvShape, load: KvLoad, available: number) => number;
  /** Block tables that the engine keeps. */
  readonly groups: (shape: KvShape) => number;
}

function layersOf(shape: KvShape): number {
  return shape.fullLayers + shape.chunkedLayers;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? Number.POSITIVE_INFINITY : part / whole;
}

/**
 * Every layer keeps every token, in blocks.
 * vLLM `FullAttentionSpec.max_memory_usage_bytes`: cdiv(max_model_len, block) * page, over all layers.
 */
export function pagedFull(blockSize: number): KvStrategy {
  const blockBytes = (shape: KvShape): number => layersOf(shape) * blockSize * shape.tokenBytes;
  return {
    layout: 'full',
    bytes: (shape, load) => blockBytes(shape) * ceilDiv(load.context, blockSize) * load.sequences,
    bytesPerToken: (shape) => layersOf(shape) * shape.tokenBytes,
    capacity: (shape, load, available) =>
      Math.floor(ratio(available, blockBytes(shape))) / ceilDiv(load.context, blockSize),
    groups: () => 1,
  };
}

interface Groups {
  /** Layers that share one block: as many pools as the scarcer kind has layers. */
  readonly size: number;
  readonly full: number;
  readonly chunked: number;
}

/** vLLM `_get_kv_cache_groups_uniform_page_size`: 12 full and 36 chunked layers become 1 + 3 groups of 12. */
function groupsOf(shape: KvShape): Groups {
  const { fullLayers, chunkedLayers } = shape;
  const size = Math.min(fullLayers, chunkedLayers) || Math.max(fullLayers, chunkedLayers, 1);
  return { size, full: ceilDiv(fullLayers, size), chunked: ceilDiv(chunkedLayers, size) };
}

/** vLLM `ChunkedLocalAttentionSpec.max_memory_usage_bytes`: chunk plus one batch, no extra block. */
function chunkedTokens(shape: KvShape, load: KvLoad): number {
  return Math.min(shape.chunk + load.batchedTokens, load.context);
}

/** Chunked layers keep their chunk and one batch; all groups draw blocks from the same pools. */
export function pagedHybrid(blockSize: number): KvStrategy {
  const blockBytes = (shape: KvShape, groups: Groups): number => groups.size * blockSize * shape.tokenBytes;
  const blocks = (shape: KvShape, load: KvLoad, groups: Groups): number =>
    groups.full * ceilDiv(load.context, blockSize) +
    groups.chunked * ceilDiv(chunkedTokens(shape, load), blockSize);
  return {
    layout: 'hybrid',
    bytes: (shape, load) => {
      const groups = groupsOf(shape);
      return blockBytes(shape, groups) * blocks(shape, load, groups) * load.sequences;
    },
    bytesPerToken: (shape, load) => {
      const groups = groupsOf(shape);
      const growing = groups.full + (load.context < shape.chunk + load.batchedTokens ? groups.chunked : 0);
      return growing * groups.size * shape.tokenBytes;
    },
    capacity: (shape, load, available) => {
      const groups = groupsOf(shape);
      return Math.floor(ratio(available, blockBytes(shape, groups))) / blocks(shape, load, groups);
    },
    groups: (shape) => {
      const groups = groupsOf(shape);
      return groups.full + groups.chunked;
    },
  };
}

/** Tokens of the chunked pool per token of the full pool, at a context. */
export type PoolRatio = (context: number, chunk: number) => number;

function fullPoolTokens(shape: KvShape, load: KvLoad, poolRatio: number): number {
  const local = Math.min(load.context, shape.chunk) * load.sequences;
  return Math.max(load.context * load.sequences, Math.ceil(local / poolRatio));
}

/**
 * SGLang: a pool of F tokens for the full layers and one of ratio x F for the chunked layers, allocated up front.
 * Both must hold the load. Contexts within one chunk use plain full layers.
 */
export function twoPools(ratioAt: PoolRatio): KvStrategy {
  const plain = pagedFull(1);
  const isPlain = (shape: KvShape, load: KvLoad): boolean => load.context <= shape.chunk;
  const unit = (shape: KvShape, poolRatio: number): number =>
    (shape.fullLayers + shape.chunkedLayers * poolRatio) * shape.tokenBytes;
  return {
    layout: 'two-pools',
    bytes: (shape, load) => {
      if (isPlain(shape, load)) return plain.bytes(shape, load);
      const poolRatio = ratioAt(load.context, shape.chunk);
      const full = fullPoolTokens(shape, load, poolRatio);
      const chunked = Math.ceil(full * poolRatio);
      return (shape.fullLayers * full + shape.chunkedLayers * chunked) * shape.tokenBytes;
    },
    bytesPerToken: (shape, load) =>
      Math.ceil(unit(shape, isPlain(shape, load) ? 1 : ratioAt(load.context, shape.chunk))),
    capacity: (shape, load, available) => {
      if (isPlain(shape, load)) return plain.capacity(shape, load, available);
      const poolRatio = ratioAt(load.context, shape.chunk);
      const full = Math.floor(ratio(available, unit(shape, poolRatio)));
      return full / fullPoolTokens(shape, { ...load, sequences: 1 }, poolRatio);
    },
    groups: () => 2,
  };
}

/** llama.cpp pads every cache to 256 cells (`llama-kv-cache-iswa.cpp`). */
const CELL_PADDING = 256;

function padCells(cells: number): number {
  return ceilDiv(cells, CELL_PADDING) * CELL_PADDING;
}

/** llama.cpp: a ring of chunk + micro-batch cells for the chunked layers, one stream per sequence. */
export function ring(microBatch: number): KvStrategy {
  const ringCells = (shape: KvShape, context: number): number =>
    padCells(Math.min(context, shape.chunk + microBatch));
  const perSequence = (shape: KvShape, context: number): number =>
    (shape.fullLayers * padCells(context) + shape.chunkedLayers * ringCells(shape, context)) *
    shape.tokenBytes;
  return {
    layout: 'ring',
    bytes: (shape, load) => perSequence(shape, load.context) * load.sequences,
    bytesPerToken: (shape, load) => {
      const growing = shape.fullLayers + (load.context < shape.chunk + microBatch ? shape.chunkedLayers : 0);
      return growing * shape.tokenBytes;
    },
    capacity: (shape, load, available) => ratio(available, perSequence(shape, load.context)),
    groups: () => 1,
  };
}
