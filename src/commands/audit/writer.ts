import type { AuditRecord } from '../../observe/record-schema.ts';
import { terminalJson, terminalYaml } from '../reports/json.ts';
import { CSV_HEAD, csvLine } from './csv.ts';
import type { Output } from './options.ts';
import { TABLE_HEAD, tableLine } from './table.ts';

/** Writes values one at a time, so that a list of any length needs no memory. */
export interface Writer<T> {
  readonly start: () => void;
  readonly add: (value: T) => void;
  readonly end: () => void;
}

type Out = (text: string) => void;

export function listWriter(output: Output, out: Out): Writer<AuditRecord> {
  if (output === 'csv') return plainWriter(CSV_HEAD, csvLine, out);
  if (output === 'table') return plainWriter(TABLE_HEAD, tableLine, out);
  return valueWriter(output, out, withoutEnvelope);
}

/** What the logger puts around a record is not part of it. */
function withoutEnvelope({ level: _level, msg: _msg, ...record }: AuditRecord): unknown {
  return record;
}

export function plainWriter<T>(head: string, line: (value: T) => string, out: Out): Writer<T> {
  return { start: () => out(head), add: (value) => out(line(value)), end: () => undefined };
}

export function valueWriter<T>(output: 'json' | 'yaml', out: Out, toValue: (value: T) => unknown): Writer<T> {
  return output === 'json' ? jsonWriter(out, toValue) : yamlWriter(out, toValue);
}

/** An array with one element a line. */
function jsonWriter<T>(out: Out, toValue: (value: T) => unknown): Writer<T> {
  let count = 0;
  return {
    start: () => out('['),
    add: (value) => {
      out(`${count === 0 ? '' : ','}\n${terminalJson(toValue(value), 0)}`);
      count += 1;
    },
    end: () => out(count === 0 ? ']\n' : '\n]\n'),
  };
}

function yamlWriter<T>(out: Out, toValue: (value: T) => unknown): Writer<T> {
  let count = 0;
  return {
    start: () => undefined,
    add: (value) => {
      out(terminalYaml([toValue(value)]));
      count += 1;
    },
    end: () => {
      if (count === 0) out('[]\n');
    },
  };
}
