import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXAMPLE_NODES } from '../harness/examples.ts';
import { run } from '../harness/kubectl.ts';
import { nameOf } from '../harness/kwok.ts';
import {
  BF16,
  type Manifest,
  MILLION,
  SCOUT_128K,
  scoutDeployment,
  scoutWorkload,
  undersizedScout,
} from '../harness/manifests.ts';
import { at, listAt } from '../harness/members.ts';
import { argsOf, deleteObject, limitsOf, podSpecOf, storedObject } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { BUNDLE } from '../harness/webhook-server.ts';
import { itKeepsThreeBooks } from './books.ts';

// Label captures of machines of every kind that a cluster may mix: whole H100, A100, MI300X and partitions of it, MIG in
// both strategies, time-slicing in both, a node with an ill GPU; H200 and L40S as manifests/inventory.yaml has them.
const stage = useInstalledChart({
  name: 'scheduling',
  nodeFiles: [
    'dgx-h100.yaml',
    'amd-mi300x.yaml',
    'mig-mixed.yaml',
    'mig-single.yaml',
    'time-sliced.yaml',
    'degraded.yaml',
    'eks-karpenter.yaml',
  ],
  moreNodes: EXAMPLE_NODES.filter((node) => ['h200-a', 'l40s-a'].includes(nameOf(node))),
});

const EIGHT_H100 = ['dgx-01', 'dgx-02', 'ip-10-0-1-11.ec2.internal'];
const WHOLE_H100 = ['degraded', ...EIGHT_H100];
const MI300X_ARGS = ['--model', BF16, '--max-model-len=131072'];

async function podsOf(app: string): Promise<readonly unknown[]> {
  const { json } = await stage().plane.api.call(
    `/api/v1/namespaces/default/pods?labelSelector=${encodeURIComponent(`app=${app}`)}`,
  );
  return listAt(json, 'items');
}

/** Names of the nodes where the Pods of `app` run. */
async function nodesOf(app: string, count: number): Promise<readonly string[]> {
  const running = await until(
    async () => {
      const pods = (await podsOf(app)).filter((pod) => at(pod, 'status', 'phase') === 'Running');
      return pods.length === count ? pods : null;
    },
    { what: `${count} Pods of ${app} run` },
  );
  return running.map((pod) => String(at(pod, 'spec', 'nodeName')));
}

async function apply(manifest: Manifest): Promise<void> {
  await stage().kubectl.run(['apply', '-f', '-'], manifest);
}

// Each case finds every GPU free: what the scheduler may choose is then up to labels and counts alone.
afterEach(async () => {
  for (const collection of [
    'apps/v1/namespaces/default/deployments',
    'apps/v1/namespaces/default/statefulsets',
    'batch/v1/namespaces/default/jobs',
  ]) {
    await deleteObject(stage().plane, `/apis/${collection}`);
  }
  await until(
    async () => {
      const { json } = await stage().plane.api.call('/api/v1/namespaces/default/pods');
      return listAt(json, 'items').length === 0 ? true : null;
    },
    { what: 'all Pods are gone' },
  );
});

describe('a workload without count and placement lands where its bill says', () => {
  // GPU counts by the bill: 4 bit weights and 128K tokens of bf16 cache are some 97 GiB in vLLM.
  it.each([
    { gpu: 'H100', gpus: 2, nodes: WHOLE_H100 },
    { gpu: 'A100-SXM4-80GB', gpus: 2, nodes: ['ip-10-0-1-12.ec2.internal'] },
    { gpu: 'H200', gpus: 1, nodes: ['h200-a'] },
    { gpu: 'L40S', gpus: 4, nodes: ['l40s-a'] },
  ])('$gpu: two Pods of $gpus, on whole ones only', async ({ gpu, gpus, nodes }) => {
    const app = `on-${gpu.toLowerCase()}`;
    const annotations = { ...SCOUT_128K, 'vramgate.io/gpu': gpu };
    await apply(scoutDeployment({ name: app, annotations, replicas: 2 }));
    for (const node of await nodesOf(app, 2)) expect(nodes).toContain(node);
    const [pod] = await podsOf(app);
    expect(at(pod, 'spec', 'containers', 0, 'resources', 'limits')).toEqual({
      'nvidia.com/gpu': String(gpus),
    });
  });

  it('eight GPUs: not on the node where one of eight is ill', async () => {
    const annotations = { ...MILLION, 'vramgate.io/gpu': 'H100' };
    await apply(
      scoutDeployment({ name: 'on-eight', annotations, args: ['--model', BF16, '--max-model-len=1048576'] }),
    );
    for (const node of await nodesOf('on-eight', 1)) expect(EIGHT_H100).toContain(node);
    const [pod] = await podsOf('on-eight');
    expect(at(pod, 'spec', 'containers', 0, 'resources', 'limits')).toEqual({ 'nvidia.com/gpu': '8' });
  });

  it('MI300X: on the node of whole boards, never on its partitions of the same product name', async () => {
    const annotations = {
      'vramgate.io/model': 'scout',
      'vramgate.io/context': '128K',
      'vramgate.io/gpu': 'MI300X',
    };
    await apply(scoutDeployment({ name: 'on-mi300x', annotations, args: MI300X_ARGS }));
    expect(await nodesOf('on-mi300x', 1)).toEqual(['mi300x']);
  });

  it.each(['StatefulSet', 'Job'] as const)('%s: its Pod runs on H100 too', async (kind) => {
    const name = `as-${kind.toLowerCase()}`;
    const annotations = { ...SCOUT_128K, 'vramgate.io/gpu': 'H100' };
    await apply(scoutWorkload(kind, { name, annotations }));
    for (const node of await nodesOf(name, 1)) expect(WHOLE_H100).toContain(node);
  });
});

