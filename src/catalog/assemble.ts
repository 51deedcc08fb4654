import { type Tokens, tokens } from '../units.ts';
import {
  checkpointOf,
  type Defaults,
  fineTuneOf,
  formatOf,
  gpuOf,
  instanceTypeOf,
  publishedOf,
  type Report,
  recipeOf,
  shapeOf,
} from './build-rows.ts';
import { contentHash } from './content-hash.ts';
import { nameKey } from './name-key.ts';
import type {
  CheckpointRow,
  FormatRow,
  GpuRow,
  InstanceTypeRow,
  ModelRow,
  PublishedRow,
  RecipeRow,
} from './schema.ts';
import { markShortNames } from './short-names.ts';
import type {
  Catalog,
  CheckpointEntry,
  GpuEntry,
  InstanceTypeEntry,
  ModelEntry,
  PublishedRow as PublishedEntry,
  Recipe,
} from './types.ts';

/** A valid row, and how to say what is wrong with it. */
export interface Located<Row> {
  readonly row: Row;
  readonly report: Report;
}

export interface LocatedModel extends Located<ModelRow> {
  readonly checkpoints: readonly Located<CheckpointRow>[];
}

export interface SourceRows {
  readonly formats: readonly Located<FormatRow>[];
  readonly recipes: readonly Located<RecipeRow>[];
  readonly models: readonly LocatedModel[];
  readonly gpus: readonly Located<GpuRow>[];
  readonly published: readonly Located<PublishedRow>[];
  readonly instanceTypes: readonly Located<InstanceTypeRow>[];
}

/** `base` with the rows added. A row that refers to nothing, or is there already, is reported and left out. */
export function assemble(base: Catalog, rows: SourceRows): Catalog {
  const formats = withFormats(base, rows.formats);
  const recipes = withRecipes(base, formats, rows.recipes);
  const models = withModels(base, recipes, rows.models);
  const gpus = withGpus(base, rows.gpus);
  const content = {
    formats: sorted(formats, (one) => one.format.name),
    recipes: sorted(recipes, (one) => one.name),
    models: sorted(models, (one) => one.id),
    gpus: sorted(gpus, (one) => one.product),
    published: sorted(withPublished(base, models, rows.published), publishedKey),
    instanceTypes: sorted(withInstanceTypes(base, gpus, rows.instanceTypes), (one) => one.name),
  };
  return { version: contentHash(JSON.stringify(content)), ...content };
}

function sorted<Row>(rows: readonly Row[], key: (row: Row) => string): readonly Row[] {
  const ordered = rows.map((row) => ({ row, key: key(row).toLowerCase() }));
  ordered.sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key)));
  return ordered.map(({ row }) => row);
}

/** Takes names for a row, or reports the first that belongs to another row already. */
function claim(taken: Set<string>, names: readonly string[], field: string, report: Report): boolean {
  for (const name of names) {
    if (taken.has(nameKey(name))) {
      report(field, `${name} names another row already`);
      return false;
    }
  }
  for (const name of names) taken.add(nameKey(name));
  return true;
}

function withFormats(base: Catalog, rows: SourceRows['formats']): Catalog['formats'] {
  const taken = new Set(base.formats.map((one) => nameKey(one.format.name)));
  const added = rows.filter(({ row, report }) => claim(taken, [row.name], 'name', report));
  return [...base.formats, ...added.map(({ row }) => formatOf(row))];
}

function withRecipes(
  base: Catalog,
  formats: Catalog['formats'],
  rows: SourceRows['recipes'],
): readonly Recipe[] {
  const byName = new Map(formats.map(({ format }) => [format.name, format]));
  const taken = new Set(base.recipes.map((one) => nameKey(one.name)));
  const added = rows.flatMap(({ row, report }) => {
    const recipe = claim(taken, [row.name], 'name', report) ? recipeOf(row, byName, report) : null;
    return recipe === null ? [] : [recipe];
  });
  return [...base.recipes, ...added];
}

interface ModelScope {
  readonly recipes: ReadonlyMap<string, Recipe>;
  readonly taken: Set<string>;
}

function namesOf(model: ModelEntry): readonly string[] {
  return [model.id, ...model.checkpoints.flatMap((one) => [one.id, ...one.aliases])];
}

function withModels(
  base: Catalog,
  recipes: readonly Recipe[],
  rows: SourceRows['models'],
): readonly ModelEntry[] {
  const models = [...base.models];
  const scope: ModelScope = {
    recipes: new Map(recipes.map((recipe) => [recipe.name, recipe])),
    taken: new Set(models.flatMap(namesOf).map(nameKey)),
  };
  const add = (located: LocatedModel, from: ModelEntry | null): void => {
    const { row, report } = located;
    if (claim(scope.taken, [row.id], 'id', report)) models.push(modelOf(located, from, scope));
  };
  for (const located of rows) if (located.row.base === undefined) add(located, null);
  // Fine-tunes last: their base may stand below them, or in another file.
  for (const located of rows) {
    const { base: wanted } = located.row;
    if (wanted === undefined) continue;
    const from = models.find((model) => model.id.toLowerCase() === wanted.toLowerCase());
    if (from === undefined || from.shape === null) {
      located.report('base', `no model with a known architecture is named ${wanted}`);
    } else add(located, from);
  }
  return models;
}

