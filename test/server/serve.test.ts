import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runServe } from '../../src/commands/serve.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { RECORDED_OUTCOMES } from '../admission/recorded-outcomes.ts';
import { CASES, reviewOf } from '../demo/reviews.ts';

/** The whole `vramgate serve` over TLS on loopback, answering requests as a real API server sent them. */

const RECORDED = new URL('../fixtures/admission-reviews/', import.meta.url);
const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;

interface Reply {
  readonly status: number;
  readonly text: string;
}

const lines: string[] = [];
let folder = '';
let ca = '';
let port = 0;
let stop = (): void => undefined;
let ended: Promise<number> = Promise.resolve(0);

function post(path: string, body: string | Buffer, contentType = 'application/json'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
    const call = request(
      { host: '127.0.0.1', port, servername: 'localhost', path, method: 'POST', ca, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

async function until<T>(find: () => T | null): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = find();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('waited for 5 s');
}

function servingPort(): number | null {
  const line = lines
    .join('')
    .split('\n')
    .find((one) => one.includes('"msg":"serving"'));
  return line === undefined ? null : Number(JSON.parse(line).port);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-test-'));
  const made = await throwawayCertificate(['localhost', '127.0.0.1']);
  ca = made.ca;
  writeFileSync(join(folder, 'tls.crt'), made.pair.cert);
  writeFileSync(join(folder, 'tls.key'), made.pair.key);
  writeFileSync(join(folder, 'config.yaml'), 'server: { host: 127.0.0.1, drainSeconds: 0 }\n');
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const files = [
    '--tls-cert-file',
    join(folder, 'tls.crt'),
    '--tls-private-key-file',
    join(folder, 'tls.key'),
  ];
  const rest = [
    '--inventory',
    INVENTORY,
    '--config',
    join(folder, 'config.yaml'),
    '--port',
    '0',
    '--metrics-port',
    '0',
  ];
  const out = { write: (text: string) => lines.push(text) };
  ended = runServe([...files, ...rest], { out, err: () => undefined, stopped });
  port = await until(servingPort);
});

afterAll(async () => {
  stop();
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

describe('requests recorded from a real API server', () => {
  // What each of them is answered in process is in test/admission/recorded.test.ts.
  it.each(RECORDED_OUTCOMES)('$file is $verdict over TLS', async ({ file, verdict }) => {
    const body = readFileSync(new URL(file, RECORDED), 'utf8');
    const { uid } = JSON.parse(body).request;
    const [mutated, validated] = await Promise.all([
      post('/mutate?timeout=5s', body),
      post('/validate?timeout=5s', body),
    ]);

    expect([mutated.status, validated.status]).toEqual([200, 200]);
    const shape = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
    expect(JSON.parse(mutated.text)).toMatchObject({ ...shape, response: { uid, allowed: true } });
    expect(JSON.parse(validated.text)).toMatchObject({
      ...shape,
      response: { uid, allowed: verdict !== 'deny' },
    });
  });
});

describe('the webhook', () => {
  it('refuses with HTTP 200, code 403 and every finding in details.causes', async () => {
    const refused = CASES.find((one) => one.want === 'deny' && one.wantStatus === 403);
    if (refused === undefined) throw new Error('no refused case');
    const reply = await post('/validate', JSON.stringify(reviewOf(refused, 'u-1')));
    const { response } = JSON.parse(reply.text);

    expect(reply.status).toBe(200);
    expect(response).toMatchObject({ uid: 'u-1', allowed: false, status: { code: 403 } });
    expect(response.status.details.causes.length).toBeGreaterThan(0);
    expect(response.patch).toBeUndefined();
  });

  it.each([
    ['a wrong content type', '{}', 'text/plain', 400],
    ['broken JSON', '{"kind":', 'application/json', 400],
    ['an empty body', '', 'application/json', 400],
    ['no request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', 'application/json', 400],
    [
      'another version',
      '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}',
      'application/json',
      400,
    ],
  ])('answers %s with HTTP %s', async (_what, body, contentType, want) => {
    expect((await post('/validate', body, contentType)).status).toBe(want);
  });

  it('takes a body over the 100 KB of a default express, and refuses one over 7 MiB', async () => {
    const [first] = CASES;
    if (first === undefined) throw new Error('no case');
    const large = reviewOf(first, 'u-2');
    large['padding'] = 'x'.repeat(200_000);

    expect((await post('/validate', JSON.stringify(large))).status).toBe(200);
    expect((await post('/validate', Buffer.alloc(7 * 1024 * 1024 + 1, 0x20))).status).toBe(413);
  });

  it('leaves one valid log line for a name that tries to write more', async () => {
    const [first] = CASES;
    if (first === undefined) throw new Error('no case');
    const review = reviewOf({ ...first, name: 'x\n{"verdict":"allow"}\u001b[31m' }, 'u-evil');
    await post('/validate', JSON.stringify(review));
    const line = await until(
      () =>
        lines
          .join('')
          .split('\n')
          .find((one) => one.includes('u-evil')) ?? null,
    );

    expect(JSON.parse(line)).toMatchObject({ uid: 'u-evil', msg: 'decision' });
    expect(line).not.toContain('\u001b');
  });
});
