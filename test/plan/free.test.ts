import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { readInventory } from '../../src/inventory/read.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import type { Policy } from '../../src/plan/types.ts';
import { gpuPod } from '../inventory/gpu-pods.ts';
import { H100_LABELS, node } from '../inventory/nodes.ts';
import {
  cluster,
  codes,
  create,
  deployment,
  H100_NODES,
  type Json,
  messageOf,
  object,
  SCOUT_INT4,
  type Server,
  template,
  UNKNOWN,
  update,
  vllmArgs,
} from './cases.ts';

/** Contract and issue 7: that no GPU of the shape is free now is information, and decides nothing. */

const GPU = 'nvidia.com/gpu';
const CODE = 'no-free-gpus';

interface Taken {
  /** GPUs that are taken on each node of eight. */
  readonly nodes: readonly number[];
  readonly more?: readonly object[];
  readonly policy?: Partial<Policy>;
}

function facts({ nodes, more = [], policy = {} }: Taken): Facts {
  const items = nodes.flatMap((count, at) => [
    node({ name: `n${at}` }),
    gpuPod({ name: `p${at}`, node: `n${at}`, limits: { [GPU]: String(count) } }),
  ]);
  const { inventory, findings } = readInventory(
    [{ kind: 'List', items: [...items, ...more] }],
    builtinCatalog,
  );
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
  return { ...UNKNOWN, inventory, policy: { ...UNKNOWN.policy, ...policy } };
}

function server(gpus: number | null): Server & { readonly args: readonly string[] } {
  return {
    annotations: { model: 'scout', context: '128K' },
    args: vllmArgs(SCOUT_INT4, 131_072, ...(gpus === null ? [] : [`--tensor-parallel-size=${gpus}`])),
    ...(gpus === null ? {} : { limits: { [GPU]: gpus } }),
  };
}

function scout(gpus: number | null, more: Json = {}): Json {
  return deployment(server(gpus), more);
}

/** A LeaderWorkerSet of two pods of eight GPUs each. */
function group(size: number, gpus: number): Json {
  const { annotations = {}, args, limits = {} } = server(gpus);
  const own = { args: [...args, `--pipeline-parallel-size=${size}`], limits };
  const pods = {
    leaderTemplate: template(own),
    workerTemplate: template({ ...own, args: ['--headless'] }),
    size,
  };
  return object('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', annotations, {
    replicas: 1,
    leaderWorkerTemplate: pods,
  });
}

describe('GPUs that are free now', () => {
  it('are enough with exactly as many as the pod asks for, and too few with one less', () => {
    expect(codes(create(scout(4), facts({ nodes: [8, 4] })))).not.toContain(CODE);
    const short = create(scout(4), facts({ nodes: [8, 5] }));
    expect(codes(short)).toContain(CODE);
    expect(messageOf(short, CODE)).toBe(
      'none of the 2 nodes of 8x NVIDIA-H100-80GB-HBM3 has 4 nvidia.com/gpu free now (at most 3 on one): ' +
        'it waits until some are freed, or a pool grows',
    );
  });

  it('change nothing of the decision but what it tells', () => {
    for (const gpus of [4, null]) {
      const free = create(scout(gpus), facts({ nodes: [0] }));
      const full = create(scout(gpus), facts({ nodes: [8] }));
      for (const key of ['verdict', 'allowed', 'status', 'plan', 'edits', 'message', 'warnings'] as const)
        expect(full[key]).toEqual(free[key]);
      expect(full.findings.filter(({ code }) => code !== CODE)).toEqual(free.findings);
      expect(codes(full)).toContain(CODE);
    }
  });

  it('are looked for where the count is filled in, too: at the container that gets it', () => {
    const decision = create(scout(null), facts({ nodes: [7] }));
    const { path } = decision.findings.find(({ code }) => code === CODE) ?? {};
    expect(path).toEqual(['spec', 'template', 'spec', 'containers', 0, 'resources']);
    expect(messageOf(decision, CODE)).toContain('none of the 1 node of');
    expect(messageOf(decision, CODE)).toContain('has 2 nvidia.com/gpu free now (at most 1 on one)');
  });

  it('are looked for only on nodes that the plan leads to', () => {
    const l40s = node({
      name: 'l40s',
      labels: { ...H100_LABELS, 'nvidia.com/gpu.product': 'NVIDIA-L40S', 'nvidia.com/gpu.memory': '46068' },
    });
    // Two L40S do not hold it, so that the plan keeps it off them, free as they are.
    expect(codes(create(scout(2), facts({ nodes: [8], more: [l40s] })))).toContain(CODE);
    expect(codes(create(scout(4), facts({ nodes: [8], more: [l40s] })))).not.toContain(CODE);
  });

  it('are counted for all pods of a group', () => {
    const decision = (nodes: readonly number[]) => create(group(2, 8), facts({ nodes }));
    expect(codes(decision([0, 0]))).not.toContain(CODE);
    expect(messageOf(decision([0, 8, 4]), CODE)).toBe(
      'the nodes of 8x NVIDIA-H100-80GB-HBM3 have room for 1 of the 2 pods of a replica now, 8 nvidia.com/gpu each: ' +
        'it waits until some are freed, or a pool grows',
    );
    expect(messageOf(decision([8, 8]), CODE)).toContain('none of the 2 nodes');
  });

  it('of one node may hold several pods of a group', () => {
    expect(codes(create(group(2, 4), facts({ nodes: [0] })))).not.toContain(CODE);
    expect(codes(create(group(2, 4), facts({ nodes: [1] })))).toContain(CODE);
  });

  it('are not spoken of where no pods are known, or where more nodes may come', () => {
    expect(codes(create(scout(4), cluster([H100_NODES])))).not.toContain(CODE);
    const flavor = {
      kind: 'ResourceFlavor',
      metadata: { name: 'h100' },
      spec: { nodeLabels: { 'node.kubernetes.io/instance-type': 'BM.GPU.H100.8' } },
    };
    expect(codes(create(scout(4), facts({ nodes: [8], more: [flavor] })))).not.toContain(CODE);
    expect(codes(create(scout(4), facts({ nodes: [8] })))).toContain(CODE);
  });

  it('are not spoken of for what is refused, scaled to none, or there already', () => {
    const full = facts({ nodes: [8] });
    expect(create(scout(1), full).verdict).toBe('deny');
    expect(codes(create(scout(1), full))).not.toContain(CODE);
    expect(codes(create(scout(4, { replicas: 0 }), full))).not.toContain(CODE);
    expect(codes(update(scout(4, { replicas: 3 }), scout(4), full))).not.toContain(CODE);
  });

  it('are told without the shapes of the cluster where policy keeps those back', () => {
    const policy = { disclose: false };
    expect(messageOf(create(scout(4), facts({ nodes: [8, 5], policy })), CODE)).toBe(
      'no node has 4 nvidia.com/gpu free now: it waits until some are freed, or a pool grows',
    );
    expect(messageOf(create(group(2, 8), facts({ nodes: [0, 5], policy })), CODE)).toBe(
      'the nodes have no room for all 2 pods of a replica now, 8 nvidia.com/gpu each: it waits until some are freed, or a pool grows',
    );
  });
});
