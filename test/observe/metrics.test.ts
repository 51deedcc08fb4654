import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FINDINGS } from '../../src/findings.ts';
import { reviewOf } from '../demo/reviews.ts';
import { bodyOf, caseOf, page, post, type Serving, startServing, until } from '../server/serving.ts';

/** /metrics of the real server, after reviews that are known. */

const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;
const RECORDED = new URL('../fixtures/admission-reviews/', import.meta.url);
const HOSTILE = 'x{evil="1"}\n# HELP vramgate_decisions_total forged';

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

let serving: Serving;
let text = '';
let contentType = '';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
function samplesOf(exposition: string): readonly Sample[] {
  const lines = exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/([a-z_]+)="([^"\\]*)"(?:,|$)/g)];
    expect(name, line).not.toBe('');
    expect(pairs.map(([whole]) => whole).join(''), line).toBe(labels);

    return { name, labels: new Map(pairs.map(([, key = '', one = '']) => [key, one])), value: Number(value) };
  });
}

function value(name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  const matches = samplesOf(text).filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, one]) => sample.labels.get(key) === one),
  );
  return matches.length === 0 ? null : matches.reduce((sum, sample) => sum + sample.value, 0);
}

beforeAll(async () => {
  serving = await startServing({ flags: ['--inventory', INVENTORY] });
  const hostile = JSON.stringify(reviewOf({ ...caseOf('scout-fits'), name: HOSTILE }, 'u-hostile'));
  const finalizer = readFileSync(new URL('01-apply-create.user.create.deployment.json', RECORDED), 'utf8');
  const calls: readonly (readonly [string, string])[] = [
    ['/mutate', bodyOf('scout-fits')],
    ['/validate', bodyOf('scout-fits')],
    ['/mutate', bodyOf('scout-patched')],
    ['/validate', bodyOf('scout-refused')],
    ['/validate', bodyOf('banana')],
    ['/validate', hostile],
    ['/validate', finalizer],
    ['/validate', '{'],
    ['/validate', '{}'],
    ['/validate', `"${'x'.repeat(7 * 1024 * 1024)}"`],
  ];
  // A body that is too large may lose its connection before the answer is read.
  for (const [path, body] of calls) await post(serving, path, body).catch(() => null);
  // Plain HTTP on the port of HTTPS.
  await fetch(`http://127.0.0.1:${serving.port}/`).catch(() => null);
  const recorded = (): true | null =>
    serving.log().filter((line) => line['msg'] === 'decision').length === 7 ? true : null;
  await until(recorded, 'seven records');
  const isIdle = async (): Promise<true | null> =>
    (await serving.sample('vramgate_in_flight_reviews')) === 0 ? true : null;
  await until(isIdle, 'the last answer to have left');
  text = (await page(serving.metricsPort, '/metrics')).text;
  contentType =
    (await fetch(`http://127.0.0.1:${serving.metricsPort}/metrics`)).headers.get('content-type') ?? '';
}, 60_000);

afterAll(() => serving.stop());

describe('/metrics', () => {
  it('is Prometheus text', () => {
    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(samplesOf(text).length).toBeGreaterThan(20);
  });

  it('counts every decision with its verdict, mode and outcome', () => {
    expect(value('vramgate_decisions_total')).toBe(7);
    expect(value('vramgate_decisions_total', { webhook: 'mutate', verdict: 'patch', allowed: 'true' })).toBe(
      1,
    );
    expect(
      value('vramgate_decisions_total', { webhook: 'validate', verdict: 'deny', allowed: 'false' }),
    ).toBe(2);
    expect(value('vramgate_decisions_total', { mode: 'enforce' })).toBe(7);
  });

  it('has the durations of both webhooks in buckets up to the timeout of the API server', () => {
    expect(value('vramgate_decision_duration_seconds_count', { webhook: 'mutate' })).toBe(2);
    expect(value('vramgate_decision_duration_seconds_count', { webhook: 'validate' })).toBe(5);
    expect(value('vramgate_decision_duration_seconds_bucket', { webhook: 'validate', le: '5' })).toBe(5);
    expect(value('vramgate_decision_duration_seconds_sum')).toBeGreaterThan(0);
  });

  it('counts findings by code, errors by class, and nobody is being answered any more', () => {
    expect(value('vramgate_findings_total', { code: 'does-not-fit' })).toBeGreaterThanOrEqual(1);
    expect(value('vramgate_findings_total', { code: 'malformed-annotation' })).toBe(1);
    expect(value('vramgate_errors_total', { class: 'unreadable' })).toBe(2);
    expect(value('vramgate_errors_total', { class: 'too-large' })).toBe(1);
    expect(value('vramgate_errors_total', { class: 'internal' })).toBe(0);
    expect(value('vramgate_connections_without_request_total', { reason: 'connection' })).toBeGreaterThan(0);
    expect(value('vramgate_connections_without_request_total', { reason: 'dropped' })).toBe(0);
    expect(value('vramgate_in_flight_reviews')).toBe(0);
  });

  it('tells lag, certificate, inventory and configuration', () => {
    expect(value('vramgate_event_loop_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('vramgate_certificate_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000);
    // Two kinds of GPU nodes, of which one has two nodes; the third kind has no GPU (test/demo/inventory.yaml).
    expect(value('vramgate_inventory_classes')).toBe(2);
    expect(value('vramgate_inventory_nodes')).toBe(3);
    expect(value('vramgate_inventory_age_seconds')).toBeGreaterThanOrEqual(0);
    expect(value('vramgate_config_info')).toBe(1);
    expect(value('vramgate_last_refresh_successful', { subject: 'config' })).toBe(1);
  });

  it('takes labels from closed lists only: nothing of a request becomes one', () => {
    const allowed: Readonly<Record<string, readonly string[]>> = {
      webhook: ['mutate', 'validate'],
      verdict: ['deny', 'patch', 'warn', 'allow', 'ignore'],
      mode: ['enforce', 'warn', 'audit'],
      allowed: ['true', 'false'],
      code: Object.keys(FINDINGS),
      class: ['unreadable', 'too-large', 'deadline', 'internal', 'not-ready'],
      subject: ['config', 'inventory', 'certificate', 'client-ca'],
      result: ['applied', 'kept'],
      reason: ['connection', 'http', 'dropped'],
    };
    const numbers = ['le', 'policy', 'catalog'];
    for (const { name, labels } of samplesOf(text)) {
      for (const [key, one] of labels) {
        if (numbers.includes(key)) expect(one).toMatch(/^(?:\+Inf|[0-9.]+|[0-9a-f]{16})$/);
        else expect(allowed[key] ?? [], `${name} ${key}`).toContain(one);
      }
    }

    expect(text).not.toContain('forged');
    expect(text).not.toContain('evil');
  });
});

describe('the other pages of the plain port', () => {
  it('are health, readiness, and nothing else', async () => {
    expect(await page(serving.metricsPort, '/healthz')).toEqual({ status: 200, text: 'ok\n' });
    expect(await page(serving.metricsPort, '/readyz?verbose')).toEqual({ status: 200, text: 'ok\n' });
    expect((await page(serving.metricsPort, '/validate')).status).toBe(404);
    expect((await page(serving.metricsPort, '/')).status).toBe(404);
  });
});
