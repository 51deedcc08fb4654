import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Lifecycle, Stage } from './lifecycle.ts';

/** Health, readiness and metrics, on a port of their own: a probe needs no certificate. */
export interface ProbeSettings {
  readonly lifecycle: Lifecycle;
  /** Why the process cannot serve although it has started (an expired certificate); null: it can. */
  readonly notReady: () => string | null;
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> };
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

function page(status: number, text: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}

function unready(stage: Stage): string | null {
  return stage === 'ready' ? null : stage;
}

function readiness({ lifecycle, notReady }: ProbeSettings): Page {
  const stage = lifecycle.stage();
  // While starting, what it waits for says more than the stage.
  const reason = stage === 'draining' || stage === 'stopped' ? stage : (notReady() ?? unready(stage));
  return reason === null ? page(200, 'ok') : page(503, reason);
}

async function pageOf(path: string, settings: ProbeSettings): Promise<Page> {
  // Liveness depends on nothing: a restart mends neither a certificate nor an API server.
  if (path === '/healthz') return page(200, 'ok');
  if (path === '/readyz') return readiness(settings);
  if (path !== '/metrics') return page(404, 'not found');
  const { contentType, text } = settings.metrics;
  return { status: 200, contentType, text: await text() };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  settings: ProbeSettings,
): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const { status, contentType, text } = await pageOf(path, settings).catch(() => page(500, 'internal error'));
  response.writeHead(status, { 'Content-Type': contentType });
  response.end(text);
}

export function createProbes(settings: ProbeSettings): RequestListener {
  return (request, response) => {
    void serve(request, response, settings);
  };
}
