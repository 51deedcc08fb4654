import type { Catalog } from '../catalog/types.ts';
import { type Finding, finding } from '../findings.ts';
import type { Intent } from '../intent/types.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { estimate } from '../sizing/estimate.ts';
import { judgeFit } from '../sizing/fit.ts';
import { publishedFigure, publishedRange } from '../sizing/published.ts';
import type { SizingRequest } from '../sizing/request.ts';
import { type DeviceShape, type Fit, isSameParallel, type Parallel, type Spread } from '../sizing/shapes.ts';
import { fitsAt, largestFitting, solveContext } from '../sizing/solve.ts';
import { exactly } from '../sizing/spread.ts';
import { estimateTraining, type TrainingBill } from '../sizing/training.ts';
import { type Bytes, bytes, formatCount, tokens } from '../units.ts';
import { gpusOf } from './options.ts';
import type { Judged, Policy } from './types.ts';

/** Sizes one intent in any shape, on any device. Results are kept for the life of the sizer: one decision. */
export interface Sizer {
  readonly intent: Intent;
  /** @param gpus GPUs over which a training state is sharded; serving takes them from `parallel`. */
  judge(parallel: Parallel, device: DeviceShape | null, gpus: number): Judged;
  /** What `judge` finds at the high end of the spread, without a bill: most shapes that are tried are dropped. */
  surelyFits(parallel: Parallel, device: DeviceShape, gpus: number): boolean;
  /**
   * Largest context that surely fits (high end) on this device; null when none does or nothing says so.
   * @param gpus as for `judge`.
   */
  largestContext(parallel: Parallel, device: DeviceShape | null, gpus: number): number | null;
  /** An 8-bit KV type of this engine, when the present one is wider; null otherwise. */
  narrowKvDtype(): string | null;
}

export type SizerResult =
  | { readonly kind: 'sizer'; readonly sizer: Sizer }
  | { readonly kind: 'unknown'; readonly finding: Finding };

export type SizingPolicy = Pick<Policy, 'method' | 'headroomBytes'>;

/** Picks the method that can size this intent, or says that none can (contract §3). */
export function createSizer(intent: Intent, catalog: Catalog, policy: SizingPolicy): SizerResult {
  const shape = intent.model.value.shape;
  if (intent.workload === 'inference' && shape !== null && policy.method === 'computed') {
    return { kind: 'sizer', sizer: remember(intent, computed(intent, policy)) };
  }
  if (intent.workload === 'training' && shape !== null && policy.method === 'computed') {
    return trainingSizer(intent, policy);
  }
  return publishedSizer(intent, catalog, policy);
}

/** The article's FP16 rows serve bf16, its INT4 rows every 4-bit format. */
export function publishedFormat(quantization: string): string {
  if (quantization === 'bf16') return 'fp16';
  return ['w4a16', 'awq', 'gptq', 'nf4', 'nvfp4'].includes(quantization) ? 'int4' : quantization;
}

function unknownSize(intent: Intent): SizerResult {
  const { model, context, quantization } = intent;
  const message =
    `nothing was published for ${model.value.name} in ${quantization} at ${formatCount(context.value)} tokens, ` +
    'and its architecture is not known';
  return { kind: 'unknown', finding: finding('unknown-size', model.origin.path, message) };
}

/** One method for one intent. */
interface Method {
  readonly judge: (parallel: Parallel, device: DeviceShape | null, gpus: number) => Judged;
  /** Absent: `judge` costs no more. */
  readonly surelyFits?: (parallel: Parallel, device: DeviceShape) => boolean;
  /** Largest context that fits at the high end; null when none does. */
  readonly largestContext: (parallel: Parallel, device: DeviceShape, gpus: number) => number | null;
}

