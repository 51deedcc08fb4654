import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RECORDED_OUTCOMES } from './recorded-outcomes.ts';
import { at, codesOf, FACTS, factsWith, glance, handle, recorded } from './subjects.ts';

/** Both webhooks on every recorded request, in process. test/server sends the same ones over TLS. */

const FOLDER = new URL('../fixtures/admission-reviews/', import.meta.url);

it('the table names every recorded request', () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

  expect(RECORDED_OUTCOMES.map(({ file }) => file)).toEqual(files.sort());
});

describe.each(RECORDED_OUTCOMES)('$file ($why)', ({ file, verdict, codes }) => {
  const body = recorded(file);

  it(`is ${verdict} for /validate`, () => {
    const outcome = handle('validate', body);

    expect(outcome.record.verdict).toBe(verdict);
    expect(codesOf(outcome)).toEqual(codes);
    expect(glance(outcome)).toMatchObject({
      allowed: verdict !== 'deny',
      code: verdict === 'deny' ? 403 : null,
      isPatched: false,
    });
    expect(outcome.answer.response.warnings !== undefined).toBe(verdict === 'warn' || verdict === 'deny');
  });

  it('is allowed by /mutate without a patch and without a warning', () => {
    expect(glance(handle('mutate', body))).toEqual({
      allowed: true,
      code: null,
      isPatched: false,
      warns: false,
    });
  });

  it('is answered with its own uid and logged with its own names', () => {
    const request = at(body, 'request');
    const { answer, record } = handle('validate', body);

    expect(answer.response.uid).toBe(request['uid']);
    expect(record).toMatchObject({
      uid: request['uid'],
      operation: request['operation'],
      dryRun: request['dryRun'],
      subject: { namespace: request['namespace'], name: request['name'] },
    });
  });
});

describe('what lets an object go', () => {
  const GOES = RECORDED_OUTCOMES.filter(({ verdict }) => verdict === 'ignore');

  it.each(GOES)('$file passes under the strictest policy and without any inventory', ({ file }) => {
    const strict = factsWith({
      unknown: 'deny',
      capacity: 'deny',
      inventory: 'complete',
      unannotated: 'judge',
    });
    const blind = { ...strict, inventory: { state: 'unknown', reason: 'test' } } as const;

    for (const facts of [FACTS, strict, blind]) {
      expect(glance(handle('validate', recorded(file), facts))).toMatchObject({
        allowed: true,
        warns: false,
      });
      expect(glance(handle('mutate', recorded(file), facts))).toMatchObject({ isPatched: false });
    }
  });
});
