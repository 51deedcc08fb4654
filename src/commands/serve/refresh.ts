import type { Log } from '../../observe/logger.ts';
import type { Metrics, Refreshed } from '../../observe/metrics.ts';
import { watchFiles } from '../../server/watch-files.ts';
import { messageOf } from './running.ts';

/** Something that is read from files at start, and again whenever they change. */
export interface Source<T> {
  readonly subject: Refreshed;
  readonly files: readonly string[];
  /** @throws Error when the files cannot be read, or do not belong together. */
  readonly read: () => Promise<T>;
  readonly isSame: (one: T, other: T) => boolean;
  /** Puts a new value in the place of the old one, whole. @throws Error when it cannot be used. */
  readonly use: (value: T) => void;
  /** What is in use already. */
  readonly first: T;
}

interface Reporting {
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Reads it again when it changes. What cannot be used leaves the last good value in place, and says so once, in log
 * and metric. Returns what ends it.
 */
export function keepFresh<T>(source: Source<T>, { log, metrics }: Reporting): () => void {
  const { subject, files, read, isSame, use } = source;
  let seen: { readonly value: T } | { readonly problem: string } = { value: source.first };
  metrics.refreshed(subject, 'started');

  function kept(problem: string): void {
    metrics.refreshed(subject, 'kept');
    log.error('the last good one is kept', { subject, problem });
  }

  async function refresh(): Promise<void> {
    const reading = await read().then(
      (value) => ({ value }),
      (error: unknown) => ({ problem: messageOf(error) }),
    );
    if ('problem' in reading) {
      const isNews = !('problem' in seen) || seen.problem !== reading.problem;
      seen = reading;
      if (isNews) kept(reading.problem);
      return;
    }
    if ('value' in seen && isSame(seen.value, reading.value)) return;
    seen = reading;
    try {
      use(reading.value);
      metrics.refreshed(subject, 'applied');
      log.info('a new one is in use', { subject });
    } catch (error) {
      kept(messageOf(error));
    }
  }

  return watchFiles({ files, onChange: refresh });
}
