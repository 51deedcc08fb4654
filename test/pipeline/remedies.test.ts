import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import { decide } from '../../src/pipeline/decide.ts';
import type { Facts, WaysOutFor } from '../../src/pipeline/types.ts';
import type { Decision, Mode } from '../../src/plan/types.ts';
import {
  cluster,
  create,
  deployment,
  H100_NODES,
  type Json,
  L40S_NODES,
  object,
  SCOUT,
  SCOUT_INT4,
  type Server,
  shape,
  template,
  UNKNOWN,
  vllmArgs,
} from '../plan/cases.ts';

/** What a refusal offers: contract §5 and §6. Every way out is applied by machine, and must be enough. */

const H100 = cluster([H100_NODES]);
const MIXED = cluster([H100_NODES, shape('NVIDIA-H200', 8), L40S_NODES]);

function offered(given: Json, facts: Facts): readonly string[] {
  const decision = create(given, facts);

  expect(decision.allowed).toBe(false);
  for (const { text, edits } of decision.remedies) {
    const after = create(applyPatch(given, lowerEdits(given, edits)), facts);
    expect([text, after.allowed, after.verdict === 'ignore']).toEqual([text, true, false]);
  }
  return decision.remedies.map(({ text }) => text);
}

function scoutOn(limits: Json, more: Partial<Server> = {}): Json {
  return deployment({
    annotations: { model: 'scout', context: '32K', quantization: 'w4a16' },
    args: vllmArgs(SCOUT_INT4, 32_768),
    limits,
    ...more,
  });
}

function training(method: string | null, gpus: number, context = '8K', policy?: Facts): Decision {
  const annotations = {
    model: 'scout',
    workload: 'training',
    gpu: 'H100',
    context,
    ...(method && { 'training-method': method }),
  };
  const given = object('batch/v1', 'Job', annotations, { template: template(trainer(gpus)) });
  return create(given, policy ?? H100);
}

function trainer(gpus: number): Server {
  return {
    image: 'registry.internal/trainer:1',
    command: ['torchrun', 'train.py'],
    limits: { 'nvidia.com/gpu': gpus },
  };
}

/** They take ten times as long as the decision itself. */
describe('who is told of ways out', () => {
  const tooSmall = scoutOn({ 'nvidia.com/gpu': 1 }, { args: vllmArgs(SCOUT, 32_768) });
  const found = (waysOutFor: WaysOutFor, mode: Mode): number => {
    const facts = cluster([H100_NODES], { mode });
    const input = {
      operation: 'CREATE' as const,
      object: tooSmall,
      oldObject: null,
      namespace: 'ml',
      user: null,
    };
    const decision = decide(input, facts, waysOutFor);
    expect(decision.verdict).toBe('deny');
    return decision.remedies.length;
  };

  it('whoever is refused, and who asks in any mode', () => {
    expect(found('denied', 'enforce')).toBeGreaterThan(0);
    expect(found('refused', 'audit')).toBeGreaterThan(0);
  });

  it('not who is admitted with a warning, and nobody where edits are all that is asked for', () => {
    expect(found('denied', 'warn')).toBe(0);
    expect(found('denied', 'audit')).toBe(0);
    expect(found('none', 'enforce')).toBe(0);
  });
});

