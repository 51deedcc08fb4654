import { type Tokens, tokens } from '../units.ts';
import { checkParallel } from './parallelism.ts';
import { headroomAt, type Prepared, prepare } from './prepare.ts';
import type { SizingRequest } from './request.ts';
import type { DeviceShape } from './shapes.ts';
import type { End } from './spread.ts';

/** Room left at a value; more of the value never leaves more room. */
type Headroom = (value: number) => number;

/** Steps of interpolation before plain halving, and how far beside the guess the other side is looked for. */
const GUESSES = 4;
const BESIDE_GUESS = 64;

interface Bracket {
  readonly fits: number;
  readonly fitsRoom: number;
  readonly fails: number;
  readonly failsRoom: number;
}

function probe(bracket: Bracket, value: number, headroom: Headroom): Bracket {
  const between = Math.min(Math.max(value, bracket.fits + 1), bracket.fails - 1);
  const room = headroom(between);
  return room >= 0
    ? { ...bracket, fits: between, fitsRoom: room }
    : { ...bracket, fails: between, failsRoom: room };
}

function guessIn(bracket: Bracket): number {
  const slope = bracket.fitsRoom / (bracket.fitsRoom - bracket.failsRoom);
  return bracket.fits + Math.floor((bracket.fails - bracket.fits) * slope);
}

/** The need grows almost in a straight line: two probes around the interpolated point close in on the answer. */
function narrow(start: Bracket, headroom: Headroom): Bracket {
  let bracket = start;
  for (let step = 0; step < GUESSES && bracket.fails - bracket.fits > BESIDE_GUESS; step += 1) {
    const guess = guessIn(bracket);
    bracket = probe(bracket, guess, headroom);
    if (bracket.fails - bracket.fits <= BESIDE_GUESS) break;
    const other = bracket.fails === guess ? guess - BESIDE_GUESS : bracket.fits + BESIDE_GUESS;
    bracket = probe(bracket, other, headroom);
  }
  return bracket;
}

/** The largest whole number from 1 to `limit` that fits; null when 1 does not. */
function largestFitting(limit: number, headroom: Headroom): number | null {
  if (limit < 1) return null;
  const limitRoom = headroom(limit);
  if (limitRoom >= 0) return limit;
  const oneRoom = headroom(1);
  if (oneRoom < 0) return null;
  let bracket: Bracket = { fits: 1, fitsRoom: oneRoom, fails: limit, failsRoom: limitRoom };
  bracket = narrow(bracket, headroom);
  while (bracket.fails - bracket.fits > 1) {
    bracket = probe(bracket, Math.floor((bracket.fits + bracket.fails) / 2), headroom);
  }
  return bracket.fits;
}

export function contextOf(prepared: Prepared, device: DeviceShape, end: End): Tokens | null {
  const { maxPositions, concurrency } = prepared.request;
  const most = largestFitting(maxPositions, (context) =>
    headroomAt(prepared, device, { context, concurrency }, end),
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
  return largestFitting(MOST_SEQUENCES, (concurrency) =>
    headroomAt(prepared, device, { context, concurrency }, end),
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

/** Smallest valid number of GPUs that carries the request; null when none of those looked at does. */
export function solveGpus(request: SizingRequest, device: DeviceShape, end: End): GpuCount | null {
  const { context, concurrency } = request;
  for (const size of candidates(request)) {
    const parallel = { ...request.parallel, tensor: size.tensor, pipeline: size.pipeline };
    const prepared = prepare({ ...request, parallel }, device);
    if (headroomAt(prepared, device, { context, concurrency }, end) >= 0) return size;
  }
  return null;
}
