import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBody } from '../../src/admission/door.ts';
import { type Arrival, handleReview, type Outcome, type Webhook } from '../../src/admission/handle.ts';
import { applyPatch, type PatchOperation } from '../../src/admission/json-patch.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import { post, type Serving, startServing } from '../server/serving.ts';
import { changedBeside, type Draw, draws, garbled, mutated } from './mutations.ts';
import { RECORDED_OUTCOMES } from './recorded-outcomes.ts';
import {
  at,
  created,
  deployment,
  envelope,
  FACTS,
  FITS,
  factsWith,
  INCOMPLETE,
  JUDGE,
  type Members,
  NOT_OURS,
  patchOf,
  recorded,
  TIME,
  UNDERSIZED,
  updated,
} from './subjects.ts';

/**
 * 10,000 requests in every run, 100,000 with `npm run test:fuzz`: mutated real ones and garbage. No crash, no fault of ours (HTTP 500) on anything that reads as a
 * review, no allow of an undersized workload, no refusal of an update that changes nothing, and no memory kept.
 */

const REVIEWS = Number(process.env['VRAMGATE_FUZZ_REVIEWS'] ?? 10_000);

/** How many of `all` this run makes. */
function share(all: number): number {
  return Math.ceil((all * REVIEWS) / 100_000);
}

const STRICT = factsWith({ unknown: 'deny', capacity: 'deny', inventory: 'complete', unannotated: 'judge' });
const BLIND: Facts = { ...FACTS, inventory: { state: 'unknown', reason: 'test' } };
const POLICIES = [FACTS, FACTS, factsWith({ mode: 'warn' }), STRICT, BLIND] as const;

const BODIES: readonly [Members, ...Members[]] = [
  created(FITS),
  created(INCOMPLETE),
  created(UNDERSIZED),
  created(NOT_OURS),
  updated(deployment(INCOMPLETE), deployment(FITS)),
  updated(deployment(UNDERSIZED), deployment(INCOMPLETE)),
  ...RECORDED_OUTCOMES.map(({ file }) => recorded(file)),
];
const IGNORED: readonly [Members, ...Members[]] = [
  created(NOT_OURS),
  ...RECORDED_OUTCOMES.filter(({ verdict }) => verdict === 'ignore').map(({ file }) => recorded(file)),
];
// Of a hundred: a judged object costs a hundred times as much as one that is left alone.
const GARBLED = 85;
const LEFT_ALONE = 14;

const TEXTS: readonly [string, ...string[]] = [
  JSON.stringify(BODIES[0]),
  ...BODIES.map((body) => JSON.stringify(body)),
];

function answer(arrival: Arrival, facts: Facts): Outcome {
  return handleReview(arrival, facts, JUDGE);
}

/** What the API server would refuse to read of our answer. */
function expectLegal(outcome: Outcome, object: unknown, uid: string): void {
  const { response } = outcome.answer;
  const operations: readonly PatchOperation[] = JSON.parse(JSON.stringify(patchOf(outcome)));
  const isLegal =
    response.uid === uid &&
    (response.patch === undefined) === (response.patchType === undefined) &&
    (response.allowed || response.status !== undefined) &&
    (response.warnings ?? []).every((line) => line.isWellFormed() && !/\p{Cc}/u.test(line));
  if (!isLegal) expect(response).toBe('a legal answer');
  if (operations.length > 0) applyPatch(object, operations);
}

/** One body through the whole room. @returns null where it is no review. */
function run(body: Uint8Array, webhook: Webhook, facts: Facts): Outcome | null {
  const reading = readBody(body);
  if (reading.kind === 'unreadable') return null;
  const outcome = answer({ review: reading.review, webhook, time: TIME }, facts);
  expectLegal(outcome, reading.review.object, reading.review.uid);
  return outcome;
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Garbage, or a real request with a hostile change: in its envelope, or in one of its objects. */
function oneBody(draw: Draw): Uint8Array {
  const kind = draw.below(100);
  if (kind < GARBLED) return garbled(draw.from(TEXTS), draw);
  const body = structuredClone(kind < GARBLED + LEFT_ALONE ? draw.from(IGNORED) : draw.from(BODIES));
  if (draw.below(4) === 0) return bytes(mutated(body, draw));
  // The envelope stays whole, so that the object is judged.
  const request = at(body, 'request');
  const which = request['oldObject'] !== null && draw.below(3) === 0 ? 'oldObject' : 'object';
  request[which] = mutated(request[which], draw);
  return bytes(body);
}

function runMany(seed: number, count: number): Map<string, number> {
  const draw = draws(seed);
  const seen = new Map<string, number>();
  for (let left = count; left > 0; left -= 1) {
    const body = oneBody(draw);
    const webhook = draw.from(['mutate', 'validate'] as const);
    const facts = draw.from(POLICIES);
    try {
      const verdict = run(body, webhook, facts)?.record.verdict ?? 'unreadable';
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
    } catch (error) {
      throw new Error(`seed ${seed}, ${left} left, /${webhook}: ${new TextDecoder().decode(body)}`, {
        cause: error,
      });
    }
  }
  return seen;
}

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed;
}

// A minute on a machine of its own.
const LIMIT_MS = 900_000;

