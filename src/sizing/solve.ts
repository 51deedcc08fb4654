import { type Tokens, tokens } from '../units.ts';
import { checkParallel } from './parallelism.ts';
import { type Prepared, prepare, type Sort } from './prepare.ts';
import type { SizingRequest } from './request.ts';
import { roomsOfSort } from './room.ts';
import type { DeviceShape } from './shapes.ts';
import type { End } from './spread.ts';

/** Room of every limit at a value; more of the value never leaves more room. */
export type Rooms = (value: number) => readonly number[];

/** How far beside the guess the other side is looked for, and what a round must gain to count as one. */
const BESIDE_GUESS = 32;
const LEAST_GAIN = 4;
const MOST_POOR_ROUNDS = 3;

/** Below this the need bends (chunks fill up, batches are clamped); above it every limit is close to a straight line. */
const KNEE = 16_384;

interface Point {
  readonly value: number;
  readonly rooms: readonly number[];
}

interface Bracket {
  readonly fits: Point;
  readonly fails: Point;
  /** The end that moved last, and where it was before: how the need grows just here. */
  readonly moved: { readonly from: Point; readonly to: Point } | null;
}

function isFitting(rooms: readonly number[]): boolean {
  return rooms.every((room) => room >= 0);
}

function width(bracket: Bracket): number {
  return bracket.fails.value - bracket.fits.value;
}

function probe(bracket: Bracket, value: number, roomsAt: Rooms): Bracket {
  const inside = Math.min(Math.max(value, bracket.fits.value + 1), bracket.fails.value - 1);
  const point = { value: inside, rooms: roomsAt(inside) };
  return isFitting(point.rooms)
    ? { fits: point, fails: bracket.fails, moved: { from: bracket.fits, to: point } }
    : { fits: bracket.fits, fails: point, moved: { from: bracket.fails, to: point } };
}

/** Where the first limit is used up, each drawn as a straight line through two points. */
function usedUp(one: Point, other: Point): number {
  let least = Number.POSITIVE_INFINITY;
  other.rooms.forEach((room, limit) => {
    const slope = (room - (one.rooms[limit] ?? 0)) / (other.value - one.value);
    if (slope < 0) least = Math.min(least, other.value - room / slope);
  });
  return Math.floor(least);
}

/** A line through the bracket, or through what was seen on one side of it: the need bends in places. */
function guessIn({ fits, fails, moved }: Bracket, isNear: boolean): number {
  const guess = isNear && moved !== null ? usedUp(moved.from, moved.to) : usedUp(fits, fails);
  return Math.min(guess, fails.value);
}

function halve(bracket: Bracket, roomsAt: Rooms): Bracket {
  return probe(bracket, Math.floor((bracket.fits.value + bracket.fails.value) / 2), roomsAt);
}

/** A guess at an end, or beyond it, still takes a step: the answer is then just behind that end. */
function stepFrom({ fits, fails }: Bracket, guess: number): number {
  const step = BESIDE_GUESS / 2;
  return Math.min(Math.max(guess, fits.value + step), fails.value - step);
}

/** Two probes around the interpolated point close in on the answer; where the need bends, a half helps. */
function narrow(start: Bracket, roomsAt: Rooms): Bracket {
  let bracket = start;
  let rounds = 0;
  for (let poor = 0; poor < MOST_POOR_ROUNDS && width(bracket) > BESIDE_GUESS; ) {
    const before = width(bracket);
    bracket = probe(bracket, stepFrom(bracket, guessIn(bracket, rounds > 0) + BESIDE_GUESS / 2), roomsAt);
    if (width(bracket) > BESIDE_GUESS) {
      bracket = probe(bracket, stepFrom(bracket, guessIn(bracket, rounds > 0) - BESIDE_GUESS / 2), roomsAt);
    }
    rounds += 1;
    if (width(bracket) <= before / LEAST_GAIN) continue;
    bracket = halve(bracket, roomsAt);
    poor += 1;
  }
  return bracket;
}

