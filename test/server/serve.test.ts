import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORDED_OUTCOMES } from '../admission/recorded-outcomes.ts';
import { reviewOf } from '../demo/reviews.ts';
import { bodyOf, caseOf, post, type Reply, type Serving, startServing, until } from './serving.ts';

/** The whole `vramgate serve` over TLS on loopback, answering requests as a real API server sent them. */

const RECORDED = new URL('../fixtures/admission-reviews/', import.meta.url);
const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;

let serving: Serving;

function ask(path: string, body: string | Buffer, contentType = 'application/json'): Promise<Reply> {
  return post({ ...serving, contentType }, path, body);
}

beforeAll(async () => {
  serving = await startServing({ flags: ['--inventory', INVENTORY] });
});

afterAll(() => serving.stop());

describe('requests recorded from a real API server', () => {
  // What each of them is answered in process is in test/admission/recorded.test.ts.
  it.each(RECORDED_OUTCOMES)('$file is $verdict over TLS', async ({ file, verdict }) => {
    const body = readFileSync(new URL(file, RECORDED), 'utf8');
    const { uid } = JSON.parse(body).request;
    const [mutated, validated] = await Promise.all([
      ask('/mutate?timeout=5s', body),
      ask('/validate?timeout=5s', body),
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
    const reply = await ask('/validate', bodyOf('scout-refused'));
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
    expect((await ask('/validate', body, contentType)).status).toBe(want);
  });

  it('takes a body over the 100 KB of a default express, and refuses one over 7 MiB', async () => {
    const large = reviewOf(caseOf('scout-fits'), 'u-2');
    large['padding'] = 'x'.repeat(200_000);

    expect((await ask('/validate', JSON.stringify(large))).status).toBe(200);
    expect((await ask('/validate', Buffer.alloc(7 * 1024 * 1024 + 1, 0x20))).status).toBe(413);
  });

  it('leaves one valid log line for a name that tries to write more', async () => {
    const review = reviewOf({ ...caseOf('scout-fits'), name: 'x\n{"verdict":"allow"}\u001b[31m' }, 'u-evil');
    await ask('/validate', JSON.stringify(review));
    const record = await until(
      () => serving.log().find((line) => line['uid'] === 'u-evil') ?? null,
      'the record',
    );

    expect(record['msg']).toBe('decision');
    expect(serving.written()).not.toContain('\u001b');
  });
});
