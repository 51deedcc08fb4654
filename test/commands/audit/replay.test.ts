import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Webhook } from '../../../src/admission/handle.ts';
import { applyPatch, lowerEdits } from '../../../src/admission/json-patch.ts';
import { builtinCatalog } from '../../../src/catalog/builtin.ts';
import { replayRecord, type Today } from '../../../src/commands/audit/replay.ts';
import { type AuditRecord, auditRecordSchema } from '../../../src/observe/record-schema.ts';
import { decide } from '../../../src/pipeline/decide.ts';
import type { Facts } from '../../../src/pipeline/types.ts';
import type { Inventory, Policy } from '../../../src/plan/types.ts';
import {
  at,
  created,
  deployment,
  envelope,
  FACTS,
  FITS,
  factsWith,
  H100,
  handle,
  INCOMPLETE,
  MALFORMED,
  type Members,
  recorded,
  type Subject,
  UNDERSIZED,
  UNKNOWN_MODEL,
  updated,
  W4A16,
} from '../../admission/subjects.ts';
import { gpuPod } from '../../inventory/gpu-pods.ts';
import { classesOf, fixtureText, readText } from '../../inventory/nodes.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);

const TODAY: Today = {
  catalog: builtinCatalog,
  vramgateVersion: handle('mutate', created(FITS)).record.vramgateVersion,
  policy: null,
};

/** As a log has it: through text, and through the schema. */
function logged(webhook: Webhook, body: unknown, facts: Facts = FACTS): AuditRecord {
  return auditRecordSchema.parse(JSON.parse(JSON.stringify(handle(webhook, body, facts).record)));
}

const UNKNOWN: Inventory = { state: 'unknown', reason: 'test' };
const NODE_LISTS = readdirSync(new URL('nodes/', FIXTURES)).filter((name) => name.endsWith('.yaml'));

/** The same two nodes, with so many GPUs taken on each. */
function taken(gpus: number): Facts {
  const nodes = fixtureText('dgx-h100.yaml');
  const names = [...new Set(classesOf(readText(nodes)).flatMap(({ nodeNames }) => [...nodeNames]))];
  const pods = names.map((name) => gpuPod({ name, node: name, limits: { 'nvidia.com/gpu': String(gpus) } }));
  return {
    ...FACTS,
    inventory: readText(`${nodes}\n---\n${JSON.stringify({ kind: 'List', items: pods })}`).inventory,
  };
}

/** The Deployment after the webhook's patch, as it is stored. */
function stored(subject: Subject, facts: Facts = FACTS): Members {
  const object = deployment(subject);
  const input = { operation: 'CREATE', object, oldObject: null, namespace: 'ml', user: null } as const;
  return at(applyPatch(object, lowerEdits(object, decide(input, facts).edits)));
}

function annotated(subject: Subject, annotations: Members): Subject {
  return { ...subject, annotations: { ...subject.annotations, ...annotations } };
}

