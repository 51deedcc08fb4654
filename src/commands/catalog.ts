import { findGpus } from '../catalog/resolve.ts';
import type { Catalog, CheckpointEntry, GpuEntry, ModelEntry } from '../catalog/types.ts';
import { DEFAULT_SETTINGS } from '../intent/settings.ts';
import type { EngineProfile } from '../sizing/engine-profile.ts';
import { engineProfile, SIZED_ENGINES } from '../sizing/engines/registry.ts';
import { kvDtype } from '../sizing/kv-dtype.ts';
import { countParameters } from '../sizing/parameters.ts';
import type { SizingRequest } from '../sizing/request.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatCount, GIB, tokens } from '../units.ts';
import { oneOf, parseArguments } from './flags.ts';
import { EXIT, type Io, printable, UsageError } from './io.ts';
import { catalogOf, OUTPUTS, writeReport } from './size.ts';

export const CATALOG_USAGE = `usage: vramgate catalog models|gpus|engines [--config FILE] [-o table|json|yaml]

  models   every model and checkpoint, what its name means, how large it is
  gpus     every product, with the memory that its driver really offers
  engines  what is known of each engine, by release

exit codes: 0 printed, 2 wrong input, 1 a fault of vramgate
`;

const SUBJECTS = ['models', 'gpus', 'engines'] as const;
type Subject = (typeof SUBJECTS)[number];
const OPTIONS = {
  config: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Cell = string | number | boolean | null;
type Row = Readonly<Record<string, Cell | readonly Cell[]>>;

/** `vramgate catalog`: what can be named, and what is known of it. */
export async function runCatalog(argv: readonly string[], io: Io): Promise<number> {
  const { values, words } = parseArguments(argv, OPTIONS);
  if (values.help === true) {
    io.out(CATALOG_USAGE);
    return EXIT.fits;
  }
  const [subject, ...rest] = words.map((word) => oneOf(word, SUBJECTS, 'catalog'));
  if (subject === undefined || rest.length > 0) throw new UsageError(`name one of ${SUBJECTS.join(', ')}`);
  const output = values.output === undefined ? 'table' : oneOf(values.output, OUTPUTS, '--output');
  const rows = ROWS[subject](await catalogOf(values.config ?? null));
  await writeReport(rows, output, io, () => `${tableText(rows.map(COLUMNS[subject]))}${LEGENDS[subject]}`);
  return EXIT.fits;
}

const ROWS: Readonly<Record<Subject, (catalog: Catalog) => readonly Row[]>> = {
  models: (catalog) => catalog.models.flatMap((model) => modelRows(model)),
  gpus: (catalog) => catalog.gpus.map(gpuRow),
  engines: (catalog) => SIZED_ENGINES.flatMap((name) => engineRows(name, catalog)),
};

// --- models ------------------------------------------------------------------------------------------------------

function modelRows(model: ModelEntry): readonly Row[] {
  if (model.checkpoints.length === 0) return [modelRow(model, null)];
  return model.checkpoints.map((checkpoint) => modelRow(model, checkpoint));
}

function modelRow(model: ModelEntry, checkpoint: CheckpointEntry | null): Row {
  const { shape } = model;
  return {
    model: model.id,
    checkpoint: checkpoint?.id ?? null,
    aliases: checkpoint?.aliases ?? [],
    quantization: checkpoint?.quantization ?? null,
    isShortName: checkpoint?.isShortNameFor ?? false,
    isInstruct: checkpoint?.isInstruct ?? null,
    isReleased: model.isReleased,
    maxContext: checkpoint?.maxContext ?? null,
    parameters: shape === null ? null : countParameters(shape).total,
    weightBytes: shape === null || checkpoint === null ? null : weightBytes(shape, checkpoint.weights),
    source: checkpoint?.source.url ?? model.source.url,
  };
}

// --- GPUs --------------------------------------------------------------------------------------------------------

function gpuRow(gpu: GpuEntry): Row {
  return {
    product: gpu.product,
    families: gpu.families,
    aliases: gpu.aliases,
    vendor: gpu.vendor,
    computeCapability: gpu.computeCapability,
    nominalGb: gpu.nominalGb,
    memoryMib: gpu.memoryMib,
    usableBytes: gpu.usableBytes,
    isEstimated: gpu.isEstimated,
    bf16: gpu.hasBf16,
    fp8: gpu.fp8,
    fp4: gpu.fp4,
    nvlinkDomain: gpu.nvlinkDomain,
    typicalPerNode: gpu.typicalPerNode,
    mig: gpu.mig,
    resource: gpu.resource,
    source: gpu.source.url,
  };
}

// --- engines -----------------------------------------------------------------------------------------------------

/** One row for each release that changes something, and one for a version that is not known. */
function engineRows(name: string, catalog: Catalog): readonly Row[] {
  const unknown = engineProfile(name, null);
  if (unknown === null) return [];
  const known = unknown.releases.map((release) => engineProfile(name, release));
  return [...known, unknown].flatMap((profile) => (profile === null ? [] : [engineRow(profile, catalog)]));
}

/** Defaults depend on the setting; this one is named in the row: Scout bf16, tensor parallel 8, one H100. */
function engineRow(profile: EngineProfile, catalog: Catalog): Row {
  const device = findGpus(catalog, 'H100').find((gpu) => gpu.device !== null)?.device ?? null;
  const request = exampleRequest(profile, catalog);
  const isSized = request !== null && device !== null;
  return {
    engine: profile.name,
    since: profile.version,
    versionIsKnown: profile.versionIsKnown,
    memoryFraction: isSized ? round(profile.fraction(request, device)) : null,
    fractionMeaning: profile.fractionMeaning,
    ...(isSized && limitsOf(profile, request, device)),
    kvLayout: isSized ? profile.kv(request, device).assumption : null,
    kvCacheDtypes: [...profile.kvDtypes.keys()],
    tensorParallel: profile.supportsTensorParallel,
    pipelineParallel: profile.supportsPipelineParallel,
    defaultGpus: profile.defaultGpus,
    spillsToCpu: profile.spills,
    example: 'Scout bf16, 131,072 tokens, tensor parallel 8, H100',
  };
}

function limitsOf(profile: EngineProfile, request: SizingRequest, device: DeviceShape): Row {
  const { sequences, batchedTokens } = profile.limits(request, device, request.context);
  return { maxNumSeqs: sequences, maxNumBatchedTokens: batchedTokens };
}

function exampleRequest(engine: EngineProfile, catalog: Catalog): SizingRequest | null {
  const scout = catalog.models.find((model) => model.id === 'scout');
  const checkpoint = scout?.checkpoints.find((one) => one.quantization === 'bf16' && one.isShortNameFor);
  const dtype = kvDtype(engine, 'auto');
  if (scout?.shape === undefined || scout.shape === null || checkpoint === undefined || dtype === null)
    return null;
  return {
    ...DEFAULT_SETTINGS,
    model: scout.shape,
    weights: checkpoint.weights,
    maxPositions: checkpoint.maxContext,
    loadedFrom: null,
    engine,
    context: tokens(131_072),
    concurrency: 1,
    kvDtype: dtype,
    parallel: {
      tensor: engine.supportsTensorParallel ? 8 : 1,
      pipeline: 1,
      data: 1,
      isExpertParallel: false,
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

// --- tables ------------------------------------------------------------------------------------------------------

const COLUMNS: Readonly<Record<Subject, (row: Row) => Readonly<Record<string, string>>>> = {
  models: (row) => ({
    MODEL: text(row['model']),
    QUANTIZATION: `${text(row['quantization'])}${row['isShortName'] === true ? ' *' : ''}`,
    CONTEXT: count(row['maxContext']),
    'WEIGHTS GiB': gib(row['weightBytes']),
    CHECKPOINT: text(row['checkpoint']),
  }),
  gpus: (row) => ({
    PRODUCT: text(row['product']),
    FAMILY: text(row['families']),
    'USABLE GiB': `${gib(row['usableBytes'])}${row['isEstimated'] === true ? ' ~' : ''}`,
    CC: text(row['computeCapability']),
    FP8: text(row['fp8']),
    FP4: text(row['fp4']),
    'PER NODE': text(row['typicalPerNode']),
    RESOURCE: text(row['resource']),
  }),
  engines: (row) => ({
    ENGINE: text(row['engine']),
    SINCE: row['since'] === null ? 'any or unknown' : text(row['since']),
    FRACTION: text(row['memoryFraction']),
    SEQS: text(row['maxNumSeqs']),
    BATCH: text(row['maxNumBatchedTokens']),
    'KV CACHE (Scout, TP 8, H100)': text(row['kvLayout']),
  }),
};

const LEGENDS: Readonly<Record<Subject, string>> = {
  models: '* what the short name of this format means for this model: its costliest checkpoint\n',
  gpus: '~ estimated from a sibling part; -o json has sources and every other column\n',
  engines:
    'FRACTION, SEQS and BATCH are the defaults in the setting of the last column; -o json has the rest\n',
};

function text(value: Row[string] | undefined): string {
  if (value === undefined || value === null || value === '') return '-';
  return typeof value === 'object' ? value.join(',') || '-' : String(value);
}

function count(value: Row[string] | undefined): string {
  return typeof value === 'number' ? formatCount(value) : '-';
}

function gib(value: Row[string] | undefined): string {
  return typeof value === 'number' ? (value / GIB).toFixed(2) : '-';
}

function tableText(rows: readonly Readonly<Record<string, string>>[]): string {
  const titles = Object.keys(rows[0] ?? {});
  const widths = titles.map((title) =>
    Math.max(title.length, ...rows.map((row) => (row[title] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  const lines = [line(titles), ...rows.map((row) => line(titles.map((title) => row[title] ?? '')))];
  return `${printable(lines.join('\n'))}\n`;
}
