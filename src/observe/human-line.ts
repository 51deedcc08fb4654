import { plain } from '../plan/message.ts';
import { type AuditRecord, auditRecordSchema } from './record-schema.ts';
import { codesText, gpuText, modelText, needText, objectName } from './record-words.ts';

/** One JSON log line in the form that a person reads on a terminal. Anything that is no JSON stays as it is. */

const HIDDEN: readonly string[] = ['level', 'time', 'msg', 'inputs'];
const PLAIN = /^[\w@%+=:,./-]+$/;

function parse(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Quoted wherever it is not plainly one word: an escape sequence in a name must not reach the terminal. */
function show(value: unknown): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}

function isShown([key, value]: readonly [string, unknown]): boolean {
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  return !isEmpty && !HIDDEN.includes(key);
}

/** `allow: validate CREATE Deployment ml/scout by ann; scout w4a16 131072, 4 GPUs, 55.6 GiB/72.8 GiB; (uid …, 3.1 ms)`. */
function decisionText(record: AuditRecord): string {
  const { webhook, operation, subject, dryRun, uid, patchPaths, durationMicroseconds } = record;
  const answer = `${record.verdict}${record.allowed ? '' : ', denied'}${dryRun ? ', dry run' : ''}`;
  const what = `${webhook} ${operation} ${objectName(record)} by ${subject.user ?? '-'}`;
  const size = `${modelText(record)}, ${gpuText(record)} GPUs, ${needText(record)}`;
  const found = [
    record.model === null ? '' : size,
    codesText(record),
    patchPaths.length === 0 ? '' : `patched ${patchPaths.join(' ')}`,
  ].filter((text) => text !== '');
  const rest = `(uid ${uid ?? '-'}, ${(durationMicroseconds / 1000).toFixed(1)} ms)`;
  return plain([`${answer}: ${what}`, ...found, rest].join('; '));
}

function messageText(fields: Readonly<Record<string, unknown>>): string {
  const record = fields['msg'] === 'decision' ? auditRecordSchema.safeParse(fields) : null;
  if (record?.success === true) return decisionText(record.data);
  const pairs = Object.entries(fields)
    .filter(isShown)
    .map(([key, value]) => `${key}=${show(value)}`);
  return [String(fields['msg'] ?? ''), ...pairs].join(' ');
}

export function humanLine(line: string): string {
  const fields = parse(line);
  if (fields === null) return line;
  const time = String(fields['time'] ?? '').slice(11, 19);
  const level = String(fields['level'] ?? '')
    .toUpperCase()
    .padEnd(5);
  return `${[time, level, messageText(fields)].join(' ').trim()}\n`;
}
