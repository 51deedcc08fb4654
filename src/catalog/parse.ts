import { parseDocument } from 'yaml';
import type { StorageFormat } from '../sizing/shapes.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatOf, gpuOf, modelOf, publishedOf, type Report, recipeOf, sourceOf } from './build-rows.ts';
import { contentHash } from './content-hash.ts';
import { formatsMeantBy } from './quantization-names.ts';
import { CatalogFile } from './schema.ts';
import { type Catalog, type CheckpointEntry, type ModelEntry, QUANTIZATIONS, type Recipe } from './types.ts';

export interface CatalogSource {
  readonly file: string;
  readonly text: string;
}

export interface CatalogFinding {
  /** `models.yaml:scout.checkpoints.3.recipe`: file, row, field. */
  readonly path: string;
  readonly message: string;
}

export interface CatalogReading {
  readonly catalog: Catalog;
  readonly findings: readonly CatalogFinding[];
}

/** The one door for catalog data: the built-in files at build time, an operator's additions at start. */
export function parseCatalogSources(sources: readonly CatalogSource[]): CatalogReading {
  const findings: CatalogFinding[] = [];
  const files = sources.flatMap((source) => readFile(source, findings));
  const merged = mergeFiles(files);
  const report: Report = (row, field, message) => findings.push({ path: `${row}.${field}`, message });
  const catalog = buildCatalog(merged, report, contentHash(sources.map(({ text }) => text).join('\u0000')));
  findings.push(...duplicates(catalog));
  return { catalog, findings };
}

function readFile(source: CatalogSource, findings: CatalogFinding[]): readonly CatalogFile[] {
  const document = parseDocument(source.text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) {
    findings.push({ path: source.file, message: error.message });
    return [];
  }
  const value: unknown = document.toJS({ maxAliasCount: 16 });
  const parsed = CatalogFile.safeParse(value);
  if (parsed.success) return [parsed.data];
  for (const issue of parsed.error.issues) {
    findings.push({ path: `${source.file}:${rowPath(value, issue.path)}`, message: issue.message });
  }
  return [];
}

/** `scout.checkpoints.nvidia/X.recipe`: rows by their name instead of their index, where they have one. */
function rowPath(value: unknown, path: readonly PropertyKey[]): string {
  const parts: string[] = [];
  let at: unknown = value;
  for (const step of path) {
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, step) ? Reflect.get(at, step) : undefined;
    const name = typeof step === 'number' ? (nameOf(at) ?? String(step)) : String(step);
    parts.push(name);
  }
  return parts.join('.');
}

function nameOf(row: unknown): string | null {
  if (typeof row !== 'object' || row === null) return null;
  for (const key of ['id', 'product', 'name']) {
    const value: unknown = Object.hasOwn(row, key) ? Reflect.get(row, key) : undefined;
    if (typeof value === 'string') return value;
  }
  return null;
}

function mergeFiles(files: readonly CatalogFile[]): CatalogFile {
  return {
    formats: files.flatMap((file) => file.formats),
    recipes: files.flatMap((file) => file.recipes),
    models: files.flatMap((file) => file.models),
    gpus: files.flatMap((file) => file.gpus),
    published: files.flatMap((file) => file.published),
    instanceTypes: files.flatMap((file) => file.instanceTypes),
  };
}

function buildCatalog(file: CatalogFile, report: Report, version: string): Catalog {
  const formats = new Map<string, StorageFormat>(file.formats.map((row) => [row.name, formatOf(row)]));
  const recipes = file.recipes.flatMap((row) => recipeOf(row, formats, report) ?? []);
  const byName = new Map<string, Recipe>(recipes.map((recipe) => [recipe.name, recipe]));
  return {
    version,
    formats: file.formats.map((row) => ({ format: formatOf(row), source: sourceOf(row.source) })),
    recipes,
    models: file.models.map((row) => {
      const { model, candidates } = modelOf(row, byName, report);
      return markShortNames(model, candidates);
    }),
    gpus: file.gpus.map(gpuOf),
    published: file.published.map(publishedOf),
    instanceTypes: file.instanceTypes.map((row) => ({ ...row, source: sourceOf(row.source) })),
  };
}

/** A short name means the costliest candidate of its format, base and Instruct apart (contract §2). */
function markShortNames(model: ModelEntry, candidates: ReadonlySet<string>): ModelEntry {
  const { shape } = model;
  if (shape === null) return model;
  const chosen = new Set<string>();
  const formats = new Set([...QUANTIZATIONS, ...model.checkpoints.map((one) => one.quantization)]);
  for (const format of formats) {
    for (const isInstruct of [true, false]) {
      const meant = formatsMeantBy(format);
      const possible = model.checkpoints.filter(
        (one) => one.isInstruct === isInstruct && candidates.has(one.id) && meant.includes(one.quantization),
      );
      const costliest = possible.toSorted(
        (one, other) => weightBytes(shape, other.weights) - weightBytes(shape, one.weights),
      )[0];
      if (costliest?.quantization === format) chosen.add(costliest.id);
    }
  }
  const mark = (one: CheckpointEntry): CheckpointEntry => ({ ...one, isShortNameFor: chosen.has(one.id) });
  return { ...model, checkpoints: model.checkpoints.map(mark) };
}

function duplicates(catalog: Catalog): readonly CatalogFinding[] {
  const names: readonly (readonly [string, readonly string[]])[] = [
    ['formats', catalog.formats.map((row) => row.format.name)],
    ['recipes', catalog.recipes.map((row) => row.name)],
    ['models', catalog.models.flatMap((row) => [row.id, ...row.checkpoints.map((one) => one.id)])],
    ['gpus', catalog.gpus.map((row) => row.product)],
    ['instanceTypes', catalog.instanceTypes.map((row) => row.name)],
  ];
  return names.flatMap(([list, all]) =>
    all
      .filter((name, index) => all.indexOf(name) !== index)
      .map((name) => ({ path: `${list}:${name}`, message: 'stands more than once' })),
  );
}
