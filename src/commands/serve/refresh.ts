import type { Log } from '../../observe/logger.ts';
import type { Metrics, Refreshed } from '../../observe/metrics.ts';
import { watchFiles } from '../../server/watch-files.ts';
import { messageOf } from './running.ts';

/** Something that is read at start, and again as time goes by. */
export interface Source<T> {
  readonly subject: Refreshed;
  /** @throws Error when it cannot be read, or does not belong together. */
  readonly read: () => Promise<T>;
  readonly isSame: (one: T, other: T) => boolean;
  /** Puts a new value in the place of the old one, whole. @throws Error when it cannot be used. */
  readonly use: (value: T) => void;
  /** What is in use already; null: nothing yet. */
  readonly first: T | null;
}

interface Reporting {
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Reads it again, and uses it if it changed. What cannot be used leaves the last good value in place, and says so once,
 * in log and metric. The answer is what stands in the way; null: nothing.
 */
export function createRefresh<T>(
  source: Source<T>,
  { log, metrics }: Reporting,
): () => Promise<string | null> {
  const { subject, read, isSame, use, first } = source;
  let seen: { readonly value: T } | { readonly problem: string } =
    first === null ? { problem: '' } : { value: first };
  let hasOne = first !== null;
  if (hasOne) metrics.refreshed(subject, 'started');

  function kept(problem: string): string {
    metrics.refreshed(subject, 'kept');
    log.error(hasOne ? 'the last good one is kept' : 'none is there yet', { subject, problem });
    return problem;
  }

  function put(value: T): string | null {
    try {
      use(value);
    } catch (error) {
      return kept(messageOf(error));
    }
    hasOne = true;
    metrics.refreshed(subject, 'applied');
    log.info('a new one is in use', { subject });
    return null;
  }

  return async () => {
    const reading = await read().then(
      (value) => ({ value }),
      (error: unknown) => ({ problem: messageOf(error) }),
    );
    const before = seen;
    seen = reading;
    if ('problem' in reading) {
      const isNews = !('problem' in before) || before.problem !== reading.problem;
      return isNews ? kept(reading.problem) : reading.problem;
    }
    return 'value' in before && isSame(before.value, reading.value) ? null : put(reading.value);
  };
}

/** The same for files, whenever their directory changes. Returns what ends it. */
export function keepFresh<T>(
  source: Source<T> & { readonly files: readonly string[] },
  reporting: Reporting,
): () => void {
  const refresh = createRefresh(source, reporting);
  return watchFiles({
    files: source.files,
    onChange: async () => {
      await refresh();
    },
  });
}
