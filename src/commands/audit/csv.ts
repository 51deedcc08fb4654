import type { AuditRecord } from '../../observe/record-schema.ts';
import { plain } from '../../plan/message.ts';

/** RFC 4180, one line a record. `inputs` stay in the log: a cell of 8 KiB helps nobody. */

type Cell = string | number | boolean | null;

const COLUMNS: readonly (readonly [string, (record: AuditRecord) => Cell])[] = [
  ['time', (one) => one.time],
  ['decision', (one) => one.decision],
  ['uid', (one) => one.uid],
  ['webhook', (one) => one.webhook],
  ['operation', (one) => one.operation],
  ['dryRun', (one) => one.dryRun],
  ['kind', (one) => one.subject.kind],
  ['namespace', (one) => one.subject.namespace],
  ['name', (one) => one.subject.name],
  ['generateName', (one) => one.subject.generateName],
  ['user', (one) => one.subject.user],
  ['mode', (one) => one.mode],
  ['verdict', (one) => one.verdict],
  ['allowed', (one) => one.allowed],
  ['model', (one) => one.model],
  ['checkpoint', (one) => one.checkpoint],
  ['context', (one) => one.context],
  ['quantization', (one) => one.quantization],
  ['kvCacheDtype', (one) => one.kvCacheDtype],
  ['engine', (one) => one.engine],
  ['engineVersion', (one) => one.engineVersion],
  ['engineRecognisedBy', (one) => one.engineRecognisedBy],
  ['bytesNeededPerGpu', (one) => one.bytesNeededPerGpu],
  ['bytesAvailablePerGpu', (one) => one.bytesAvailablePerGpu],
  ['requestedGpus', (one) => one.requestedGpus],
  ['plannedGpus', (one) => one.plannedGpus],
  ['replicas', (one) => one.replicas],
  ['shape', (one) => one.shape],
  ['codes', (one) => one.findings.map(({ code }) => code).join(' ')],
  ['patchPaths', (one) => one.patchPaths.join(' ')],
  ['policyHash', (one) => one.policyHash],
  ['catalogVersion', (one) => one.catalogVersion],
  ['vramgateVersion', (one) => one.vramgateVersion],
  ['durationMicroseconds', (one) => one.durationMicroseconds],
];

/**
 * What makes a spreadsheet take a cell for a formula, full-width forms included
 * (https://owasp.org/www-community/attacks/CSV_Injection); the apostrophe makes it text.
 */
const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  const line = plain(text);
  return /[",]|^\s|\s$/.test(line) ? `"${line.replaceAll('"', '""')}"` : line;
}

export const CSV_HEAD = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

export function csvLine(record: AuditRecord): string {
  return `${COLUMNS.map(([, cell]) => cellText(cell(record))).join(',')}\r\n`;
}