describe('what is refused', () => {
  it('never makes a ReplicaSet', async () => {
    const undersized = undersizedScout({ name: 'undersized' });
    expect((await stage().kubectl.try(['apply', '-f', '-'], undersized)).status).toBe(1);
    const { json } = await stage().plane.api.call('/apis/apps/v1/namespaces/default/replicasets');
    expect(listAt(json, 'items').map(nameOf)).not.toContainEqual(expect.stringMatching(/^undersized/));
  });
});

describe('the command line and the cluster say the same', () => {
  it('what `mutate` prints for the nodes of the cluster is what the API server stores', async () => {
    const { kubectl, plane } = stage();
    const nodes = join(plane.folder, 'nodes.yaml');
    await writeFile(nodes, (await kubectl.run(['get', 'nodes', '-o', 'yaml'])).stdout);
    const manifest = scoutDeployment({
      name: 'same',
      annotations: { ...SCOUT_128K, 'vramgate.io/gpu': 'H100' },
    });
    const file = join(plane.folder, 'same.json');
    await writeFile(file, JSON.stringify(manifest));
    const printed = await run(process.execPath, [BUNDLE, 'mutate', '-f', file, '--inventory', nodes]);
    expect(printed.status, printed.stderr).toBe(0);
    await apply(manifest);

    const mutated: unknown = parse(printed.stdout);
    const stored = await storedObject(plane, { resource: 'deployments', name: 'same' });
    expect(limitsOf(stored)).toEqual({ 'nvidia.com/gpu': '2' });
    expect(limitsOf(stored)).toEqual(limitsOf(mutated));
    expect(argsOf(stored)).toEqual(argsOf(mutated));
    for (const key of ['nodeSelector', 'tolerations']) {
      expect(at(podSpecOf(stored), key)).toEqual(at(podSpecOf(mutated), key));
    }
    const applied = (object: unknown) => at(object, 'metadata', 'annotations', 'vramgate.io/applied');
    expect(applied(stored)).toEqual(applied(mutated));
  });
});

describe('a node is lost while no webhook answers', () => {
  it('the Pods of a running model are made again', async () => {
    const { plane, kubectl, balancer, replicas } = stage();
    await apply(
      scoutDeployment({ name: 'survivor', annotations: { ...SCOUT_128K, 'vramgate.io/gpu': 'H100' } }),
    );
    const [node = ''] = await nodesOf('survivor', 1);
    balancer.cut();
    // What an unreachable node does to its Pods after five minutes, at once; then the node itself goes.
    await kubectl.run(['taint', 'node', node, 'example.com/lost:NoExecute']);
    const moved = await until(
      async () => {
        const pods = await podsOf('survivor');
        const running = pods.filter((pod) => at(pod, 'status', 'phase') === 'Running');
        return running.find((pod) => at(pod, 'spec', 'nodeName') !== node) ?? null;
      },
      { what: 'the Pod runs elsewhere' },
    );
    const deleted = await plane.api.call(`/api/v1/nodes/${node}`, { method: 'DELETE' });
    balancer.use(replicas.map((one) => one.port));
    expect(deleted.status).toBe(200);
    expect(WHOLE_H100).toContain(at(moved, 'spec', 'nodeName'));
  });
});

itKeepsThreeBooks(stage);
