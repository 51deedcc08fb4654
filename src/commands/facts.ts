import { builtinCatalog } from '../catalog/builtin.ts';
import type { Config } from '../config/file.ts';
import { defaultConfig, parseConfig } from '../config/file.ts';
import { finishClasses } from '../inventory/classes.ts';
import { readInventory } from '../inventory/read.ts';
import type { Facts } from '../pipeline/types.ts';
import type { Inventory } from '../plan/types.ts';
import { UsageError } from './io.ts';
import { readRegularFile } from './manifests/files.ts';
import { parseYaml, readDocument } from './manifests/yaml-text.ts';

/** Files that an operator names: read once, refused whole. */

// The nodes of a large cluster, as kubectl prints them.
const MAX_FILE = 64 * 1024 * 1024;

export function readText(file: string): Promise<string> {
  return readRegularFile(file, MAX_FILE);
}

/** YAML or JSON documents of a text. @throws UsageError naming the first line that cannot be read. */
export function parseDocuments(file: string, text: string): readonly unknown[] {
  const yaml = parseYaml(text);
  return yaml.documents.flatMap((document): readonly unknown[] => {
    const reading = readDocument(document, MAX_FILE);
    if ('problem' in reading) {
      const { offset, message } = reading.problem;
      throw new UsageError(`${file}:${yaml.lineAt(offset)}: ${message}`);
    }
    return reading.value === null ? [] : [reading.value];
  });
}

const NO_INVENTORY: Inventory = { state: 'unknown', reason: 'no inventory file was given' };

/** What an inventory is read by. */
export type InventoryRules = Pick<Config, 'catalog' | 'shapes'>;

/** Without a file: the shapes that the configuration declares, if there are any. */
export function declaredInventory({ shapes }: InventoryRules): Inventory {
  return shapes.length === 0
    ? NO_INVENTORY
    : { state: 'known', classes: finishClasses(shapes), ageSeconds: null };
}

export async function loadInventory(file: string | null, rules: InventoryRules): Promise<Inventory> {
  return file === null
    ? declaredInventory(rules)
    : inventoryFrom(file, parseDocuments(file, await readText(file)), rules);
}

/** @throws UsageError: half an inventory would refuse what the other half carries. */
export function inventoryFrom(
  file: string,
  documents: readonly unknown[],
  { catalog, shapes }: InventoryRules,
): Inventory {
  const reading = readInventory(documents, catalog, shapes);
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

/** What a decision needs beside the object; in the files of one call the namespaces' labels are not known. */
export async function loadFacts(configFile: string | null, inventoryFile: string | null): Promise<Facts> {
  const { policy, catalog, shapes } = await loadConfig(configFile);
  const inventory = await loadInventory(inventoryFile, { catalog, shapes });
  return { catalog, inventory, policy, namespaceMode: null };
}
