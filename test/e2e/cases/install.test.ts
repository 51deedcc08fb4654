import { describe, expect, it } from 'vitest';
import { CHART, type Helm, helmOf, mountAt, routeToLocalhost, writeValues } from '../harness/chart.ts';
import { webhooksAnswer } from '../harness/cluster.ts';
import { chartValues, configFolder } from '../harness/installed.ts';
import { askFitting, askUndersized, wrongOf } from '../harness/load.ts';
import { ownersByField } from '../harness/managed-fields.ts';
import { at, listAt } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { NAMESPACE, SERVICE } from '../harness/webhook-configuration.ts';

// The chart as shipped, with certificates of the product's own making: two replicas start at once, find an empty Secret,
// and are ready when the caBundle of both configurations holds their CA.
const stage = useInstalledChart({
  name: 'install',
  nodeFiles: ['dgx-h100.yaml'],
  isSelfManaged: true,
  moreTools: ['helm-3'],
});

const CONFIGURATIONS = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;
const SELF_MANAGED = { mode: 'self-managed' };

async function configuration(resource: string): Promise<unknown> {
  const path = `/apis/admissionregistration.k8s.io/v1/${resource}/${SERVICE}`;
  return (await stage().plane.api.call(path)).json;
}

async function bundles(): Promise<readonly unknown[]> {
  const all = await Promise.all(CONFIGURATIONS.map(configuration));
  return all.flatMap((one) => listAt(one, 'webhooks').map((hook) => at(hook, 'clientConfig', 'caBundle')));
}

async function release(helm: Helm, verb: 'install' | 'upgrade', config: unknown = {}): Promise<void> {
  const { plane, balancer, kubectl } = stage();
  // Whoever owns the fields of our stand-in, the Service of the chart is Helm's.
  await kubectl.run(['delete', 'service', SERVICE, '-n', NAMESPACE, '--ignore-not-found']);
  const values = await writeValues(plane, chartValues(balancer.port, SELF_MANAGED, config));
  await helm([verb, SERVICE, CHART, '-n', NAMESPACE, '-f', values]);
  await routeToLocalhost(kubectl);
}

async function expectJudged(): Promise<void> {
  const { api } = stage().plane;
  expect(wrongOf([await askFitting(api), await askUndersized(api)])).toEqual([]);
}

async function expectNoFieldOwnedTwice(): Promise<void> {
  for (const resource of CONFIGURATIONS) {
    const shared = [...ownersByField(await configuration(resource))].filter(
      ([, owners]) => owners.length > 1,
    );
    expect(shared, resource).toEqual([]);
  }
}

describe('Helm 4', () => {
  it('install: one CA in both configurations, the first requests are judged', async () => {
    const found = await bundles();
    expect(found).toHaveLength(2);
    expect(found[0]).toEqual(expect.stringMatching(/^[A-Za-z0-9+/]{100,}=*$/));
    expect(new Set(found).size).toBe(1);
    await expectJudged();
  });

  it('install: no field of the configurations has two owners', expectNoFieldOwnedTwice);

  it('upgrade with changed values: the bundle stays, and running replicas take the new policy over', async () => {
    const before = await bundles();
    await release(stage().helm, 'upgrade', { policy: { mode: 'warn' } });
    expect(await bundles()).toEqual(before);
    await expectNoFieldOwnedTwice();

    for (const { program } of stage().replicas) {
      await mountAt(stage().kubectl, 'configmap', SERVICE, configFolder(stage(), program.name));
    }
    await until(
      async () => {
        const answers = [];
        for (let turn = 0; turn < 4; turn += 1) answers.push(await askUndersized(stage().plane.api));
        return answers.every(({ status }) => status === 201) ? true : null;
      },
      { what: 'both replicas warn instead of refusing' },
    );
  });

  it('uninstall: nothing stands in the way of a Pod or of a workload any more', async () => {
    const { helm, kubectl, plane } = stage();
    await helm(['uninstall', SERVICE, '-n', NAMESPACE]);
    for (const resource of CONFIGURATIONS) expect(at(await configuration(resource), 'code')).toBe(404);
    await kubectl.run(['run', 'after-uninstall', '--image=example.com/main:1']);
    expect((await askUndersized(plane.api)).status).toBe(201);
  });
});

describe('Helm 3', () => {
  it('install: the replicas that start then are ready, and judge', async () => {
    const { replicas, plane, addReplica, balancer } = stage();
    balancer.cut();
    await Promise.all(replicas.map((one) => one.stop()));
    await release(helmOf(plane, 'helm-3'), 'install');
    const pair = await Promise.all([addReplica('helm-3-a'), addReplica('helm-3-b')]);
    balancer.use(pair.map((one) => one.port));
    await webhooksAnswer(plane);
    await expectJudged();
  });

  it('upgrade by Helm 4: the release goes on, bundle and verdicts with it', async () => {
    const before = await bundles();
    await release(stage().helm, 'upgrade');
    expect(await bundles()).toEqual(before);
    await webhooksAnswer(stage().plane);
    await expectJudged();
  });
});
