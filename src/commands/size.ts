import { builtinCatalog } from '../catalog/builtin.ts';
import type { Intent } from '../intent/types.ts';
import { sizeReport } from '../pipeline/size-report.ts';
import { gpusOf, parallelProblems } from '../plan/options.ts';
import { createSizer, type Sizer } from '../plan/sizer.ts';
import type { Judged } from '../plan/types.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { bytes } from '../units.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { chosen, deviceOf, intentOf, parallelOf, readFlags, SIZE_USAGE } from './size-options.ts';
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
  const output = chosen(values, 'output', ['table', 'json', 'yaml']) ?? 'table';
  const method = chosen(values, 'method', ['computed', 'published']) ?? 'computed';
  const intent = intentOf(values);
  const made = createSizer(intent, builtinCatalog, { method, headroomBytes: bytes(0) });
  if (made.kind === 'unknown') throw new UsageError(made.finding.message);
  const named = deviceOf(values);
  const device = named?.device ?? null;
  const parallel = parallelOf(values) ?? smallestParallel(intent, made.sizer, device);
  const problems = intent.workload === 'inference' ? parallelProblems(intent, parallel) : [];
  if (problems.length > 0) {
    io.err(`vramgate: ${problems.join('; ')}\n`);
    return EXIT.doesNotFit;
  }
  const judged = made.sizer.judge(parallel, device, gpusOf(parallel));
  await print(judged, output, io);
  return judged.fit?.fits === false ? EXIT.doesNotFit : EXIT.fits;
}

async function print(judged: Judged, output: 'table' | 'json' | 'yaml', io: Io): Promise<void> {
  const report = {
    ...sizeReport(judged, builtinCatalog.published),
    findings: (judged.bill?.assumptions ?? []).map((one) => ({
      code: 'assumed-costlier',
      severity: 'info',
      path: one.settledBy ?? '',
      message: one.text,
    })),
  };
  if (output === 'json') io.out(`${JSON.stringify(report, null, 2)}\n`);
  else if (output === 'yaml') io.out((await import('yaml')).stringify(report));
  else io.out(sizeTable(judged, report.published, io.isTerminal && io.env['NO_COLOR'] === undefined));
}
