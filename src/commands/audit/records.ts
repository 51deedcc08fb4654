import { type AuditRecord, auditRecordSchema } from '../../observe/record-schema.ts';
import { isRecord, type JsonRecord } from '../../workload/json-value.ts';
import { type Chunks, linesOf } from './lines.ts';

/** Decision records among the lines of a log that other programs and our own messages are in as well. */

export interface Tally {
  lines: number;
  records: number;
  /** Lines that are no record: our own messages, and those of other programs. */
  others: number;
  /** Lines that say they are a record and are not one. */
  unreadable: number;
  /** Number of the first unreadable line, and what is wrong with it. */
  firstUnreadable: string | null;
}

export function newTally(): Tally {
  return { lines: 0, records: 0, others: 0, unreadable: 0, firstUnreadable: null };
}

export async function* recordsOf(chunks: Chunks, tally: Tally): AsyncGenerator<AuditRecord> {
  for await (const line of linesOf(chunks)) {
    tally.lines += 1;
    const value = line === null ? null : decisionLine(line);
    if (value === null) {
      tally.others += 1;
      continue;
    }
    const parsed = auditRecordSchema.safeParse(value);
    if (parsed.success) {
      tally.records += 1;
      yield parsed.data;
      continue;
    }
    tally.unreadable += 1;
    const [issue] = parsed.error.issues;
    tally.firstUnreadable ??= `line ${tally.lines}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  }
}

const MARK = Buffer.from('"decision"');
const OPEN = Buffer.from('{');

/**
 * `kubectl logs` puts `[pod/name/container] ` (`--prefix`), a time stamp (`--timestamps`) or both before each line, and
 * container runtimes `2026-11-25T12:00:00Z stdout F `: whatever stands before the first brace is not looked at.
 */
function decisionLine(line: Buffer): JsonRecord | null {
  // Most lines of a mixed log are no records: these need not be decoded.
  if (!line.includes(MARK)) return null;
  const start = line.indexOf(OPEN);
  if (start === -1) return null;
  const value = parseJson(line.toString('utf8', start));
  return isRecord(value) && isDecision(value) ? value : null;
}

/** The log marks its records; `check --records` prints nothing else, and marks none. */
function isDecision({ msg, webhook }: JsonRecord): boolean {
  return msg === 'decision' || (msg === undefined && webhook === 'check');
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}
