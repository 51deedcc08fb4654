import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Question } from '../../src/admission/content-key.ts';
import { readBody } from '../../src/admission/door.ts';
import { createReviewer, type Outcome, type Webhook } from '../../src/admission/handle.ts';
import { createMemory } from '../../src/admission/memory.ts';
import type { Review } from '../../src/admission/review.ts';
import { finishClasses } from '../../src/inventory/classes.ts';
import { freeDevices } from '../../src/inventory/free-devices.ts';
import { KnownNodes } from '../../src/inventory/known-nodes.ts';
import { KnownPods } from '../../src/inventory/known-pods.ts';
import { readNode } from '../../src/inventory/node.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import type { Facts, WaysOutFor } from '../../src/pipeline/types.ts';
import { gpuPod } from '../inventory/gpu-pods.ts';
import { H100_LABELS, node } from '../inventory/nodes.ts';
import {
  at,
  created,
  FACTS,
  FITS,
  factsWith,
  INCOMPLETE,
  JUDGE,
  MALFORMED,
  type Members,
  NOT_OURS,
  read,
  recorded,
  review,
  type Subject,
  TIME,
  UNDERSIZED,
  UNKNOWN_MODEL,
  updated,
} from './subjects.ts';

const FILES = readdirSync(new URL('../fixtures/admission-reviews/', import.meta.url)).filter((file) =>
  file.endsWith('.json'),
);
const WEBHOOKS: readonly Webhook[] = ['mutate', 'validate'];
const SUBJECTS: readonly Subject[] = [FITS, INCOMPLETE, UNDERSIZED, MALFORMED, UNKNOWN_MODEL, NOT_OURS];

type Reviewer = (webhook: Webhook, read: Review, facts?: Facts) => Outcome;

function remembering(): Reviewer {
  const answer = createReviewer(JUDGE);
  return (webhook, review, facts = FACTS) => answer({ review, webhook, time: TIME }, facts);
}

describe('a remembered answer', () => {
  it.each(FILES)('to %s, asked twice under other uids, is the answer that a fresh process gives', (file) => {
    const body = recorded(file);
    const answer = remembering();
    for (const webhook of WEBHOOKS) {
      answer(webhook, read(body));
      at(body, 'request')['uid'] = `again-${webhook}`;
      const again = read(body);

      expect(answer(webhook, again)).toEqual(review(webhook, again));
    }
  });

  // Whatever is asked in whatever order: the memory may only save time.
  it('is never the answer to another question', () => {
    const question = fc.record({
      subject: fc.constantFrom(...SUBJECTS),
      context: fc.constantFrom('8K', '128K', '1M', '9M'),
      replicas: fc.constantFrom(1, 3),
      operation: fc.constantFrom('CREATE', 'UPDATE'),
      webhook: fc.constantFrom(...WEBHOOKS),
      namespace: fc.constantFrom('ml', 'prod'),
      name: fc.constantFrom('one', 'two'),
      user: fc.constantFrom('ann', 'bob'),
      isExempt: fc.boolean(),
      facts: fc.constantFrom(
        FACTS,
        { ...FACTS, namespaceMode: 'warn' as const },
        factsWith({ mode: 'audit' }),
        factsWith({ exemptions: { users: ['ann'], groups: [], namespaces: [] } }),
      ),
    });
    const answer = remembering();
    let asks = 0;
    fc.assert(
      fc.property(question, (asked) => {
        asks += 1;
        const { subject, context, webhook, operation, facts, isExempt } = asked;
        const changed = { ...subject.annotations, 'vramgate.io/context': context };
        const exempt = isExempt ? { 'vramgate.io/exempt': 'a migration of last resort' } : {};
        const body = created({ ...subject, annotations: { ...changed, ...exempt } });
        const object = at(body, 'request', 'object');
        at(object, 'metadata')['name'] = asked.name;
        at(object, 'spec')['replicas'] = asked.replicas;
        const envelope = {
          namespace: asked.namespace,
          name: asked.name,
          uid: `uid-${asks}`,
          userInfo: { username: asked.user, groups: [] },
        };
        const whole =
          operation === 'UPDATE' ? updated(object, at(created(subject), 'request', 'object')) : body;
        Object.assign(at(whole, 'request'), envelope);
        const parsed = read(whole);

        expect(answer(webhook, parsed, facts)).toEqual(review(webhook, parsed, facts));
      }),
      { numRuns: 60, seed: 20_261_125 },
    );
  });
});

