import { ceilDiv } from '../units.ts';
import type { KvDecision, StageSetting } from './engine-profile.ts';
import type { KvLoad, KvShape } from './kv-layouts.ts';
import type { Ranks } from './parameters.ts';
import type { SizingRequest } from './request.ts';
import { residentTerms } from './resident.ts';
import type { DeviceShape } from './shapes.ts';
import { bytesAt, type End, exactly, type Term } from './spread.ts';
import { type Stage, stagesOf } from './stages.ts';

/** How the GPUs of one replica are used. */
export interface Grid extends Ranks {
  readonly stages: number;
  readonly data: number;
  readonly gpus: number;
}

export interface PreparedStage {
  readonly stage: Stage;
  /** Weights, RoPE table, draft model, adapters: what no context changes. */
  readonly resident: readonly Term[];
  readonly kvShape: KvShape;
}

/** A request with everything worked out that neither context nor concurrency changes. */
export interface Prepared {
  readonly request: SizingRequest;
  readonly device: DeviceShape | null;
  readonly grid: Grid;
  readonly kv: KvDecision;
  readonly stages: readonly PreparedStage[];
  /** One stage of each sort: middle stages with the same layers cost the same. */
  readonly distinct: readonly PreparedStage[];
}

/** What a question asks beyond the prepared request. */
export interface Load {
  readonly context: number;
  /** Full-length sequences of the whole replica. */
  readonly concurrency: number;
}

function gridOf(request: SizingRequest): Grid {
  const { tensor, pipeline, data, isExpertParallel } = request.parallel;
  const gpus = tensor * pipeline * data;
  if (!request.engine.supportsTensorParallel) {
    return { tensor: 1, stages: gpus, data: 1, gpus, expertRanks: 1, isExpertParallel: false };
  }
  return { tensor, stages: pipeline, data, gpus, expertRanks: tensor * data, isExpertParallel };
}

/** A rank holds its share of the KV heads, and never less than one. */
function kvShapeOf(request: SizingRequest, stage: Stage, grid: Grid): KvShape {
  const { model, kvDtype } = request;
  const heads = Math.max(1, ceilDiv(model.kvHeads, grid.tensor));
  return {
    fullLayers: stage.fullLayers,
    chunkedLayers: stage.chunkedLayers,
    tokenBytes: ceilDiv(heads * model.headDim * (kvDtype.keyBits + kvDtype.valueBits), 8),
    chunk: model.attentionChunkSize,
  };
}

function costsTheSame(left: Stage, right: Stage): boolean {
  return (
    left.fullLayers === right.fullLayers &&
    left.chunkedLayers === right.chunkedLayers &&
    left.moeLayers === right.moeLayers &&
    left.hasEmbedding === right.hasEmbedding &&
    left.hasHead === right.hasHead &&
    left.hasVision === right.hasVision
  );
}

/** The last N expert layers may differ from the rest, so only an equal bill counts as the same sort. */
function isSameSort(left: PreparedStage, right: PreparedStage): boolean {
  return (
    costsTheSame(left.stage, right.stage) &&
    (left.stage.index === 0) === (right.stage.index === 0) &&
    bytesAt(left.resident, 'mid') === bytesAt(right.resident, 'mid')
  );
}

function distinctOf(stages: readonly PreparedStage[]): readonly PreparedStage[] {
  const found: PreparedStage[] = [];
  for (const stage of stages) {
    if (!found.some((other) => isSameSort(other, stage))) found.push(stage);
  }
  return found;
}

export function prepare(request: SizingRequest, device: DeviceShape | null): Prepared {
  const { model, engine } = request;
  const grid = gridOf(request);
  const hasVision = engine.vision(request) !== 'no';
  const plan = {
    stages: grid.stages,
    split: engine.splitLayers,
    vision: hasVision ? engine.visionStages : 'none',
  } as const;
  const stages = stagesOf(model, plan).map((stage) => ({
    stage,
    resident: residentTerms(request, stage, grid),
    kvShape: kvShapeOf(request, stage, grid),
  }));
  return { request, device, grid, kv: engine.kv(request, device), stages, distinct: distinctOf(stages) };
}

/** Sequences are dealt to the data-parallel ranks. */
export function kvLoad(prepared: Prepared, load: Load): KvLoad {
  const { request, device, grid } = prepared;
  const limits = request.engine.limits(request, device, load.context);
  return {
    context: load.context,
    sequences: ceilDiv(load.concurrency, grid.data),
    batchedTokens: limits.batchedTokens,
  };
}

function settingOf(prepared: Prepared, stage: PreparedStage, context: number): StageSetting {
  const { request, device, grid, kv } = prepared;
  return {
    request,
    device,
    stage: stage.stage,
    tensor: grid.tensor,
    limits: request.engine.limits(request, device, context),
    context,
    kv: kv.strategy,
    kvShape: stage.kvShape,
    fixedBytes: bytesAt(stage.resident, 'mid'),
  };
}

export function kvTerm(prepared: Prepared, stage: PreparedStage, load: Load): Term {
  const { kv, request } = prepared;
  return {
    line: 'kvCache',
    label: [
      'KV cache ',
      request.kvDtype.name,
      ', ',
      kv.strategy.layout,
      ', ',
      load.concurrency,
      ' x ',
      load.context,
    ],
    bytes: exactly(kv.strategy.bytes(stage.kvShape, kvLoad(prepared, load))),
    isInBudget: true,
  };
}

/** Everything on one GPU of a stage. */
export function stageTerms(prepared: Prepared, stage: PreparedStage, load: Load): readonly Term[] {
  const overheads = prepared.request.engine.overheads(settingOf(prepared, stage, load.context));
  return [...stage.resident, kvTerm(prepared, stage, load), ...overheads];
}

/** What a stage has and what it needs at one end of the spreads, in bytes. */
export interface Room {
  readonly budget: number;
  /** In the budget without the KV cache. */
  readonly fixed: number;
  /** Left of the budget; negative when it is exceeded. */
  readonly inBudget: number;
  /** Left of the device beside the budget. */
  readonly beside: number;
}

function budgetOf(prepared: Prepared, device: DeviceShape, fixedBytes: number, end: End): number {
  const { request, grid } = prepared;
  /** `--kv-cache-memory-bytes` replaces the fraction: the pool is what was asked for. */
  if (request.kvCacheBytes !== null) return fixedBytes + request.kvCacheBytes;
  return request.engine.budget({
    usableBytes: device.usableBytes,
    fraction: request.engine.fraction(request, device),
    fixedBytes,
    tensor: grid.tensor,
    stages: grid.stages,
    end,
  });
}

export function roomOf(prepared: Prepared, device: DeviceShape, terms: readonly Term[], end: End): Room {
  let fixed = 0;
  let kvCache = 0;
  let outside = 0;
  for (const term of terms) {
    if (!term.isInBudget) outside += term.bytes[end];
    else if (term.line === 'kvCache') kvCache += term.bytes[end];
    else fixed += term.bytes[end];
  }
  const budget = Math.floor(budgetOf(prepared, device, fixed, end));
  return { budget, fixed, inBudget: budget - fixed - kvCache, beside: device.usableBytes - budget - outside };
}

/** Room of the tighter limit of the tightest stage; negative when the load does not fit. */
export function headroomAt(prepared: Prepared, device: DeviceShape, load: Load, end: End): number {
  let least = Number.POSITIVE_INFINITY;
  for (const stage of prepared.distinct) {
    const room = roomOf(prepared, device, stageTerms(prepared, stage, load), end);
    least = Math.min(least, room.inBudget, room.beside);
  }
  return least;
}
