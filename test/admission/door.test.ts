import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../src/admission/door.ts';
import type { Review } from '../../src/admission/review.ts';
import { MAX_DEPTH, MAX_VALUES } from '../../src/workload/limits.ts';
import { RECORDED_OUTCOMES } from './recorded-outcomes.ts';
import {
  at,
  codesOf,
  created,
  deployment,
  envelope,
  FITS,
  factsWith,
  glance,
  type Members,
  patchOf,
  recorded,
  review,
  UNDERSIZED,
  updated,
} from './subjects.ts';

/** Bodies within the limits of analysis (contract §7), at them, beyond them, and bodies that are none. */

function bytes(body: unknown): Uint8Array {
  return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
}

function readOrThrow(body: unknown): Review {
  const reading = readBody(bytes(body));
  if (reading.kind === 'unreadable') throw new Error(reading.message);
  return reading.review;
}

/** `count` variables on the first container: three values each. */
function withEnv(object: Members, count: number): Members {
  const env = Array.from({ length: count }, (_, index) => ({ name: `V${index}`, value: 'x' }));
  at(object, 'spec', 'template', 'spec', 'containers', 0)['env'] = env;
  return object;
}

function withDepth(object: Members, depth: number): Members {
  at(object, 'metadata')['deep'] = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  return object;
}

const HUGE = MAX_VALUES;

describe('a body within the limits', () => {
  it.each(RECORDED_OUTCOMES)('$file is read whole', ({ file }) => {
    const body = recorded(file);
    const { isReduced, object, oldObject } = readOrThrow(body);

    expect(isReduced).toBe(false);
    expect(object).toEqual(at(body, 'request')['object']);
    expect(oldObject).toEqual(at(body, 'request')['oldObject']);
  });

  it('may be written with any spaces, escapes and order of members', () => {
    const text = JSON.stringify(created(FITS), null, '\r\n\t').replace('"object"', '"\\u006fbject"');

    expect(readOrThrow(text).object).toEqual(deployment(FITS));
  });

  it('reads the same as JSON.parse does, whatever the object holds', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.json(), (object, oldObject) => {
        const request = { ...at(created(FITS), 'request'), operation: 'DELETE' };
        const text = JSON.stringify({ ...created(FITS), request: { ...request, object: 1, oldObject: 2 } })
          .replace('"object":1', () => `"object":${object}`)
          .replace('"oldObject":2', () => `"oldObject":${oldObject}`);
        const read = readOrThrow(text);

        expect(read.object).toEqual(JSON.parse(object));
        expect(read.oldObject).toEqual(JSON.parse(oldObject));
      }),
      { numRuns: 500 },
    );
  });
});