describe('slices and shares', () => {
  it.each([
    ['several slices', { 'nvidia.com/mig-3g.40gb': 2 }],
    ['one small slice', { 'nvidia.com/mig-1g.10gb': '1' }],
    ['a quantity as people write it', { 'nvidia.com/mig-1g.10gb': '1000m' }],
    ['slices beside memory', { 'nvidia.com/mig-3g.40gb': 4, memory: '64Gi' }],
    ['time slices under their own name', { 'nvidia.com/gpu.shared': 2 }],
  ])('%s give way to whole GPUs', (_, limits) => {
    const [first] = offered(scoutOn(limits), H100);
    const [resource] = Object.keys(limits);

    expect(first).toMatch(`set nvidia.com/gpu to 2 in the place of ${resource}`);
  });

  it('part of a device by memory gives way as a whole, where unknown sizes are refused', () => {
    const given = scoutOn({ 'nvidia.com/gpu': 1, 'nvidia.com/gpumem': 20_000, 'nvidia.com/gpucores': 30 });
    const facts = { ...H100, policy: { ...H100.policy, unknown: 'deny' as const } };
    const [first] = create(given, facts).remedies;

    expect(first?.edits.map(({ kind }) => kind)).toEqual([
      'remove-gpu-count',
      'remove-gpu-count',
      'set-gpu-count',
      'append-args',
    ]);
    expect(offered(given, facts)).not.toEqual([]);
  });

  it('a slice on a node that a selector names gives way together with the selector', () => {
    const given = scoutOn(
      { 'nvidia.com/mig-3g.40gb': 2 },
      { spec: { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3-MIG-3g.40gb' } } },
    );

    expect(offered(given, H100)).not.toEqual([]);
  });

  it('another accelerator is no GPU: nothing is offered', () => {
    const facts = { ...H100, policy: { ...H100.policy, unknown: 'deny' as const } };

    expect(offered(scoutOn({ 'google.com/tpu': 8 }), facts)).toEqual([]);
  });
});

describe('training', () => {
  it('offers the methods that hold less, the one that holds most of them first', () => {
    const { remedies } = training('full', 8);

    expect(remedies[0]?.text).toMatch(/^train with lora /);
    expect(remedies[0]?.edits).toEqual([
      {
        kind: 'set-annotation',
        metadata: ['metadata'],
        key: 'vramgate.io/training-method',
        value: 'lora',
      },
    ]);
  });

  it('offers more GPUs of one pod where they are enough', () => {
    expect(training('lora', 1).remedies[0]?.text).toMatch(/^set nvidia.com\/gpu to 4/);
  });

  it('offers a shorter context as well where activations are too much at the high end', () => {
    const texts = training('full', 8, '128K').remedies.map(({ text }) => text);

    expect(texts).toContainEqual(
      expect.stringMatching(/^train with \w+ .* and lower the context to [\d,]+ tokens/),
    );
  });

  it('names the methods where none was annotated and unknown sizes are refused', () => {
    const facts = { ...H100, policy: { ...H100.policy, unknown: 'deny' as const } };

    expect(training(null, 8, '8K', facts).remedies[0]?.text).toMatch(/^train with /);
  });
});

describe('Behemoth', () => {
  const behemoth = (annotations: Json, gpus = 8): Json =>
    deployment({
      annotations: { model: 'behemoth', ...annotations },
      args: vllmArgs('/models/behemoth', 4096, `--tensor-parallel-size=${gpus}`),
      limits: { 'nvidia.com/gpu': gpus },
    });

  it('gives way to a released model where no node holds what was published', () => {
    const texts = offered(behemoth({ context: '4K', quantization: 'fp8' }), MIXED);

    expect(texts).toEqual([
      expect.stringMatching(/^serve RedHatAI\/Llama-4-Maverick.* instead of Llama 4 Behemoth/),
    ]);
  });

  it('comes back to what was published, where unknown sizes are refused', () => {
    const unknown = { ...UNKNOWN, policy: { ...UNKNOWN.policy, unknown: 'deny' as const } };

    expect(offered(behemoth({ context: '1M', quantization: 'int4' }), unknown)).not.toEqual([]);
  });
});

describe('several things at once', () => {
  it('are mended together, and nothing more than that', () => {
    const given = deployment({
      annotations: { model: 'scout', concurrency: '16', gpu: 'L40S' },
      args: vllmArgs(SCOUT, 1_048_576, '--tensor-parallel-size=3'),
      limits: { 'nvidia.com/gpu': 3 },
      spec: { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L40S' } },
    });
    const [text] = offered(given, MIXED);

    expect(text).toContain('set nvidia.com/gpu to');
    expect(text).not.toContain('instead of');
  });

  it('an annotation that nobody can read says what runs; the last one of ours is never taken away', () => {
    const given = deployment({
      annotations: { context: 'banana' },
      args: vllmArgs(SCOUT_INT4, 32_768),
      limits: { 'nvidia.com/gpu': 1 },
    });

    expect(offered(given, H100)).toEqual([expect.stringMatching(/^write vramgate.io\/context: 32768/)]);
  });

  it('a container that does not exist is no reason to offer nothing', () => {
    const given = scoutOn({ 'nvidia.com/gpu': 1 }, { annotations: { model: 'scout', container: 'sever' } });

    expect(offered(given, H100)).toEqual([expect.stringContaining('vramgate.io/container')]);
  });
});
