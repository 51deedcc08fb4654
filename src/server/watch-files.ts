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

/** null where the system has no watch to give (inotify limits): the poll alone must do. */
function watchDirectory(directory: string, changed: () => void): FSWatcher | null {
  try {
    const watcher = watch(directory, { persistent: false }, changed);
    // The directory went away: the poll goes on, and the last good values with it.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}

/**
 * Watches directories, not files: a mounted Secret or ConfigMap is replaced by a link swap, after which a watch on
 * the file itself would look at the old one. Looks once at the start, because the files may have changed since they
 * were read. Returns what ends it.
 */
export function watchFiles({ files, onChange, settleMs, pollMs }: WatchSettings): () => void {
  let timer: NodeJS.Timeout | null = null;
  let last: Promise<void> = Promise.resolve();

  function changed(): void {
    // The first event starts the clock and later ones do not put it back: a busy directory must not delay it for ever.
    timer ??= setTimeout(() => {
      timer = null;
      last = last.then(onChange).catch(() => {});
    }, settleMs ?? SETTLE_MS);
  }

  const directories = new Set(files.map((file) => dirname(file)));
  const watchers = [...directories].map((directory) => watchDirectory(directory, changed));
  const poll = setInterval(changed, pollMs ?? POLL_MS);
  poll.unref();
  changed();
  return () => {
    clearInterval(poll);
    if (timer !== null) clearTimeout(timer);
    for (const watcher of watchers) watcher?.close();
  };
}
