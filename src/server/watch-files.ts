import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

export interface WatchSettings {
  readonly files: readonly string[];
  /** Called after the directories of the files changed, and from time to time; it reads the files itself. */
  readonly onChange: () => Promise<void>;
  readonly settleMs?: number;
  readonly pollMs?: number;
}

// A Secret volume is swapped by renaming a link (`..data`): several events within a few milliseconds.
const SETTLE_MS = 100;
// Some file systems report nothing. The kubelet itself takes up to 100 s.
const POLL_MS = 60_000;

/**
 * Watches directories, not files: a mounted Secret or ConfigMap is replaced by a link swap, after which a watch on
 * the file itself would look at the old one. Returns what ends it.
 */
export function watchFiles({ files, onChange, settleMs, pollMs }: WatchSettings): () => void {
  let timer: NodeJS.Timeout | null = null;
  let last: Promise<void> = Promise.resolve();

  function changed(): void {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      last = last.then(onChange).catch(() => {});
    }, settleMs ?? SETTLE_MS);
  }

  const directories = new Set(files.map((file) => dirname(file)));
  const watchers: readonly FSWatcher[] = [...directories].map((directory) => {
    const watcher = watch(directory, { persistent: false }, changed);
    // The directory went away: the poll goes on, and the last good values with it.
    watcher.on('error', () => watcher.close());
    return watcher;
  });
  const poll = setInterval(changed, pollMs ?? POLL_MS);
  poll.unref();
  return () => {
    clearInterval(poll);
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
