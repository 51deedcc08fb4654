import { builtinCatalog } from '../../catalog/builtin.ts';
import { type Config, defaultConfig } from '../../config/file.ts';
import { configFrom, declaredInventory, inventoryFrom, parseDocuments, readText } from '../facts.ts';
import { keepFresh } from './refresh.ts';
import type { Running } from './running.ts';
import type { InventoryOf } from './snapshots.ts';

/** A file with the text that is in use. */
export interface ReadFile {
  readonly file: string;
  readonly text: string;
}

export async function readOptional(file: string | null): Promise<ReadFile | null> {
  return file === null ? null : { file, text: await readText(file) };
}

export function configOf(read: ReadFile | null): Config {
  return read === null ? defaultConfig(builtinCatalog) : configFrom(read.file, read.text);
}

/** The configuration file, as a whole, whenever it changes. What is only read at start is named in the log. */
export function watchConfig(read: ReadFile | null, first: Config, running: Running): () => void {
  if (read === null) return () => undefined;
  const { log, metrics, snapshots } = running;
  const { file } = read;
  const started = JSON.stringify(first.server);
  return keepFresh(
    {
      subject: 'config',
      files: [file],
      read: () => readText(file),
      isSame: (one, other) => one === other,
      first: read.text,
      use: (text) => {
        const { policy, catalog, shapes, server, logLevel } = configFrom(file, text);
        snapshots.swapRules({ policy, catalog, shapes });
        log.setLevel(logLevel);
        metrics.configured(policy.hash, catalog.version);
        if (JSON.stringify(server) !== started)
          log.warn('server settings change at the next start', { file });
      },
    },
    running,
  );
}

/** The nodes of a file under any catalog. @throws UsageError when it cannot be used. */
export function inventoryOfFile(read: ReadFile | null): InventoryOf {
  if (read === null) return declaredInventory;
  const documents = parseDocuments(read.file, read.text);
  return (rules) => inventoryFrom(read.file, documents, rules);
}

export function watchInventory(read: ReadFile | null, running: Running): () => void {
  if (read === null) return () => undefined;
  const { file } = read;
  return keepFresh(
    {
      subject: 'inventory',
      files: [file],
      read: () => readText(file),
      isSame: (one, other) => one === other,
      first: read.text,
      use: (text) => running.snapshots.swapInventory(inventoryOfFile({ file, text })),
    },
    running,
  );
}
