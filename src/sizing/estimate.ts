import { type Bytes, bytes } from '../units.ts';
import { type Prepared, prepare, type Sort } from './prepare.ts';
import type { SizingRequest } from './request.ts';
import { kvLoad, type Load, termsOf } from './room.ts';
import {
  type Assumption,
  BILL_LINES,
  type Bill,
  type BillItem,
  type DeviceShape,
  type KvBill,
  type PerGpu,
  type StageBill,
} from './shapes.ts';
import { addSpreads } from './spread.ts';
import { gpuWeights } from './weights.ts';

/** The middle of the spread, by line; the total is the sum of the lines. */
function perGpuOf(items: readonly BillItem[]): PerGpu {
  const sums = {
    weights: 0,
    ropeTable: 0,
    kvCache: 0,
    activations: 0,
    runtime: 0,
    graphs: 0,
    engineTables: 0,
  };
  for (const item of items) sums[item.line] += item.bytes.mid;
  let total = 0;
  for (const line of BILL_LINES) total += sums[line];
  return {
    weights: bytes(sums.weights),
    ropeTable: bytes(sums.ropeTable),
    kvCache: bytes(sums.kvCache),
    activations: bytes(sums.activations),
    runtime: bytes(sums.runtime),
    graphs: bytes(sums.graphs),
    engineTables: bytes(sums.engineTables),
    total: bytes(total),
  };
}

type SortBill = Pick<StageBill, 'items' | 'perGpu' | 'total'>;

function sortBill(prepared: Prepared, sort: Sort, load: Load): SortBill {
  const items = termsOf(prepared, sort, load);
  return { items, perGpu: perGpuOf(items), total: addSpreads(items.map((item) => item.bytes)) };
}

/** Stages of one sort share their bill. */
function stageBills(prepared: Prepared, load: Load): readonly StageBill[] {
  const bills = new Map<Sort, SortBill>();
  return prepared.stages.map(({ stage, sort }) => {
    const bill = bills.get(sort) ?? sortBill(prepared, sort, load);
    bills.set(sort, bill);
    return { stage: stage.index, layers: stage.layers, ...bill };
  });
}

/** Per-GPU figures over the GPUs of one replica. */
function kvBill(prepared: Prepared, load: Load): KvBill {
  const { kv, grid, stages } = prepared;
  const share = kvLoad(prepared, load);
  let bytesPerToken = 0;
  let sum = 0;
  for (const { sort } of stages) {
    bytesPerToken += kv.strategy.bytesPerToken(sort.kvShape, share) * grid.tensor;
    sum += kv.strategy.bytes(sort.kvShape, share) * grid.tensor * grid.data;
  }
  return {
    bytesPerToken: bytes(bytesPerToken),
    bytes: bytes(sum),
    layout: kv.strategy.layout,
    assumption: kv.assumption,
    isAssumed: kv.isAssumed,
  };
}

/** Online quantization reads the original weights onto the GPU first. */
function loadPeakExtra(prepared: Prepared): Bytes {
  const { request, grid } = prepared;
  const { loadedFrom } = request;
  if (loadedFrom === null) return bytes(0);
  let most = 0;
  for (const { stage } of prepared.stages) {
    const original = gpuWeights(request.model, loadedFrom, stage, grid);
    const resident = gpuWeights(request.model, request.weights, stage, grid);
    most = Math.max(most, original.text + original.vision - resident.text - resident.vision);
  }
  return bytes(Math.ceil(most));
}

function assumptionsOf(prepared: Prepared): readonly Assumption[] {
  const { request, device, kv, grid } = prepared;
  const found = [...request.engine.assumptions(request, device)];
  if (kv.isAssumed) {
    found.push({ fact: 'hybrid-kv', text: kv.assumption, settledBy: 'vramgate.io/engine-version' });
  }
  if (request.weights.kind === 'file' && grid.gpus > 1) {
    found.push({
      fact: 'checkpoint',
      text: 'the file’s tensors are not listed: its bytes are spread over the GPUs as the parameters are',
      settledBy: null,
    });
  }
  return found;
}

function fullestOf(stages: readonly StageBill[]): number {
  let fullest = 0;
  stages.forEach((stage, index) => {
    if (stage.total.mid > (stages[fullest]?.total.mid ?? 0)) fullest = index;
  });
  return fullest;
}

export function billOf(prepared: Prepared): Bill {
  const { request, grid } = prepared;
  const load: Load = { context: request.context, concurrency: request.concurrency };
  const stages = stageBills(prepared, load);
  const fullest = fullestOf(stages);
  const { perGpu, total } = stages[fullest] ?? { perGpu: perGpuOf([]), total: addSpreads([]) };
  let totalBytes = 0;
  for (const stage of stages) totalBytes += stage.perGpu.total * grid.tensor * grid.data;
  return {
    stages,
    fullest,
    perGpu,
    total,
    totalBytes: bytes(totalBytes),
    gpus: grid.gpus,
    kv: kvBill(prepared, load),
    loadPeakExtra: loadPeakExtra(prepared),
    assumptions: assumptionsOf(prepared),
    context: request.context,
    concurrency: request.concurrency,
  };
}

/** What serving the request needs, per GPU and itemised. A device settles the engine's defaults; null: the larger ones. */
export function estimate(request: SizingRequest, device: DeviceShape | null): Bill {
  return billOf(prepare(request, device));
}
