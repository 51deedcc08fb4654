import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { applyPatch, lowerEdits } from '../../src/admission/json-patch.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import type { Decision } from '../../src/plan/types.ts';
import {
  cluster,
  clusterOf,
  codes,
  create,
  deployment,
  editsOf,
  H100_NODES,
  type Json,
  L40S_NODES,
  messageOf,
  object,
  SCOUT,
  SCOUT_INT4,
  shape,
  template,
  UNKNOWN,
  vllmArgs,
} from './cases.ts';

/** Contract §4: fit and capacity are two questions, and every node that the scheduler may choose must fit. */

const H100 = 'NVIDIA-H100-80GB-HBM3';
const MAVERICK = 'meta-llama/Llama-4-Maverick-17B-128E-Instruct';
const BOTH = cluster([H100_NODES, L40S_NODES]);
const GPU_TAINT = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };

/** Scout in 4 bit with 128K tokens: 94.8 GiB on one GPU, 55.6 on each of two (vLLM 0.11). */
function scout(gpus: number | null, spec: Json = {}, annotations: Json = {}): Json {
  return deployment({
    annotations: { model: 'scout', context: '128K', ...annotations },
    args: vllmArgs(SCOUT_INT4, 131_072, ...(gpus === null ? [] : [`--tensor-parallel-size=${gpus}`])),
    ...(gpus === null ? {} : { limits: { 'nvidia.com/gpu': gpus } }),
    spec,
  });
}

function nodes(name: string): Facts {
  const path = new URL(`../fixtures/nodes/${name}.yaml`, import.meta.url);
  return clusterOf(parse(readFileSync(path, 'utf8')));
}

describe('a count that the author gave', () => {
  it('is refused where the nodes would hold it with another count', () => {
    const decision = create(scout(1), cluster([H100_NODES]));

    expect(decision.verdict).toBe('deny');
    expect(codes(decision)).toContain('does-not-fit');
    expect(decision.remedies[0]?.text).toContain('set nvidia.com/gpu to 2');
  });

  it('is refused where the flag that uses the GPUs is missing', () => {
    const eight = deployment({
      annotations: { model: 'scout', context: '128K' },
      args: vllmArgs(SCOUT_INT4, 131_072),
      limits: { 'nvidia.com/gpu': 8 },
    });

    expect(codes(create(eight, cluster([H100_NODES])))).toEqual(['unused-gpus', 'does-not-fit']);
  });

  it('is a matter of capacity where no node that is known would hold it at all', () => {
    const decision = create(
      deployment({
        annotations: { model: 'maverick', context: '128K' },
        args: vllmArgs(MAVERICK, 131_072, '--tensor-parallel-size=8'),
        limits: { 'nvidia.com/gpu': 8 },
      }),
      cluster([H100_NODES]),
    );

    expect(decision.verdict).toBe('warn');
    expect(codes(decision)).toEqual(['no-node-fits']);
    expect(messageOf(decision, 'no-node-fits')).toContain(
      `a LeaderWorkerSet of size 2 with 8 x ${H100} a pod, tensor parallel 8 and pipeline parallel 2`,
    );
  });

  it('may be refused for capacity only where the operator says that the inventory is complete', () => {
    const one = scout(2, {}, { gpu: 'NVIDIA-H200' });
    const partial = cluster([H100_NODES], { capacity: 'deny' });
    const complete = cluster([H100_NODES], { capacity: 'deny', inventory: 'complete' });

    expect(codes(create(one, partial))).toContain('no-node-fits');
    expect(create(one, partial).allowed).toBe(true);
    expect(create(one, complete).allowed).toBe(false);
  });

  it('of 0 is a pod without a GPU', () => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '8K' },
        args: vllmArgs(SCOUT_INT4, 8192),
        limits: { 'nvidia.com/gpu': '0' },
      }),
      BOTH,
    );

    expect(codes(decision)).toEqual(['gpu-count-too-small']);
    expect(decision.verdict).toBe('deny');
  });
});