/** The whole object once more, as `kubectl apply` leaves it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

describe('what kubectl applied last', () => {
  const noting = (text: unknown): Review => {
    const body = created(INCOMPLETE);
    at(body, 'request', 'object', 'metadata', 'annotations')[LAST_APPLIED] = text;
    return read(body);
  };

  it('changes no answer, and so is no other question', () => {
    const { ask, decided } = counting();
    for (const text of ['{}', '{"spec":{"replicas":2}}', '', 'x'.repeat(60_000), '"\\\\', '\\u0026 ü']) {
      const parsed = noting(text);
      expect(ask(parsed, FACTS)).toEqual(review('validate', parsed, FACTS));
    }
    expect(decided()).toBe(1);
  });

  it('is looked at where it is no text, or missing', () => {
    const { ask, decided } = counting();
    for (const value of ['{}', 1, { deep: [] }]) {
      const parsed = noting(value);
      expect(ask(parsed, FACTS)).toEqual(review('validate', parsed, FACTS));
    }
    ask(read(created(INCOMPLETE)), FACTS);
    expect(decided()).toBe(4);
  });

  it.each([
    ['in the value of another key', (text: string) => ({ other: `{"${LAST_APPLIED}":"${text}"}` })],
    ['below another key', (text: string) => ({ other: { [LAST_APPLIED]: text } })],
    ['as a part of another name', (text: string) => ({ [`${LAST_APPLIED}-2`]: text })],
  ])('is part of the question %s', (_, annotations) => {
    const { ask, decided } = counting();
    for (const text of ['one', 'two']) {
      const body = created(INCOMPLETE);
      Object.assign(at(body, 'request', 'object', 'metadata', 'annotations'), annotations(text));
      const parsed = read(body);
      expect(ask(parsed, FACTS)).toEqual(review('validate', parsed, FACTS));
    }
    expect(decided()).toBe(2);
  });
});

type Change = (object: Members, turn: number) => void;

describe('what a question is', () => {
  const asking = (change: (object: Members) => void): Review => {
    const body = created(INCOMPLETE);
    change(at(body, 'request', 'object'));
    return read(body);
  };

  /** How many of three changed objects are decided; each answer is that of a fresh process. */
  const decidedFor = (change: Change): number => {
    const { ask, decided } = counting();
    for (const turn of [1, 2, 10]) {
      const parsed = asking((object) => change(object, turn));
      expect(ask(parsed, FACTS)).toEqual(review('validate', parsed, FACTS));
    }
    return decided();
  };

  it.each<readonly [string, Change]>([
    ['its name', (object, turn) => Object.assign(at(object, 'metadata'), { name: `name-${turn}` })],
    ['its uid', (object, turn) => Object.assign(at(object, 'metadata'), { uid: 'u'.repeat(turn) })],
    [
      'who manages it',
      (object, turn) => Object.assign(at(object, 'metadata'), { managedFields: [{ turn }] }),
    ],
    ['its status', (object, turn) => Object.assign(object, { status: { replicas: turn } })],
    [
      'letters beyond ASCII in its name',
      (object, turn) => Object.assign(at(object, 'metadata'), { name: 'ü'.repeat(turn) }),
    ],
  ])('does not depend on %s', (_, change) => {
    expect(decidedFor(change)).toBe(1);
  });

  it.each<readonly [string, Change]>([
    ['a label', (object, turn) => Object.assign(at(object, 'metadata'), { labels: { turn: `${turn}` } })],
    [
      'an annotation',
      (object, turn) => Object.assign(at(object, 'metadata', 'annotations'), { turn: `${turn}` }),
    ],
    ['its spec', (object, turn) => Object.assign(at(object, 'spec'), { replicas: turn })],
    ['a status that is not its own', (object, turn) => Object.assign(at(object, 'spec'), { status: turn })],
    [
      'letters beyond ASCII',
      (object, turn) => Object.assign(at(object, 'metadata'), { labels: { turn: `ü${turn}` } }),
    ],
  ])('depends on %s', (_, change) => {
    expect(decidedFor(change)).toBe(3);
  });

  it.each([
    'vramgate.io/exempt',
    'vramgate.io\\/exempt',
    '\\u0076ramgate.io/exempt',
    'vramgate.io/exemp\\u0074',
  ])('depends on who asks where %s stands in the body', (key) => {
    const facts = factsWith({ exemptions: { users: ['ann'], groups: [], namespaces: [] } });
    const { ask, decided } = counting();
    const answers = ['ann', 'bob'].map((username) => {
      const body = created(UNDERSIZED, { userInfo: { username, groups: [] } });
      at(body, 'request', 'object', 'metadata', 'annotations')['EXEMPT'] = 'a migration of last resort';
      const reading = readBody(new TextEncoder().encode(JSON.stringify(body).replace('EXEMPT', key)));
      if (reading.kind === 'unreadable') throw new Error(reading.message);
      return ask(reading.review, facts).answer.response.allowed;
    });
    expect(answers).toEqual([true, false]);
    expect(decided()).toBe(2);
  });

  it('is the same however many bytes stand around it, and none where the object is too large to be kept', () => {
    const sized = (bytes: number): Review =>
      asking((object) => Object.assign(at(object, 'metadata', 'annotations'), { long: 'x'.repeat(bytes) }));
    expect(sized(60_000).content?.text).toHaveLength((sized(0).content?.text ?? '').length + 60_000);
    expect(sized(66_000).content).toBeNull();
  });
});

