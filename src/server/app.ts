import { performance } from 'node:perf_hooks';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { readBody } from '../admission/door.ts';
import type { Webhook } from '../admission/handle.ts';
import type { AdmissionReviewAnswer } from '../admission/respond.ts';
import type { Review } from '../admission/review.ts';
import { answerEarly, readBytes } from './body.ts';
import { timeoutMilliseconds } from './deadline.ts';
import type { Lifecycle } from './lifecycle.ts';

/** HTTP around the two webhooks. Knows nothing of models or GPUs: `answer` is an argument. */

export interface Answered {
  readonly answer: AdmissionReviewAnswer;
  /** Log and metrics; called when the answer has left. */
  readonly afterwards: (durationMicroseconds: number) => void;
}

export type Failure = 'unreadable' | 'too-large' | 'deadline' | 'internal' | 'not-ready';

export interface AppSettings {
  readonly lifecycle: Lifecycle;
  /** Throws on a fault of ours only. */
  readonly answer: (webhook: Webhook, review: Review) => Answered;
  /** A request that got no verdict; `error` is there for a fault of ours. */
  readonly failed: (failure: Failure, detail: string, error?: unknown) => void;
  readonly entered: () => void;
  readonly left: () => void;
}

const RETRY_AFTER_SECONDS = '1';
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

function plain(response: Response, status: number, text: string): void {
  response.status(status).type('text/plain').send(`${text}\n`);
}

/**
 * 503 with Retry-After is the one failure that the API server tries again, and the closed connection lets the
 * retry land on another replica (webhook-practice.md §1, fact 4).
 */
function gate({ lifecycle, failed }: AppSettings): RequestHandler {
  return (request, response, next) => {
    const stage = lifecycle.stage();
    if (stage === 'ready') return next();
    response.set('Connection', 'close');
    if (stage === 'draining') return next();
    failed('not-ready', stage);
    response.set('Retry-After', RETRY_AFTER_SECONDS);
    answerEarly(request, response, 503, `vramgate is ${stage}`);
  };
}

function checkType({ failed }: AppSettings): RequestHandler {
  return (request, response, next) => {
    if (JSON_TYPE.test(request.get('content-type') ?? '')) return next();
    failed('unreadable', 'content type');
    plain(response, 400, 'the content type must be application/json');
  };
}

function microsecondsSince(start: number): number {
  return Math.round((performance.now() - start) * 1000);
}

/** The answer first: a slow reader of our log must not delay the API server. */
function respond(response: Response, answered: Answered, start: number): void {
  const duration = microsecondsSince(start);
  response.once('close', () => answered.afterwards(duration));
  response.status(200).type('application/json').send(JSON.stringify(answered.answer));
}

function review(settings: AppSettings, webhook: Webhook): RequestHandler {
  const { answer, failed } = settings;
  return (request, response) => {
    const start = performance.now();
    const reading = readBody(request.body);
    if (reading.kind === 'unreadable') {
      failed('unreadable', reading.message);
      return plain(response, 400, reading.message);
    }
    respond(response, answer(webhook, reading.review), start);
  };
}

function count({ entered, left }: AppSettings): RequestHandler {
  return (_request, response, next) => {
    entered();
    response.once('close', left);
    next();
  };
}

/**
 * The analysis is synchronous and bounded, so the only thing that can use up the caller's time is a body that
 * arrives slowly. Then nobody waits for the answer any more.
 */
function startClock(): RequestHandler {
  return (request, response, next) => {
    response.locals['deadline'] = performance.now() + timeoutMilliseconds(request.query['timeout']);
    next();
  };
}

function checkClock({ failed }: AppSettings): RequestHandler {
  return (_request, response, next) => {
    if (performance.now() <= Number(response.locals['deadline'])) return next();
    failed('deadline', 'the body came too late');
    plain(response, 504, 'the body came after the time limit of the caller');
  };
}

function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 500;
  return typeof status === 'number' ? status : 500;
}

/** Express tells an error handler by its four parameters. */
function onError({ failed }: AppSettings) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    if (response.headersSent) return next(error);
    const status = statusOf(error);
    if (status === 413) {
      failed('too-large', 'body over 7 MiB');
      return answerEarly(request, response, 413, 'the body is larger than 7 MiB');
    }
    if (status >= 400 && status < 500) {
      failed('unreadable', 'the body cannot be read');
      return answerEarly(request, response, 400, 'the body cannot be read');
    }
    failed('internal', 'a review was not answered', error);
    answerEarly(request, response, 500, 'internal error');
  };
}

export function createApp(settings: AppSettings): express.Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const steps = [
    count(settings),
    gate(settings),
    checkType(settings),
    startClock(),
    readBytes(),
    checkClock(settings),
  ];
  app.post('/mutate', ...steps, review(settings, 'mutate'));
  app.post('/validate', ...steps, review(settings, 'validate'));
  app.use((_request: Request, response: Response) => plain(response, 404, 'not found'));
  app.use(onError(settings));
  return app;
}
