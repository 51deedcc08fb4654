import type { Catalog } from '../catalog/types.ts';
import type { Intent } from '../intent/types.ts';
import { gpusOf, parallelProblems } from '../plan/options.ts';
import { createSizer, publishedFormat, sizingRequest } from '../plan/sizer.ts';
import type { Judged } from '../plan/types.ts';
import { publishedRange } from '../sizing/published.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { largestFitting, solveConcurrency, solveContext, solveGpus } from '../sizing/solve.ts';
import { bytes, formatCount } from '../units.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { catalogOf, jsonOfSize, tableOfSize, writeReport } from './size.ts';
import { deviceOf, intentOf, parallelOf } from './size-intent.ts';
import {
  chosen,
  countOf,
  readFlags,
  SOLVE_OPTIONS,
  SOLVE_USAGE,
  textOf,
  type Values,
} from './size-options.ts';

const FIELDS = ['context', 'concurrency', 'gpus'] as const;
type Field = (typeof FIELDS)[number];

interface Problem {
  readonly intent: Intent;
  readonly device: DeviceShape;
  readonly catalog: Catalog;
  readonly method: 'computed' | 'published';
}

/** A way to run, and the value that it stands for. */
interface Answer {
  /** null: nothing fits; the rest is then the least that was asked for. */
  readonly value: number | null;
  readonly intent: Intent;
  readonly parallel: Parallel;
  /** GPUs over which a training state is sharded. */
  readonly gpus: number;
}

/** `vramgate solve`: the largest context or concurrency, or the fewest GPUs, that fit by the middle of the bill. */
export async function runSolve(argv: readonly string[], io: Io): Promise<number> {
  const values = readFlags(argv, SOLVE_OPTIONS);
  if (values.help === true) {
    io.out(SOLVE_USAGE);
    return EXIT.fits;
  }
  const field = chosen(values, 'for', FIELDS);
  if (field === null) throw new UsageError('--for is needed: context, concurrency or gpus');
  const output = chosen(values, 'output', ['table', 'json', 'yaml']) ?? 'table';
  const problem = problemOf(values, field, await catalogOf(textOf(values, 'config')));
  const answer = solve(field, problem, values);
  const judged = judge(problem, answer);
  const report = { solved: { field, value: answer.value }, size: jsonOfSize(judged, problem.catalog) };
  await writeReport(
    report,
    output,
    io,
    () => `${sentence(field, answer)}\n\n${tableOfSize(judged, problem.catalog, io)}`,
  );
  return answer.value === null ? EXIT.doesNotFit : EXIT.fits;
}

function problemOf(values: Values, field: Field, catalog: Catalog): Problem {
  const method = chosen(values, 'method', ['computed', 'published']) ?? 'computed';
  if (values[field] !== undefined && field !== 'gpus')
    throw new UsageError(`--${field}: it is what --for ${field} finds; leave it out`);
  // What is solved for has no value yet; any valid one stands in.
  const intent = intentOf(
    field === 'context' && values.context === undefined ? { ...values, context: '1' } : values,
    catalog,
  );
  const named = deviceOf(values, catalog);
  if (named === null) throw new UsageError('--gpu is needed: the product whose memory is to be filled');
  return { intent, device: named.device, catalog, method };
}

function solve(field: Field, problem: Problem, values: Values): Answer {
  if (field === 'gpus') return fewestGpus(problem, values);
  const parallel = parallelOf(values);
  if (parallel === null) throw new UsageError(`--gpus is needed: how many GPUs --for ${field} may fill`);
  const problems = problem.intent.workload === 'inference' ? parallelProblems(problem.intent, parallel) : [];
  if (problems.length > 0) throw new UsageError(problems.join('; '));
  return field === 'context' ? largestContext(problem, parallel) : mostSequences(problem, parallel);
}

// --- by the engine's own rules, or by the same judgement that `size` prints -----------------------------------------

function isComputed({ intent, method }: Problem): boolean {
  return method === 'computed' && intent.workload === 'inference' && intent.model.value.shape !== null;
}

function withContext(intent: Intent, value: number): Intent {
  return { ...intent, context: { ...intent.context, value } };
}

function judge(
  { catalog, method, device }: Problem,
  { intent, parallel, gpus }: Omit<Answer, 'value'>,
): Judged {
  const made = createSizer(intent, catalog, { method, headroomBytes: bytes(0) });
  if (made.kind === 'unknown') throw new UsageError(made.finding.message);
  return made.sizer.judge(parallel, device, gpus);
}

function roomOf(problem: Problem, answer: Omit<Answer, 'value'>): number {
  return judge(problem, answer).fit?.headroomBytes ?? Number.NEGATIVE_INFINITY;
}

