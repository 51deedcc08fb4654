import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits, patchOrThrow } from '../../src/admission/json-patch.ts';
import type { AppliedEdit } from '../../src/pipeline/applied.ts';
import { inverseOf } from '../../src/pipeline/strip.ts';
import { applyEdits } from '../../src/plan/apply-edits.ts';
import {
  cluster,
  create,
  deployment,
  H100_NODES,
  type Json,
  SCOUT_INT4,
  shape,
  update,
  vllmArgs,
} from './cases.ts';

const SPEC = ['spec', 'template', 'spec'];
const SERVER = [...SPEC, 'containers', 0];

const EDITS: readonly AppliedEdit[] = [
  { kind: 'set-gpu-count', container: SERVER, resource: 'nvidia.com/gpu', count: 2 },
  { kind: 'set-node-selector', podSpec: SPEC, key: 'k', value: 'v' },
  { kind: 'add-node-affinity', podSpec: SPEC, key: 'k', operator: 'In', values: ['v', 'w'] },
  { kind: 'add-toleration', podSpec: SPEC, key: 'nvidia.com/gpu', effect: 'NoSchedule' },
  { kind: 'append-args', list: [...SERVER, 'args'], isNew: true, args: ['--tensor-parallel-size', '2'] },
  { kind: 'set-env', container: SERVER, name: 'OLLAMA_CONTEXT_LENGTH', value: '8192' },
];

const BARE = deployment({});
const FULL = deployment({
  args: ['--port=80'],
  env: [{ name: 'A', value: 'b' }],
  limits: { memory: '64Gi' },
  spec: {
    nodeSelector: { pool: 'a' },
    tolerations: [{ key: 'team', operator: 'Exists' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
        },
      },
    },
  },
});

describe('an edit taken back', () => {
  it.each(EDITS)('leaves the object as it was: $kind', (edit) => {
    for (const object of [BARE, FULL]) {
      const edited = applyEdits(object, [edit]);
      const operations = patchOrThrow(edited, [inverseOf(edit)]);

      expect(edited).not.toEqual(object);
      expect(applyPatch(edited, operations)).toEqual(object);
    }
  });

  it.each(EDITS)('of which nothing is left is no fault: $kind', (edit) => {
    for (const object of [{}, { spec: { template: null } }, BARE]) {
      expect(patchOrThrow(object, [inverseOf(edit)])).toEqual([]);
    }
  });
});

const TAINTED = shape('NVIDIA-L40S', 8, {
  taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }],
});

function scout(context: string, tokens: number): Json {
  return deployment({ annotations: { model: 'scout', context }, args: vllmArgs(SCOUT_INT4, tokens) });
}

describe('a changed input', () => {
  it('takes back what the new plan does not need: count, selector, toleration and flag', () => {
    const facts = cluster([TAINTED]);
    const first = scout('128K', 131_072);
    const stored = applyPatch(first, lowerEdits(first, create(first, facts).edits));
    // A new cluster, and a file that was changed: fewer, larger, untainted GPUs.
    const changed = { ...Object(stored), spec: mergeContext(stored) };
    const decision = update(changed, stored, cluster([shape('NVIDIA-H200', 8)]));
    const result = applyPatch(changed, lowerEdits(changed, decision.edits));

    expect(JSON.stringify(stored)).toContain('tolerations');
    expect(decision.verdict).toBe('patch');
    expect(JSON.stringify(result)).not.toContain('tolerations');
    expect(JSON.stringify(result)).not.toContain('--tensor-parallel-size');
    expect(result).toMatchObject({
      spec: { template: { spec: { containers: [{ resources: { limits: { 'nvidia.com/gpu': '1' } } }] } } },
    });
  });

  it('by a forged record that names other places is none of ours', () => {
    const object = scout('128K', 131_072);
    const forged = { set: [['selector', ['status'], 'a', 'b']], from: { model: 'scout' } };
    const record = { 'vramgate.io/applied': JSON.stringify(forged) };
    const annotations = { 'vramgate.io/model': 'scout', 'vramgate.io/context': '128K', ...record };
    const facts = cluster([H100_NODES]);

    expect(create({ ...object, metadata: { annotations } }, facts).verdict).toBe('patch');
  });
});

/** The stored object with the author's flag changed, everything of ours still in it. */
function mergeContext(stored: unknown): unknown {
  const text = JSON.stringify(Reflect.get(Object(stored), 'spec'));
  return JSON.parse(text.replace('--max-model-len=131072', '--max-model-len=65536'));
}
