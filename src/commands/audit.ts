import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { plain } from '../plan/message.ts';
import { isWanted } from './audit/filter.ts';
import type { Chunks } from './audit/lines.ts';
import { AUDIT_USAGE, type AuditOptions, auditOptions } from './audit/options.ts';
import { newTally, recordsOf, type Tally } from './audit/records.ts';
import { printSchema, taskFor } from './audit/tasks.ts';
import { EXIT, type Io, UsageError } from './io.ts';

export interface AuditIo extends Io {
  /** Standard input as it comes: a log is not read into memory. */
  readonly input: () => Chunks;
}

/** `vramgate audit`: what the decision records of a log say. */
export async function runAudit(argv: readonly string[], io: AuditIo): Promise<number> {
  const options = auditOptions(argv, io.now());
  if (options.task === 'help') {
    io.out(AUDIT_USAGE);
    return EXIT.fits;
  }
  if (options.task === 'schema') {
    printSchema(io);
    return EXIT.fits;
  }
  await checkFiles(options.files);
  return read(options, io);
}

async function read(options: AuditOptions, io: AuditIo): Promise<number> {
  const task = await taskFor(options, io);
  const tally = newTally();
  task.start();
  for (const chunks of sourcesOf(options, io)) {
    for await (const record of recordsOf(chunks, tally)) {
      if (isWanted(record, options.filter)) task.add(record);
    }
  }
  const code = task.end();
  io.err(`vramgate: ${tallyText(tally)}\n`);
  if (tally.firstUnreadable !== null) io.err(`vramgate: ${plain(tally.firstUnreadable)}\n`);
  return tally.unreadable > 0 ? EXIT.usage : code;
}

function* sourcesOf({ files }: AuditOptions, io: AuditIo): Generator<Chunks> {
  if (files.length === 0) yield io.input();
  for (const file of files) yield file === '-' ? io.input() : createReadStream(file);
}

/** Before anything is printed: half a report is worse than none. */
async function checkFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    if (file === '-') continue;
    const info = await stat(file).catch(() => null);
    if (info === null) throw new UsageError(`${file}: no such file`);
    await access(file, constants.R_OK).catch(() => {
      throw new UsageError(`${file}: may not be read`);
    });
    if (info.isDirectory()) throw new UsageError(`${file}: a directory, not a log`);
  }
}

function tallyText({ lines, records, others, unreadable }: Tally): string {
  const broken = unreadable === 0 ? '' : `, ${unreadable} that say they are a record and are not`;
  return `${records} records in ${lines} lines, ${others} lines of others${broken}`;
}