/** A question that has a place of its own. */
function asked(place: string): Question {
  return { place, content: '' };
}

/** As a cluster's watch gives it: the same nodes, known for longer with every review. */
function aged(seconds: number): Facts {
  if (FACTS.inventory.state === 'unknown') throw new Error('the facts of these tests know their nodes');
  return { ...FACTS, inventory: { ...FACTS.inventory, ageSeconds: seconds } };
}

/** Deciding costs what the memory saves: this counts it. */
function counting(): {
  readonly ask: (parsed: Review, facts: Facts) => Outcome;
  readonly decided: () => number;
} {
  let decisions = 0;
  const answer = createReviewer({
    ...JUDGE,
    decide: (input, facts) => {
      decisions += 1;
      return JUDGE.decide(input, facts, 'denied');
    },
  });
  return {
    ask: (parsed, facts) => answer({ review: parsed, webhook: 'validate', time: TIME }, facts),
    decided: () => decisions,
  };
}

describe('with nodes that are watched', () => {
  it('an answer is remembered although its inventory is older, and its record tells the new age', () => {
    const { ask, decided } = counting();
    const parsed = read(created(FITS));
    ask(parsed, aged(3));

    expect(ask(parsed, aged(8))).toEqual(review('validate', parsed, aged(8)));
    expect(decided()).toBe(1);
  });

  it('other nodes make another decision', () => {
    const memory = createMemory<number>({ entries: 3, characters: 1_000 });
    memory.keep(aged(3), asked('key'), 1);
    const facts = aged(3);
    const swapped =
      facts.inventory.state === 'known'
        ? { ...facts, inventory: { ...facts.inventory, classes: [...facts.inventory.classes] } }
        : facts;

    expect(memory.recall(aged(4), asked('key'))).toBe(1);
    expect(memory.recall(swapped, asked('key'))).toBeUndefined();
  });
});

describe('ways out', () => {
  it('are asked for by the webhook that can tell them', () => {
    const asked: WaysOutFor[] = [];
    const answer = createReviewer({
      ...JUDGE,
      decide: (input, facts, waysOutFor) => {
        asked.push(waysOutFor);
        return JUDGE.decide(input, facts, waysOutFor);
      },
    });
    for (const webhook of WEBHOOKS) answer({ review: read(created(UNDERSIZED)), webhook, time: TIME }, FACTS);

    expect(asked).toEqual(['none', 'denied']);
  });
});