describe('an object beyond the limits', () => {
  it.each<readonly [string, Members, boolean]>([
    ['values, just within', withEnv(deployment(FITS), Math.floor(HUGE / 3) - 200), false],
    ['values', withEnv(deployment(FITS), Math.ceil(HUGE / 3)), true],
    ['nesting, just within', withDepth(deployment(FITS), MAX_DEPTH - 2), false],
    ['nesting', withDepth(deployment(FITS), MAX_DEPTH - 1), true],
  ])('by %s: reduced to its metadata is %s', (_what, object, want) => {
    const { isReduced, object: seen } = readOrThrow(envelope(object));

    expect(isReduced).toBe(want);
    expect(at(seen, 'metadata')['annotations']).toEqual(FITS.annotations);
    expect(at(seen)['kind']).toBe('Deployment');
  });

  const beyond = envelope(withEnv(deployment(UNDERSIZED), HUGE));

  it.each([
    ['warn', { allowed: true, warns: true }],
    ['deny', { allowed: false, code: 403 }],
    ['allow', { allowed: true, warns: false }],
  ] as const)('follows the policy unknown: %s, and is recorded', (unknown, want) => {
    const outcome = review('validate', readOrThrow(beyond), factsWith({ unknown }));

    expect(glance(outcome)).toMatchObject(want);
    expect(codesOf(outcome)).toContain('analysis-limit');
    expect(outcome.record.subject).toMatchObject({ name: 'llama4-scout', namespace: 'ml', user: 'admin' });
  });

  it('is never patched, though its metadata claims that we have edited it', () => {
    const object = withEnv(deployment(UNDERSIZED), HUGE);
    const forged = '{"set":[["gpus",["spec"],"nvidia.com/gpu",8]],"from":{"model":"scout"}}';
    at(object, 'metadata', 'annotations')['vramgate.io/applied'] = forged;

    expect(patchOf(review('mutate', readOrThrow(envelope(object))))).toEqual([]);
  });

  it('is not passed over where only its template could carry our annotations', () => {
    const object = withEnv(deployment({ ...UNDERSIZED, annotations: {} }), HUGE);

    expect(codesOf(review('validate', readOrThrow(envelope(object))))).toContain('analysis-limit');
  });

  it.each<readonly [string, (object: Members) => Members]>([
    [
      'terminating',
      (object) => ({ ...object, metadata: { ...at(object, 'metadata'), deletionTimestamp: 'x' } }),
    ],
    [
      'owned',
      (object) => {
        const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', controller: true };
        return { ...object, metadata: { ...at(object, 'metadata'), ownerReferences: [owner] } };
      },
    ],
  ])('that is %s is let go', (_what, change) => {
    const object = change(withEnv(deployment(UNDERSIZED), HUGE));
    const facts = factsWith({ unknown: 'deny' });

    expect(glance(review('validate', readOrThrow(updated(object, object)), facts))).toMatchObject({
      allowed: true,
      warns: false,
    });
  });

  it.each([
    ['a reason', 'measured by hand, see ml/runbook', { allowed: true, warns: false }, 'exempt'],
    ['no reason', 'true', { allowed: false, code: 403 }, 'exemption-unusable'],
  ] as const)('that is exempt on its own metadata for %s is judged by that', (_what, exempt, want, code) => {
    const object = withEnv(deployment(UNDERSIZED), HUGE);
    at(object, 'metadata', 'annotations')['vramgate.io/exempt'] = exempt;
    const outcome = review('validate', readOrThrow(envelope(object)), factsWith({ unknown: 'deny' }));

    expect(glance(outcome)).toMatchObject(want);
    expect(codesOf(outcome)).toContain(code);
  });

  it('is exempted by those who may only', () => {
    const object = withEnv(deployment(UNDERSIZED), HUGE);
    const exempt = structuredClone(object);
    at(exempt, 'metadata', 'annotations')['vramgate.io/exempt'] = 'measured by hand, see ml/runbook';
    const exemptions = { users: ['somebody-else'], groups: [], namespaces: [] };
    const facts = factsWith({ unknown: 'deny', exemptions });

    expect(codesOf(review('validate', readOrThrow(envelope(exempt)), facts))).toContain('exemption-unusable');
    expect(codesOf(review('validate', readOrThrow(updated(exempt, object)), facts))).toContain(
      'exemption-unusable',
    );
    expect(codesOf(review('validate', readOrThrow(updated(exempt, exempt)), facts))).toContain('exempt');
  });

  it('does not keep a DELETE or a subresource', () => {
    const facts = factsWith({ unknown: 'deny' });
    const object = withEnv(deployment(UNDERSIZED), HUGE);
    const gone = envelope(null, { operation: 'DELETE', oldObject: object });
    const status = updated(object, object, { subResource: 'status' });

    for (const body of [gone, status]) {
      expect(review('validate', readOrThrow(body), facts).answer.response.allowed).toBe(true);
    }
  });

  it('that was so before is not refused for an update', () => {
    const object = withEnv(deployment(UNDERSIZED), HUGE);
    const outcome = review('validate', readOrThrow(updated(object, object)), factsWith({ unknown: 'deny' }));

    expect(glance(outcome)).toMatchObject({ allowed: true, warns: true });
  });

  it('as the old one alone leaves the new one to be judged by itself', () => {
    const old = withEnv(deployment(FITS), HUGE);

    expect(glance(review('validate', readOrThrow(updated(deployment(UNDERSIZED), old))))).toMatchObject({
      allowed: false,
    });
    expect(glance(review('validate', readOrThrow(updated(deployment(FITS), old))))).toMatchObject({
      allowed: true,
    });
  });

  it('loses the members of its metadata that are too large themselves', () => {
    const object = deployment(UNDERSIZED);
    const many = Object.fromEntries(Array.from({ length: HUGE }, (_, index) => [`k${index}`, '']));
    at(object, 'metadata')['annotations'] = many;
    const outcome = review('validate', readOrThrow(envelope(object)));

    expect(codesOf(outcome)).toEqual(['analysis-limit']);
    expect(outcome.record.subject.name).toBe('llama4-scout');
  });
});

describe('a body that is no review', () => {
  const text = JSON.stringify(created(FITS));
  const many = `[${'1,'.repeat(MAX_VALUES)}1]`;

  it.each<readonly [string, string | Uint8Array]>([
    ['nothing', ''],
    ['spaces', ' \n '],
    ['half of one', text.slice(0, text.length / 2)],
    ['one and more', `${text}{}`],
    ['a list', '[1]'],
    ['a list of brackets, all open', '['.repeat(1_000_000)],
    ['objects, all open', '{"request":'.repeat(100_000)],
    ['a string that does not end', '{"request":{"object":"'],
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['no request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'],
    ['a request that is none', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":[]}'],
    ['two requests', text.replace('"request":', '"request":{},"request":')],
    ['two objects', text.replace('"object":', '"object":{},"object":')],
    ['too much beside the request', `{"more":${many},${text.slice(1)}`],
    ['too much beside the object', text.replace('"object":', `"more":${many},"object":`)],
    ['an object that is a list', text.replace('"object":{', `"object":${many},"x":{`)],
    ['control characters in a string', text.replace('admin', 'ad\u0000min')],
  ])('%s is unreadable', (_what, body) => {
    expect(readBody(typeof body === 'string' ? bytes(body) : body).kind).toBe('unreadable');
  });

  it('of another version is named at the field', () => {
    const reading = readBody(bytes({ ...created(FITS), apiVersion: 'admission.k8s.io/v1beta1' }));

    expect(reading).toMatchObject({ kind: 'unreadable', message: expect.stringContaining('apiVersion') });
  });

  it.each([
    ['uid', 'a\nb'],
    ['uid', ''],
    ['operation', 'PATCH'],
    ['kind', 'Deployment'],
    ['name', 'x'.repeat(254)],
    ['dryRun', 'yes'],
  ])('with %s %j is named at the field', (field, value) => {
    const reading = readBody(bytes(created(FITS, { [field]: value })));

    expect(reading).toMatchObject({
      kind: 'unreadable',
      message: expect.stringContaining(`request.${field}`),
    });
  });

  it('with an object of another kind than announced is unreadable', () => {
    const kind = { group: 'batch', version: 'v1', kind: 'Job' };

    expect(readBody(bytes(created(FITS, { kind })))).toMatchObject({
      message: expect.stringContaining('request.object'),
    });
  });
});
