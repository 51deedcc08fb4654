import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import { formatApplied, parseApplied } from '../../src/pipeline/applied.ts';
import { decide } from '../../src/pipeline/decide.ts';
import type { Decided, Facts } from '../../src/pipeline/types.ts';
import { at, deployment, FACTS, INCOMPLETE, type Members, UNDERSIZED, W4A16 } from '../admission/subjects.ts';

const KEY = 'vramgate.io/applied';

function create(object: unknown, facts: Facts = FACTS): Decided {
  return decide({ operation: 'CREATE', object, oldObject: null, namespace: 'ml', user: null }, facts);
}

function update(object: unknown, oldObject: unknown, facts: Facts = FACTS): Decided {
  return decide({ operation: 'UPDATE', object, oldObject, namespace: 'ml', user: null }, facts);
}

function patched(object: unknown, decision: Decided): Members {
  return at(applyPatch(object, lowerEdits(object, decision.edits)));
}

function stored(object: unknown): Members {
  return patched(object, create(object));
}

function appliedText(object: Members): string {
  return String(at(object, 'metadata', 'annotations')[KEY]);
}

function container(object: Members): Members {
  return at(object, 'spec', 'template', 'spec', 'containers', 0);
}

/** The author's file, with its first container changed. */
function authored(change: Members = {}): Members {
  const object = deployment(INCOMPLETE);
  Object.assign(container(object), change);
  return object;
}

describe('what the webhook leaves on an object', () => {
  it('says what it set, and from which inputs, in the words of the author', () => {
    const applied: unknown = JSON.parse(appliedText(stored(authored())));

    expect(applied).toEqual({
      set: [
        ['gpus', ['spec', 'template', 'spec', 'containers', 0], 'nvidia.com/gpu', 2],
        ['args', ['spec', 'template', 'spec', 'containers', 0, 'args'], false, ['--tensor-parallel-size=2']],
      ].map((row) => (row[0] === 'args' ? expect.arrayContaining(['args']) : row)),
      from: expect.objectContaining({
        model: 'scout',
        context: '128K',
        quantization: 'w4a16',
        templates: [
          expect.objectContaining({
            containers: [expect.objectContaining({ args: [W4A16, '--max-model-len=131072'] })],
          }),
        ],
      }),
    });
  });

  it('holds nothing of ours: policy, catalog, inventory and time change no letter of it', () => {
    const elsewhere: Facts = {
      ...FACTS,
      catalog: { ...FACTS.catalog, version: 'another' },
      policy: { ...FACTS.policy, hash: 'another', unknown: 'deny' },
    };
    const object = authored();

    expect(appliedText(patched(object, create(object, elsewhere)))).toBe(appliedText(stored(object)));
  });

  it('holds no value of an environment variable', () => {
    const env = [{ name: 'HF_TOKEN', value: 'hf_secret' }];

    expect(appliedText(stored(authored({ env })))).not.toContain('hf_secret');
  });

  it('is read back as it was written', () => {
    const text = appliedText(stored(authored()));
    const applied = parseApplied(new Map([[KEY, text]]));

    expect(applied === null ? null : formatApplied(applied)).toBe(text);
  });

  it.each([
    '',
    '{}',
    '[]',
    '{"set":[],"from":"0123456789abcdef"}',
    '{"set":{},"from":{}}',
    `{"set":[],"from":{}}${' '.repeat(20_000)}`,
  ])('is no record of ours as %j', (text) => {
    expect(parseApplied(new Map([[KEY, text]]))).toBeNull();
  });
});

const LONG = Array.from({ length: 400 }, (_, index) => `--served-model-name=name-${index}`);

