import type { AuditRecord } from '../../observe/record-schema.ts';
import type { Filter } from './options.ts';

/** Since is included, until is not. A record without a readable time passes no filter of time. */
export function isWanted(record: AuditRecord, filter: Filter): boolean {
  const { subject, verdict, findings } = record;
  return (
    isWithin(Date.parse(record.time), filter) &&
    isAmong(filter.namespaces, subject.namespace) &&
    isAmong(filter.users, subject.user) &&
    isAmong(filter.verdicts, verdict) &&
    (filter.codes.length === 0 || findings.some(({ code }) => filter.codes.includes(code)))
  );
}

function isWithin(time: number, { since, until }: Filter): boolean {
  return (since === null || time >= since) && (until === null || time < until);
}

function isAmong(wanted: readonly string[], value: string | null): boolean {
  return wanted.length === 0 || (value !== null && wanted.includes(value));
}
