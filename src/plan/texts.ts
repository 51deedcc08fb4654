import type { Intent } from '../intent/types.ts';
import { BILL_LINES, type BillLine, type Parallel } from '../sizing/shapes.ts';
import { formatCount, formatGib } from '../units.ts';
import type { Judged } from './types.ts';

/** Sentences about sizes. The only place where the planner turns bytes into words. */

const LINE_NAMES: Readonly<Record<BillLine, string>> = {
  weights: 'weights',
  ropeTable: 'RoPE table',
  kvCache: 'KV cache',
  activations: 'activations',
  runtime: 'runtime',
  graphs: 'CUDA graphs',
  engineTables: 'engine tables',
};

/** `Llama 4 Scout (w4a16, 131,072 tokens)`. */
export function subjectText(intent: Intent): string {
  const context = intent.isContextAuto
    ? 'context chosen by the engine'
    : `${formatCount(intent.context.value)} tokens`;
  const many = intent.concurrency.value > 1 ? ` x ${intent.concurrency.value} sequences` : '';
  const what = intent.workload === 'training' ? trainingText(intent) : `${context}${many}`;
  return `${intent.model.value.name} (${intent.quantization}, ${what})`;
}

function trainingText({ trainingMethod }: Intent): string {
  return trainingMethod === null ? 'training' : `${trainingMethod} training`;
}

/** `8 GPUs (tensor parallel 8)`. */
export function parallelText(parallel: Parallel): string {
  const gpus = parallel.tensor * parallel.pipeline * parallel.data;
  const parts = [`tensor parallel ${parallel.tensor}`];
  if (parallel.pipeline > 1) parts.push(`pipeline parallel ${parallel.pipeline}`);
  if (parallel.data > 1) parts.push(`data parallel ${parallel.data}`);
  return `${gpus} GPU${gpus === 1 ? '' : 's'} (${parts.join(', ')})`;
}

/** Training shards its state over all GPUs, whatever the parallel flags of an engine would be. */
function gpusText({ intent, gpus, parallel }: Judged): string {
  if (intent.workload === 'training') return `${gpus} GPU${gpus === 1 ? '' : 's'}`;
  return parallelText(parallel);
}

/** `weights 93.7 + KV cache 3.0 + activations 7.5 … GiB`, largest first, lines of nothing left out. */
export function billText(judged: Judged): string {
  if (judged.bill === null) return judged.method === 'published' ? 'published figure' : 'training state';
  const perGpu = judged.bill.perGpu;
  const lines = BILL_LINES.filter((line) => perGpu[line] > 0).toSorted(
    (one, other) => perGpu[other] - perGpu[one],
  );
  return lines.map((line) => `${LINE_NAMES[line]} ${formatGib(perGpu[line])}`).join(' + ');
}

/** Need against have, in one sentence: what a refusal begins with. */
export function needText(judged: Judged): string {
  const fit = judged.fit;
  const need = `${subjectText(judged.intent)} needs ${formatGib(countedBytes(judged))} per GPU on ${gpusText(judged)}`;
  if (fit === null) return need;
  const isShortOutside = fit.binding === 'rest' && fit.headroomBytes < 0;
  if (
    judged.bill === null ||
    fit.budgetBytes === fit.usableBytes ||
    (fit.binding === 'rest' && !isShortOutside)
  ) {
    return `${need}; ${fit.product} offers ${formatGib(fit.usableBytes)}`;
  }
  if (isShortOutside) {
    const rest = formatGib(fit.usableBytes - fit.budgetBytes);
    return `${need}; what ${judged.intent.engine} keeps outside its budget exceeds the remaining ${rest} of ${fit.product}`;
  }
  return `${need}; ${judged.intent.engine} may use ${formatGib(fit.budgetBytes)} of the ${formatGib(fit.usableBytes)} of ${fit.product}`;
}

/** What counts against the limit that binds: the engine's budget, or the whole GPU. */
function countedBytes({ fit, bill, perGpu }: Judged): number {
  return fit === null || bill === null || fit.binding === 'rest'
    ? perGpu.mid
    : fit.budgetBytes - fit.headroomBytes;
}

/** The whole refusal of one sizing: need, have, shortfall and the arithmetic, on one line. */
export function refusalText(judged: Judged): string {
  const short = judged.fit === null ? 0 : -judged.fit.headroomBytes;
  const shortfall = short > 0 ? `, ${formatGib(short)} too much` : '';
  return `${needText(judged)}${shortfall} (${billText(judged)})${settleText(judged)}`;
}

/** When the refusal hangs on an assumed fact, which annotation or flag would settle it (contract §3). */
function settleText(judged: Judged): string {
  const open = (judged.bill?.assumptions ?? []).filter((one) => one.settledBy !== null);
  const names = [...new Set(open.map((one) => one.settledBy))].slice(0, 2);
  return names.length === 0 ? '' : `; assumed the costlier case, settled by ${names.join(' or ')}`;
}
