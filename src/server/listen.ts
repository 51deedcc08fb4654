import {
  createServer as createPlainServer,
  type Server as PlainServer,
  type RequestListener,
} from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyPair } from './certificate-files.ts';
import type { Lifecycle } from './lifecycle.ts';

// The API server keeps idle connections for 90 s and never repeats a POST whose connection went away, so the side
// that closes first must never be this one (webhook-practice.md §1, facts 5 and 29). Node's default is 5 s.
const KEEP_ALIVE_MS = 120_000;
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 30_000;
// How often node looks for the two above; its default of 30 s would double them.
const CHECK_INTERVAL_MS = 5_000;
// Go's client gives a TLS handshake 10 s; node's default would wait for 120.
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface Address {
  /** null: all addresses. */
  readonly host: string | null;
  readonly port: number;
}

/** How long a client may take for what, in milliseconds. */
export interface Patience {
  /** Between two requests of one connection. */
  readonly keepAliveMs: number;
  readonly headersMs: number;
  /** Headers and body. */
  readonly requestMs: number;
  readonly handshakeMs: number;
  readonly checkMs: number;
}

export const PATIENCE: Patience = {
  keepAliveMs: KEEP_ALIVE_MS,
  headersMs: HEADERS_TIMEOUT_MS,
  requestMs: REQUEST_TIMEOUT_MS,
  handshakeMs: HANDSHAKE_TIMEOUT_MS,
  checkMs: CHECK_INTERVAL_MS,
};

/**
 * Why a connection ended without a request that the application saw: no handshake, or reset (`connection`), no HTTP or
 * not in time (`http`), more of them than are taken (`dropped`).
 */
export type Trouble = 'connection' | 'http' | 'dropped';

export interface TlsSettings extends Address {
  readonly pair: KeyPair;
  readonly maxConnections: number;
  /** PEM; clients must then show a certificate that chains to it. null: none is asked for. */
  readonly clientCa: string | null;
  readonly patience: Patience;
  readonly trouble: (trouble: Trouble) => void;
}

export interface StopSettings {
  readonly drainMs: number;
  /** After draining: how long requests that are still open may take. */
  readonly stopMs: number;
}

export interface Listener {
  readonly port: number;
  /** Serves `pair` to new connections; the open ones keep the old one. @throws when key and certificate differ. */
  readonly swap: (pair: KeyPair) => void;
  /** Asks new connections for certificates of another CA (PEM), where there was one from the start. */
  readonly trust: (clientCa: string) => void;
  readonly stop: (lifecycle: Lifecycle, settings: StopSettings) => Promise<void>;
  /** At once; for a process that could not start. Nothing happens after `stop`. */
  readonly close: () => Promise<void>;
}

/** setSecureContext replaces every option, so what is set once must be set each time (toolchain.md §7). */
type Secrets = Pick<TlsSettings, 'pair' | 'clientCa'>;

function secureOptions({ pair: { cert, key }, clientCa }: Secrets) {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== null && { ca: clientCa }) } as const;
}

function serverOptions(settings: TlsSettings): ServerOptions {
  const asksClient = settings.clientCa !== null;
  return {
    ...secureOptions(settings),
    requestCert: asksClient,
    rejectUnauthorized: asksClient,
    handshakeTimeout: settings.patience.handshakeMs,
    keepAliveTimeout: settings.patience.keepAliveMs,
    headersTimeout: settings.patience.headersMs,
    requestTimeout: settings.patience.requestMs,
    connectionsCheckingInterval: settings.patience.checkMs,
  };
}

/** The answer to what is no HTTP; null where there is nobody to answer: no handshake, a reset, a silent client. */
function refusalOf(error: Error): string | null {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code.startsWith('HPE_') ? '400 Bad Request' : null;
}

/** Node does the same where nobody listens, but then nobody hears of it. TLS errors come here too. */
function refuse(error: Error, socket: Duplex): Trouble {
  const refusal = refusalOf(error);
  if (refusal === null || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`);
  return refusal === null ? 'connection' : 'http';
}

function listenOptions({ host, port }: Address): ListenOptions {
  return host === null ? { port } : { host, port };
}

async function listening(server: Server | PlainServer, address: Address): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(address), () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound: AddressInfo | string | null = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port');
  return bound.port;
}

/** A connection that never sent a request keeps `close` waiting for ever; the limit ends it (§2, Stop). */
async function closeWithin(server: Server | PlainServer, limitMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => server.closeAllConnections(), limitMs);
  await closed;
  clearTimeout(timer);
}

async function drainAndClose(server: Server, lifecycle: Lifecycle, settings: StopSettings): Promise<void> {
  lifecycle.enter('draining');
  await delay(settings.drainMs);
  lifecycle.enter('stopped');
  await closeWithin(server, settings.stopMs);
}

/** HTTPS over HTTP/1.1, as the API server speaks to a Service. */
export async function listenTls(handler: RequestListener, settings: TlsSettings): Promise<Listener> {
  const server = createServer(serverOptions(settings), handler);
  server.maxConnections = settings.maxConnections;
  server.on('drop', () => settings.trouble('dropped'));
  // A scanner or a client that does not trust us: nothing of ours, and no reason to crash.
  server.on('clientError', (error: Error, socket: Duplex) => settings.trouble(refuse(error, socket)));
  const port = await listening(server, settings);
  let current: Secrets = settings;
  const use = (next: Secrets): void => {
    server.setSecureContext(secureOptions(next));
    current = next;
  };
  return {
    port,
    swap: (pair) => use({ ...current, pair }),
    trust: (clientCa) => use({ ...current, clientCa }),
    stop: (lifecycle, stopSettings) => drainAndClose(server, lifecycle, stopSettings),
    close: () => closeWithin(server, 0),
  };
}

export interface PlainListener {
  readonly port: number;
  readonly close: () => Promise<void>;
}

export async function listenPlain(handler: RequestListener, address: Address): Promise<PlainListener> {
  const server = createPlainServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    handler,
  );
  const port = await listening(server, address);
  return { port, close: () => closeWithin(server, 0) };
}
