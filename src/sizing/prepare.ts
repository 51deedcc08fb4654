import { ceilDiv } from '../units.ts';
import type { KvDecision } from './engine-profile.ts';
import type { KvShape } from './kv-layouts.ts';
import type { Ranks } from './parameters.ts';
import type { SizingRequest } from './request.ts';
import { residentTerms } from './resident.ts';
import { type BillItem, type DeviceShape, isSameParallel, type Spread } from './shapes.ts';
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

function gridOf(request: LaidOut): Grid {
  const { tensor, pipeline, data, isExpertParallel } = request.parallel;
  const gpus = tensor * pipeline * data;
  if (!request.engine.supportsTensorParallel) {
    return { tensor: 1, stages: gpus, data: 1, gpus, expertRanks: 1, isExpertParallel: false };
  }
  return { tensor, stages: pipeline, data, gpus, expertRanks: tensor * data, isExpertParallel };
}

/** A rank holds its share of the KV heads, and never less than one. */
function kvShapeOf(request: LaidOut, stage: Stage, grid: Grid): KvShape {
  const { model, kvDtype } = request;
  const heads = Math.max(1, ceilDiv(model.kvHeads, grid.tensor));
  return {
    fullLayers: stage.fullLayers,
    chunkedLayers: stage.chunkedLayers,
    tokenBytes: ceilDiv(heads * model.headDim * (kvDtype.keyBits + kvDtype.valueBits), 8),
    chunk: model.attentionChunkSize,
  };
}

function sortOf(request: LaidOut, stage: Stage, grid: Grid): Sort {
  const resident = residentTerms(request, stage, grid);
  return {
    stage,
    resident,
    residentBytes: addSpreads(resident.map((term) => term.bytes)),
    kvShape: kvShapeOf(request, stage, grid),
  };
}

function isSameSort(request: LaidOut, left: Stage, right: Stage): boolean {
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

function stagePlan(request: LaidOut, stages: number): StagePlan {
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
  let layout: Layout | null = null;
  for (const one of recent) {
    if (one.request !== request) continue;
    if (one.device === device) return one;
    layout = one;
  }
  const { grid, stages, sorts } = layout ?? layoutFor(request);
  const prepared = { request, device, grid, kv: request.engine.kv(request, device), stages, sorts };
  recent[next] = prepared;
  next = (next + 1) % RECENT;
  return prepared;
}

type Layout = Pick<Prepared, 'grid' | 'stages' | 'sorts'>;

/** The shapes of a handful of models, as most clusters serve. */
const MOST_LAYOUTS = 16;
const layouts: { readonly request: LaidOut; readonly layout: Layout }[] = [];
let nextLayout = 0;

/** Another context of the same model lays out nothing anew. */
function layoutFor(request: SizingRequest): Layout {
  for (const known of layouts) if (isLaidOutAlike(known.request, request)) return known.layout;
  const layout = layoutOf(request);
  layouts[nextLayout] = { request, layout };
  nextLayout = (nextLayout + 1) % MOST_LAYOUTS;
  return layout;
}

/** What a layout is made from: neither context nor sequences, no batch, and no device. */
type LaidOut = Pick<
  SizingRequest,
  | 'model'
  | 'weights'
  | 'maxPositions'
  | 'engine'
  | 'kvDtype'
  | 'parallel'
  | 'lora'
  | 'draftBytes'
  | 'cpuOffloadBytes'
  | 'textOnly'
  | 'multimodalRequested'
>;

/** Models, weights and profiles are those of one catalog and one registry: the same object, or another one. */
function isLaidOutAlike(one: LaidOut, other: LaidOut): boolean {
  return (
    one.model === other.model &&
    one.weights === other.weights &&
    one.engine === other.engine &&
    isSameParallel(one.parallel, other.parallel) &&
    one.maxPositions === other.maxPositions &&
    one.kvDtype.keyBits === other.kvDtype.keyBits &&
    one.kvDtype.valueBits === other.kvDtype.valueBits &&
    one.lora?.maxLoras === other.lora?.maxLoras &&
    one.lora?.maxRank === other.lora?.maxRank &&
    one.draftBytes === other.draftBytes &&
    one.cpuOffloadBytes === other.cpuOffloadBytes &&
    one.textOnly === other.textOnly &&
    one.multimodalRequested === other.multimodalRequested
  );
}

function layoutOf(request: LaidOut): Layout {
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