describe('with pods that are watched', () => {
  const nodes = new KnownNodes(indexGpus(FACTS.catalog));
  for (const [name, product] of [
    ['h', 'NVIDIA-H100-80GB-HBM3'],
    ['l', 'NVIDIA-L40S'],
  ] as const) {
    const { parts } = readNode(node({ name, labels: { ...H100_LABELS, 'nvidia.com/gpu.product': product } }));
    if (parts !== null) nodes.put(parts);
  }
  const classes = finishClasses(nodes.drafts());
  const onL40s = { ...FITS, nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L40S' } };

  function watched(): { readonly pods: KnownPods; readonly facts: Facts } {
    const pods = new KnownPods();
    const inventory = { state: 'known', classes, ageSeconds: 1, free: freeDevices(nodes, pods) } as const;
    return { pods, facts: { ...FACTS, inventory } };
  }

  it('an answer that tells what is free is never given when that has changed', () => {
    const { pods, facts } = watched();
    const { ask, decided } = counting();
    const parsed = read(created(FITS));
    const codes = (): readonly string[] => ask(parsed, facts).record.findings.map(({ code }) => code);
    expect(codes()).not.toContain('no-free-gpus');

    for (const [taken, isFull] of [
      ['4', false],
      ['5', true],
      ['8', true],
      ['1', false],
    ] as const) {
      pods.put(gpuPod({ node: 'h', limits: { 'nvidia.com/gpu': taken } }));
      expect(codes().includes('no-free-gpus')).toBe(isFull);
      expect(ask(parsed, facts)).toEqual(review('validate', parsed, facts));
      expect(
        ask(parsed, facts).answer.response.auditAnnotations?.['codes']?.includes('no-free-gpus') === true,
      ).toBe(isFull);
    }
    expect(decided()).toBe(5);
  });

  it('an answer that does not depend on what has changed is given from memory', () => {
    const { pods, facts } = watched();
    const { ask, decided } = counting();
    const subjects = [FITS, onL40s, UNDERSIZED, NOT_OURS].map((subject) => read(created(subject)));
    for (const parsed of subjects) ask(parsed, facts);
    expect(decided()).toBe(4);

    pods.put(gpuPod({ node: 'l', limits: { 'nvidia.com/gpu': '2' } }));
    pods.put(gpuPod({ name: 'without', node: 'h', limits: { cpu: '2' } }));
    for (const parsed of subjects) expect(ask(parsed, facts)).toEqual(review('validate', parsed, facts));
    // Only what may land on the node whose GPUs are taken.
    expect(decided()).toBe(5);
  });
});

describe('the memory', () => {
  const key = (index: number): Question => asked(`key-${String(index).padStart(4, '0')}`);

  it('holds no more entries than its limit; what was kept last and what is asked for again stays', () => {
    const memory = createMemory<number>({ entries: 4, characters: 1_000 });
    memory.keep(FACTS, asked('asked for'), 0);
    for (let index = 1; index <= 50; index += 1) {
      memory.keep(FACTS, key(index), index);

      expect(memory.size()).toBeLessThanOrEqual(4);
      expect(memory.recall(FACTS, key(index))).toBe(index);
      expect(memory.recall(FACTS, asked('asked for'))).toBe(0);
    }
    expect(memory.recall(FACTS, key(46))).toBeUndefined();
  });

  it('holds no more characters than its limit, to the character', () => {
    const memory = createMemory<number>({ entries: 100, characters: 32 });
    for (const index of [1, 2, 3, 4]) memory.keep(FACTS, key(index), index);
    expect(memory.size()).toBe(4);

    memory.keep(FACTS, asked('x'), 5);
    expect(memory.size()).toBe(3);
    expect(memory.recall(FACTS, key(1))).toBeUndefined();

    const [largest, tooLarge] = [asked('y'.repeat(16)), asked('y'.repeat(17))];
    memory.keep(FACTS, largest, 6);
    memory.keep(FACTS, tooLarge, 7);
    expect(memory.recall(FACTS, largest)).toBe(6);
    expect(memory.recall(FACTS, tooLarge)).toBeUndefined();
  });

  it('gives the later of two answers to one question', () => {
    const memory = createMemory<number>({ entries: 4, characters: 1_000 });
    memory.keep(FACTS, key(1), 1);
    memory.keep(FACTS, key(1), 2);
    expect(memory.recall(FACTS, key(1))).toBe(2);

    for (const index of [2, 3]) memory.keep(FACTS, key(index), index);
    expect(memory.recall(FACTS, key(1))).toBe(2);
    memory.keep(FACTS, key(1), 3);
    expect(memory.recall(FACTS, key(1))).toBe(3);
  });

  it('of two questions with one place answers the one that it was asked last', () => {
    const memory = createMemory<number>({ entries: 4, characters: 1_000 });
    const [one, other] = ['one', 'other'].map((content) => ({ place: 'same', content })) as [
      Question,
      Question,
    ];
    memory.keep(FACTS, one, 1);
    expect(memory.recall(FACTS, other)).toBeUndefined();

    memory.keep(FACTS, other, 2);
    expect(memory.recall(FACTS, other)).toBe(2);
    expect(memory.recall(FACTS, one)).toBeUndefined();

    // One generation older, too.
    for (const index of [1, 2]) memory.keep(FACTS, key(index), index);
    expect(memory.recall(FACTS, one)).toBeUndefined();
    expect(memory.recall(FACTS, other)).toBe(2);
  });

  it('forgets everything when a fact is swapped', () => {
    const memory = createMemory<number>({ entries: 3, characters: 1_000 });
    memory.keep(FACTS, key(1), 1);

    expect(memory.recall({ ...FACTS, namespaceMode: 'warn' }, key(1))).toBe(1);
    expect(memory.recall(factsWith({ mode: 'warn' }), key(1))).toBeUndefined();
    expect(memory.recall(FACTS, key(1))).toBeUndefined();
  });
});
