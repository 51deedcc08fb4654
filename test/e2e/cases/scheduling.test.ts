import { describe, expect, it } from 'vitest';
import { nameOf } from '../harness/kwok.ts';
import {
  BF16,
  type Manifest,
  ON_H100,
  SCOUT_128K,
  scoutDeployment,
  scoutWorkload,
} from '../harness/manifests.ts';
import { at, listAt } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';

// Label captures of machines of every kind that a cluster may mix: whole H100, partitioned MI300X, MIG in both
// strategies, time-slicing in both, a node with an ill GPU, a cordoned one.
const stage = useInstalledChart({
  name: 'scheduling',
  nodeFiles: [
    'dgx-h100.yaml',
    'amd-mi300x.yaml',
    'mig-mixed.yaml',
    'mig-single.yaml',
    'time-sliced.yaml',
    'degraded.yaml',
  ],
});

const WHOLE_H100 = ['degraded', 'dgx-01', 'dgx-02'];
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

describe('a workload without count and placement lands where its bill says', () => {
  it('Deployment: two Pods of two GPUs each on nodes with whole H100', async () => {
    await apply(
      scoutDeployment({
        name: 'on-h100',
        annotations: { ...SCOUT_128K, 'vramgate.io/gpu': 'H100' },
        replicas: 2,
      }),
    );
    for (const node of await nodesOf('on-h100', 2)) expect(WHOLE_H100).toContain(node);
    const [pod] = await podsOf('on-h100');
    expect(at(pod, 'spec', 'containers', 0, 'resources', 'limits')).toEqual({ 'nvidia.com/gpu': '2' });
  });

  it('eight GPUs: not on the node where one of eight is ill', async () => {
    const annotations = {
      'vramgate.io/model': 'scout',
      'vramgate.io/context': '1M',
      'vramgate.io/gpu': 'H100',
    };
    await apply(
      scoutDeployment({ name: 'on-eight', annotations, args: ['--model', BF16, '--max-model-len=1048576'] }),
    );
    for (const node of await nodesOf('on-eight', 1)) expect(['dgx-01', 'dgx-02']).toContain(node);
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
    const undersized = scoutDeployment({
      name: 'undersized',
      annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' },
      args: ['--model', BF16, '--max-model-len=1048576', '--tensor-parallel-size=4'],
      gpus: 4,
      nodeSelector: ON_H100,
    });
    expect((await stage().kubectl.try(['apply', '-f', '-'], undersized)).status).toBe(1);
    const { json } = await stage().plane.api.call('/apis/apps/v1/namespaces/default/replicasets');
    expect(listAt(json, 'items').map(nameOf)).not.toContainEqual(expect.stringMatching(/^undersized/));
  });
});
