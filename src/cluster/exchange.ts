import {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  Agent as PlainAgent,
  request as plainRequest,
} from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import type { Connection } from './connect.ts';
import { ApiUnreachable, messageOf } from './errors.ts';

export type Query = Readonly<Record<string, string>>;

export interface Sending {
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON; undefined: no body. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Until the answer is whole. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** One HTTP exchange at a time, over connections that stay open. */
export interface Exchange {
  /** @throws ApiUnreachable when there is no answer. */
  readonly send: (sending: Sending) => Promise<IncomingMessage>;
  readonly close: () => void;
}

// Load balancers in front of API servers drop connections that are idle for a minute.
const KEEP_ALIVE_MS = 30_000;
const MAX_SOCKETS = 16;
const USER_AGENT = 'vramgate';

function agentFor(protocol: string): Agent | PlainAgent {
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS };
  return protocol === 'http:' ? new PlainAgent(options) : new Agent(options);
}

// The type also allows a flat list of names and values, which client-node never makes.
function headersOf({ headers = {} }: RequestOptions): OutgoingHttpHeaders {
  return 'length' in headers ? {} : headers;
}

function optionsFor(
  sending: Sending,
  url: URL,
  credentials: RequestOptions,
  body: string | null,
): RequestOptions {
  const headers: OutgoingHttpHeaders = {
    accept: sending.accept ?? 'application/json',
    'user-agent': USER_AGENT,
  };
  if (body !== null) {
    headers['content-type'] = sending.contentType ?? 'application/json';
    headers['content-length'] = String(Buffer.byteLength(body));
  }
  const timeout = AbortSignal.timeout(sending.timeoutMs);
  const signal = sending.signal === undefined ? timeout : AbortSignal.any([timeout, sending.signal]);
  return {
    ...credentials,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: `${url.pathname}${url.search}`,
    method: sending.method,
    headers: { ...headers, ...headersOf(credentials) },
    signal,
  };
}

function urlOf(server: string, { path, query = {} }: Sending): URL {
  const url = new URL(`${server}${path}`);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url;
}

function reasonOf(error: Error): string {
  // A refused connection over IPv4 and IPv6 is an AggregateError without a message.
  const code: unknown = Reflect.get(error, 'code');
  return error.message || (typeof code === 'string' ? code : error.name);
}

export function createExchange(connection: Connection): Exchange {
  const agent = agentFor(new URL(connection.server).protocol);

  async function send(sending: Sending): Promise<IncomingMessage> {
    const credentials = await connection.credentials();
    const body = sending.body === undefined ? null : JSON.stringify(sending.body);
    const options = optionsFor(sending, urlOf(connection.server, sending), credentials, body);
    const ask = options.protocol === 'http:' ? plainRequest : request;
    return new Promise((resolve, reject) => {
      const call = ask({ ...options, ...(connection.hasProxy ? {} : { agent }) }, resolve);
      call.on('error', (error) => reject(new ApiUnreachable(reasonOf(error), { cause: error })));
      call.end(body ?? undefined);
    });
  }

  return { send, close: () => agent.destroy() };
}

/** The whole body. @throws ApiUnreachable when it breaks off or is longer than `most` characters. */
export async function readText(response: IncomingMessage, most: number): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) {
      text += chunk;
      if (text.length > most) throw new Error(`longer than ${most} characters`);
    }
  } catch (error) {
    throw new ApiUnreachable(`the answer broke off: ${messageOf(error)}`);
  }
  return text;
}
