import type { AuditRecord } from '../../observe/record-schema.ts';
import { objectName } from '../../observe/record-words.ts';
import { plain } from '../../plan/message.ts';
import type { Output } from './options.ts';
import type { Difference, ReplayResult } from './replay.ts';
import { plainWriter, valueWriter, type Writer } from './writer.ts';

/** One record that came out differently, or that could not be computed again. */
export interface Replay {
  readonly record: AuditRecord;
  readonly result: Extract<ReplayResult, { readonly outcome: 'different' | 'not-replayable' }>;
}

export interface ReplayCounts {
  same: number;
  different: number;
  notReplayable: number;
  leftAlone: number;
}

export function replayWriter(output: Output, out: (text: string) => void): Writer<Replay> {
  if (output === 'json' || output === 'yaml') return valueWriter(output, out, toValue);
  return plainWriter('', replayText, out);
}

function toValue({ record, result }: Replay): unknown {
  const { decision, uid, time, webhook, subject } = record;
  return { decision, uid, time, webhook, subject, ...result };
}

function replayText({ record, result }: Replay): string {
  const { time, webhook, uid } = record;
  const head = `${result.outcome.toUpperCase().padEnd(14)} ${time.slice(0, 19)} ${webhook} ${objectName(record)} (uid ${uid ?? '-'})`;
  const differences = result.outcome === 'different' ? result.differences : [];
  const lines = [head, `  because ${result.why}`, ...differences.map(differenceText)];
  return `${lines.map((line) => plain(line)).join('\n')}\n`;
}

function differenceText({ field, recorded, computed }: Difference): string {
  return `  ${field}: recorded ${shown(recorded)}, computed ${shown(computed)}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

export function countsText({ same, different, notReplayable, leftAlone }: ReplayCounts): string {
  return (
    `${same} came out the same, ${different} differently, ${notReplayable} cannot be computed again, ` +
    `${leftAlone} judged nothing`
  );
}
