import { plain } from '../../plan/message.ts';
import { nameOf } from '../judge.ts';
import { painter } from '../paint.ts';
import { objectText, verdictCounts } from '../reports/table.ts';
import type { Change, Outcome } from './baseline.ts';
import type { GpuCount, Scanned } from './elements.ts';

/** For a person: each workload as `check` shows it, then what is wasted and what is missing. */

function gpuLine({ requested, unused, missing }: GpuCount): string {
  const parts = [`${requested ?? 0} requested`];
  if (unused > 0) parts.push(`${unused} unused`);
  if (missing > 0) parts.push(`${missing} more needed`);
  return `        gpus    ${parts.join(', ')}\n`;
}

function total(scanned: readonly Scanned[], of: (gpus: GpuCount) => number): number {
  return scanned.reduce((sum, { element }) => sum + of(element.gpus), 0);
}

function gpuSummary(scanned: readonly Scanned[]): string {
  const requested = total(scanned, (gpus) => gpus.requested ?? 0);
  const unused = total(scanned, (gpus) => gpus.unused);
  const missing = total(scanned, (gpus) => gpus.missing);
  return `GPUs: ${requested} requested, ${unused} of them unused, ${missing} more needed`;
}

export function scanTable(scanned: readonly Scanned[], hasColour: boolean): string {
  if (scanned.length === 0)
    return 'nothing here is annotated or recognised as a model that vramgate can size\n';
  const paint = painter(hasColour);
  const objects = scanned.map(
    ({ judged, found, facts, element }) =>
      `${objectText(judged, found.path, facts, paint)}${gpuLine(element.gpus)}`,
  );
  const counts = verdictCounts(scanned.map(({ judged }) => judged.decision.verdict));
  return [...objects, `${counts.join(', ')}\n${gpuSummary(scanned)}\n`].join('\n');
}

function outcomeText({ verdict, allowed }: Outcome): string {
  return verdict === 'deny' && allowed ? 'deny (let in by the mode)' : verdict;
}

export function changesTable(changed: readonly Change[]): string {
  if (changed.length === 0) return 'no verdict would change\n';
  const lines = changed.map((one) => {
    const why = one.findings.map(({ code, message }) => `        ${code}: ${plain(message)}\n`).join('');
    return `${plain(nameOf(one))}: ${outcomeText(one.before)} -> ${outcomeText(one.after)}\n${why}`;
  });
  return `${lines.join('')}\n${changed.length} verdict${changed.length === 1 ? '' : 's'} would change\n`;
}
