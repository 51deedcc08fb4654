import { ceilDiv } from '../units.ts';
import type { BatchLimits, StageSetting } from './engine-profile.ts';
import type { KvLoad } from './kv-layouts.ts';
import type { Prepared, Sort } from './prepare.ts';
import type { BillItem, DeviceShape } from './shapes.ts';
import { type End, exactly } from './spread.ts';

/** What a question asks beyond the prepared request. */
export interface Load {
  readonly context: number;
  /** Full-length sequences of the whole replica. */
  readonly concurrency: number;
}

/** A load on a device, at one end of the measured spreads. */
export interface Question {
  readonly device: DeviceShape;
  readonly load: Load;
  readonly end: End;
}

function limitsAt(prepared: Prepared, context: number): BatchLimits {
  return prepared.request.engine.limits(prepared.request, prepared.device, context);
}

/** Sequences are dealt to the data-parallel ranks. */
function loadOf(prepared: Prepared, load: Load, limits: BatchLimits): KvLoad {
  return {
    context: load.context,
    sequences: ceilDiv(load.concurrency, prepared.grid.data),
    batchedTokens: limits.batchedTokens,
  };
}

export function kvLoad(prepared: Prepared, load: Load): KvLoad {
  return loadOf(prepared, load, limitsAt(prepared, load.context));
}

function settingOf(prepared: Prepared, sort: Sort, context: number): StageSetting {
  const { request, device, grid, kv } = prepared;
  return {
    request,
    device,
    stage: sort.stage,
    tensor: grid.tensor,
    limits: limitsAt(prepared, context),
    context,
    kv: kv.strategy,
    kvShape: sort.kvShape,
    fixedBytes: sort.residentBytes.mid,
  };
}

function kvBytes(prepared: Prepared, sort: Sort, load: Load, limits: BatchLimits): number {
  return Math.ceil(prepared.kv.strategy.bytes(sort.kvShape, loadOf(prepared, load, limits)));
}

function kvTerm(prepared: Prepared, sort: Sort, load: Load, limits: BatchLimits): BillItem {
  const { kv, request } = prepared;
  const { context, concurrency } = load;
  return {
    line: 'kvCache',
    label: ['KV cache ', request.kvDtype.name, ', ', kv.strategy.layout, ', ', concurrency, ' x ', context],
    bytes: exactly(kvBytes(prepared, sort, load, limits)),
    isInBudget: true,
  };
}

/** Everything on one GPU of a stage. */
export function termsOf(prepared: Prepared, sort: Sort, load: Load): readonly BillItem[] {
  const setting = settingOf(prepared, sort, load.context);
  return [
    ...sort.resident,
    kvTerm(prepared, sort, load, setting.limits),
    ...prepared.request.engine.overheads(setting),
  ];
}

/** What a stage has and what it needs at one end of the spreads, in bytes. */
export interface Room {
  readonly budget: number;
  /** In the budget without the KV cache. */
  readonly fixed: number;
  /** Left of the budget; negative when it is exceeded. */
  readonly inBudget: number;
  /** Left of the device beside the budget; without limit where nothing lives there. */
  readonly beside: number;
}

/** What the room depends on: the items of a bill will do as well as terms. */
type Costed = Pick<BillItem, 'line' | 'bytes' | 'isInBudget'>;

function budgetOf(prepared: Prepared, device: DeviceShape, fixedBytes: number, end: End): number {
  const { request, grid } = prepared;
  // A KV size in bytes (vLLM --kv-cache-memory-bytes) replaces the fraction: the pool is what was asked for.
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

/** What a stage needs at one end, by where it is counted. */
interface Need {
  fixed: number;
  kvCache: number;
  outside: number;
}

function roomFor(prepared: Prepared, device: DeviceShape, need: Readonly<Need>, end: End): Room {
  const budget = Math.floor(budgetOf(prepared, device, need.fixed, end));
  const rest = device.usableBytes - budget;
  const beside = need.outside === 0 && rest >= 0 ? Number.POSITIVE_INFINITY : rest - need.outside;
  return { budget, fixed: need.fixed, inBudget: budget - need.fixed - need.kvCache, beside };
}

function addTo(need: Need, items: readonly Costed[], end: End): void {
  for (const item of items) {
    if (!item.isInBudget) need.outside += item.bytes[end];
    else if (item.line === 'kvCache') need.kvCache += item.bytes[end];
    else need.fixed += item.bytes[end];
  }
}

/** Room of a bill that is already made. */
export function roomOf(prepared: Prepared, device: DeviceShape, items: readonly Costed[], end: End): Room {
  const need = { fixed: 0, kvCache: 0, outside: 0 };
  addTo(need, items, end);
  return roomFor(prepared, device, need, end);
}

/** Room of every limit of one sort of stage; the load fits when none is negative. */
export function roomsOfSort(prepared: Prepared, sort: Sort, question: Question): readonly number[] {
  const { device, load, end } = question;
  const setting = settingOf(prepared, sort, load.context);
  const kvCache = kvBytes(prepared, sort, load, setting.limits);
  const need = { fixed: sort.residentBytes[end], kvCache, outside: 0 };
  addTo(need, prepared.request.engine.overheads(setting), end);
  const room = roomFor(prepared, device, need, end);
  return [room.inBudget, room.beside];
}
