import type { Log } from '../../observe/logger.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { Lifecycle } from '../../server/lifecycle.ts';
import type { Snapshots } from './snapshots.ts';

/** What every part of a serving process works with. */
export interface Running {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  readonly snapshots: Snapshots;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}