describe('a variable that hides GPUs from the engine', () => {
  const seeing = (devices: string, tensor: number | null, gpus: number | null): Decision =>
    create(
      deployment({
        annotations: { model: 'scout', context: '8K' },
        args: vllmArgs(SCOUT_INT4, 8192, ...(tensor === null ? [] : [`--tensor-parallel-size=${tensor}`])),
        env: [{ name: 'CUDA_VISIBLE_DEVICES', value: devices }],
        ...(gpus !== null && { limits: { 'nvidia.com/gpu': `${gpus}` } }),
      }),
      BOTH,
    );

  it('is nothing where the flags use no more than it leaves', () => {
    expect(codes(seeing('0,1,2,3', 4, 4))).not.toContain('gpu-count-too-small');
    expect(codes(seeing('2,1', 2, 2))).not.toContain('gpu-count-too-small');
  });

  it('one fewer than the flags use is refused, where the variable stands', () => {
    const decision = seeing('0,1,2', 4, 4);
    const found = decision.findings.find(({ code }) => code === 'gpu-count-too-small');

    expect(decision.verdict).toBe('deny');
    expect(found?.path.at(-2)).toBe('env');
    expect(found?.message).toContain('CUDA_VISIBLE_DEVICES lets it see 3 of the 4');
  });

  it('empty, it leaves none', () => {
    expect(seeing('', 1, 1).verdict).toBe('deny');
  });

  it('GPUs that it hides are told as unused', () => {
    const found = seeing('0,1', 2, 4).findings.find(({ code }) => code === 'unused-gpus');

    expect(found?.message).toContain('CUDA_VISIBLE_DEVICES lets the engine see 2');
  });

  it('no count is chosen that is beyond it', () => {
    expect(seeing('0,1', null, null).plan).toMatchObject({ gpus: 2, tensorParallel: 2 });
    expect(seeing('0', null, null)).toMatchObject({ verdict: 'deny', plan: null });
  });
});

