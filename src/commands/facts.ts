import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { builtinCatalog } from '../catalog/builtin.ts';
import type { Catalog } from '../catalog/types.ts';
import type { Config } from '../config/file.ts';
import { defaultConfig, parseConfig } from '../config/file.ts';
import { readInventory } from '../inventory/read.ts';
import type { Inventory } from '../plan/types.ts';
import { UsageError } from './io.ts';

/** Files that an operator names: read once, refused whole. */

const MAX_FILE = 64 * 1024 * 1024;

export async function readText(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > MAX_FILE) throw new UsageError(`${file} is larger than 64 MiB`);
    return text;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `${file} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}`,
    );
  }
}

/** YAML or JSON documents of a text. @throws UsageError naming the first line that cannot be read. */
export function parseDocuments(file: string, text: string): readonly unknown[] {
  const documents = parseAllDocuments(text, { uniqueKeys: true, prettyErrors: true });
  return documents.flatMap((document): readonly unknown[] => {
    const [error] = document.errors;
    if (error !== undefined) throw new UsageError(`${file}: ${error.message.split('\n', 1).join('')}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return value === null ? [] : [value];
  });
}

export const NO_INVENTORY: Inventory = { state: 'unknown', reason: 'no inventory file was given' };

export async function loadInventory(file: string | null, catalog: Catalog): Promise<Inventory> {
  if (file === null) return NO_INVENTORY;
  const reading = readInventory(parseDocuments(file, await readText(file)), catalog);
  const [first] = reading.findings;
  if (first !== undefined) throw new UsageError(`${file}: ${first.path}: ${first.message}`);
  return reading.inventory;
}

/** With the operator's own catalog rows, if there are any, in `catalog`. */
export async function loadConfig(file: string | null): Promise<Config> {
  return file === null ? defaultConfig(builtinCatalog) : configFrom(file, await readText(file));
}

/** @throws UsageError with everything that is wrong, one line each. */
export function configFrom(file: string, text: string): Config {
  const { config, findings } = parseConfig(text, builtinCatalog);
  if (config !== null) return config;
  throw new UsageError(findings.map(({ path, message }) => `${file}: ${path}: ${message}`).join('\n'));
}
