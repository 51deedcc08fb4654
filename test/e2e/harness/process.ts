import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { guardProgram, releaseProgram } from './guardian.ts';
import { listen } from './listen.ts';

/** Programs that the suite starts and ends, always by their own process id. */
export interface Program {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly hasEnded: () => boolean;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and SIGKILL after `limitMs`. Resolves when the process is gone. */
  readonly stop: (limitMs?: number) => Promise<void>;
  /** SIGKILL. Resolves when the process is gone. */
  readonly kill: () => Promise<void>;
}

export interface ProgramSettings {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Standard output and error, appended. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

const STOP_LIMIT_MS = 10_000;

const alive = new Set<Program>();

/** Ends at once whatever this process has started and not ended; resolves when all of it is gone. */
export async function killPrograms(): Promise<void> {
  await Promise.all([...alive].map((program) => program.kill()));
}

/** The webhook client of the API server honours these, and everything here is on loopback. */
const PROXY = /^(?:https?|all|no)_proxy$/i;

/** The Go programs collect garbage less often: a third of the processor's time for memory that is there. */
const COLLECT_LATE = { GOGC: '400' };

export function cleanEnvironment(
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !PROXY.test(entry[0]),
  );
  return { ...COLLECT_LATE, ...Object.fromEntries(own), ...more };
}

export function startProgram({ name, command, args, logFile, env }: ProgramSettings): Program {
  const log = openSync(logFile, 'a');
  // Without a session of its own and with an inherited standard input, the test runner would wait for it.
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: cleanEnvironment(env),
  });
  closeSync(log);
  const { pid } = child;
  if (pid !== undefined) guardProgram(pid);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  child.unref();
  const end = async (signal: NodeJS.Signals, limitMs: number) => {
    child.ref();
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await gone;
    clearTimeout(timer);
  };
  const program: Program = {
    name,
    pid: pid ?? -1,
    logFile,
    hasEnded: () => pid === undefined || child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => void child.kill(signal),
    stop: (limitMs = STOP_LIMIT_MS) => end('SIGTERM', limitMs),
    kill: () => end('SIGKILL', STOP_LIMIT_MS),
  };
  alive.add(program);
  void gone.then(() => {
    alive.delete(program);
    if (pid !== undefined) releaseProgram(pid);
  });
  return program;
}

// A decision record is 6 KB; its beginning says what it is about, and the whole log is kept.
const MAX_LINE = 400;

/** The last lines of a program's log, for a message. */
export function tailOf(logFile: string, lines = 20): string {
  if (!existsSync(logFile)) return '(no log)';
  const last = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines);
  return last.map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)).join('\n');
}

/**
 * A free port of 127.0.0.1. Somebody may take it before the program that it is for; the programs here cannot pick
 * one themselves and say which.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

export interface Wait {
  /** For the message: what did not happen. */
  readonly what: string;
  readonly limitMs?: number;
  readonly everyMs?: number;
  /** Whose end makes further waiting pointless. */
  readonly program?: Program;
}

const WAIT_LIMIT_MS = 60_000;
const WAIT_EVERY_MS = 100;

/** Asks until the answer is something else than null. @throws Error after `limitMs`, with the last failure. */
export async function until<T>(
  ask: () => Promise<T | null>,
  { what, limitMs = WAIT_LIMIT_MS, everyMs = WAIT_EVERY_MS, program }: Wait,
): Promise<T> {
  const end = performance.now() + limitMs;
  let last = '';
  for (;;) {
    if (program?.hasEnded() === true) {
      throw new Error(`${program.name} ended before ${what}:\n${tailOf(program.logFile)}`);
    }
    try {
      const answer = await ask();
      if (answer !== null) return answer;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end) break;
    await delay(everyMs);
  }
  const log = program === undefined ? '' : `\n${tailOf(program.logFile)}`;
  throw new Error(`not within ${limitMs / 1000} s: ${what}${last === '' ? '' : ` (${last})`}${log}`);
}
