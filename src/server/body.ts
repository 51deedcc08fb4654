import type { Request, RequestHandler, Response } from 'express';
import getRawBody from 'raw-body';

// Objects are at most 3 MiB in one request; an UPDATE carries two of them and an envelope. controller-runtime
// (pkg/webhook/admission/http.go) settles on 7 MiB by the same arithmetic.
const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** Who is told off while it still sends must get to read that: a connection closed under its data would be reset. */
const LINGER_MS = 1_000;

/** A body in a coding would have to be unpacked before its size is known; the API server sends none. */
class CodedBodyError extends Error {
  readonly status = 415;
}

function isPlain(request: Request): boolean {
  return (request.get('content-encoding') ?? 'identity').toLowerCase() === 'identity';
}

async function bytesOf(request: Request): Promise<Buffer> {
  if (!isPlain(request)) throw new CodedBodyError('the body has a coding');
  const length = request.get('content-length') ?? null;
  return getRawBody(request, { limit: MAX_BODY_BYTES, length });
}

/**
 * The bytes of a body, as `request.body`. `express.raw` reads what is too large to its end before it says so, and an
 * endless one has none; this fails at the limit.
 */
export function readBytes(): RequestHandler {
  return async (request, _response, next) => {
    request.body = await bytesOf(request);
    next();
  };
}

/**
 * An answer to a request of which the rest is not wanted. It is whole at once; the connection is closed when the client
 * has ended, or after a second of what it sends nevertheless.
 */
export function answerEarly(request: Request, response: Response, status: number, text: string): void {
  response.status(status).set('Connection', 'close').type('text/plain');
  if (request.complete) {
    response.send(`${text}\n`);
    return;
  }
  const body = Buffer.from(`${text}\n`);
  response.set('Content-Length', String(body.length)).write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end);
  request.once('close', end);
  request.resume();
}