/** The largest whole number from 1 to `limit` that fits; null when 1 does not. */
export function largestFitting(limit: number, roomsAt: Rooms): number | null {
  if (limit < 1) return null;
  const fails = { value: limit, rooms: roomsAt(limit) };
  if (isFitting(fails.rooms)) return limit;
  const fits = { value: 1, rooms: roomsAt(1) };
  if (!isFitting(fits.rooms)) return null;
  let bracket: Bracket = { fits, fails, moved: null };
  if (limit > KNEE) bracket = probe(bracket, KNEE, roomsAt);
  bracket = narrow(bracket, roomsAt);
  while (width(bracket) > 1) bracket = halve(bracket, roomsAt);
  return bracket.fits.value;
}

/** Each sort of stage limits by itself: the least of their answers. After the shortest of room, most need one look. */
function largestForAll(
  prepared: Prepared,
  limit: number,
  roomsOf: (sort: Sort, value: number) => readonly number[],
): number | null {
  if (limit < 1) return null;
  const short = prepared.sorts
    .map((sort) => ({ sort, room: Math.min(...roomsOf(sort, limit)) }))
    .filter(({ room }) => room < 0)
    .sort((one, other) => one.room - other.room);
  let least: number | null = limit;
  for (const { sort } of short) {
    if (least === null || (least < limit && isFitting(roomsOf(sort, least)))) continue;
    least = largestFitting(least, (value) => roomsOf(sort, value));
  }
  return least;
}

export function contextOf(prepared: Prepared, device: DeviceShape, end: End): Tokens | null {
  const { maxPositions, concurrency } = prepared.request;
  const most = largestForAll(prepared, maxPositions, (sort, context) =>
    roomsOfSort(prepared, sort, { device, load: { context, concurrency }, end }),
  );
  return most === null ? null : tokens(most);
}

/** Largest context of the requested sequences that fits, at most what the checkpoint declares; null when none does. */
export function solveContext(request: SizingRequest, device: DeviceShape, end: End): Tokens | null {
  return contextOf(prepare(request, device), device, end);
}

/** More sequences than any engine schedules. */
const MOST_SEQUENCES = 1_048_576;

/** Most sequences of the requested context that fit at once; null when not even one does. */
export function solveConcurrency(request: SizingRequest, device: DeviceShape, end: End): number | null {
  const prepared = prepare(request, device);
  const { context } = request;
  return largestForAll(prepared, MOST_SEQUENCES, (sort, concurrency) =>
    roomsOfSort(prepared, sort, { device, load: { context, concurrency }, end }),
  );
}

export interface GpuCount {
  readonly tensor: number;
  readonly pipeline: number;
  readonly gpus: number;
}

const TENSOR_SIZES: readonly number[] = [1, 2, 4, 8];
/** Sixteen nodes of eight GPUs: twice what the largest checkpoint at the largest context of a sequence needs. */
const MOST_STAGES = 16;

/** Valid counts in order of size: one node first, then stages of the widest tensor parallelism. */
function candidates(request: SizingRequest): readonly GpuCount[] {
  const { engine, model, parallel } = request;
  const stages = Array.from({ length: MOST_STAGES }, (_, index) => index + 1);
  const all = engine.supportsTensorParallel
    ? [
        ...TENSOR_SIZES.map((tensor) => ({ tensor, pipeline: 1 })),
        ...stages.slice(1).map((pipeline) => ({ tensor: Math.max(...TENSOR_SIZES), pipeline })),
      ]
    : stages.map((tensor) => ({ tensor, pipeline: 1 }));
  return all
    .filter((size) => checkParallel(model, engine, { ...parallel, ...size }, request.textOnly).length === 0)
    .map((size) => ({ ...size, gpus: size.tensor * size.pipeline * parallel.data }));
}

/** Whether the request fits at one end of the spreads: what `judgeFit` says of that end, without a bill. */
export function fitsAt(request: SizingRequest, device: DeviceShape, end: End): boolean {
  const prepared = prepare(request, device);
  const question = { device, load: { context: request.context, concurrency: request.concurrency }, end };
  return prepared.sorts.every((sort) => isFitting(roomsOfSort(prepared, sort, question)));
}

/** Smallest valid number of GPUs that carries the request; null when none of those looked at does. */
export function solveGpus(request: SizingRequest, device: DeviceShape, end: End): GpuCount | null {
  for (const size of candidates(request)) {
    const parallel = { ...request.parallel, tensor: size.tensor, pipeline: size.pipeline };
    if (fitsAt({ ...request, parallel }, device, end)) return size;
  }
  return null;
}