describe('placement', () => {
  it('is left as it is where every class that the pod can reach fits', () => {
    const decision = create(scout(4), BOTH);

    expect(decision.verdict).toBe('allow');
    expect(decision.edits).toEqual([]);
  });

  it('is narrowed to a label that the fitting nodes carry', () => {
    expect(editsOf(create(scout(2), BOTH), 'set-node-selector')).toMatchObject([
      { key: 'nvidia.com/gpu.product', value: H100 },
    ]);
  });

  it('is narrowed by affinity over every fitting shape where policy says so', () => {
    const facts = cluster([H100_NODES, shape('NVIDIA-H200', 8), L40S_NODES], { placement: 'affinity' });

    expect(editsOf(create(scout(2), facts), 'add-node-affinity')).toMatchObject([
      { key: 'nvidia.com/gpu.product', operator: 'In', values: [H100, 'NVIDIA-H200'] },
    ]);
  });

  it('with a selector that leaves only what cannot hold it is the author’s mistake', () => {
    const decision = create(scout(2, { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L40S' } }), BOTH);

    expect(decision.verdict).toBe('deny');
    expect(codes(decision)).toEqual(['does-not-fit']);
  });

  it('that cannot be narrowed is refused, naming the class', () => {
    const facts = cluster([
      shape(H100, 8, { labels: { pool: 'a' } }),
      { product: 'NVIDIA-L40S', gpus: 4, nodes: 1 },
    ]);
    const twin = cluster([
      { product: H100, gpus: 8, nodes: 1, labels: { pool: 'gpu' } },
      { product: 'NVIDIA-L40S', gpus: 4, nodes: 1, labels: { pool: 'gpu' } },
    ]);

    expect(codes(create(scout(2), facts))).toEqual([]);
    expect(codes(create(scout(2), twin))).toEqual(['placement-conflict']);
    expect(messageOf(create(scout(2), twin), 'placement-conflict')).toContain('4x NVIDIA-L40S');
  });

  it('tolerates the GPU taint of the chosen nodes, and no other', () => {
    const facts = cluster([shape(H100, 8, { taints: [GPU_TAINT] })]);
    const spot = shape(H100, 8, {
      taints: [GPU_TAINT, { key: 'spot', value: 'true', effect: 'NoSchedule' }],
    });

    expect(editsOf(create(scout(2), facts), 'add-toleration')).toEqual([
      {
        kind: 'add-toleration',
        podSpec: ['spec', 'template', 'spec'],
        key: 'nvidia.com/gpu',
        effect: 'NoSchedule',
      },
    ]);
    expect(codes(create(scout(2), cluster([spot])))).toEqual(['no-node-fits']);
  });

  it('says of the nodes that a toleration opens what a second pass would say', () => {
    // With so many tokens it fits an H100 at the low end only.
    const close = deployment({
      annotations: { model: 'scout', context: '307K' },
      args: vllmArgs(SCOUT_INT4, 314_368, '--tensor-parallel-size=2'),
      limits: { 'nvidia.com/gpu': 2 },
    });
    const facts = cluster([
      shape('NVIDIA-H200', 8, { taints: [GPU_TAINT] }),
      shape(H100, 8, { taints: [GPU_TAINT] }),
    ]);
    const decision = create(close, facts);
    const second = create(applyPatch(close, lowerEdits(close, decision.edits)), facts);

    expect(editsOf(decision, 'add-toleration')).toHaveLength(1);
    expect(codes(second)).toEqual(codes(decision));
    expect(codes(decision)).toContain('close-call');
  });

  it.each([
    ['sku', 'gpu', 1],
    ['sku', 'cpu', 0],
    ['team', 'ml', 0],
  ])('tolerates %s=%s by the list of the policy: %i', (key, value, want) => {
    const facts = cluster([shape(H100, 8, { taints: [{ key, value, effect: 'NoSchedule' }] })]);

    expect(editsOf(create(scout(2), facts), 'add-toleration')).toHaveLength(want);
  });

  it.each([
    ['Kueue', { labels: { 'kueue.x-k8s.io/queue-name': 'q' } }, {}],
    ['another scheduler', {}, { schedulerName: 'kai-scheduler' }],
    ['a resource claim', {}, { resourceClaims: [{ name: 'nic' }] }],
  ])('that %s owns is left alone, and said', (_owner, labels, spec) => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '128K' },
        args: vllmArgs(SCOUT_INT4, 131_072, '--tensor-parallel-size=2'),
        limits: { 'nvidia.com/gpu': 2 },
        spec,
        ...labels,
      }),
      BOTH,
    );

    expect(codes(decision)).toEqual(['placement-left-alone']);
    expect(decision.edits).toEqual([]);
    expect(messageOf(decision, 'placement-left-alone')).toContain('4x NVIDIA-L40S would not hold it');
  });

  it('of a queued pod is not judged by its own selector: Kueue sets the flavor’s', () => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '128K' },
        labels: { 'kueue.x-k8s.io/queue-name': 'q' },
        args: vllmArgs(SCOUT_INT4, 131_072, '--tensor-parallel-size=2'),
        limits: { 'nvidia.com/gpu': 2 },
        spec: { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L40S' } },
      }),
      BOTH,
    );

    expect(decision.verdict).toBe('allow');
  });

  it('of an object that another controller owns is advice, never a patch', () => {
    const owned = {
      ...scout(2),
      metadata: {
        annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '128K' },
        ownerReferences: [
          { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'r', controller: true },
        ],
      },
    };
    const decision = create(owned, BOTH);

    expect(codes(decision)).toEqual(['owned-elsewhere', 'placement-conflict']);
    expect(messageOf(decision, 'placement-conflict')).toContain(
      `set nodeSelector nvidia.com/gpu.product: ${H100}`,
    );
    expect(decision.edits).toEqual([]);
  });
});

