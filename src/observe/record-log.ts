import type { DecisionRecord } from '../pipeline/types.ts';

// A Kubernetes name has at most 253 characters; a user name may have any number.
const MAX_SUBJECT = 256;
// Contract §5: `inputs` is at most 8 KiB. What is larger was not bounded where it was made.
const MAX_INPUTS_BYTES = 8 * 1024;
// Of patch paths and finding paths, whose steps are keys that a user chose.
const MAX_PATH = 512;
const MAX_PATHS = 64;

// JSON escapes C0 by itself. DEL and the C1 controls pass through it, and U+009B starts an escape sequence.
const OTHER_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

function bounded(text: string, max: number): string {
  const plain = text.toWellFormed().replace(OTHER_CONTROLS, '\ufffd');
  return plain.length <= max ? plain : `${plain.slice(0, max - 1).toWellFormed()}…`;
}

function boundedOrNull(text: string | null): string | null {
  return text === null ? null : bounded(text, MAX_SUBJECT);
}

function boundedSubject(subject: DecisionRecord['subject']): DecisionRecord['subject'] {
  return {
    kind: bounded(subject.kind, MAX_SUBJECT),
    namespace: boundedOrNull(subject.namespace),
    name: boundedOrNull(subject.name),
    generateName: boundedOrNull(subject.generateName),
    user: boundedOrNull(subject.user),
  };
}

function isSmall(value: unknown): boolean {
  return Buffer.byteLength(JSON.stringify(value) ?? '') <= MAX_INPUTS_BYTES;
}

/** The record as it may be written: whatever a user put into names and keys, it stays one line of bounded length. */
export function boundedRecord(record: DecisionRecord): DecisionRecord {
  return {
    ...record,
    subject: boundedSubject(record.subject),
    findings: record.findings
      .slice(0, MAX_PATHS)
      .map((one) => ({ ...one, path: bounded(one.path, MAX_PATH) })),
    patchPaths: record.patchPaths.slice(0, MAX_PATHS).map((path) => bounded(path, MAX_PATH)),
    inputs: isSmall(record.inputs) ? record.inputs : null,
  };
}
