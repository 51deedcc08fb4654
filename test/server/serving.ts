import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runServe, type ServeIo } from '../../src/commands/serve.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { CASES, type Case, reviewOf } from '../demo/reviews.ts';

/** The whole `vramgate serve` on loopback, with files that a test may change, and clients that call it. */

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly connection: string | undefined;
}

/** How a client calls: which CA it trusts, over which connections, with which certificate of its own. */
export interface Calling {
  readonly port: number;
  readonly ca: string;
  /** By which name the server is called; localhost. */
  readonly servername?: string;
  /** application/json */
  readonly contentType?: string;
  readonly agent?: Agent;
  readonly cert?: string;
  readonly key?: string;
}

export function post(calling: Calling, path: string, body: string | Buffer): Promise<Reply> {
  const { port, servername = 'localhost', contentType = 'application/json', ...tls } = calling;
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
    const address = { host: '127.0.0.1', port, servername, path, method: 'POST' };
    const call = request({ ...address, ...tls, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, connection: response.headers.connection }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** A page of the plain port. */
export function page(
  port: number,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}

// Far more than anything here takes on a machine that is busy with other things.
const LIMIT_MS = 45_000;

export async function until<T>(find: () => T | null | Promise<T | null>, what: string): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  while (Date.now() < end) {
    const found = await find();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${LIMIT_MS / 1000} s for ${what}`);
}

export type LogLine = Readonly<Record<string, unknown>>;

/** Whole lines of what a process wrote so far. */
export function logLines(text: string): readonly LogLine[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line): LogLine => JSON.parse(line));
}

export function caseOf(name: string): Case {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

export function bodyOf(name: string, uid = 'u-1'): string {
  return JSON.stringify(reviewOf(caseOf(name), uid));
}

export interface Serving {
  /** Where its files are: tls.crt, tls.key, config.yaml. */
  readonly folder: string;
  readonly port: number;
  readonly metricsPort: number;
  /** CA of the certificate that it started with. */
  readonly ca: string;
  readonly log: () => readonly LogLine[];
  /** The same as it was written, byte for byte. */
  readonly written: () => string;
  /** Value of a sample, by its name with its labels as they are printed; null: there is none. */
  readonly sample: (name: string) => Promise<number | null>;
  readonly stop: () => Promise<number>;
}

export interface Wanted {
  /** Text of config.yaml, whose server section is this harness's own. */
  readonly config?: string;
  readonly server?: string;
  /** PEM of server.clientCaFile. */
  readonly clientCa?: string;
  readonly flags?: readonly string[];
  /** In the place of the flags for tls.crt and tls.key. */
  readonly tls?: readonly string[];
  /** Called with the port of the probes when they answer, before the webhook serves. */
  readonly starting?: (metricsPort: number) => Promise<void>;
}

export function writePair(folder: string, pair: { readonly cert: string; readonly key: string }): void {
  writeFileSync(join(folder, 'tls.crt'), pair.cert);
  writeFileSync(join(folder, 'tls.key'), pair.key);
}

export function configText({ config = '', server = '' }: Wanted): string {
  return `${config}\nserver: { host: 127.0.0.1, drainSeconds: 0, ${server} }\n`;
}

/** Prometheus' text format: `name{label="x"} 1`. */
export function sampleIn(text: string, name: string): number | null {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? null : Number(line.slice(name.length + 1));
}

export async function startServing(wanted: Wanted = {}): Promise<Serving> {
  const folder = mkdtempSync(join(tmpdir(), 'vramgate-serving-'));
  const { pair, ca } = await throwawayCertificate(['localhost', '127.0.0.1']);
  writePair(folder, pair);
  const { clientCa } = wanted;
  if (clientCa !== undefined) writeFileSync(join(folder, 'client-ca.crt'), clientCa);
  const server = clientCa === undefined ? wanted.server : `clientCaFile: ${join(folder, 'client-ca.crt')}`;
  writeFileSync(join(folder, 'config.yaml'), configText({ ...wanted, server: server ?? '' }));
  let written = '';
  let end = (): void => undefined;
  const stopped = new Promise<void>((resolve) => {
    end = resolve;
  });
  const io: ServeIo = {
    out: {
      write: (text: string) => {
        written += text;
      },
    },
    err: () => undefined,
    stopped,
  };
  const files = [
    '--tls-cert-file',
    join(folder, 'tls.crt'),
    '--tls-private-key-file',
    join(folder, 'tls.key'),
  ];
  const flags = ['--config', join(folder, 'config.yaml'), '--port', '0', '--metrics-port', '0'];
  const ended = runServe([...(wanted.tls ?? files), ...flags, ...(wanted.flags ?? [])], io);
  const log = (): readonly LogLine[] => logLines(written);
  const said = (msg: string): Promise<LogLine> =>
    until(() => log().find((line) => line['msg'] === msg) ?? null, `"${msg}"`).catch((error: Error) => {
      throw new Error(`${error.message}; its log: ${written}`);
    });
  await wanted.starting?.(Number((await said('starting'))['metricsPort']));
  const serving = await Promise.race([
    said('serving'),
    ended.then((code) => Promise.reject(new Error(`the webhook ended with ${code}`))),
  ]);
  const [port, metricsPort] = [Number(serving['port']), Number(serving['metricsPort'])];
  return {
    folder,
    port,
    metricsPort,
    ca,
    log,
    written: () => written,
    sample: async (name) => sampleIn((await page(metricsPort, '/metrics')).text, name),
    stop: async () => {
      end();
      const code = await ended;
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

export interface Load {
  /** Ends the callers; what they got. */
  readonly end: () => Promise<Tally>;
  /** Answered so far. */
  readonly answered: () => number;
}

export interface Tally {
  /** Calls by HTTP status, or by the message of an error. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Answers that were no verdict on the case, by their text. */
  readonly wrong: readonly string[];
}

const CALLERS = 3;

/**
 * Clients that call without a pause, each over a connection of its own that it keeps, as the API server does: only
 * after `Connection: close` it opens another, to where `pick` then points.
 */
export function callWithoutPause(
  pick: Calling | (() => Calling),
  body: string,
  isRight: (text: string) => boolean,
): Load {
  const outcomes = new Map<string, number>();
  const wrong: string[] = [];
  const choose = typeof pick === 'function' ? pick : (): Calling => pick;
  let isOver = false;
  let answered = 0;

  async function caller(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let calling = choose();
    while (!isOver) {
      const outcome = await post({ agent, ...calling }, '/validate?timeout=5s', body).then(
        ({ status, text, connection }) => {
          if (!isRight(text)) wrong.push(text);
          if (connection === 'close') calling = choose();
          return String(status);
        },
        (error: Error) => error.message,
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      answered += 1;
    }
    agent.destroy();
  }

  const all = Array.from({ length: CALLERS }, caller);
  return {
    answered: () => answered,
    end: async () => {
      isOver = true;
      await Promise.all(all);
      return { outcomes, wrong };
    },
  };
}
