import { parseDocument } from 'yaml';
import type * as z from 'zod';
import { formatPath } from '../findings.ts';
import { assemble, type Located, type LocatedModel, type SourceRows } from './assemble.ts';
import type { Report } from './build-rows.ts';
import {
  CatalogDocument,
  CheckpointRow,
  FormatRow,
  GpuRow,
  InstanceTypeRow,
  ModelRow,
  PublishedRow,
  RecipeRow,
} from './schema.ts';
import type { Catalog } from './types.ts';

export interface CatalogSource {
  readonly file: string;
  readonly text: string;
}

/** Rows that were read already: a section of a larger file. `path` is where it stands in it. */
export interface CatalogSection {
  readonly path: string;
  readonly value: unknown;
}

export interface CatalogFinding {
  /** File, row and field: `gpus.yaml: gpus[NVIDIA-H200].memoryMib`, or `catalog.gpus[NVIDIA-H200].memoryMib`. */
  readonly path: string;
  readonly message: string;
}

export interface CatalogReading {
  readonly catalog: Catalog;
  readonly findings: readonly CatalogFinding[];
}

const EMPTY: Catalog = {
  version: '',
  formats: [],
  recipes: [],
  models: [],
  gpus: [],
  published: [],
  instanceTypes: [],
};

/** Several rows may refer to one anchor, but a file of aliases of aliases would not end. */
const MAX_ALIASES = 16;

/** The one door for catalog data, for the built-in files as for an operator's. Rows with findings are left out. */
export function parseCatalogSources(sources: readonly CatalogSource[]): CatalogReading {
  return extendCatalog(EMPTY, sources);
}

/** A catalog with an operator's additions. The base is as it was; ids that it has already are refused. */
export function extendCatalog(
  base: Catalog,
  sources: readonly (CatalogSource | CatalogSection)[],
): CatalogReading {
  const findings: CatalogFinding[] = [];
  const files = sources.map((source) => readSource(source, findings));
  const catalog = assemble(base, {
    formats: files.flatMap((file) => file.formats),
    recipes: files.flatMap((file) => file.recipes),
    models: files.flatMap((file) => file.models),
    gpus: files.flatMap((file) => file.gpus),
    published: files.flatMap((file) => file.published),
    instanceTypes: files.flatMap((file) => file.instanceTypes),
  });
  return { catalog, findings };
}

/** Where a piece of the source is, and where to say what is wrong with it. */
interface Place {
  readonly path: string;
  /** Between the path and the name of what is in it. */
  readonly separator: string;
  readonly findings: CatalogFinding[];
}

function readSource(source: CatalogSource | CatalogSection, findings: CatalogFinding[]): SourceRows {
  if ('text' in source) {
    const place: Place = { path: source.file, separator: ': ', findings };
    return readSections(readYaml(source.text, place), place);
  }
  return readSections(source.value, { path: source.path, separator: '.', findings });
}

function readSections(value: unknown, place: Place): SourceRows {
  const document = check(CatalogDocument, value ?? {}, place);
  return {
    formats: readRows(FormatRow, document?.formats, section(place, 'formats', 'name')),
    recipes: readRows(RecipeRow, document?.recipes, section(place, 'recipes', 'name')),
    models: readModels(document?.models, section(place, 'models', 'id')),
    gpus: readRows(GpuRow, document?.gpus, section(place, 'gpus', 'product')),
    published: readRows(
      PublishedRow,
      document?.published,
      section(place, 'published', 'model', 'workload', 'format', 'context'),
    ),
    instanceTypes: readRows(
      InstanceTypeRow,
      document?.instanceTypes,
      section(place, 'instanceTypes', 'name'),
    ),
  };
}

interface Section extends Place {
  /** The fields that tell its rows apart. */
  readonly keys: readonly string[];
}

function section(place: Place, name: string, ...keys: readonly string[]): Section {
  return { ...place, path: `${place.path}${place.separator}${name}`, separator: '.', keys };
}

/** Null when the text is no YAML; that was reported. */
function readYaml(text: string, { path, findings }: Place): unknown {
  const document = parseDocument(text);
  const report = (message: string): null => {
    findings.push({ path, message });
    return null;
  };
  for (const error of document.errors) report(error.message);
  if (document.errors.length > 0) return null;
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    return report(error instanceof Error ? error.message : String(error));
  }
}

/** The value in the schema's type, or null with every issue reported. */
function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: Place,
): z.output<Schema> | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) reportIssue(issue, reporter(place));
  return null;
}

/** An unknown key is named at its own path, not at that of the object that holds it. */
function reportIssue(issue: z.core.$ZodIssue, report: Report): void {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code !== 'unrecognized_keys') report(formatPath(path), issue.message);
  else for (const key of issue.keys) report(formatPath([...path, key]), 'no such key');
}

function reporter({ path, separator, findings }: Place): Report {
  return (field, message) => {
    // A name that is not plain is written in brackets: `[a key]`.
    const between = field === '' || field.startsWith('[') ? '' : separator;
    findings.push({ path: `${path}${between}${field}`, message });
  };
}

function readRows<Schema extends z.ZodType>(
  schema: Schema,
  rows: readonly unknown[] | null | undefined,
  place: Section,
): readonly Located<z.output<Schema>>[] {
  return (rows ?? []).flatMap((value, index) => {
    const at = rowPlace(place, value, index);
    const row = check(schema, value, at);
    return row === null ? [] : [{ row, report: reporter(at) }];
  });
}

function readModels(rows: readonly unknown[] | null | undefined, place: Section): readonly LocatedModel[] {
  return (rows ?? []).flatMap((value, index) => {
    const at = rowPlace(place, value, index);
    const row = check(ModelRow, value, at);
    if (row === null) return [];
    const inner = { ...at, path: `${at.path}.checkpoints`, keys: ['id'] };
    return [{ row, report: reporter(at), checkpoints: readRows(CheckpointRow, row.checkpoints, inner) }];
  });
}

/** Rows are named by their key; one without a key by its place in the list. */
function rowPlace(place: Section, value: unknown, index: number): Place {
  const entries = new Map<string, unknown>(
    typeof value === 'object' && value !== null ? Object.entries(value) : [],
  );
  const parts = place.keys.map((key) => entries.get(key));
  const name = parts.every((part) => typeof part === 'string') ? parts.join(' ') : String(index);
  return { ...place, path: `${place.path}[${name}]` };
}
