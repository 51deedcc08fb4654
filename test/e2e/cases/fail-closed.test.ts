import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { askUndersized, wrongOf } from '../harness/load.ts';
import { scoutDeployment } from '../harness/manifests.ts';
import { at, isMembers, listAt, type Members } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { NAMESPACE, SERVICE, VALIDATING_ENFORCED } from '../harness/webhook-configuration.ts';
import { itKeepsThreeBooks } from './books.ts';

// Installed with an entry that fails closed, and then nobody answers. The cluster must be able to heal itself, even where
// somebody labelled the product's own namespace and annotated its Deployment.
const stage = useInstalledChart({
  name: 'fail-closed',
  nodeFiles: ['dgx-h100.yaml'],
  values: { webhooks: { failClosed: { enabled: true } } },
});

const ENFORCED = 'vramgate.io/mode=enforce';

async function productDeployment(): Promise<Members> {
  const { stdout } = await stage().helm(['get', 'manifest', SERVICE, '-n', NAMESPACE]);
  const documents: readonly unknown[] = parseAllDocuments(stdout).map((one) => one.toJS());
  const found = documents.find((one) => at(one, 'kind') === 'Deployment');
  if (!isMembers(found)) throw new Error('the release has no Deployment');
  return found;
}

/** Of the Pods that the chart's Deployment makes, those that run. */
async function runningPods(): Promise<readonly string[]> {
  const { json } = await stage().plane.api.call(`/api/v1/namespaces/${NAMESPACE}/pods`);
  const running = listAt(json, 'items').filter((pod) => at(pod, 'status', 'phase') === 'Running');
  return running.map((pod) => String(at(pod, 'metadata', 'uid')));
}

const untilPods = (what: string, isExpected: (pods: readonly string[]) => boolean) =>
  until(
    async () => {
      const pods = await runningPods();
      return isExpected(pods) ? pods : null;
    },
    { what },
  );

describe('nobody answers, and an entry of the chart fails closed', () => {
  beforeAll(async () => {
    const { kubectl, balancer } = stage();
    for (const namespace of ['default', NAMESPACE]) {
      await kubectl.run(['label', '--overwrite', 'namespace', namespace, ENFORCED]);
    }
    await untilPods('the Pods of the chart run', (pods) => pods.length === 2);
    balancer.cut();
  });

  it('what it is there for: in an enforced namespace nothing that is annotated gets in', async () => {
    const refused = await until(
      async () => {
        const answer = await askUndersized(stage().plane.api);
        return answer.status === 500 ? answer : null;
      },
      { what: 'the API server knows the label' },
    );
    expect(refused.text).toContain(`failed calling webhook \\"${VALIDATING_ENFORCED}\\"`);
    const tried = await stage().kubectl.try(['apply', '-f', '-'], scoutDeployment({ name: 'shut-out' }));
    expect(tried.status).toBe(1);
  });

  it('a Pod without annotations gets in', async () => {
    const { stdout } = await stage().kubectl.run(['run', 'plain', '--image=example.com/main:1']);
    expect(stdout).toBe('pod/plain created\n');
  });

  it('our own Deployment, deleted and made again, runs again', async () => {
    const { kubectl } = stage();
    const before = new Set(await runningPods());
    expect(before.size).toBe(2);
    await kubectl.run(['delete', 'deployment', SERVICE, '-n', NAMESPACE, '--timeout=60s']);
    await untilPods('the old Pods are gone', (pods) => pods.every((uid) => !before.has(uid)));
    const manifest = await productDeployment();
    const metadata = at(manifest, 'metadata');
    const annotations = { 'vramgate.io/model': 'scout' };
    await kubectl.run(['create', '-n', NAMESPACE, '-f', '-'], {
      ...manifest,
      metadata: { ...(isMembers(metadata) ? metadata : {}), annotations },
    });
    const now = await untilPods('two new Pods run', (pods) => pods.length === 2);
    expect(now.filter((uid) => before.has(uid))).toEqual([]);
  });

  it('a single Pod of ours, deleted, is replaced', async () => {
    const before = new Set(await runningPods());
    await stage().kubectl.run(['delete', 'pods', '--all', '-n', NAMESPACE, '--timeout=60s']);
    await untilPods('two new Pods run', (pods) => pods.length === 2 && pods.every((uid) => !before.has(uid)));
  });

  it('with replicas back, the next object is judged', async () => {
    const { balancer, replicas, plane } = stage();
    balancer.use(replicas.map((one) => one.port));
    expect(wrongOf([await askUndersized(plane.api)])).toEqual([]);
  });
});

itKeepsThreeBooks(stage);
