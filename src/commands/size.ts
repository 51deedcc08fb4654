import { builtinCatalog } from '../catalog/builtin.ts';
import type { Catalog } from '../catalog/types.ts';
import { severityOf } from '../findings.ts';
import type { Intent } from '../intent/types.ts';
import { type SizeReport, sizeReport } from '../pipeline/size-report.ts';
import { gpusOf, parallelProblems } from '../plan/options.ts';
import { createSizer, type Sizer } from '../plan/sizer.ts';
import type { Judged } from '../plan/types.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { bytes } from '../units.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { sizeFindings } from './size-findings.ts';
import { deviceOf, intentOf, parallelOf } from './size-intent.ts';
import { chosen, readFlags, SIZE_USAGE, textOf } from './size-options.ts';
import { sizeTable } from './size-table.ts';

function smallestParallel(intent: Intent, sizer: Sizer, device: DeviceShape | null): Parallel {
  const sizes = [1, 2, 4, 8].map((tensor) => ({ tensor, pipeline: 1, data: 1, isExpertParallel: false }));
  const valid = sizes.filter((one) => parallelProblems(intent, one).length === 0);
  const fitting = valid.find(
    (one) => device !== null && sizer.judge(one, device, gpusOf(one)).fit?.fits === true,
  );
  const fallback = device === null ? valid[0] : valid.at(-1);
  return fitting ?? fallback ?? { tensor: 1, pipeline: 1, data: 1, isExpertParallel: false };
}

/** `vramgate size`: what one replica needs per GPU, and whether it fits the GPU named. */
export async function runSize(argv: readonly string[], io: Io): Promise<number> {
  const values = readFlags(argv);
  if (values.help === true) {
    io.out(SIZE_USAGE);
    return EXIT.fits;
  }
  const catalog = await catalogOf(textOf(values, 'config'));
  const output = chosen(values, 'output', OUTPUTS) ?? 'table';
  const method = chosen(values, 'method', ['computed', 'published']) ?? 'computed';
  const intent = intentOf(values, catalog);
  const made = createSizer(intent, catalog, { method, headroomBytes: bytes(0) });
  if (made.kind === 'unknown') throw new UsageError(made.finding.message);
  const device = deviceOf(values, catalog)?.device ?? null;
  const parallel = parallelOf(values) ?? smallestParallel(intent, made.sizer, device);
  const problems = intent.workload === 'inference' ? parallelProblems(intent, parallel) : [];
  if (problems.length > 0) {
    io.err(`vramgate: ${problems.join('; ')}\n`);
    return EXIT.doesNotFit;
  }
  const judged = made.sizer.judge(parallel, device, gpusOf(parallel));
  await writeReport(jsonOfSize(judged, catalog), output, io, () => tableOfSize(judged, catalog, io));
  return judged.fit?.fits === false ? EXIT.doesNotFit : EXIT.fits;
}

/** The catalog of the release, or with an operator's rows. Reading YAML is loaded only where it is asked for. */
export async function catalogOf(configFile: string | null): Promise<Catalog> {
  if (configFile === null) return builtinCatalog;
  const { loadConfig } = await import('./facts.ts');
  return (await loadConfig(configFile)).catalog;
}

// --- printing, also for `solve` ----------------------------------------------------------------------------------

export const OUTPUTS = ['table', 'json', 'yaml'] as const;
export type Output = (typeof OUTPUTS)[number];

/** JSON of the contract (§6): the report and its findings. */
export function jsonOfSize(
  judged: Judged,
  catalog: Catalog,
): SizeReport & { readonly findings: readonly unknown[] } {
  return {
    ...sizeReport(judged, catalog.published),
    findings: sizeFindings(judged).map(({ code, path, message }) => ({
      code,
      severity: severityOf(code),
      path: path.join(' '),
      message,
    })),
  };
}

export function tableOfSize(judged: Judged, catalog: Catalog, io: Io): string {
  const { published } = sizeReport(judged, catalog.published);
  return sizeTable(judged, published, io.isTerminal && io.env['NO_COLOR'] === undefined);
}

/** `yaml` is loaded only where it is asked for: it costs more than the whole computation. */
export async function writeReport(
  report: unknown,
  output: Output,
  io: Io,
  table: () => string,
): Promise<void> {
  if (output === 'json') io.out(`${JSON.stringify(report, null, 2)}\n`);
  else if (output === 'yaml') io.out((await import('yaml')).stringify(report));
  else io.out(table());
}
