import type { AuditRecord } from '../../observe/record-schema.ts';
import { codesText, gpuText, modelText, needText, objectName } from '../../observe/record-words.ts';
import { plain } from '../../plan/message.ts';

/** One line a record, as it comes: widths are fixed, because a log is not read twice. */

const COLUMNS: readonly (readonly [string, number, (record: AuditRecord) => string])[] = [
  ['TIME', 20, (one) => one.time.slice(0, 19)],
  ['WEBHOOK', 8, (one) => one.webhook],
  ['VERDICT', 7, (one) => one.verdict],
  ['ANSWER', 8, answerText],
  ['OBJECT', 36, objectName],
  ['MODEL', 24, modelText],
  ['GPUS', 6, gpuText],
  ['NEED/HAVE', 21, needText],
  ['CODES', 32, codesText],
  ['USER', 0, (one) => one.subject.user ?? '-'],
];

/** An asterisk marks a dry run. */
function answerText(record: AuditRecord): string {
  return `${answered(record)}${record.dryRun ? '*' : ''}`;
}

/** `/mutate` edits or leaves alone; what it lets pass is for `/validate` to answer. */
function answered({ webhook, allowed, patchPaths }: AuditRecord): string {
  if (webhook === 'mutate') return patchPaths.length > 0 ? 'patched' : 'passed';
  return allowed ? 'allowed' : 'denied';
}

function row(cells: readonly string[]): string {
  const padded = cells.map((cell, index) => cell.padEnd(COLUMNS[index]?.[1] ?? 0));
  return `${plain(padded.join('  ')).trimEnd()}\n`;
}

export const TABLE_HEAD = row(COLUMNS.map(([name]) => name));

export function tableLine(record: AuditRecord): string {
  return row(COLUMNS.map(([, , cell]) => cell(record)));
}