function remember(intent: Intent, method: Method): Sizer {
  // Some ten at most, so that a look at each is quicker than a key of its own.
  const known: { readonly judged: Judged; readonly gpus: number }[] = [];
  const tried: { readonly parallel: Parallel; readonly device: DeviceShape; readonly isFitting: boolean }[] =
    [];
  const find = (parallel: Parallel, device: DeviceShape | null, gpus: number): Judged | undefined =>
    known.find(
      (one) =>
        one.gpus === gpus &&
        isSameDevice(one.judged.device, device) &&
        isSameParallel(one.judged.parallel, parallel),
    )?.judged;
  const judge = (parallel: Parallel, device: DeviceShape | null, gpus: number): Judged => {
    const found = find(parallel, device, gpus);
    if (found !== undefined) return found;
    const judged = method.judge(parallel, device, gpus);
    known.push({ judged, gpus });
    return judged;
  };
  return {
    intent,
    judge,
    surelyFits(parallel, device, gpus) {
      if (method.surelyFits !== undefined && find(parallel, device, gpus) === undefined) {
        const before = tried.find(
          (one) => isSameDevice(one.device, device) && isSameParallel(one.parallel, parallel),
        );
        if (before !== undefined) return before.isFitting;
        const isFitting = method.surelyFits(parallel, device);
        tried.push({ parallel, device, isFitting });
        return isFitting;
      }
      return judge(parallel, device, gpus).fit?.fitsAtHigh === true;
    },
    largestContext: (parallel, device, gpus) =>
      device === null ? null : method.largestContext(parallel, device, gpus),
    narrowKvDtype: () => narrowKvDtype(intent),
  };
}

function isSameDevice(one: DeviceShape | null, other: DeviceShape | null): boolean {
  return one === other || (one?.product === other?.product && one?.usableBytes === other?.usableBytes);
}

function narrowKvDtype(intent: Intent): string | null {
  if (intent.kvDtype.keyBits <= 8) return null;
  const types = engineProfile(intent.engine, intent.engineVersion)?.kvDtypes;
  return ['fp8', 'fp8_e4m3', 'q8_0'].find((name) => types?.has(name)) ?? null;
}

// --- computed ----------------------------------------------------------------------------------------------------

/** @returns null where the architecture or the checkpoint is not known. */
export function sizingRequest(intent: Intent, parallel: Parallel): SizingRequest | null {
  const shape = intent.model.value.shape;
  const profile = engineProfile(intent.engine, intent.engineVersion);
  const checkpoint = intent.checkpoint?.value ?? null;
  if (shape === null || profile === null || checkpoint === null) return null;
  const { settings } = intent;
  return {
    ...settings,
    model: shape,
    weights: checkpoint.weights,
    maxPositions: checkpoint.maxContext,
    loadedFrom: intent.loadedFrom?.weights ?? null,
    engine: profile,
    // Where the engine picks the context, only the weights and one block of cache can refuse (contract §2).
    context: tokens(intent.isContextAuto ? 1 : intent.context.value),
    concurrency: intent.concurrency.value,
    kvDtype: intent.kvDtype,
    parallel,
  };
}

function computed(intent: Intent, policy: SizingPolicy): Method {
  // What is worked out for a request is kept with it, so that every device is asked about the same one.
  const requests: SizingRequest[] = [];
  const requestFor = (parallel: Parallel): SizingRequest | null => {
    const found = requests.find((one) => isSameParallel(one.parallel, parallel));
    const request = found ?? sizingRequest(intent, parallel);
    if (found === undefined && request !== null) requests.push(request);
    return request;
  };
  return {
    judge: (parallel, device) => judgeComputed(intent, requestFor(parallel), policy, device),
    surelyFits(parallel, device) {
      const request = requestFor(parallel);
      return request !== null && fitsAt(request, lessHeadroom(device, policy.headroomBytes), 'high');
    },
    largestContext(parallel, device) {
      const request = requestFor(parallel);
      return request === null
        ? null
        : solveContext(request, lessHeadroom(device, policy.headroomBytes), 'high');
    },
  };
}

function judgeComputed(
  intent: Intent,
  request: SizingRequest | null,
  policy: SizingPolicy,
  device: DeviceShape | null,
): Judged {
  if (request === null)
    throw new RangeError('a computed size needs an architecture, an engine and a checkpoint');
  const { parallel } = request;
  const bill = estimate(request, device);
  const offered = device === null ? null : lessHeadroom(device, policy.headroomBytes);
  return {
    intent,
    parallel,
    method: 'computed',
    bill,
    perGpu: bill.total,
    totalBytes: bill.totalBytes,
    gpus: bill.gpus,
    device,
    fit: offered === null ? null : judgeFit(request, bill, offered),
  };
}