describe('products that are whole on some nodes and partitioned on others', () => {
  // Labels by test/fixtures/nodes/amd-mi300x.yaml; of an MI325X by node-labels.csv (device-id 74a5, 256G).
  const amd = (name: string, product: string, deviceId: string, vram: string, mode: string) => ({
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'amd.com/gpu.compute-memory-partition': mode,
        'amd.com/gpu.device-id': deviceId,
        'amd.com/gpu.product-name': product,
        'amd.com/gpu.vram': vram,
      },
    },
    status: { allocatable: { 'amd.com/gpu': mode === 'spx_nps1' ? '8' : '64' } },
  });
  const both = (product: string, deviceId: string, vram: string) =>
    ['spx_nps1', 'cpx_nps4'].map((mode) => amd(`${product}-${mode}`, product, deviceId, vram, mode));
  const items = [
    ...both('AMD_Instinct_MI300X_OAM', '74a1', '192G'),
    ...both('AMD_Instinct_MI325X_OAM', '74a5', '256G'),
  ];

  it('are told apart by two labels where one does not', () => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '128K', gpu: 'MI300X' },
        args: vllmArgs(SCOUT, 131_072),
        image: 'rocm/vllm:v0.11.0',
      }),
      clusterOf({ kind: 'List', items }),
    );

    expect(codes(decision)).not.toContain('placement-conflict');
    expect(editsOf(decision, 'set-node-selector').map(({ key, value }) => [key, value])).toEqual([
      ['amd.com/gpu.product-name', 'AMD_Instinct_MI300X_OAM'],
      ['amd.com/gpu.compute-memory-partition', 'spx_nps1'],
    ]);
  });
});

describe('several servers in one pod', () => {
  const server = (name: string, model: string, gpus: number, ...flags: readonly string[]): Json => ({
    name,
    image: 'vllm/vllm-openai:v0.11.0',
    args: vllmArgs(model, 8192, ...flags),
    resources: { limits: { 'nvidia.com/gpu': gpus } },
  });
  const pod = (...containers: readonly Json[]): Json =>
    deployment({ annotations: { concurrency: '1' }, spec: { containers } });
  const nodes8 = cluster([shape('NVIDIA-H200', 8)]);

  it('each have to fit their own GPUs, and are never patched', () => {
    const decision = create(pod(server('a', SCOUT_INT4, 1), server('b', SCOUT_INT4, 1)), nodes8);

    expect(codes(decision)).toContain('ambiguous-container');
    expect(codes(decision)).not.toContain('unused-gpus');
    expect(decision.verdict).toBe('warn');
    expect(decision.edits).toEqual([]);
  });

  it('are refused for the second as for the first, and ways out are those of the one that does not fit', () => {
    for (const containers of [
      [server('a', SCOUT_INT4, 1), server('b', SCOUT, 1)],
      [server('b', SCOUT, 1), server('a', SCOUT_INT4, 1)],
    ]) {
      const decision = create(pod(...containers), nodes8);
      const at = containers.findIndex(({ name }) => name === 'b');

      expect(decision.verdict).toBe('deny');
      expect(decision.findings.find(({ code }) => code === 'does-not-fit')?.path).toContain(at);
      expect(decision.remedies[0]?.edits[0]).toMatchObject({
        kind: 'set-gpu-count',
        container: ['spec', 'template', 'spec', 'containers', at],
      });
    }
  });

  it('need a node with the GPUs of all', () => {
    const two = pod(
      server('a', SCOUT, 8, '--tensor-parallel-size=8'),
      server('b', SCOUT, 8, '--tensor-parallel-size=8'),
    );

    expect(codes(create(two, nodes8))).toContain('no-node-fits');
    expect(codes(create(two, cluster([shape(H100, 16)])))).not.toContain('no-node-fits');
  });

  it('say what an annotation says once', () => {
    const given = deployment({
      annotations: { context: 'banana' },
      spec: { containers: [server('a', SCOUT_INT4, 1), server('b', SCOUT_INT4, 1)] },
    });

    expect(codes(create(given, nodes8)).filter((code) => code === 'malformed-annotation')).toHaveLength(1);
  });

  it('beyond eight are unknown', () => {
    const many = Array.from({ length: 9 }, (_, index) => server(`s${index}`, SCOUT_INT4, 1));

    expect(codes(create(pod(...many), cluster([shape(H100, 16)])))).toContain('analysis-limit');
  });
});

