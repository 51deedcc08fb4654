import { beforeAll, describe, expect, it } from 'vitest';
import { allCounters, webhookCounters } from '../harness/api-metrics.ts';
import { customResourceDefinitions } from '../harness/crds.ts';
import type { Manifest } from '../harness/manifests.ts';
import { at } from '../harness/members.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { MUTATING, NAMESPACE, VALIDATING } from '../harness/webhook-configuration.ts';

// What the selectors and conditions of the chart send to the webhooks, and what they keep away. Dry runs: no controller
// reacts to them, so that the API server's own counters say exactly what was called.
const stage = useInstalledChart({ name: 'matching', nodeFiles: ['dgx-h100.yaml'] });

const OURS = { annotations: { 'vramgate.io/model': 'scout' } };
const NOT_OURS = { annotations: { 'vramgate.iox/model': 'scout', 'example.com/vramgate.io': 'scout' } };

type Metadata = Readonly<Record<string, unknown>>;

const POD_SPEC = { containers: [{ name: 'main', image: 'example.com/main:1' }] };

function template(metadata: Metadata): Manifest {
  return { metadata: { ...metadata, labels: { app: 'one' } }, spec: POD_SPEC };
}

function jobTemplate(metadata: Metadata): Manifest {
  return { ...template(metadata), spec: { ...POD_SPEC, restartPolicy: 'Never' } };
}

interface Shape {
  readonly kind: string;
  readonly path: string;
  readonly apiVersion: string;
  /** `inner` is the metadata of the pod template. */
  readonly spec: (inner: Metadata) => Manifest;
}

const selector = { matchLabels: { app: 'one' } };
const apps = (kind: string, path: string): Shape => ({
  kind,
  path: `apis/apps/v1/namespaces/NS/${path}`,
  apiVersion: 'apps/v1',
  spec: (inner) => ({
    selector,
    template: template(inner),
    ...(kind === 'StatefulSet' && { serviceName: 'one' }),
  }),
});

const SHAPES: readonly Shape[] = [
  apps('Deployment', 'deployments'),
  apps('StatefulSet', 'statefulsets'),
  apps('DaemonSet', 'daemonsets'),
  apps('ReplicaSet', 'replicasets'),
  {
    kind: 'Job',
    path: 'apis/batch/v1/namespaces/NS/jobs',
    apiVersion: 'batch/v1',
    spec: (inner) => ({ template: jobTemplate(inner) }),
  },
  {
    kind: 'CronJob',
    path: 'apis/batch/v1/namespaces/NS/cronjobs',
    apiVersion: 'batch/v1',
    spec: (inner) => ({
      schedule: '0 0 * * *',
      jobTemplate: { spec: { template: jobTemplate(inner) } },
    }),
  },
  {
    kind: 'LeaderWorkerSet',
    path: 'apis/leaderworkerset.x-k8s.io/v1/namespaces/NS/leaderworkersets',
    apiVersion: 'leaderworkerset.x-k8s.io/v1',
    spec: (inner) => ({ leaderWorkerTemplate: { size: 2, workerTemplate: template(inner) } }),
  },
  {
    kind: 'JobSet',
    path: 'apis/jobset.x-k8s.io/v1alpha2/namespaces/NS/jobsets',
    apiVersion: 'jobset.x-k8s.io/v1alpha2',
    spec: (inner) => ({
      replicatedJobs: [{ name: 'one', template: { spec: { template: jobTemplate(inner) } } }],
    }),
  },
];

interface Attempt {
  readonly own?: Metadata;
  readonly inner?: Metadata;
  readonly namespace?: string;
}

/** How many calls of each webhook the dry-run creation of one object makes. */
async function callsOf(shape: Shape, { own = {}, inner = {}, namespace = 'default' }: Attempt) {
  const { api } = stage().plane;
  const counters = () => allCounters(api, [MUTATING, VALIDATING]);
  const before = await counters();
  const { kind, apiVersion, path } = shape;
  const body = { apiVersion, kind, metadata: { ...own, name: 'one' }, spec: shape.spec(inner) };
  const reply = await api.call(`/${path.replace('NS', namespace)}?dryRun=All`, { method: 'POST', body });
  // A refusal would be an answer too; what must not happen is that the object was not even looked at.
  expect([201, 403, 422], reply.text).toContain(reply.status);
  const after = await counters();
  return after.map((one, index) => one.requests - (before[index]?.requests ?? 0));
}

describe('matchConditions and selectors of the chart', () => {
  beforeAll(async () => {
    await stage().kubectl.run(['apply', '-f', '-'], customResourceDefinitions());
    await stage().kubectl.run(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  });

  describe.each(SHAPES.map((shape) => [shape.kind, shape] as const))('%s', (_kind, shape) => {
    it('with a key of ours on itself is reviewed', async () => {
      expect(await callsOf(shape, { own: OURS })).toEqual([1, 1]);
    });

    it('with a key of ours on its pod template only is reviewed', async () => {
      expect(await callsOf(shape, { inner: OURS })).toEqual([1, 1]);
    });

    it('without one never reaches the webhooks', async () => {
      expect(await callsOf(shape, { own: NOT_OURS, inner: NOT_OURS })).toEqual([0, 0]);
    });

    it.each(['kube-system', 'kube-node-lease', NAMESPACE])(
      'in %s never reaches the webhooks',
      async (namespace) => {
        expect(await callsOf(shape, { own: OURS, inner: OURS, namespace })).toEqual([0, 0]);
      },
    );
  });

  it('a Pod is reviewed on its own, and not when a ReplicaSet controls it', async () => {
    const pods = (owners: readonly unknown[]): Shape => ({
      kind: 'Pod',
      path: 'api/v1/namespaces/NS/pods',
      apiVersion: 'v1',
      spec: () => ({ ...POD_SPEC, ...(owners.length > 0 && { terminationGracePeriodSeconds: 1 }) }),
    });
    expect(await callsOf(pods([]), { own: OURS })).toEqual([1, 1]);
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'one', uid: 'u-1', controller: true };
    const foreign = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      name: 'one',
      uid: 'u-2',
      controller: true,
    };
    const owned = (one: unknown) => ({ own: { ...OURS, ownerReferences: [one] } });
    expect(await callsOf(pods([owner]), owned(owner))).toEqual([0, 0]);
    // Nobody judged the Rollout.
    expect(await callsOf(pods([foreign]), owned(foreign))).toEqual([1, 1]);
  });

  it('an update that removes the last key of ours is still seen', async () => {
    const { plane, kubectl, records } = stage();
    const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...OURS, name: 'leaving' } };
    const spec = { selector, replicas: 0, template: template({}) };
    const body = {
      ...manifest,
      metadata: { ...manifest.metadata, annotations: { 'vramgate.io/exempt': 'decommissioned next week' } },
      spec,
    };
    await kubectl.run(['create', '-f', '-'], body);
    const before = await webhookCounters(plane.api, VALIDATING);
    await kubectl.run(['annotate', 'deployment', 'leaving', 'vramgate.io/exempt-']);
    expect((await webhookCounters(plane.api, VALIDATING)).requests).toBeGreaterThan(before.requests);
    const seen = (await records()).filter(
      (one) => at(one, 'subject', 'name') === 'leaving' && at(one, 'operation') === 'UPDATE',
    );
    expect(seen.length).toBeGreaterThan(0);
  });
});