function withAffinity(object: Members, operator: string, values: readonly string[]): Members {
  const requirement = { key: 'nvidia.com/gpu.product', operator, values };
  const terms = { nodeSelectorTerms: [{ matchExpressions: [requirement] }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: terms };
  at(object, 'spec', 'template', 'spec')['affinity'] = { nodeAffinity };
  return object;
}

const EXEMPT = annotated(UNDERSIZED, { 'vramgate.io/exempt': 'capacity test, ends on Friday' });
const MORE_CONTEXT = { ...annotated(INCOMPLETE, { 'vramgate.io/context': '256K' }), args: [W4A16] };
const SHELL = { ...INCOMPLETE, args: [W4A16, '--max-model-len=131072', '--config', '/etc/vllm.yaml'] };

const REVIEWS: readonly (readonly [string, Members])[] = [
  ['fits', created(FITS)],
  ['incomplete', created(INCOMPLETE)],
  ['undersized', created(UNDERSIZED)],
  ['malformed', created(MALFORMED)],
  ['unknown model', created(UNKNOWN_MODEL)],
  ['exempt', created(EXEMPT)],
  ['an unreadable command line', created(SHELL)],
  ['a context without a flag', created(MORE_CONTEXT)],
  ['a named GPU', created(annotated(INCOMPLETE, { 'vramgate.io/gpu': 'H100' }))],
  [
    'training',
    created(
      annotated(INCOMPLETE, { 'vramgate.io/workload': 'training', 'vramgate.io/training-method': 'lora' }),
    ),
  ],
  ['Behemoth', created(annotated(INCOMPLETE, { 'vramgate.io/model': 'behemoth' }))],
  ['an affinity', envelope(withAffinity(deployment(INCOMPLETE), 'In', ['NVIDIA-H100-80GB-HBM3']))],
  ['an affinity that excludes', envelope(withAffinity(deployment(INCOMPLETE), 'NotIn', ['NVIDIA-L40S']))],
  ['a re-applied file', updated(deployment(INCOMPLETE), stored(INCOMPLETE))],
  ['an unrelated update', updated(stored(INCOMPLETE), stored(INCOMPLETE))],
  ['an update that asks for more', updated(deployment(MORE_CONTEXT), stored(INCOMPLETE))],
  ['an update of an undersized object', updated(deployment(UNDERSIZED), deployment(UNDERSIZED))],
  ['an update that makes it worse', updated(deployment(UNDERSIZED), deployment(FITS))],
];

describe('every recorded request of a real API server', () => {
  const files = readdirSync(new URL('admission-reviews/', FIXTURES)).filter((name) => name.endsWith('.json'));

  it.each(files)('%s comes out the same', (file) => {
    const record = logged('validate', recorded(file));

    expect(replayRecord(record, TODAY)).toEqual({
      outcome: record.inputs === null ? 'left-alone' : 'same',
    });
  });
});

describe.each(REVIEWS)('%s', (_name, body) => {
  it.each(['mutate', 'validate'] as const)(
    'comes out of /%s the same, with and without an inventory, and whatever is free',
    (webhook) => {
      for (const facts of [FACTS, { ...FACTS, inventory: UNKNOWN }, taken(0), taken(8)]) {
        const record = logged(webhook, body, facts);

        expect(record.inputs).toMatchObject({ truncated: null });
        expect(replayRecord(record, TODAY)).toEqual({ outcome: 'same' });
      }
    },
  );
});

describe('what was free', () => {
  it('is in the record, and the finding comes of it', () => {
    const record = logged('validate', created(FITS), taken(5));
    const [path] = record.findings.flatMap((one) => (one.code === 'no-free-gpus' ? [one.path] : []));

    expect(path).toContain('resources');
    expect(record.free).toEqual([
      { path, resource: 'nvidia.com/gpu', gpus: 4, pods: 1, nodes: 2, room: 0, most: 3 },
    ]);
    expect(replayRecord(record, TODAY)).toEqual({ outcome: 'same' });
    const free = record.free?.map((one) => ({ ...one, room: 1 })) ?? null;
    expect(replayRecord({ ...record, free }, TODAY)).toMatchObject({
      outcome: 'different',
      reasons: ['record'],
      differences: [{ field: 'codes' }],
    });
  });

  it('is not known in records of before', () => {
    const { free: _, ...before } = logged('validate', created(FITS));

    expect(auditRecordSchema.parse(before).free).toBeNull();
  });
});

describe('on every list of nodes', () => {
  it.each(NODE_LISTS)('%s', (file) => {
    const facts: Facts = { ...FACTS, inventory: readText(fixtureText(file)).inventory };
    const subjects = [
      FITS,
      INCOMPLETE,
      { ...FITS, nodeSelector: null },
      { ...INCOMPLETE, nodeSelector: H100 },
    ];
    for (const subject of subjects) {
      expect(replayRecord(logged('mutate', created(subject), facts), TODAY)).toEqual({ outcome: 'same' });
    }
  });
});

const POLICIES: readonly (readonly [string, Partial<Policy>])[] = [
  ['mode warn', { mode: 'warn' }],
  ['mode audit', { mode: 'audit' }],
  ['unknown denied', { unknown: 'deny' }],
  ['a missing flag warns', { missingFlag: 'warn' }],
  ['affinity', { placement: 'affinity' }],
  ['one code only recorded', { codeModes: new Map([['does-not-fit', 'audit']]) }],
  ['prices', { prices: new Map([['NVIDIA-H100-80GB-HBM3', 3]]) }],
  ['published figures', { method: 'published' }],
];

describe.each(POLICIES)('under the policy %s', (_name, policy) => {
  it('each record comes out the same, from its own line alone', () => {
    for (const subject of [FITS, INCOMPLETE, UNDERSIZED, UNKNOWN_MODEL, SHELL]) {
      const record = logged('validate', created(subject), factsWith(policy));

      expect(replayRecord(record, TODAY)).toEqual({ outcome: 'same' });
    }
  });
});

describe('a namespace', () => {
  it('whose label softens the mode is in the record', () => {
    const record = logged('validate', created(UNDERSIZED), { ...FACTS, namespaceMode: 'warn' });

    expect(record).toMatchObject({ mode: 'warn', verdict: 'deny', allowed: true });
    expect(replayRecord(record, TODAY)).toEqual({ outcome: 'same' });
  });
});

// --- what has changed since --------------------------------------------------------------------------------------

/** The built-in catalog with models of eight times the layers: nothing else is different. */
const OTHER_CATALOG = {
  ...builtinCatalog,
  version: 'another',
  models: builtinCatalog.models.map((model) => ({
    ...model,
    shape: model.shape === null ? null : { ...model.shape, layers: model.shape.layers * 8 },
  })),
};

describe('a catalog that has changed', () => {
  it('is named as the reason where the decision comes out differently', () => {
    const result = replayRecord(logged('validate', created(FITS)), { ...TODAY, catalog: OTHER_CATALOG });

    expect(result).toMatchObject({ outcome: 'different', reasons: ['catalog'] });
    expect(result).toMatchObject({
      differences: expect.arrayContaining([{ field: 'verdict', recorded: 'allow', computed: 'deny' }]),
    });
  });

  it('is no difference where the decision is the same', () => {
    const catalog = { ...builtinCatalog, version: 'another' };

    expect(replayRecord(logged('validate', created(FITS)), { ...TODAY, catalog })).toEqual({
      outcome: 'same',
    });
  });

  it('makes a record of a model that is gone not replayable, and says why', () => {
    const result = replayRecord(logged('validate', created(FITS)), {
      ...TODAY,
      catalog: { ...builtinCatalog, version: 'another', models: [] },
    });

    expect(result).toMatchObject({
      outcome: 'not-replayable',
      why: expect.stringContaining('no model scout'),
    });
    expect(result).toMatchObject({ why: expect.stringContaining('another') });
  });
});

describe('another version of vramgate', () => {
  it('is named as the reason', () => {
    const record = { ...logged('validate', created(FITS)), vramgateVersion: '0.0.1', plannedGpus: 8 };

    expect(replayRecord(record, TODAY)).toMatchObject({ outcome: 'different', reasons: ['version'] });
  });
});

describe('a policy that has changed', () => {
  const strict: Policy = { ...FACTS.policy, unknown: 'deny', hash: 'strict' };

  it('is named as the reason where the decision would be another', () => {
    const result = replayRecord(logged('validate', created(UNKNOWN_MODEL)), { ...TODAY, policy: strict });

    expect(result).toMatchObject({
      outcome: 'different',
      reasons: ['policy'],
      why: expect.stringContaining('strict'),
      differences: expect.arrayContaining([{ field: 'allowed', recorded: true, computed: false }]),
    });
  });

  it('is no difference where it decides the same', () => {
    expect(replayRecord(logged('validate', created(FITS)), { ...TODAY, policy: strict })).toEqual({
      outcome: 'same',
    });
  });
});

describe('a doctored record', () => {
  const honest = logged('validate', created(UNDERSIZED));

  it.each([
    ['verdict', { verdict: 'allow' }],
    ['answer', { allowed: true }],
    ['need', { bytesNeededPerGpu: 1 }],
    ['count', { requestedGpus: 8 }],
    ['model', { model: 'maverick' }],
    ['codes', { findings: [] }],
    ['mode', { mode: 'warn' }],
    ['id', { decision: '0'.repeat(16) }],
    ['uid', { uid: 'somebody-else' }],
    ['policy', { policyHash: '0'.repeat(16) }],
  ] as const)('with another %s is different, and nothing but the record is to blame', (_what, change) => {
    const result = replayRecord(auditRecordSchema.parse({ ...honest, ...change }), TODAY);

    expect(result).toMatchObject({ outcome: 'different', reasons: ['record'] });
  });

  it('whose inputs were altered is different', () => {
    const text = JSON.stringify(honest).replace('"context":131072', '"context":1024');
    const record = auditRecordSchema.parse(JSON.parse(text.replace('"count":1,', '"count":8,')));

    expect(text).not.toBe(JSON.stringify(honest));
    expect(replayRecord(record, TODAY)).toMatchObject({ outcome: 'different', reasons: ['record'] });
  });
});

describe('a record that cannot be computed again', () => {
  const honest = logged('validate', created(FITS));

  it.each([
    [
      'truncated',
      { ...Object(honest.inputs), truncated: { bytes: 9000, without: ['shapes'] } },
      'without shapes',
    ],
    ['missing', null, 'no inputs'],
    ['those of nobody', { surprise: true }, 'not those of this version'],
  ])('because its inputs are %s, says so', (_what, inputs, want) => {
    const result = replayRecord({ ...honest, inputs }, TODAY);

    expect(result).toMatchObject({ outcome: 'not-replayable', why: expect.stringContaining(want) });
  });
});