describe('the gpu annotation', () => {
  const MIXED = cluster([H100_NODES, shape('NVIDIA-H200', 8)]);
  const onL4: Json = { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-L4' } };

  it('keeps the pod off nodes of other products, also where they would hold it', () => {
    const decision = create(scout(2, {}, { gpu: 'H100' }), MIXED);

    expect(decision.plan?.shape).toBe(`8x ${H100}`);
    expect(editsOf(decision, 'set-node-selector')).toMatchObject([{ value: H100 }]);
  });

  it('that no reachable node satisfies is told as such, and no other product is suggested', () => {
    const message = messageOf(create(scout(2, {}, { gpu: 'A100-80GB' }), MIXED), 'no-node-fits');

    expect(message).toContain('are not among the GPUs that vramgate.io/gpu accepts');
    expect(message).not.toContain('LeaderWorkerSet');
  });

  it('does not make a product of another one that the selector names', () => {
    // The pod lands on the L4, whatever the annotation wishes for.
    const refused = create(scout(2, onL4, { gpu: 'H200' }), UNKNOWN);

    expect(refused.verdict).toBe('deny');
    expect(messageOf(refused, 'does-not-fit')).toContain('NVIDIA-L4');
    expect(create(scout(2, onL4, { gpu: 'H200' }), MIXED).verdict).toBe('deny');
  });

  it('and a selector that names one of its products are judged as that one', () => {
    const pinned: Json = { nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-H200' } };
    const decision = create(scout(2, pinned, { gpu: 'A100-40GB,H200' }), UNKNOWN);

    expect(decision.verdict).toBe('allow');
    expect(decision.plan?.shape).toBe('NVIDIA-H200');
  });
});

describe('devices that are not whole', () => {
  it('of time slices cannot be added up', () => {
    const sliced = nodes('time-sliced');
    const two = deployment({
      annotations: { model: 'scout', context: '128K' },
      args: vllmArgs(SCOUT_INT4, 131_072, '--tensor-parallel-size=2'),
      limits: { 'nvidia.com/gpu.shared': 2 },
    });

    expect(create(two, sliced).verdict).toBe('deny');
    expect(codes(create(two, sliced))).toEqual(['does-not-fit']);
  });

  it('of a MIG slice are judged as that slice, and several are never one', () => {
    const ask = (count: number): Json =>
      deployment({
        annotations: { model: 'scout', context: '4K' },
        args: vllmArgs(SCOUT_INT4, 4096, ...(count > 1 ? [`--tensor-parallel-size=${count}`] : [])),
        limits: { 'nvidia.com/mig-3g.40gb': count },
      });

    expect(codes(create(ask(1), nodes('mig-mixed')))).toContain('mig-slice');
    expect(codes(create(ask(4), nodes('mig-mixed')))).toContain('mig-slice');
    expect(codes(create(ask(4), UNKNOWN))).toContain('mig-slice');
  });

  it.each([
    ['mixed-models', 'unknown-gpu'],
    ['mig-invalid', 'no-node-fits'],
  ])('on nodes like %s: %s', (name, code) => {
    expect(codes(create(scout(2), nodes(name)))).toEqual([code]);
  });

  it.each([
    ['nvidia.com/gpumem', '20000'],
    ['nvidia.com/gpumem-percentage', '50'],
    ['nvidia.com/gpucores', '30'],
    ['volcano.sh/vgpu-memory', '14000'],
    ['aliyun.com/gpu-mem', '8'],
    ['tencent.com/vcuda-core', '50'],
    ['koordinator.sh/gpu-memory', '24Gi'],
  ])('by %s are a share and never counted as GPUs', (resource, value) => {
    const shared = deployment({
      annotations: { model: 'scout', context: '8K' },
      args: vllmArgs(SCOUT_INT4, 8192),
      limits: { 'nvidia.com/gpu': 1, [resource]: value },
    });

    expect(codes(create(shared, BOTH))).toEqual(['unknown-gpu']);
  });

  it('that come by a claim alone have no count that anybody could judge', () => {
    const claimed = scout(null, { resourceClaims: [{ name: 'gpu' }] });

    expect(codes(create(claimed, BOTH))).toEqual(['unknown-gpu']);
  });

  it('that come by a claim are told what they take where nodes serve GPUs by DRA', () => {
    const decision = create(scout(null, { resourceClaims: [{ name: 'gpu' }] }), nodes('dra-nvidia'));

    expect(codes(decision)).toEqual(['unknown-gpu']);
    expect(decision.edits).toEqual([]);
    expect(messageOf(decision, 'unknown-gpu')).toContain(
      'it takes 2 x NVIDIA-H100-80GB-HBM3, and a toleration of nvidia.com/gpu; placement was left alone',
    );
    const maverick = deployment({
      annotations: { model: 'maverick', context: '128K', quantization: 'bf16' },
      args: vllmArgs(MAVERICK, 131_072),
      spec: { resourceClaims: [{ name: 'gpu' }] },
    });
    const refused = create(maverick, nodes('dra-nvidia'));
    expect(codes(refused)).toEqual(['no-node-fits']);
    expect(messageOf(refused, 'no-node-fits')).toContain(
      'no count of those of 8x NVIDIA-H100-80GB-HBM3 (DRA) holds',
    );
    expect(refused).toMatchObject({ verdict: 'warn', allowed: true });
  });

  it('that DRA serves are planned like any other where a plain request reaches them', () => {
    const decision = create(
      deployment({ annotations: { model: 'scout', context: '128K' }, args: vllmArgs(SCOUT_INT4, 131_072) }),
      nodes('dra-nvidia'),
    );

    expect(decision.plan).toMatchObject({
      resource: 'nvidia.com/gpu',
      gpus: 2,
      shape: '8x NVIDIA-H100-80GB-HBM3',
    });
    expect(editsOf(decision, 'add-toleration')).toHaveLength(1);
  });

  it('give counts for the largest node of a product, whichever comes last', () => {
    const zoned = (gpus: number) => shape(H100, gpus, { labels: { zone: 'a' } });
    const elsewhere = scout(null, { nodeSelector: { zone: 'b' } });

    expect(messageOf(create(elsewhere, cluster([zoned(8), zoned(1)])), 'gpu-count-missing')).toContain(
      `it takes 2 x ${H100}`,
    );
  });

  it('that DRA serves by claims only are no count to fill in', () => {
    const claimsOnly = clusterOf(
      JSON.parse(
        JSON.stringify(
          parse(readFileSync(new URL('../fixtures/nodes/dra-nvidia.yaml', import.meta.url), 'utf8')),
        ).replace('"extendedResourceName":"nvidia.com/gpu",', ''),
      ),
    );
    const decision = create(scout(null), claimsOnly);

    expect(codes(decision)).toContain('gpu-count-missing');
    expect(messageOf(decision, 'gpu-count-missing')).toMatch(
      /it takes 2 x NVIDIA-H100-80GB-HBM3; the nodes that are known hand them out by DRA resource claims$/,
    );
    const named = deployment({
      annotations: { model: 'scout', context: '128K' },
      args: vllmArgs(SCOUT_INT4, 131_072),
      limits: { 'deviceclass.resource.kubernetes.io/gpu.nvidia.com': 1 },
    });
    expect(create(named, claimsOnly).verdict).toBe('deny');
  });

  it('of a cordoned node are what they will be again', () => {
    expect(create(scout(2), nodes('cordoned')).verdict).not.toBe('deny');
  });
});

describe('several pods', () => {
  const args = vllmArgs(MAVERICK, 131_072, '--tensor-parallel-size=8', '--pipeline-parallel-size=2');
  const limits = { 'nvidia.com/gpu': 8 };
  const facts = cluster([H100_NODES]);

  function group(leader: Json, worker: Json, size = 2): Json {
    return object(
      'leaderworkerset.x-k8s.io/v1',
      'LeaderWorkerSet',
      { model: 'maverick', context: '128K' },
      { leaderWorkerTemplate: { size, leaderTemplate: leader, workerTemplate: worker } },
    );
  }

  it('of a group are sized over the group; a worker without flags is no server', () => {
    const decision = create(
      group(template({ args, limits }), template({ command: ['bash', '-c', 'ray start --block'], limits })),
      facts,
    );

    expect(decision).toMatchObject({ verdict: 'allow', plan: { gpus: 8, nodes: 2, pipelineParallel: 2 } });
  });

  it('get counts and flags, and never another size', () => {
    const worker = template({ command: ['bash', '-c', 'ray start --block'] });
    const decision = create(group(template({ args: vllmArgs(MAVERICK, 131_072) }), worker), facts);

    expect(decision.verdict).toBe('patch');
    expect(editsOf(decision, 'set-gpu-count').map((edit) => edit.count)).toEqual([8, 8]);
    expect(JSON.stringify(decision.edits)).not.toMatch(/"size"|replicas/);
  });

  it('may have a leader without GPUs', () => {
    const decision = create(
      group(template({ args }), template({ command: ['bash', '-c', 'ray start --block'], limits }), 3),
      facts,
    );

    expect(decision).toMatchObject({ verdict: 'allow', plan: { gpus: 8 } });
  });

  it('are narrowed template by template', () => {
    const other = template({ command: ['bash', '-c', 'ray start --block'], limits });
    const pinned = template({ args, limits, spec: { nodeSelector: { 'nvidia.com/gpu.product': H100 } } });
    const decision = create(group(pinned, other), cluster([H100_NODES, shape('NVIDIA-A100-SXM4-40GB', 8)]));

    expect(editsOf(decision, 'set-node-selector')).toMatchObject([
      { podSpec: ['spec', 'leaderWorkerTemplate', 'workerTemplate', 'spec'], value: H100 },
    ]);
  });

  it('of a StatefulSet count by --nnodes', () => {
    const set = (more: readonly string[]): Json =>
      object(
        'apps/v1',
        'StatefulSet',
        { model: 'maverick', context: '128K' },
        { replicas: 2, template: template({ args: [...args, ...more], limits }) },
      );

    expect(create(set(['--nnodes=2']), facts).verdict).toBe('allow');
    expect(codes(create(set([]), facts))).toContain('gpu-count-too-small');
    expect(codes(create(set(['--distributed-executor-backend=ray']), facts))).toEqual(['unknown-value']);
  });

  it('of a JobSet that serves are a server and its workers', () => {
    const set = object(
      'jobset.x-k8s.io/v1alpha2',
      'JobSet',
      { model: 'maverick', context: '128K' },
      {
        replicatedJobs: [
          { name: 'leader', template: { spec: { template: template({ args, limits }) } } },
          {
            name: 'worker',
            template: { spec: { template: template({ command: ['ray', 'start', '--block'], limits }) } },
          },
        ],
      },
    );

    expect(create(set, facts)).toMatchObject({ verdict: 'allow', plan: { nodes: 2 } });
  });

  it('of a Job that serves run beside each other, each a replica', () => {
    const job = object(
      'batch/v1',
      'Job',
      { model: 'scout', context: '128K' },
      {
        parallelism: 2,
        template: template({
          args: vllmArgs(SCOUT_INT4, 131_072, '--tensor-parallel-size=2'),
          limits: { 'nvidia.com/gpu': 2 },
        }),
      },
    );

    expect(create(job, facts)).toMatchObject({ verdict: 'allow', plan: { gpus: 2, nodes: 1 } });
  });
});

describe('training', () => {
  /** llama4-memory.md §6: 869 GB over all GPUs for Scout at 8 bytes a parameter, 16-18 for the full state. */
  const annotations = {
    model: 'scout',
    workload: 'training',
    'training-method': 'bf16-adamw',
    context: '4K',
  };
  const work = { command: ['torchrun', 'train.py'], limits: { 'nvidia.com/gpu': 8 } };

  it.each([
    [1, 'warn'],
    [2, 'allow'],
    [4, 'allow'],
  ])('is spread over the pods of a Job: %i x 8 H100 is %s', (parallelism, want) => {
    const job = object('batch/v1', 'Job', annotations, { parallelism, template: template(work) });

    expect(create(job, cluster([H100_NODES])).verdict).toBe(want);
  });

  it('is spread over all roles of a JobSet', () => {
    const spec = {
      suspend: true,
      replicatedJobs: [
        { name: 'leader', template: { spec: { template: template(work) } } },
        { name: 'workers', template: { spec: { parallelism: 3, template: template(work) } } },
        { name: 'watch', template: { spec: { template: template({ command: ['sleep'] }) } } },
      ],
    };
    const set = object('jobset.x-k8s.io/v1alpha2', 'JobSet', annotations, spec);
    const decision = create(set, cluster([H100_NODES]));

    expect(decision.verdict).toBe('allow');
    expect(decision.judged?.gpus).toBe(32);
    expect(decision.edits).toEqual([]);
  });

  it('is spread over replicas', () => {
    const set = object('apps/v1', 'StatefulSet', annotations, { replicas: 4, template: template(work) });

    expect(create(set, cluster([H100_NODES])).judged?.gpus).toBe(32);
  });

  it('without a method cannot be sized', () => {
    const bare = { model: 'scout', workload: 'training', context: '4K' };
    const job = object('batch/v1', 'Job', bare, { template: template(work) });

    expect(codes(create(job, cluster([H100_NODES])))).toEqual(['unknown-size']);
  });
});

describe('data parallelism', () => {
  function sglang(...more: readonly string[]): Json {
    return deployment({
      annotations: { model: 'scout', context: '8K' },
      image: 'lmsysorg/sglang:v0.5.6',
      command: ['python3', '-m', 'sglang.launch_server'],
      args: ['--model-path', SCOUT, '--context-length', '8192', ...more],
      limits: { 'nvidia.com/gpu': 8 },
    });
  }

  it('of SGLang makes copies, each as large as one alone', () => {
    const copies = create(sglang('--tp', '4', '--dp', '2'), cluster([shape('NVIDIA-H200', 8)]));
    const alone = create(sglang('--tp', '4'), cluster([shape('NVIDIA-H200', 8)]));

    expect(copies.verdict).toBe('allow');
    expect(copies.judged?.perGpu).toEqual(alone.judged?.perGpu);
    expect(codes(alone)).toContain('unused-gpus');
  });

  it('of SGLang’s attention alone uses the tensor-parallel GPUs', () => {
    const decision = create(
      sglang('--tp', '8', '--dp', '8', '--enable-dp-attention'),
      cluster([shape('NVIDIA-H200', 8)]),
    );

    expect(decision.judged?.parallel).toMatchObject({ tensor: 1, data: 8 });
    expect(codes(decision)).toEqual([]);
  });

  it('of SGLang’s attention needs a size that divides', () => {
    const decision = create(
      sglang('--tp', '8', '--dp', '3', '--enable-dp-attention'),
      cluster([shape('NVIDIA-H200', 8)]),
    );

    expect(codes(decision)).toContain('malformed-flag');
  });

  it.each([
    [['--data-parallel-size=2'], []],
    [['--data-parallel-size=8', '--data-parallel-size-local=2'], []],
    [['--data-parallel-size=16', '--data-parallel-rank=3'], ['unused-gpus']],
  ])('of vLLM counts the ranks of this pod: %j', (flags, want) => {
    const decision = create(
      deployment({
        annotations: { model: 'scout', context: '8K' },
        args: vllmArgs(SCOUT, 8192, '--tensor-parallel-size=4', '--enable-expert-parallel', ...flags),
        limits: { 'nvidia.com/gpu': 8 },
      }),
      cluster([shape('NVIDIA-H200', 8)]),
    );

    expect(codes(decision)).toEqual(want);
  });
});