/** Contexts that can be asked about: what the checkpoint declares, or what was published. */
function contextRange({ intent, catalog, method }: Problem): {
  readonly first: number;
  readonly last: number;
} {
  const maximum = intent.checkpoint?.value.maxContext ?? null;
  if (method === 'computed' && maximum !== null) return { first: 1, last: maximum };
  const range = publishedRange(catalog.published, {
    model: intent.model.value.id,
    workload: intent.workload,
    format: publishedFormat(intent.quantization),
  });
  if (range !== null) return range;
  throw new UsageError(`nothing was published for ${intent.model.value.name} in ${intent.quantization}`);
}

function largestContext(problem: Problem, parallel: Parallel): Answer {
  const { intent, device } = problem;
  const gpus = gpusOf(parallel);
  const { first, last } = contextRange(problem);
  const request = isComputed(problem) ? sizingRequest(intent, parallel) : null;
  const found =
    request === null
      ? largestFitting(last - first + 1, (step) => [
          roomOf(problem, { intent: withContext(intent, first + step - 1), parallel, gpus }),
        ])
      : solveContext(request, device, 'mid');
  const value = found === null ? null : first + found - 1;
  return { value, intent: withContext(intent, value ?? first), parallel, gpus };
}

function mostSequences(problem: Problem, parallel: Parallel): Answer {
  const { intent, device } = problem;
  const request = isComputed(problem) ? sizingRequest(intent, parallel) : null;
  if (request === null)
    throw new UsageError(
      '--for concurrency: published and training figures say nothing of several sequences',
    );
  const value = solveConcurrency(request, device, 'mid');
  const concurrency = { ...intent.concurrency, value: value ?? 1 };
  return { value, intent: { ...intent, concurrency }, parallel, gpus: gpusOf(parallel) };
}

/** Sixteen nodes of eight, as far as `solveGpus` looks; training shards over any number. */
const MOST_GPUS = 128;
const MOST_TRAINING_GPUS = 65_536;

function fewestGpus(problem: Problem, values: Values): Answer {
  if (values['tensor-parallel'] !== undefined || values['pipeline-parallel'] !== undefined)
    throw new UsageError(
      '--for gpus chooses the parallel sizes; leave --tensor-parallel and --pipeline-parallel out',
    );
  const most = countOf(values, 'gpus');
  const { intent } = problem;
  if (intent.workload === 'training') return fewestForTraining(problem, most ?? MOST_TRAINING_GPUS);
  const one = { tensor: 1, pipeline: 1, data: 1, isExpertParallel: false };
  const request = isComputed(problem) ? sizingRequest(intent, one) : null;
  const found = request === null ? spreadOver(problem) : solveGpus(request, problem.device, 'mid');
  const parallel = found === null ? one : { ...one, tensor: found.tensor, pipeline: found.pipeline };
  const gpus = gpusOf(parallel);
  return { value: found === null || gpus > (most ?? gpus) ? null : gpus, intent, parallel, gpus };
}

/** A published total, spread evenly over the counts that the engine can run. */
function spreadOver(problem: Problem): Parallel | null {
  const { intent } = problem;
  const widths = [1, 2, 4, 8].map((tensor) => ({ tensor, pipeline: 1 }));
  const stages = Array.from({ length: MOST_GPUS / 8 - 1 }, (_, index) => ({
    tensor: 8,
    pipeline: index + 2,
  }));
  const all = [...widths, ...stages].map((one) => ({ ...one, data: 1, isExpertParallel: false }));
  const fits = (one: Parallel): boolean => roomOf(problem, { intent, parallel: one, gpus: gpusOf(one) }) >= 0;
  return all.find((one) => parallelProblems(intent, one).length === 0 && fits(one)) ?? null;
}

function fewestForTraining(problem: Problem, most: number): Answer {
  const { intent } = problem;
  const answer = (gpus: number) => ({
    intent,
    parallel: { tensor: gpus, pipeline: 1, data: 1, isExpertParallel: false },
    gpus,
  });
  const fits = (gpus: number): boolean => roomOf(problem, answer(gpus)) >= 0;
  if (!fits(most)) return { value: null, ...answer(most) };
  // More GPUs never need more each: the most that do not fit, and one more.
  const tooFew = largestFitting(most, (gpus) => [fits(gpus) ? -1 : 1]) ?? 0;
  return { value: tooFew + 1, ...answer(tooFew + 1) };
}

// --- printing ----------------------------------------------------------------------------------------------------

function sentence(field: Field, { value, parallel }: Answer): string {
  if (value === null)
    return `nothing fits: not even the least ${field === 'gpus' ? 'that was looked at' : field} does`;
  const layout = `tensor parallel ${parallel.tensor}${parallel.pipeline > 1 ? ` x pipeline parallel ${parallel.pipeline}` : ''}`;
  if (field === 'context') return `largest context that fits: ${formatCount(value)} tokens`;
  if (field === 'concurrency') return `most sequences that fit at once: ${formatCount(value)}`;
  return `fewest GPUs that fit: ${formatCount(value)} (${layout})`;
}
