import { destination, type Level, type LoggerOptions, pino } from 'pino';
import { escapedJson } from '../pipeline/record-texts.ts';
import type { WrittenRecord } from './record-schema.ts';

export type LogFields = Readonly<Record<string, unknown>>;

/** Constant messages, variable fields. */
export interface Log {
  readonly debug: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly error: (message: string, fields?: LogFields) => void;
  /** One decision record, one line. */
  readonly decision: (record: WrittenRecord) => void;
  /** From now on. Decisions are written at every level. */
  readonly setLevel: (level: Level) => void;
  /** Writes out what is still buffered. Last call before the process ends. */
  readonly flush: () => void;
}

/** Where lines go. A process's own stdout has a descriptor, which is then written to without blocking. */
export interface LineSink {
  readonly write: (text: string) => unknown;
  readonly fd?: number;
  readonly isTTY?: boolean;
}

export interface LogSettings {
  readonly level: Level;
  readonly sink: LineSink;
  /** What a person reads instead of a line of JSON, on a terminal. */
  readonly forPerson?: (line: string) => string;
}

interface Output {
  readonly stream: { readonly write: (line: string) => unknown };
  readonly flush: () => void;
}

/** What `destination` gives in the mode of bytes; its types know the one of text alone. */
interface ByteStream {
  write(line: string | Buffer): unknown;
  flushSync(): void;
  on(event: 'error', listener: () => void): unknown;
}

// A record is up to 10 KB, and a write comes back once in a turn of the event loop, which may see a review of every
// connection. With the default of 16 KB the log falls behind where nodes are many, and what waits is kept in memory.
const MAX_WRITE_BYTES = 256 * 1024;

/**
 * Transports would need a worker file beside the bundle, and a synchronous descriptor blocks the event loop when
 * its reader stalls (reference toolchain.md §6), so: a plain asynchronous destination.
 */
function outputOf({ sink, forPerson }: LogSettings): Output {
  if (forPerson !== undefined)
    return { stream: { write: (line) => sink.write(escapedJson(forPerson(line))) }, flush: () => {} };
  if (sink.fd === undefined)
    return { stream: { write: (line) => sink.write(escapedJson(line)) }, flush: () => {} };
  const stream: ByteStream = destination({
    dest: sink.fd,
    sync: false,
    minLength: 0,
    maxWrite: MAX_WRITE_BYTES,
    contentMode: 'buffer',
  });
  // The reader is gone (EPIPE): a webhook must go on answering without its log.
  stream.on('error', () => {});
  const write = (line: string): unknown => stream.write(Buffer.from(escapedJson(line)));
  return { stream: { write }, flush: () => flushNow(stream) };
}

/** Throws while the descriptor is not open yet, and when nobody reads any more: nothing to lose in either case. */
function flushNow(stream: { readonly flushSync: () => void }): void {
  try {
    stream.flushSync();
  } catch {
    // see above
  }
}

const BASE: LoggerOptions = {
  base: null,
  formatters: { level: (label) => ({ level: label }) },
};

export function createLog(settings: LogSettings): Log {
  const { stream, flush } = outputOf(settings);
  const timestamp = (): string => `,"time":"${new Date().toISOString()}"`;
  const lines = pino({ ...BASE, level: settings.level, timestamp }, stream);
  // A record has a `time` of its own: when the review arrived. Two members of one name would be no JSON.
  const records = pino({ ...BASE, level: 'info', timestamp: false }, stream);
  return {
    debug: (message, fields = {}) => lines.debug(fields, message),
    info: (message, fields = {}) => lines.info(fields, message),
    warn: (message, fields = {}) => lines.warn(fields, message),
    error: (message, fields = {}) => lines.error(fields, message),
    decision: (record) => records.info(record, 'decision'),
    setLevel: (level) => {
      lines.level = level;
    },
    flush,
  };
}
