import { type AuditRecord, recordJsonSchema } from '../../observe/record-schema.ts';
import { loadConfig } from '../facts.ts';
import { EXIT, type Io } from '../io.ts';
import { terminalJson, terminalYaml } from '../reports/json.ts';
import type { AuditOptions, Output } from './options.ts';
import { replayRecord, type Today } from './replay.ts';
import { countsText, type ReplayCounts, replayWriter } from './replay-report.ts';
import { Summarizer, type Summary, summaryText } from './summary.ts';
import { listWriter } from './writer.ts';

/** What is done with the records, one at a time. */
export interface Task {
  readonly start: () => void;
  readonly add: (record: AuditRecord) => void;
  /** @returns the exit code. */
  readonly end: () => number;
}

export function printSchema(io: Io): void {
  io.out(`${JSON.stringify(recordJsonSchema(), null, 2)}\n`);
}

export async function taskFor(options: AuditOptions, io: Io): Promise<Task> {
  if (options.task === 'summary') return summaryTask(options.output, io);
  if (options.task === 'replay') return replayTask(options, io);
  const { start, add, end } = listWriter(options.output, io.out);
  return {
    start,
    add,
    end: () => {
      end();
      return EXIT.fits;
    },
  };
}

function summaryTask(output: Output, io: Io): Task {
  const summarizer = new Summarizer();
  return {
    start: () => undefined,
    add: (record) => summarizer.add(record),
    end: () => {
      io.out(summaryOutput(summarizer.summary(), output));
      return EXIT.fits;
    },
  };
}

function summaryOutput(summary: Summary, output: Output): string {
  if (output === 'json') return `${terminalJson(summary, 2)}\n`;
  return output === 'yaml' ? terminalYaml(summary) : summaryText(summary);
}

async function replayTask({ config, output, isStrict }: AuditOptions, io: Io): Promise<Task> {
  const { catalog, policy } = await loadConfig(config);
  const today: Today = {
    catalog,
    vramgateVersion: __VRAMGATE_VERSION__,
    policy: config === null ? null : policy,
  };
  const writer = replayWriter(output, io.out);
  const counts: ReplayCounts = { same: 0, different: 0, notReplayable: 0, leftAlone: 0 };
  return {
    start: writer.start,
    add: (record) => {
      const result = replayRecord(record, today);
      if (result.outcome === 'same') counts.same += 1;
      else if (result.outcome === 'left-alone') counts.leftAlone += 1;
      else {
        counts[result.outcome === 'different' ? 'different' : 'notReplayable'] += 1;
        writer.add({ record, result });
      }
    },
    end: () => {
      writer.end();
      const text = countsText(counts);
      if (output === 'table') io.out(`${text}\n`);
      else io.err(`vramgate: ${text}\n`);
      return counts.different > 0 || (isStrict && counts.notReplayable > 0) ? EXIT.doesNotFit : EXIT.fits;
    },
  };
}