describe('a file that is applied again', () => {
  it.each<readonly [string, Members]>([
    ['as it is', {}],
    ['with a long command line', { args: [W4A16, '--max-model-len=131072', ...LONG] }],
    ['with an image of a long name', { image: `registry.example/${'x'.repeat(300)}/vllm-openai:v0.11.0` }],
    ['with variables', { env: [{ name: 'VLLM_LOGGING_LEVEL', value: 'INFO' }] }],
  ])('%s gets what it had, whatever is known now, in a short annotation', (_what, change) => {
    const object = authored(change);
    const before = stored(object);
    const nothing: Facts = { ...FACTS, inventory: { state: 'known', classes: [], ageSeconds: 0 } };

    expect(appliedText(before).length).toBeLessThan(8192);
    expect(patched(object, update(object, before, nothing))).toEqual(before);
  });

  // The API server refuses any change of these templates: without what we set, the file itself would be one.
  it('is whole again where the template cannot change any more, and only where it stands like that', () => {
    const { spec, ...deploymentOnly } = authored();
    const object = {
      ...deploymentOnly,
      apiVersion: 'batch/v1',
      kind: 'Job',
      spec: { template: at(spec, 'template') },
    };
    const before = stored(object);

    expect(at(before, 'metadata', 'annotations')).toHaveProperty([KEY]);
    expect(patched(object, update(object, before))).toEqual(before);

    const recordOnly = { ...object, metadata: at(before, 'metadata') };
    expect(update(recordOnly, object).edits).toEqual([]);
  });

  it.each<readonly [string, Members]>([
    ['an argument', { args: [W4A16, '--max-model-len=65536'] }],
    ['one of very many arguments', { args: [W4A16, '--max-model-len=131072', ...LONG, '--seed=1'] }],
    ['the image', { image: 'vllm/vllm-openai:v0.12.0' }],
    ['the value of a variable', { env: [{ name: 'A', value: '2' }] }],
  ])('with another value of %s counts as changed', (_what, change) => {
    const base = { args: [W4A16, '--max-model-len=131072', ...LONG], env: [{ name: 'A', value: '1' }] };
    const before = stored(authored(base));
    const { basis } = update(authored({ ...base, ...change }), before);

    expect(basis.earlier?.kind).toBe('replanned');
  });

  it.each<readonly [string, Members]>([
    ['a probe', { livenessProbe: { httpGet: { path: '/health', port: 8000 } } }],
    ['a mount', { volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }] }],
  ])('with another value of %s does not', (_what, change) => {
    const before = stored(authored());
    const { basis } = update(authored(change), before);

    expect(basis.earlier?.kind).toBe('standing');
  });
});

describe('an author who sets a count after us', () => {
  // kubectl merges the new limit into what is stored, our request beside it; the API server wants both to be equal.
  it('keeps it, and our request beside it goes', () => {
    const object = stored(authored());
    Object.assign(at(container(object), 'resources', 'limits'), { 'nvidia.com/gpu': '4' });
    container(object)['args'] = [W4A16, '--max-model-len=131072', '--tensor-parallel-size=4'];
    const decision = update(object, stored(authored()));
    const after = container(patched(object, decision));

    expect(decision.allowed).toBe(true);
    expect(at(after, 'resources', 'limits')).toHaveProperty(['nvidia.com/gpu'], '4');
    expect(at(after, 'resources', 'requests')).not.toHaveProperty(['nvidia.com/gpu']);
    expect(after['args']).toEqual(container(object)['args']);
  });

  // Without the flag the engine would use one of them. In a namespace of mode warn that must not stop anybody, and
  // everywhere else it is for /validate to say.
  it.each(['enforce', 'warn'] as const)(
    'too large for its flags: our request goes too, in mode %s',
    (mode) => {
      const object = stored(authored());
      Object.assign(at(container(object), 'resources', 'limits'), { 'nvidia.com/gpu': '4' });
      const decision = update(object, stored(authored()), { ...FACTS, policy: { ...FACTS.policy, mode } });
      const after = container(patched(object, decision));

      expect(decision.verdict).toBe('deny');
      expect(at(after, 'resources', 'limits')).toHaveProperty(['nvidia.com/gpu'], '4');
      expect(at(after, 'resources', 'requests')).not.toHaveProperty(['nvidia.com/gpu']);
      expect(after['args']).toEqual(container(object)['args']);
    },
  );
});

describe('a record that somebody wrote', () => {
  // The inputs of another object, small enough to fit, around the undersized one.
  const { from } = Object(JSON.parse(appliedText(stored(authored()))));
  const rows = [['gpus', ['spec', 'template', 'spec', 'containers', 0], 'nvidia.com/gpu', 1]];

  it.each([
    ['inputs of another object', { set: rows, from }],
    ['nothing set', { set: [], from }],
  ])('with %s gives no verdict and no size', (_what, forged) => {
    const object = deployment(UNDERSIZED);
    const honest = create(object);
    at(object, 'metadata', 'annotations')[KEY] = JSON.stringify(forged);

    expect(create(object).verdict).toBe('deny');
    expect(update(object, object).judged?.perGpu.mid).toBe(honest.judged?.perGpu.mid);
  });
});
