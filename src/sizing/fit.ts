import { type Bytes, bytes } from '../units.ts';
import { type Prepared, prepare } from './prepare.ts';
import type { SizingRequest } from './request.ts';
import { kvLoad, type Room, roomOf } from './room.ts';
import type { Bill, DeviceShape, Fit, StageBill } from './shapes.ts';
import { contextOf } from './solve.ts';
import type { End } from './spread.ts';

function headroomOf(room: Room): number {
  return Math.min(room.inBudget, room.beside);
}

interface JudgedStage {
  readonly bill: StageBill;
  readonly room: Room;
}

const NO_ROOM: Room = { budget: 0, fixed: 0, inBudget: 0, beside: 0 };

function judgeAt(prepared: Prepared, bill: Bill, device: DeviceShape, end: End): readonly JudgedStage[] {
  // Stages of one sort share their items, and so their room.
  const rooms = new Map<StageBill['items'], Room>();
  return bill.stages.map((stage) => {
    const room = rooms.get(stage.items) ?? roomOf(prepared, device, stage.items, end);
    rooms.set(stage.items, room);
    return { bill: stage, room };
  });
}

function tightest(stages: readonly JudgedStage[]): JudgedStage | null {
  let found: JudgedStage | null = null;
  for (const stage of stages) {
    if (found === null || headroomOf(stage.room) < headroomOf(found.room)) found = stage;
  }
  return found;
}

function isRoomy(stages: readonly JudgedStage[]): boolean {
  return stages.every((stage) => headroomOf(stage.room) >= 0);
}

/** As vLLM logs it: the space left of the budget over one sequence of the whole context; the scarcest stage decides. */
function maxConcurrencyOf(prepared: Prepared, bill: Bill, judged: readonly JudgedStage[]): number {
  const { kv, grid, stages } = prepared;
  const load = kvLoad(prepared, { context: bill.context, concurrency: 1 });
  let least = Number.POSITIVE_INFINITY;
  stages.forEach(({ sort }, index) => {
    const { budget, fixed } = judged[index]?.room ?? NO_ROOM;
    least = Math.min(least, kv.strategy.capacity(sort.kvShape, load, Math.max(0, budget - fixed)));
  });
  return Number.isFinite(least) ? least * grid.data : 0;
}

function wholeBytes(value: number): Bytes {
  return bytes(Math.max(0, Math.floor(value)));
}

/** A bill against a device. The bill must have been estimated for the same request and device. */
export function judgeFit(request: SizingRequest, bill: Bill, device: DeviceShape): Fit {
  const prepared = prepare(request, device);
  const mid = judgeAt(prepared, bill, device, 'mid');
  const tight = tightest(mid);
  const { room, bill: stage } = tight ?? { room: NO_ROOM, bill: { stage: 0, total: bill.total } };
  return {
    product: device.product,
    usableBytes: device.usableBytes,
    budgetBytes: wholeBytes(room.budget),
    headroomBytes: headroomOf(room),
    spread: { lowBytes: wholeBytes(stage.total.low), highBytes: wholeBytes(stage.total.high) },
    fits: isRoomy(mid),
    fitsAtLow: isRoomy(judgeAt(prepared, bill, device, 'low')),
    fitsAtHigh: isRoomy(judgeAt(prepared, bill, device, 'high')),
    binding: room.inBudget <= room.beside ? 'budget' : 'rest',
    stage: stage.stage,
    maxContext: lazily(() => contextOf(prepared, device, 'mid')),
    maxConcurrency: maxConcurrencyOf(prepared, bill, mid),
  };
}

/** Worked out when it is first asked for: a verdict needs it only where it is shown. */
function lazily<T>(work: () => T): () => T {
  let known: { readonly value: T } | null = null;
  return () => {
    known ??= { value: work() };
    return known.value;
  };
}
