import type { IncomingMessage } from 'node:http';
import { memberOf } from '../workload/json-value.ts';
import type { Connection } from './connect.ts';
import { ApiError, ApiUnreachable } from './errors.ts';
import { createExchange, type Exchange, type Query, readText } from './exchange.ts';
import { readLines } from './lines.ts';

/**
 * A small client of the Kubernetes API: raw JSON over a keep-alive agent. client-node's own classes cost 70 MB of
 * memory and 100 ms at start, and open a TLS connection per call (reference toolchain.md §3, §4).
 */
export interface ClusterApi {
  readonly get: (path: string, options?: CallOptions) => Promise<unknown>;
  /** Pages of a collection, in order. A continue token that expired is an ApiError 410: list again. */
  readonly list: (path: string, options?: ListOptions) => AsyncGenerator<ListPage>;
  /** Changes after `resourceVersion`, until the server or the signal ends it. 410: list again. */
  readonly watch: (path: string, options: WatchOptions) => AsyncGenerator<WatchEvent>;
  /** `path` is the collection's. ApiError 409 where the name is taken. */
  readonly create: (path: string, body: unknown, options?: CallOptions) => Promise<unknown>;
  /** `path` is the object's. ApiError 409 where `metadata.resourceVersion` is not the stored one. */
  readonly update: (path: string, body: unknown, options?: CallOptions) => Promise<unknown>;
  readonly patch: (path: string, type: PatchType, body: unknown, options?: CallOptions) => Promise<unknown>;
  /** Closes idle connections. */
  readonly close: () => void;
}

/** Media types of Kubernetes patches. */
export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/apply-patch+yaml';

export interface CallOptions {
  readonly query?: Query;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface ListOptions extends CallOptions {
  /** Most objects per page. */
  readonly limit?: number;
}

export interface ListPage {
  readonly items: readonly unknown[];
  /** Of the whole list: where a watch goes on. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends CallOptions {
  readonly resourceVersion: string;
  /** The server ends the watch after so long; a half-open connection is given up a little later. */
  readonly timeoutSeconds?: number;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

/** Metadata only: all that is needed of objects whose labels are. */
export const METADATA_ONLY = {
  list: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
  object: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json',
} as const;

const CALL_TIMEOUT_MS = 30_000;
const WATCH_SECONDS = 240;
const WATCH_GRACE_MS = 30_000;
// A page is whole in memory, as text and as objects: 20 large nodes (20 KB each, mostly image names) are 0.4 MB. With 50,
// the process keeps 10 to 30 MiB more after 15,000 nodes, with 250 some 80 (`npm run bench cluster`).
const PAGE_LIMIT = 20;
const MAX_BODY = 64 * 1024 * 1024;
/** An object is at most 3 MiB (reference webhook-practice.md §1, fact 31); escaping may double it. */
const MAX_LINE = 8 * 1024 * 1024;

const EVENT_TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

function isWatchType(value: unknown): value is WatchEvent['type'] {
  return EVENT_TYPES.has(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiUnreachable('the answer is not JSON');
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function errorOf(status: number, body: unknown, retryAfter: string | undefined): ApiError {
  const message = textOf(memberOf(body, 'message')) || `HTTP status ${status}`;
  const seconds = /^\d{1,5}$/.test(retryAfter ?? '') ? Number(retryAfter) : null;
  return new ApiError(status, textOf(memberOf(body, 'reason')), message, seconds);
}

async function refuse(response: IncomingMessage): Promise<never> {
  const text = await readText(response, MAX_BODY);
  const body = text.startsWith('{') ? parse(text) : null;
  throw errorOf(response.statusCode ?? 0, body, response.headers['retry-after']);
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function eventOf(line: string): WatchEvent {
  const event = parse(line);
  const [type, object] = [memberOf(event, 'type'), memberOf(event, 'object')];
  if (isWatchType(type)) return { type, object };
  const code = memberOf(object, 'code');
  if (type !== 'ERROR' || typeof code !== 'number')
    throw new ApiUnreachable('the watch sent an unknown event');
  throw errorOf(code, object, undefined);
}

async function* watch(
  exchange: Exchange,
  path: string,
  { resourceVersion, timeoutSeconds = WATCH_SECONDS, query = {}, ...options }: WatchOptions,
): AsyncGenerator<WatchEvent> {
  const response = await exchange.send({
    method: 'GET',
    path,
    query: {
      ...query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion,
      timeoutSeconds: String(timeoutSeconds),
    },
    timeoutMs: timeoutSeconds * 1000 + WATCH_GRACE_MS,
    ...options,
  });
  if (!isSuccess(response)) await refuse(response);
  try {
    for await (const line of readLines(response, MAX_LINE)) yield eventOf(line);
  } finally {
    // Left early, the connection still has a stream in it and cannot be used again.
    response.destroy();
  }
}

export function createApi(connection: Connection): ClusterApi {
  const exchange = createExchange(connection);

  async function call(
    method: string,
    path: string,
    options: CallOptions & { readonly body?: unknown; readonly contentType?: string } = {},
  ): Promise<unknown> {
    const response = await exchange.send({ method, path, timeoutMs: CALL_TIMEOUT_MS, ...options });
    return isSuccess(response) ? parse(await readText(response, MAX_BODY)) : refuse(response);
  }

  async function* list(
    path: string,
    { limit = PAGE_LIMIT, query = {}, ...options }: ListOptions = {},
  ): AsyncGenerator<ListPage> {
    let next = '';
    do {
      const paging = next === '' ? { limit: String(limit) } : { limit: String(limit), continue: next };
      const page = await call('GET', path, { ...options, query: { ...query, ...paging } });
      const [items, metadata] = [memberOf(page, 'items'), memberOf(page, 'metadata')];
      if (!Array.isArray(items)) throw new ApiUnreachable('the answer is not a list');
      yield { items, resourceVersion: textOf(memberOf(metadata, 'resourceVersion')) };
      next = textOf(memberOf(metadata, 'continue'));
    } while (next !== '');
  }

  return {
    get: (path, options) => call('GET', path, options),
    list,
    watch: (path, options) => watch(exchange, path, options),
    create: (path, body, options) => call('POST', path, { ...options, body }),
    update: (path, body, options) => call('PUT', path, { ...options, body }),
    patch: (path, contentType, body, options) => call('PATCH', path, { ...options, body, contentType }),
    close: exchange.close,
  };
}
