import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import {
  cluster,
  create,
  deployment,
  H100_NODES,
  type Json,
  L40S_NODES,
  object,
  SCOUT_INT4,
  shape,
  template,
  update,
  vllmArgs,
} from './cases.ts';

/** Contract §4: a second pass changes nothing, and what was recorded stays whatever is known later. */

const TAINT = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };
const FACTS = cluster([
  { ...H100_NODES, taints: [TAINT] },
  { ...L40S_NODES, taints: [TAINT] },
]);
const LATER = cluster([shape('NVIDIA-B200', 8)], { placement: 'affinity' });

const scout = { model: 'scout', context: '128K' };
const args = vllmArgs(SCOUT_INT4, 131_072);
const bare = template({ args });

const OBJECTS: readonly (readonly [string, Json])[] = [
  ['a Deployment', deployment({ annotations: scout, args })],
  [
    'a Deployment without a context flag',
    deployment({ annotations: scout, args: vllmArgs(SCOUT_INT4, null) }),
  ],
  ['a StatefulSet', object('apps/v1', 'StatefulSet', scout, { template: bare })],
  ['a Job', object('batch/v1', 'Job', scout, { suspend: true, template: bare })],
  ['a CronJob', object('batch/v1', 'CronJob', scout, { jobTemplate: { spec: { template: bare } } })],
  [
    'a LeaderWorkerSet',
    object('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', scout, {
      leaderWorkerTemplate: {
        size: 2,
        leaderTemplate: bare,
        workerTemplate: template({ command: ['ray', 'start', '--block'] }),
      },
    }),
  ],
  [
    'a JobSet that trains',
    object(
      'jobset.x-k8s.io/v1alpha2',
      'JobSet',
      { model: 'scout', context: '4K', workload: 'training', 'training-method': 'qlora' },
      {
        suspend: true,
        replicatedJobs: [
          {
            name: 'a',
            template: {
              spec: { template: template({ command: ['torchrun'], limits: { 'nvidia.com/gpu': 8 } }) },
            },
          },
        ],
      },
    ),
  ],
  [
    'Ollama',
    deployment({
      annotations: { model: 'llama4:scout', context: '16K' },
      image: 'ollama/ollama:0.6.6',
      limits: { 'nvidia.com/gpu': 1 },
    }),
  ],
];

describe.each(OBJECTS)('%s', (_what, given) => {
  const first = create(given, FACTS);
  const stored = applyPatch(given, lowerEdits(given, first.edits));

  it('is patched once, and then left alone', () => {
    expect(first.verdict).toBe('patch');
    expect(lowerEdits(stored, create(stored, FACTS).edits)).toEqual([]);
    expect(create(stored, FACTS).allowed).toBe(true);
  });

  it('that is applied again gets the same values back, whatever is known by then', () => {
    for (const facts of [FACTS, LATER]) {
      const again = update(given, stored, facts);

      expect(again.allowed).toBe(true);
      expect(applyPatch(given, lowerEdits(given, again.edits))).toEqual(stored);
    }
  });

  it('whose selector matches no node any more is told, not refused', () => {
    const stale = create(stored, LATER);

    expect(stale.allowed).toBe(true);
    const isPlaced = first.edits.some((edit) => edit.kind === 'set-node-selector');
    expect(stale.findings.some((one) => one.code === 'placement-stale')).toBe(isPlaced);
  });
});
