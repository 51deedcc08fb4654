import { connect as connectPlain, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { allowed } from '../../src/admission/respond.ts';
import { createApp, type Failure } from '../../src/server/app.ts';
import { createLifecycle, type Stage } from '../../src/server/lifecycle.ts';
import { listenTls, PATIENCE, type Patience, type Trouble } from '../../src/server/listen.ts';
import { seldom } from '../../src/server/seldom.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { created, FITS } from '../admission/subjects.ts';

/**
 * Clients that are slow, silent, too many or no clients at all, against the real listener and routes. Each is ended
 * within its limit and heard of, and another client is answered meanwhile.
 */

const QUICK: Patience = { ...PATIENCE, headersMs: 2000, requestMs: 3000, handshakeMs: 2000, checkMs: 100 };
const BODY = JSON.stringify(created(FITS));

interface Bench {
  readonly port: number;
  readonly ca: string;
  readonly enter: (stage: Stage) => void;
  readonly failures: readonly Failure[];
  readonly troubles: readonly Trouble[];
}

// A busy machine needs seconds for what takes milliseconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(patience: Patience = QUICK, maxConnections = 2048): Promise<Bench> {
  const { pair, ca } = await throwawayCertificate(['localhost', '127.0.0.1']);
  const [failures, troubles]: [Failure[], Trouble[]] = [[], []];
  const lifecycle = createLifecycle();
  lifecycle.enter('ready');
  const app = createApp({
    lifecycle,
    answer: (_webhook, { uid }) => ({ answer: allowed(uid), afterwards: () => undefined }),
    failed: (failure) => failures.push(failure),
    entered: () => undefined,
    left: () => undefined,
  });
  const listener = await listenTls(app, {
    host: '127.0.0.1',
    port: 0,
    pair,
    maxConnections,
    clientCa: null,
    patience,
    trouble: (trouble) => troubles.push(trouble),
  });
  cleanups.push(listener.close);
  return { port: listener.port, ca, enter: lifecycle.enter, failures, troubles };
}

async function secure({ port, ca }: Bench, ALPNProtocols: string[] = ['http/1.1']): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ALPNProtocols });
  socket.on('error', () => undefined);
  cleanups.push(() => void socket.destroy());
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('close', () => reject(new Error('closed before it was secure')));
  });
  return socket;
}

async function plain({ port }: Bench): Promise<Socket> {
  const socket = connectPlain({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  cleanups.push(() => void socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Everything that comes until the other side ends, or `enough` is there. */
async function heard(socket: Socket, enough: RegExp | null = null): Promise<string> {
  let text = '';
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (enough?.test(text) === true) resolve();
    });
    socket.once('close', () => resolve());
    if (socket.destroyed) resolve();
  });
  return text;
}

