import { type Bytes, bytes } from '../units.ts';

/** One published figure: decimal bytes at a context. */
export interface PublishedPoint {
  readonly model: string;
  readonly workload: 'inference' | 'training';
  readonly format: string;
  readonly context: number;
  readonly bytes: Bytes;
  /** A second figure for the same point: the tight single-GPU case. */
  readonly tightBytes: Bytes | null;
}

export interface PublishedQuery {
  readonly model: string;
  readonly workload: 'inference' | 'training';
  readonly format: string;
  readonly context: number;
}

export interface PublishedFigure {
  readonly bytes: Bytes;
  readonly tightBytes: Bytes | null;
  /** On a published point; otherwise on the line between two. */
  readonly isExact: boolean;
  /** The points used: one, or the two around the context. */
  readonly points: readonly PublishedPoint[];
}

function onLine(left: PublishedPoint, right: PublishedPoint, context: number): Bytes {
  const share = (context - left.context) / (right.context - left.context);
  return bytes(Math.round(left.bytes + (right.bytes - left.bytes) * share));
}

function pointsOf(
  rows: readonly PublishedPoint[],
  query: Omit<PublishedQuery, 'context'>,
): readonly PublishedPoint[] {
  return rows
    .filter(
      (row) => row.model === query.model && row.workload === query.workload && row.format === query.format,
    )
    .sort((left, right) => left.context - right.context);
}

/** Smallest and largest context that the figures speak of; null where nothing was published. */
export function publishedRange(
  rows: readonly PublishedPoint[],
  query: Omit<PublishedQuery, 'context'>,
): { readonly first: number; readonly last: number } | null {
  const points = pointsOf(rows, query);
  const [first] = points;
  const last = points.at(-1);
  return first === undefined || last === undefined ? null : { first: first.context, last: last.context };
}

/** Exact at the points, linear between neighbours, null where nothing was published. */
export function publishedFigure(
  rows: readonly PublishedPoint[],
  query: PublishedQuery,
): PublishedFigure | null {
  const points = pointsOf(rows, query);
  const point = points.find((row) => row.context === query.context);
  if (point !== undefined) {
    return { bytes: point.bytes, tightBytes: point.tightBytes, isExact: true, points: [point] };
  }
  const above = points.find((row) => row.context > query.context);
  const below = points.findLast((row) => row.context < query.context);
  if (above === undefined || below === undefined) return null;
  return {
    bytes: onLine(below, above, query.context),
    tightBytes: null,
    isExact: false,
    points: [below, above],
  };
}
