import { ceilDiv } from '../units.ts';
import type { KvDecision } from './engine-profile.ts';
import type { KvShape } from './kv-layouts.ts';
import type { Ranks } from './parameters.ts';
import type { SizingRequest } from './request.ts';
import { residentTerms } from './resident.ts';
import type { BillItem, DeviceShape, Spread } from './shapes.ts';
import { addSpreads } from './spread.ts';
import { type Stage, type StagePlan, stagesOf } from './stages.ts';
import { keptOnStage } from './weights.ts';

/** How the GPUs of one replica are used. */
export interface Grid extends Ranks {
  readonly stages: number;
  readonly data: number;
  readonly gpus: number;
}

/** Stages that hold the same things cost the same: what one of them holds, on one GPU. */
export interface Sort {
  /** The first of them. */
  readonly stage: Stage;
  /** Weights, RoPE table, draft model, adapters: what no context changes. */
  readonly resident: readonly BillItem[];
  readonly residentBytes: Spread;
  readonly kvShape: KvShape;
}

export interface PreparedStage {
  readonly stage: Stage;
  readonly sort: Sort;
}

/** A request with everything worked out that neither context nor concurrency changes. */
export interface Prepared {
  readonly request: SizingRequest;
  readonly device: DeviceShape | null;
  readonly grid: Grid;
  readonly kv: KvDecision;
  readonly stages: readonly PreparedStage[];
  readonly sorts: readonly Sort[];
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

function sortOf(request: SizingRequest, stage: Stage, grid: Grid): Sort {
  const resident = residentTerms(request, stage, grid);
  return {
    stage,
    resident,
    residentBytes: addSpreads(resident.map((term) => term.bytes)),
    kvShape: kvShapeOf(request, stage, grid),
  };
}

function isSameSort(request: SizingRequest, left: Stage, right: Stage): boolean {
  return (
    left.fullLayers === right.fullLayers &&
    left.chunkedLayers === right.chunkedLayers &&
    left.moeLayers === right.moeLayers &&
    left.hasEmbedding === right.hasEmbedding &&
    left.hasHead === right.hasHead &&
    left.hasVision === right.hasVision &&
    keptOnStage(request.model, request.weights, left) === keptOnStage(request.model, request.weights, right)
  );
}

function stagePlan(request: SizingRequest, stages: number): StagePlan {
  const { engine } = request;
  const hasVision = engine.vision(request) !== 'no';
  return { stages, split: engine.splitLayers, vision: hasVision ? engine.visionStages : 'none' };
}

/** Shapes that one decision tries on one device, and then on the next. */
const RECENT = 8;
const recent: Prepared[] = [];
let next = 0;

/**
 * A bill and its fit ask for the same thing one after the other, and then for the next device: the last answers are kept,
 * for the same objects only.
 */
export function prepare(request: SizingRequest, device: DeviceShape | null): Prepared {
  let layout: Pick<Prepared, 'grid' | 'stages' | 'sorts'> | null = null;
  for (const one of recent) {
    if (one.request !== request) continue;
    if (one.device === device) return one;
    layout = one;
  }
  const { grid, stages, sorts } = layout ?? layoutOf(request);
  const prepared = { request, device, grid, kv: request.engine.kv(request, device), stages, sorts };
  recent[next] = prepared;
  next = (next + 1) % RECENT;
  return prepared;
}

/** What no device changes. */
function layoutOf(request: SizingRequest): Pick<Prepared, 'grid' | 'stages' | 'sorts'> {
  const grid = gridOf(request);
  const sorts: Sort[] = [];
  const stages = stagesOf(request.model, stagePlan(request, grid.stages)).map((stage) => {
    const known = sorts.find((sort) => isSameSort(request, sort.stage, stage));
    if (known !== undefined) return { stage, sort: known };
    const sort = sortOf(request, stage, grid);
    sorts.push(sort);
    return { stage, sort };
  });
  return { grid, stages, sorts };
}