function modelOf(located: LocatedModel, from: ModelEntry | null, scope: ModelScope): ModelEntry {
  const { row } = located;
  const shape = row.config === undefined ? (from?.shape ?? null) : shapeOf(row.config);
  const limit = row.maxContext ?? row.config?.text_config.max_position_embeddings;
  const maxContext = limit === undefined ? null : tokens(limit);
  const inherited = from === null ? null : instructLimit(from);
  const defaults = {
    maxContext: maxContext ?? inherited ?? tokens(1),
    hasVision: shape !== null && shape.vision !== null,
  };
  const own = ownCheckpoints(located, defaults, scope);
  const inheritable = from === null ? [] : missingFormats(from, own);
  const checkpoints = [...own, ...derivedCheckpoints(located, inheritable, maxContext, scope)];
  const excluded = new Set(
    located.checkpoints.filter((one) => !one.row.isShortNameCandidate).map((one) => one.row.id),
  );
  return markShortNames(
    {
      id: row.id,
      name: row.name ?? row.id,
      isReleased: row.isReleased,
      shape,
      checkpoints: sorted(checkpoints, (one) => one.id),
      source: row.source,
    },
    (id) => !excluded.has(id),
  );
}

function instructLimit(model: ModelEntry): Tokens | null {
  return model.checkpoints.find((one) => one.isInstruct)?.maxContext ?? null;
}

function ownCheckpoints(
  located: LocatedModel,
  defaults: Defaults,
  scope: ModelScope,
): readonly CheckpointEntry[] {
  return located.checkpoints.flatMap(({ row, report }) => {
    if (!claim(scope.taken, [row.id], 'id', report)) return [];
    if (!claim(scope.taken, row.aliases, 'aliases', report)) return [];
    const checkpoint = checkpointOf(row, defaults, scope.recipes, report);
    return checkpoint === null ? [] : [checkpoint];
  });
}

/** What a short name means for the base, in the formats that the fine-tune has no checkpoint of its own in. */
function missingFormats(from: ModelEntry, own: readonly CheckpointEntry[]): readonly CheckpointEntry[] {
  const formats = new Set(own.map((one) => one.quantization));
  return from.checkpoints.filter(
    (one) => one.isShortNameFor && one.isInstruct && !formats.has(one.quantization),
  );
}

/** Those as checkpoints of the fine-tune: it can be quantized in the same ways. */
function derivedCheckpoints(
  located: LocatedModel,
  inheritable: readonly CheckpointEntry[],
  maxContext: Tokens | null,
  scope: ModelScope,
): readonly CheckpointEntry[] {
  const { row, report } = located;
  if (!claim(scope.taken, row.aliases, 'aliases', report)) return [];
  const tune = { id: row.id, aliases: row.aliases, maxContext, source: row.source };
  return inheritable
    .map((one) => fineTuneOf(one, tune))
    .filter((one) => claim(scope.taken, [one.id], 'id', report));
}

function withGpus(base: Catalog, rows: SourceRows['gpus']): readonly GpuEntry[] {
  const replaced = new Set(rows.filter(({ row }) => row.replaces).map(({ row }) => nameKey(row.product)));
  const kept = base.gpus.filter((gpu) => !replaced.has(nameKey(gpu.product)));
  const known = new Set(base.gpus.map((gpu) => nameKey(gpu.product)));
  const taken = new Set(kept.flatMap((gpu) => [gpu.product, ...gpu.aliases]).map(nameKey));
  const added = rows.filter(({ row, report }) => {
    if (row.replaces && !known.has(nameKey(row.product)))
      report('replaces', 'there is no such row to replace');
    return claim(taken, [row.product], 'product', report) && claim(taken, row.aliases, 'aliases', report);
  });
  return [...kept, ...added.map(({ row }) => gpuOf(row))];
}

function withInstanceTypes(
  base: Catalog,
  gpus: readonly GpuEntry[],
  rows: SourceRows['instanceTypes'],
): readonly InstanceTypeEntry[] {
  const products = new Set(gpus.map((gpu) => gpu.product));
  const replaced = new Set(rows.filter(({ row }) => row.replaces).map(({ row }) => row.name));
  const kept = base.instanceTypes.filter((one) => !replaced.has(one.name));
  const known = new Set(base.instanceTypes.map((one) => one.name));
  const taken = new Set(kept.map((one) => nameKey(one.name)));
  const added = rows.filter(({ row, report }) => {
    if (row.replaces && !known.has(row.name)) report('replaces', 'there is no such row to replace');
    if (!products.has(row.product)) report('product', `no GPU has the product ${row.product}`);
    return products.has(row.product) && claim(taken, [row.name], 'name', report);
  });
  return [...kept, ...added.map(({ row }) => instanceTypeOf(row))];
}

function publishedKey(row: PublishedEntry): string {
  // Padded, so that contexts sort as numbers: the largest safe integer has 16 digits.
  return [row.model, row.workload, row.format, String(row.context).padStart(16, '0')].join('/');
}

function withPublished(
  base: Catalog,
  models: readonly ModelEntry[],
  rows: SourceRows['published'],
): readonly PublishedEntry[] {
  const known = new Set(models.map((model) => model.id));
  const taken = new Set(base.published.map((one) => nameKey(publishedKey(one))));
  const added = rows.flatMap(({ row, report }) => {
    const entry = publishedOf(row);
    if (!known.has(row.model)) report('model', `no model has the id ${row.model}`);
    return known.has(row.model) && claim(taken, [publishedKey(entry)], 'context', report) ? [entry] : [];
  });
  return [...base.published, ...added];
}