describe('mutated and garbled requests', () => {
  it('are all answered, with every verdict among them, and nothing of them is kept', {
    timeout: LIMIT_MS,
  }, () => {
    const warm = runMany(1, 3000);
    const before = heapAfterCollection();
    const seen = runMany(2, share(92_000));
    const grown = heapAfterCollection() - before;

    for (const verdict of ['unreadable', 'ignore', 'allow', 'warn', 'patch', 'deny']) {
      expect(warm.get(verdict), verdict).toBeGreaterThan(0);
      expect(seen.get(verdict), verdict).toBeGreaterThan(0);
    }
    // A single kept body has 6 to 27 KB: ten thousand of them would be a hundred megabytes.
    expect(grown).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('an undersized workload', () => {
  it('is refused, whatever stands beside what counts', { timeout: LIMIT_MS }, () => {
    const draw = draws(3);
    const object = deployment(UNDERSIZED);
    for (let left = share(1000); left > 0; left -= 1) {
      const changed = changedBeside(object, draw);
      const outcome = run(bytes(envelope(changed)), 'validate', draw.from([FACTS, STRICT, BLIND]));
      if (outcome?.answer.response.allowed !== false) {
        expect(JSON.stringify(changed)).toBe('refused');
      }
    }
    expect.assertions(0);
  });
});

describe('an update that changes nothing', () => {
  it('is never refused, whatever the object has become', { timeout: LIMIT_MS }, () => {
    const draw = draws(4);
    const subjects = [FITS, INCOMPLETE, UNDERSIZED].map(deployment);
    const files = RECORDED_OUTCOMES.filter(({ file }) =>
      /user\.create\.(deployment|job|pod|cronjob|statefulset)/.test(file),
    );
    const objects = [...subjects, ...files.map(({ file }) => at(recorded(file), 'request', 'object'))];
    for (let left = share(2000); left > 0; left -= 1) {
      const object = objects[draw.below(objects.length)] ?? {};
      const { apiVersion, kind, ...rest } = object;
      const [version = '', group = ''] = String(apiVersion).split('/').reverse();
      const changed = { ...at(mutated(rest, draw)), apiVersion, kind };
      const outcome = run(
        bytes(updated(changed, changed, { kind: { group, version, kind } })),
        'validate',
        draw.from([FACTS, STRICT]),
      );
      if (outcome?.answer.response.allowed === false) {
        expect(`${outcome.answer.response.status?.message} ${JSON.stringify(changed)}`).toBe('allowed');
      }
    }
    expect.assertions(0);
  });
});

describe('a forged record of our edits', () => {
  it('never ends a review nor lets an undersized workload in', {
    timeout: LIMIT_MS,
  }, () => {
    const draw = draws(5);
    const object = deployment(INCOMPLETE);
    const first = run(bytes(envelope(object)), 'mutate', FACTS);
    if (first === null) throw new Error('not read');
    const operations: readonly PatchOperation[] = JSON.parse(JSON.stringify(patchOf(first)));
    const stored = at(applyPatch(object, operations));
    const record: unknown = JSON.parse(String(at(stored, 'metadata', 'annotations')['vramgate.io/applied']));
    for (let left = share(300); left > 0; left -= 1) {
      // The digest of the inputs stays true, so the forged edits are taken for ours.
      const forged = { ...at(record), set: at(mutated({ set: at(record)['set'] }, draw))['set'] };
      for (const base of [object, stored, deployment(UNDERSIZED)]) {
        const copy = structuredClone(base);
        at(copy, 'metadata', 'annotations')['vramgate.io/applied'] = JSON.stringify(forged);
        const body = draw.from([envelope(copy), updated(copy, stored), updated(object, copy)]);
        run(bytes(body), draw.from(['mutate', 'validate'] as const), FACTS);
      }
      const undersized = deployment(UNDERSIZED);
      at(undersized, 'metadata', 'annotations')['vramgate.io/applied'] = JSON.stringify(forged);
      if (run(bytes(envelope(undersized)), 'validate', FACTS)?.answer.response.allowed !== false) {
        expect(JSON.stringify(forged)).toBe('refused');
      }
    }
    expect.assertions(0);
  });
});

describe('some of them over TLS', () => {
  const inventory = new URL('../fixtures/nodes/dgx-h100.yaml', import.meta.url).pathname;
  let serving: Serving;

  beforeAll(async () => {
    serving = await startServing({ flags: ['--inventory', inventory] });
  });

  afterAll(() => serving.stop());

  it('are answered with 200 or 400, and the next one is judged as ever', { timeout: LIMIT_MS }, async () => {
    const draw = draws(6);
    const statuses = new Map<number, number>();
    for (let left = share(2000); left > 0; left -= 50) {
      const batch = Array.from({ length: 50 }, () => Buffer.from(oneBody(draw)));
      const replies = await Promise.all(batch.map((body) => post(serving, '/validate?timeout=10s', body)));
      for (const { status } of replies) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    const after = await post(serving, '/validate', JSON.stringify(created(UNDERSIZED)));

    expect([...statuses.keys()].sort()).toEqual([200, 400]);
    expect(JSON.parse(after.text)).toMatchObject({ response: { allowed: false, status: { code: 403 } } });
  });
});
