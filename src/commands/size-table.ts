import type { PublishedReport } from '../pipeline/size-report.ts';
import { parallelText, subjectText } from '../plan/texts.ts';
import type { Judged } from '../plan/types.ts';
import type { BillItem, Fit } from '../sizing/shapes.ts';
import { formatLabel } from '../sizing/spread.ts';
import { formatCount, formatGib, GIB } from '../units.ts';
import { printable } from './io.ts';
import { type Paint, painter } from './paint.ts';

/** The table of `size`: one bar for each item of the fullest GPU's bill, the edge of what the engine may use marked. */

const BAR_WIDTH = 40;
const EDGE = '│';
const LABEL_WIDTH = 50;
/** Marks what the engine keeps beside its budget. */
const OUTSIDE = '†';

export function sizeTable(judged: Judged, published: PublishedReport | null, hasColour: boolean): string {
  const paint = painter(hasColour);
  const lines = [
    paint.bold(`${subjectText(judged.intent)} on ${parallelText(judged.parallel)}`),
    '',
    ...billLines(judged),
    `  ${'total per GPU'.padEnd(LABEL_WIDTH)} ${formatGib(judged.perGpu.mid, 2).padStart(11)}${spreadText(judged)}`,
    `  ${'all GPUs of one replica'.padEnd(LABEL_WIDTH)} ${formatGib(judged.totalBytes, 2).padStart(11)}`,
    ...kvLines(judged),
    '',
    ...(judged.fit === null ? [] : [...fitLines(judged.fit, paint), '']),
    ...publishedLines(judged, published),
    ...assumptionLines(judged),
  ];
  return `${lines.map(printableLine).join('\n')}\n`;
}

/** Names of models and engines come from the command line; colour codes are ours and stay. */
function printableLine(line: string): string {
  return line.includes('\u001b[') ? line : printable(line);
}

function billLines(judged: Judged): readonly string[] {
  const { bill, fit } = judged;
  const stage = bill?.stages[bill.fullest];
  if (stage === undefined) return [];
  const scale = Math.max(judged.perGpu.mid, fit?.usableBytes ?? 0);
  const items = stage.items.filter((item) => item.bytes.high > 0);
  const lines = items.map((item) => billLine(item, scale, fit));
  return items.every((item) => item.isInBudget)
    ? lines
    : [...lines, `  ${OUTSIDE} beside the engine's budget: must fit in the rest of the GPU`];
}

function billLine(item: BillItem, scale: number, fit: Fit | null): string {
  const text = formatLabel(item.label);
  const label = item.isInBudget ? text : `${text.slice(0, LABEL_WIDTH - 2)} ${OUTSIDE}`;
  const length = Math.max(item.bytes.mid > 0 ? 1 : 0, Math.round((item.bytes.mid / scale) * BAR_WIDTH));
  const bar = '█'.repeat(length).padEnd(BAR_WIDTH);
  return `  ${label.slice(0, LABEL_WIDTH).padEnd(LABEL_WIDTH)} ${formatGib(item.bytes.mid, 2).padStart(11)}  ${withEdge(bar, scale, fit)}`;
}

function withEdge(bar: string, scale: number, fit: Fit | null): string {
  if (fit === null) return bar.trimEnd();
  const at = Math.min(BAR_WIDTH, Math.round((fit.budgetBytes / scale) * BAR_WIDTH));
  return `${bar.slice(0, at)}${EDGE}${bar.slice(at)}`.trimEnd();
}

function spreadText({ perGpu }: Judged): string {
  if (perGpu.high === perGpu.low) return '';
  return `  (${(perGpu.low / GIB).toFixed(2)} to ${(perGpu.high / GIB).toFixed(2)}: measured overheads have a spread)`;
}

function kvLines({ bill }: Judged): readonly string[] {
  if (bill === null) return [];
  const { kv } = bill;
  return [
    `  KV cache: ${formatCount(kv.bytesPerToken)} bytes for one more token, layout ${kv.layout}: ${kv.assumption}`,
  ];
}

function fitLines(fit: Fit, paint: Paint): readonly string[] {
  const verdict = fit.fits ? paint.good('fits') : paint.bad('does not fit');
  const room =
    fit.headroomBytes >= 0
      ? `${formatGib(fit.headroomBytes, 2)} left`
      : `${formatGib(-fit.headroomBytes, 2)} too much`;
  const lines = [
    `${verdict}: ${fit.product} offers ${formatGib(fit.usableBytes, 2)}, the engine may use ${formatGib(fit.budgetBytes, 2)} (${EDGE}); ${room}`,
  ];
  const context = fit.maxContext();
  if (context !== null) lines.push(`largest context that fits: ${formatCount(context)} tokens`);
  if (fit.maxConcurrency > 0)
    lines.push(`sequences of this context at once: ${fit.maxConcurrency.toFixed(2)}`);
  if (fit.fitsAtLow !== fit.fitsAtHigh)
    lines.push('close: the answer depends on where in their measured range the overheads are');
  return lines;
}

function publishedLines(judged: Judged, published: PublishedReport | null): readonly string[] {
  if (published === null) return ['published: no figure for this case'];
  const tight =
    published.tightGigabytes === undefined ? '' : ` (tight single-GPU case: ${published.tightGigabytes} GB)`;
  const line = `published: ${Math.round(published.gigabytes * 10) / 10} GB${tight}, ${published.row}`;
  if (judged.method === 'published') return [line, ...releaseLines(judged)];
  if (judged.intent.workload === 'training') {
    return [line, 'they differ because the article counts full training at 16 bits, whatever the method'];
  }
  return [
    line,
    'they differ because the article counts about 1.85 MB of KV cache a token; 8 KV heads need 0.20 MB at 16 bits',
  ];
}

function releaseLines({ intent }: Judged): readonly string[] {
  const { model } = intent;
  return model.value.isReleased
    ? []
    : [`warning: ${model.value.name} was never released; this is a published estimate`];
}

function assumptionLines({ bill }: Judged): readonly string[] {
  return (bill?.assumptions ?? []).map((one) => {
    const settled = one.settledBy === null ? '' : ` (settled by ${one.settledBy})`;
    return `assumed: ${one.text}${settled}`;
  });
}