function head(length: number | string, more = '', path = '/validate?timeout=5s'): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}Content-Length: ${length}\r\n\r\n`;
}

/** A whole call of a client that behaves. */
async function call(bench: Bench, path?: string): Promise<string> {
  const socket = await secure(bench);
  socket.write(head(Buffer.byteLength(BODY), '', path) + BODY);
  return heard(socket, /"allowed":true|HTTP\/1\.1 [45]/);
}

async function expectServes(bench: Bench): Promise<void> {
  expect(await call(bench)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !isSo(); tries += 1) await delay(10);
  expect(isSo()).toBe(true);
}

describe('a client that takes its time', () => {
  it('over its headers gets 408 within the limit', async () => {
    const bench = await listen();
    const slow = await secure(bench);
    slow.write('POST /validate HTTP/1.1\r\nHost: x\r\n');
    await expectServes(bench);

    expect(await heard(slow)).toMatch(/^HTTP\/1\.1 408 /);
    expect(bench.troubles).toContain('http');
  });

  it('over its body gets 408 within the limit, and no answer', async () => {
    const bench = await listen();
    const slow = await secure(bench);
    slow.write(`${head(1_000_000)}{"kind":`);
    await expectServes(bench);

    expect(await heard(slow)).toMatch(/^HTTP\/1\.1 408 /);
    await until(() => bench.troubles.length > 0);
  });

  it('longer than its own timeout parameter gets 504', async () => {
    const bench = await listen(PATIENCE);
    const slow = await secure(bench);
    slow.write(head(Buffer.byteLength(BODY), '', '/validate?timeout=1s'));
    await delay(1200);
    slow.write(BODY);

    expect(await heard(slow, /time limit/)).toMatch(/^HTTP\/1\.1 504 /);
    expect(bench.failures).toEqual(['deadline']);
  });

  it('over its handshake is gone within the limit', async () => {
    const bench = await listen();
    const silent = await plain(bench);
    await expectServes(bench);
    await heard(silent);

    expect(bench.troubles).toContain('connection');
  });

  it('between two requests keeps its connection, longer than the API server does', async () => {
    const bench = await listen(PATIENCE);
    const socket = await secure(bench);
    socket.write(head(Buffer.byteLength(BODY)) + BODY);
    const first = await heard(socket, /"allowed":true/);
    socket.write(head(Buffer.byteLength(BODY)) + BODY);

    // Go's transport, which the API server uses, keeps an idle connection for 90 s.
    expect(Number(/Keep-Alive: timeout=(\d+)/.exec(first)?.[1])).toBeGreaterThan(90);
    expect(await heard(socket, /"allowed":true/)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a client that is none', () => {
  it.each<readonly [string, (bench: Bench) => Promise<Socket>, string, Trouble]>([
    ['plain HTTP', plain, head(0), 'connection'],
    ['random bytes', plain, '\u0000\u0001\u0002 garbage', 'connection'],
    ['garbage over TLS', secure, '\u0000\u0001\u0002 garbage\r\n\r\n', 'http'],
    ['a length that is no number', secure, head('many'), 'http'],
    ['two lengths', secure, head(5, 'Content-Length: 6\r\n'), 'http'],
    ['headers without end', secure, `GET / HTTP/1.1\r\nA: ${'x'.repeat(100_000)}`, 'http'],
  ])('%s is closed and heard of', async (_what, open, text, want) => {
    const bench = await listen();
    const socket = await open(bench);
    socket.write(text);
    await heard(socket);
    await expectServes(bench);

    expect(bench.troubles).toContain(want);
  });

  it('that leaves in the middle of its body is nothing to anybody', async () => {
    const bench = await listen();
    for (let left = 20; left > 0; left -= 1) {
      const socket = await secure(bench);
      socket.write(`${head(1_000_000)}{"kind":`);
      socket.destroy();
    }

    await expectServes(bench);
  });

  it('is not offered HTTP/2', async () => {
    const bench = await listen();

    expect((await secure(bench, ['h2', 'http/1.1'])).alpnProtocol).toBe('http/1.1');
  });
});

describe('a body', () => {
  it('without an end gets 413 when it is over 7 MiB, and the connection is closed', async () => {
    // No limit of time ends it.
    const bench = await listen({ ...PATIENCE, requestMs: 600_000 });
    const socket = await secure(bench);
    socket.write(
      'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', more);
    more();
    const text = await heard(socket);

    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toMatch(/Connection: close/);
    expect(bench.failures).toEqual(['too-large']);
    await expectServes(bench);
  });

  it('that is announced as over 7 MiB gets 413 before it is sent', async () => {
    const bench = await listen({ ...PATIENCE, requestMs: 600_000 });
    const socket = await secure(bench);
    socket.write(head(7 * 1024 * 1024 + 1));

    expect(await heard(socket)).toMatch(/^HTTP\/1\.1 413 /);
    expect(bench.failures).toEqual(['too-large']);
  });

  it.each([
    ['a compressed one', head(BODY.length, 'Content-Encoding: gzip\r\n') + BODY],
    ['none at all', head(0)],
    ['a type that only looks like JSON', head(BODY.length).replace('json', 'jsonp') + BODY],
  ])('%s gets 400', async (_what, text) => {
    const bench = await listen(PATIENCE);
    const socket = await secure(bench);
    socket.write(text);

    expect(await heard(socket, /\r\n\r\n./)).toMatch(/^HTTP\/1\.1 400 /);
    expect(bench.failures).toEqual(['unreadable']);
  });
});

describe('many clients', () => {
  it('of which 1,000 are idle leave room for one that calls', async () => {
    const bench = await listen({ ...PATIENCE, handshakeMs: 120_000 });
    // A handshake costs a millisecond of both sides, so most of them stop before it.
    const silent = await Promise.all(Array.from({ length: 900 }, () => plain(bench)));
    const idle: TLSSocket[] = [];
    for (let left = 100; left > 0; left -= 1) idle.push(await secure(bench));
    await expectServes(bench);

    expect([...silent, ...idle].every((socket) => !socket.destroyed)).toBe(true);
  });

  it('beyond the cap are turned away until one has gone', async () => {
    const bench = await listen(PATIENCE, 3);
    const taken = [await secure(bench), await secure(bench), await secure(bench)];
    await expect(secure(bench)).rejects.toThrow('closed');
    taken[0]?.destroy();
    await delay(100);
    await expectServes(bench);

    expect(bench.troubles).toContain('dropped');
  });

  it('are reported once in a while, with how many they were', async () => {
    const lines: string[] = [];
    const hear = seldom<Trouble>((what, times) => lines.push(`${what} ${times}`), 100);
    for (let left = 50; left > 0; left -= 1) hear('connection');
    hear('http');
    await until(() => lines.length === 3);

    expect(lines).toEqual(['connection 1', 'http 1', 'connection 49']);
  });
});

describe('a server', () => {
  it.each(['starting', 'stopped'] as const)(
    'that is %s answers 503, to be tried elsewhere',
    async (stage) => {
      const bench = await listen(PATIENCE);
      bench.enter(stage);
      const text = await call(bench);

      expect(text).toMatch(/^HTTP\/1\.1 503 /);
      expect(text).toMatch(/Retry-After: 1\r\n/);
      expect(text).toMatch(/Connection: close\r\n/);
      expect(bench.failures).toEqual(['not-ready']);
    },
  );

  it('that is starting is heard by a client that sends 6 MB before it reads', async () => {
    const bench = await listen(PATIENCE);
    bench.enter('starting');
    const socket = await secure(bench);
    const size = 6_000_000;
    await new Promise((resolve) => socket.write(head(size) + 'x'.repeat(size), resolve));

    expect(await heard(socket)).toMatch(/^HTTP\/1\.1 503 [\s\S]*vramgate is starting\n$/);
  });

  it('that drains answers as ever, and asks the connection to go', async () => {
    const bench = await listen(PATIENCE);
    bench.enter('draining');
    const text = await call(bench);

    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toMatch(/Connection: close\r\n/);
  });

  it.each(['/', '/mutate/x', '/metrics', '//validate'])('knows no %s', async (path) => {
    expect(await call(await listen(PATIENCE), path)).toMatch(/^HTTP\/1\.1 404 /);
  });
});
