import { type Bytes, bytes } from '../units.ts';
import {
  kvLoad,
  type Load,
  type Prepared,
  type PreparedStage,
  prepare,
  type Room,
  roomOf,
} from './prepare.ts';
import type { SizingRequest } from './request.ts';
import type { Bill, BillItem, DeviceShape, Fit, StageBill } from './shapes.ts';
import { contextOf } from './solve.ts';
import type { End, Term } from './spread.ts';

function asTerm(item: BillItem): Term {
  return { ...item, label: [item.label] };
}

function headroomOf(room: Room): number {
  return Math.min(room.inBudget, room.beside);
}

interface JudgedStage {
  readonly bill: StageBill;
  readonly room: Room;
}

function tightest(stages: readonly JudgedStage[]): JudgedStage | null {
  let found: JudgedStage | null = null;
  for (const stage of stages) {
    if (found === null || headroomOf(stage.room) < headroomOf(found.room)) found = stage;
  }
  return found;
}

function judgeAt(prepared: Prepared, bill: Bill, device: DeviceShape, end: End): JudgedStage | null {
  return tightest(
    bill.stages.map((stage) => ({
      bill: stage,
      room: roomOf(prepared, device, stage.items.map(asTerm), end),
    })),
  );
}

/** Sequences of the bill's context that one stage's KV space holds, at the middle. */
function stageCapacity(prepared: Prepared, stage: PreparedStage, load: Load, room: Room): number {
  const available = Math.max(0, room.budget - room.fixed);
  return prepared.kv.strategy.capacity(stage.kvShape, kvLoad(prepared, load), available) * prepared.grid.data;
}

/** As vLLM logs it: the space left of the budget over one sequence of the whole context; the scarcest stage decides. */
function maxConcurrencyOf(prepared: Prepared, bill: Bill, device: DeviceShape): number {
  const load: Load = { context: bill.context, concurrency: 1 };
  let least = Number.POSITIVE_INFINITY;
  prepared.stages.forEach((stage, index) => {
    const items = bill.stages[index]?.items.map(asTerm) ?? [];
    least = Math.min(least, stageCapacity(prepared, stage, load, roomOf(prepared, device, items, 'mid')));
  });
  return Number.isFinite(least) ? least : 0;
}

function wholeBytes(value: number): Bytes {
  return bytes(Math.max(0, Math.floor(value)));
}

/** A bill against a device. The bill must have been estimated for the same request and device. */
export function judgeFit(request: SizingRequest, bill: Bill, device: DeviceShape): Fit {
  const prepared = prepare(request, device);
  const mid = judgeAt(prepared, bill, device, 'mid');
  const low = judgeAt(prepared, bill, device, 'low');
  const high = judgeAt(prepared, bill, device, 'high');
  const room = mid?.room ?? { budget: 0, fixed: 0, inBudget: 0, beside: 0 };
  const total = mid?.bill.total ?? bill.total;
  return {
    product: device.product,
    usableBytes: device.usableBytes,
    budgetBytes: wholeBytes(room.budget),
    headroomBytes: headroomOf(room),
    spread: { lowBytes: wholeBytes(total.low), highBytes: wholeBytes(total.high) },
    fits: headroomOf(room) >= 0,
    fitsAtLow: low !== null && headroomOf(low.room) >= 0,
    fitsAtHigh: high !== null && headroomOf(high.room) >= 0,
    binding: room.inBudget <= room.beside ? 'budget' : 'rest',
    stage: mid?.bill.stage ?? 0,
    maxContext: contextOf(prepared, device, 'mid'),
    maxConcurrency: maxConcurrencyOf(prepared, bill, device),
  };
}
