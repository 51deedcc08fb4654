import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { decisionRecord } from '../../src/pipeline/record.ts';
import type { Decided, Facts } from '../../src/pipeline/types.ts';
import type { Decision } from '../../src/plan/types.ts';
import { CASES, type Case, reviewOf } from '../demo/reviews.ts';
import { cluster, deployment, SCOUT_INT4, shape, vllmArgs } from '../plan/cases.ts';

const nodes: unknown = parse(readFileSync(new URL('../demo/inventory.yaml', import.meta.url), 'utf8'));
const { inventory } = readInventory([nodes], builtinCatalog);
const FACTS: Facts = { catalog: builtinCatalog, inventory, policy: defaultPolicy(), namespaceMode: null };

function caseOf(name: string): Case {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

function objectOf(one: Case): unknown {
  const request: unknown = reviewOf(one, 'uid')['request'];
  return typeof request === 'object' && request !== null ? Reflect.get(request, 'object') : null;
}

function create(object: unknown, facts: Facts = FACTS): Decided {
  return decide({ operation: 'CREATE', object, oldObject: null, namespace: 'ml', user: null }, facts);
}

function update(object: unknown, oldObject: unknown, facts: Facts = FACTS): Decision {
  return decide({ operation: 'UPDATE', object, oldObject, namespace: 'ml', user: null }, facts);
}

function codes(decision: Decision): readonly string[] {
  return decision.findings.map((one) => one.code);
}

describe('annotations that are no map', () => {
  it.each([
    ['text', { metadata: { name: 'scout', annotations: 'vramgate.io/model: scout' } }],
    ['a list for metadata', { metadata: ['vramgate.io/model'] }],
  ])('are not taken for none: %s', (_, more) => {
    const decision = create({ ...deployment({}), ...more });

    expect(decision.verdict).toBe('deny');
    expect(codes(decision)).toEqual(['malformed-object']);
  });

  it('a null is none, as the API server takes it', () => {
    const decision = create({ ...deployment({}), metadata: { name: 'scout', annotations: null } });

    expect(decision.verdict).toBe('ignore');
  });
});

describe('a new Deployment', () => {
  it('is left alone when it fits as written', () => {
    const decision = create(objectOf(caseOf('scout-fits')));

    expect(decision.verdict).toBe('allow');
    expect(decision.edits).toEqual([]);
  });

  // Extended resources cannot be overcommitted: the API server refuses such a pod (kubernetes validation.go).
  it('is told once that a GPU request differs from its limit', () => {
    const object = deployment({
      annotations: { model: 'scout' },
      args: vllmArgs(SCOUT_INT4, 8192),
      container: {
        resources: { limits: { 'nvidia.com/gpu': '2' }, requests: { 'nvidia.com/gpu': '1' } },
      },
    });

    expect(codes(create(object)).filter((code) => code === 'malformed-object')).toHaveLength(1);
  });

  it('gets count, selector, toleration and parallel flag, and its own output is not changed again', () => {
    const object = objectOf(caseOf('scout-patched'));
    const decision = create(object);
    const patched = applyPatch(object, lowerEdits(object, decision.edits));
    const again = create(patched);

    expect(decision.verdict).toBe('patch');
    expect(decision.plan).toMatchObject({ gpus: 2, tensorParallel: 2, shape: '8x NVIDIA-H100-80GB-HBM3' });
    expect(lowerEdits(patched, again.edits)).toEqual([]);
    expect(again.verdict).toBe('allow');
  });

  it('is refused with ways out that are admitted when applied by machine', () => {
    const object = objectOf(caseOf('scout-refused'));
    const decision = create(object);

    expect(decision).toMatchObject({ verdict: 'deny', allowed: false, status: 403 });
    expect(decision.remedies.length).toBeGreaterThanOrEqual(2);
    for (const remedy of decision.remedies) {
      const changed = applyPatch(object, lowerEdits(object, remedy.edits));
      expect(create(changed).verdict, remedy.text).not.toBe('deny');
    }
  });

  it('is judged by the GPUs that its author accepts, not by a larger one beside them', () => {
    const examples: unknown = parse(
      readFileSync(new URL('../../manifests/inventory.yaml', import.meta.url), 'utf8'),
    );
    const { inventory: both } = readInventory([examples], builtinCatalog);
    const refused = caseOf('scout-refused');
    const annotations = { ...refused.annotations, 'vramgate.io/context': '256K', 'vramgate.io/gpu': 'H100' };
    const args = refused.args.map((one) =>
      one.startsWith('--max-model-len') ? '--max-model-len=262144' : one,
    );
    const object = objectOf({ ...refused, annotations, args, nodeSelector: null });
    const decision = create(object, { ...FACTS, inventory: both });

    expect(decision.verdict).toBe('deny');
    expect(decision.message).toContain('NVIDIA-H100-80GB-HBM3');
    expect(decision.message).not.toContain('NVIDIA-H200');
  });

  it('without a count, a named GPU or an inventory is refused, and naming a GPU is the way out', () => {
    const unknown: Facts = { ...FACTS, inventory: { state: 'unknown', reason: 'test' } };
    const object = objectOf(caseOf('scout-patched'));
    const decision = create(object, unknown);

    expect(codes(decision)).toContain('gpu-count-missing');
    expect(decision.remedies[0]?.text).toContain('vramgate.io/gpu');
    for (const remedy of decision.remedies) {
      expect(create(applyPatch(object, lowerEdits(object, remedy.edits)), unknown).verdict).toBe('patch');
    }
  });

  it.each([
    ['warn', true],
    ['audit', true],
    ['enforce', false],
  ] as const)('that does not fit is, in mode %s, allowed: %s', (mode, allowed) => {
    const decision = create(objectOf(caseOf('scout-refused')), {
      ...FACTS,
      policy: { ...FACTS.policy, mode },
    });

    expect(decision.allowed).toBe(allowed);
    expect(decision.verdict).toBe('deny');
    expect(decision.warnings.length > 0).toBe(mode === 'warn');
  });

  it('with an unknown model is never let in silently', () => {
    const decision = create(objectOf(caseOf('unknown-model')));

    expect(codes(decision)).toContain('unknown-model');
    expect(decision.allowed).toBe(true);
    expect(decision.warnings).toHaveLength(1);
  });

  it('with a context of banana is malformed at the annotation', () => {
    const decision = create(objectOf(caseOf('banana')));

    expect(decision.status).toBe(422);
    expect(decision.findings.find((one) => one.code === 'malformed-annotation')?.path).toEqual([
      'metadata',
      'annotations',
      'vramgate.io/context',
    ]);
  });
});

describe('an update', () => {
  it('of a re-applied file gets the recorded values back, whatever the inventory is now', () => {
    const object = objectOf(caseOf('scout-patched'));
    const stored = applyPatch(object, lowerEdits(object, create(object).edits));
    const elsewhere: Facts = { ...FACTS, inventory: { state: 'known', classes: [], ageSeconds: 0 } };
    const decision = update(object, stored, elsewhere);

    expect(applyPatch(object, lowerEdits(object, decision.edits))).toEqual(stored);
    expect(decision.allowed).toBe(true);
  });

  it('that changes nothing about the GPUs of an undersized object is not refused', () => {
    const object = objectOf(caseOf('scout-refused'));
    const decision = update(object, object);

    expect(decision.allowed).toBe(true);
    expect(codes(decision)).toContain('still-undersized');
  });

  it('that makes an undersized object worse is refused', () => {
    const one = caseOf('scout-refused');
    const before = objectOf(one);
    const args = one.args.map((word) => word.replace('1048576', '4194304'));
    const annotations = { ...one.annotations, 'vramgate.io/context': '4M' };
    const decision = update(objectOf({ ...one, args, annotations }), before);

    expect(decision.allowed).toBe(false);
  });
});

const IDENTITY = {
  uid: 'u',
  time: '2026-11-24T00:00:00Z',
  webhook: 'validate',
  operation: 'CREATE',
  dryRun: false,
  namespace: 'ml',
  name: 'x',
  generateName: null,
  kind: 'Deployment',
  user: null,
  durationMicroseconds: 0,
} as const;

describe('the record', () => {
  it('is plain JSON with need and have in integer bytes', () => {
    const decision = create(objectOf(caseOf('scout-refused')));
    const record = decisionRecord(decision, IDENTITY, FACTS, []);

    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
    expect(Number.isInteger(record.bytesNeededPerGpu)).toBe(true);
    expect(record.bytesNeededPerGpu ?? 0).toBeGreaterThan(record.bytesAvailablePerGpu ?? 0);
  });
  it('speaks of the whole GPU where what is beside the engine’s budget binds, as the message does', () => {
    const scout = (model: string, ...flags: readonly string[]): Decided =>
      create(
        deployment({
          annotations: { model: 'scout', context: '8K' },
          args: vllmArgs(model, 8192, ...flags),
          limits: { 'nvidia.com/gpu': 1 },
        }),
        cluster([shape('NVIDIA-H200', 8)]),
      );
    const fits = scout(SCOUT_INT4);
    const fit = fits.judged?.fit;
    const record = decisionRecord(fits, IDENTITY, FACTS, []);

    expect(fit?.binding).toBe('rest');
    expect(record.bytesAvailablePerGpu).toBe(fit?.usableBytes);
    expect(record.bytesNeededPerGpu).toBe(Math.round(fits.judged?.perGpu.mid ?? 0));

    // What is outside exceeds the hundredth of the GPU that is left beside the budget.
    const refused = scout(SCOUT_INT4, '--gpu-memory-utilization=0.99');
    const over = decisionRecord(refused, IDENTITY, FACTS, []);

    expect(refused.judged?.fit?.binding).toBe('rest');
    expect(over.bytesNeededPerGpu ?? 0).toBeGreaterThan(over.bytesAvailablePerGpu ?? 0);
  });
});
