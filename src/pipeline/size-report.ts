import type { PublishedRow } from '../catalog/types.ts';
import { publishedFormat } from '../plan/sizer.ts';
import type { Judged } from '../plan/types.ts';
import { countParameters } from '../sizing/parameters.ts';
import { publishedFigure } from '../sizing/published.ts';
import type { PerGpu } from '../sizing/shapes.ts';
import { GB } from '../units.ts';

/** The JSON of `size` (contract §6). Bytes are integers; decimal gigabytes only under `published`. */
export interface SizeReport {
  readonly model: string;
  readonly parameters: number | null;
  readonly method: 'computed' | 'published';
  readonly context: number;
  readonly quantization: string;
  readonly kvCacheDtype: string;
  readonly parallel: { readonly tensor: number; readonly pipeline: number };
  readonly perGpu: PerGpu | null;
  readonly stages?: readonly PerGpu[];
  readonly totalBytes: number;
  readonly kv: {
    readonly bytesPerToken: number;
    readonly bytes: number;
    readonly layout: string;
    readonly assumption: string;
  } | null;
  readonly published: PublishedReport | null;
  readonly fit?: FitReport;
}

export interface PublishedReport {
  readonly gigabytes: number;
  readonly tightGigabytes?: number;
  readonly row: string;
}

export interface FitReport {
  readonly gpu: string;
  readonly usableBytes: number;
  readonly budgetBytes: number;
  readonly headroomBytes: number;
  readonly spread: { readonly lowBytes: number; readonly highBytes: number };
  readonly fits: boolean;
  readonly maxContext: number | null;
  readonly maxConcurrency: number;
}

export function sizeReport(judged: Judged, published: readonly PublishedRow[]): SizeReport {
  const { intent, bill, fit } = judged;
  const { shape } = intent.model.value;
  return {
    model: intent.checkpoint?.value.id ?? intent.model.value.id,
    parameters: shape === null ? null : countParameters(shape).total,
    method: judged.method,
    context: intent.context.value,
    quantization: intent.quantization,
    kvCacheDtype: intent.kvDtype.name,
    parallel: { tensor: judged.parallel.tensor, pipeline: judged.parallel.pipeline },
    perGpu: bill?.perGpu ?? null,
    ...(bill !== null && bill.stages.length > 1 && { stages: bill.stages.map((stage) => stage.perGpu) }),
    totalBytes: judged.totalBytes,
    kv:
      bill === null
        ? null
        : {
            bytesPerToken: bill.kv.bytesPerToken,
            bytes: bill.kv.bytes,
            layout: bill.kv.layout,
            assumption: bill.kv.assumption,
          },
    published: publishedReport(judged, published),
    ...(fit !== null && { fit: fitReport(fit) }),
  };
}

function fitReport(fit: NonNullable<Judged['fit']>): FitReport {
  return {
    gpu: fit.product,
    usableBytes: fit.usableBytes,
    budgetBytes: fit.budgetBytes,
    headroomBytes: Math.round(fit.headroomBytes),
    spread: fit.spread,
    fits: fit.fits,
    maxContext: fit.maxContext(),
    maxConcurrency: Math.round(fit.maxConcurrency * 100) / 100,
  };
}

/** What the article says of this case; null outside its rows. */
export function publishedReport(judged: Judged, published: readonly PublishedRow[]): PublishedReport | null {
  const { intent } = judged;
  const format = publishedFormat(intent.quantization);
  const query = {
    model: intent.model.value.id,
    workload: intent.workload,
    format,
    context: intent.context.value,
  };
  const figure = publishedFigure(published, query);
  if (figure === null) return null;
  const row = `${query.model} ${query.workload} ${format}, ${figure.isExact ? 'as printed' : 'between two printed rows'}`;
  return {
    gigabytes: figure.bytes / GB,
    ...(figure.tightBytes !== null && { tightGigabytes: figure.tightBytes / GB }),
    row,
  };
}
