import { Agent, type RequestOptions, request } from 'node:https';
import type { Pair } from './pki.ts';

/** The API server without kubectl in between: for answers that kubectl does not show, and for load. */

export interface ApiReply {
  readonly status: number;
  readonly text: string;
  readonly json: unknown;
  /** The texts of the `Warning` headers. */
  readonly warnings: readonly string[];
}

export interface ApiCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface Api {
  readonly call: (path: string, call?: ApiCall) => Promise<ApiReply>;
}

export interface ApiAccess {
  readonly port: number;
  readonly ca: string;
  readonly client: Pair;
}

const CALL_LIMIT_MS = 60_000;
const WARNING = /299 - "((?:[^"\\]|\\.)*)"/g;

function warningsOf(headers: readonly string[]): readonly string[] {
  const texts = headers.flatMap((header) => [...header.matchAll(WARNING)].map(([, text = '']) => text));
  return texts.map((text) => text.replace(/\\(.)/g, '$1'));
}

function jsonOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}

function send(options: RequestOptions, body: string | null): Promise<ApiReply> {
  return new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const warnings = warningsOf(response.headersDistinct['warning'] ?? []);
        resolve({ status: response.statusCode ?? 0, text, json: jsonOf(text), warnings });
      });
    });
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`no answer within ${CALL_LIMIT_MS / 1000} s`)));
    call.end(body ?? undefined);
  });
}

export function createApi({ port, ca, client }: ApiAccess): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ca, cert: client.cert, key: client.key });
  return {
    call: (path, { method = 'GET', body, contentType = 'application/json' } = {}) => {
      const text = body === undefined ? null : JSON.stringify(body);
      const length = text === null ? {} : { 'content-length': Buffer.byteLength(text) };
      const headers = { accept: 'application/json', 'content-type': contentType, ...length };
      return send({ agent, host: '127.0.0.1', port, path, method, headers, timeout: CALL_LIMIT_MS }, text);
    },
  };
}