/** The operator's own reserve counts as if the device were that much smaller. */
function lessHeadroom(device: DeviceShape, headroom: Bytes): DeviceShape {
  return headroom === 0
    ? device
    : { ...device, usableBytes: bytes(Math.max(0, device.usableBytes - headroom)) };
}

// --- published figures and training ------------------------------------------------------------------------------

function publishedSizer(intent: Intent, catalog: Catalog, policy: SizingPolicy): SizerResult {
  const rows = {
    model: intent.model.value.id,
    workload: intent.workload,
    format: publishedFormat(intent.quantization),
  };
  const bytesAt = (context: number): Bytes | null =>
    publishedFigure(catalog.published, { ...rows, context })?.bytes ?? null;
  const total = bytesAt(intent.context.value);
  const range = publishedRange(catalog.published, rows);
  if (total === null || range === null) return unknownSize(intent);
  const method: Method = {
    judge: (parallel, device) => spreadEvenly(intent, policy, { parallel, device, totalBytes: total }),
    largestContext(parallel, device) {
      const { usableBytes } = lessHeadroom(device, policy.headroomBytes);
      const gpus = gpusOf(parallel);
      // Below the first row nothing was published.
      const found = largestFitting(intent.context.value, (context) => [
        usableBytes - Math.ceil((bytesAt(Math.max(context, range.first)) ?? Number.POSITIVE_INFINITY) / gpus),
      ]);
      return found === null || found < range.first ? null : found;
    },
  };
  return { kind: 'sizer', sizer: remember(intent, method) };
}

function spreadEvenly(
  intent: Intent,
  policy: SizingPolicy,
  parts: Pick<Judged, 'parallel' | 'device' | 'totalBytes'>,
): Judged {
  const gpus = gpusOf(parts.parallel);
  const perGpu = exactly(Math.ceil(parts.totalBytes / gpus));
  return judgedWith({ ...parts, intent, method: 'published', perGpu, gpus }, policy);
}

function trainingSizer(intent: Intent, policy: SizingPolicy): SizerResult {
  const shape = intent.model.value.shape;
  const method = intent.trainingMethod;
  if (shape === null || method === null) {
    const message =
      'training is annotated without a method; annotate vramgate.io/training-method: full, bf16-adamw, lora or qlora';
    return { kind: 'unknown', finding: finding('unknown-size', intent.model.origin.path, message) };
  }
  const billAt = (context: number, gpus: number): TrainingBill =>
    estimateTraining({ model: shape, method, context, gpus: Math.max(1, gpus) });
  const sized: Method = {
    judge(parallel, device, gpus) {
      const { perGpu, totalBytes, gpus: over } = billAt(intent.context.value, gpus);
      const parts = { intent, parallel, perGpu, totalBytes, gpus: over, device };
      return judgedWith({ ...parts, method: 'computed' }, policy);
    },
    largestContext(_, device, gpus) {
      const { usableBytes } = lessHeadroom(device, policy.headroomBytes);
      return largestFitting(intent.context.value, (context) => [
        usableBytes - billAt(context, gpus).perGpu.high,
      ]);
    },
  };
  return { kind: 'sizer', sizer: remember(intent, sized) };
}

function judgedWith(parts: Omit<Judged, 'bill' | 'fit'>, { headroomBytes }: SizingPolicy): Judged {
  const { device, perGpu } = parts;
  const fit = device === null ? null : plainFit(perGpu, lessHeadroom(device, headroomBytes));
  return { ...parts, bill: null, fit };
}

/** Without an engine's own rule the whole usable memory is the budget. */
function plainFit(perGpu: Spread, device: DeviceShape): Fit {
  return {
    product: device.product,
    usableBytes: device.usableBytes,
    budgetBytes: device.usableBytes,
    headroomBytes: device.usableBytes - perGpu.mid,
    spread: { lowBytes: bytes(Math.round(perGpu.low)), highBytes: bytes(Math.round(perGpu.high)) },
    fits: perGpu.mid <= device.usableBytes,
    fitsAtLow: perGpu.low <= device.usableBytes,
    fitsAtHigh: perGpu.high <= device.usableBytes,
    binding: 'budget',
    stage: 0,
    maxContext: () => null,
    maxConcurrency: 0,
  };
}
