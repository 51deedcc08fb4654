import { describe, expect, it } from 'vitest';
import { callsDuring } from '../harness/api-metrics.ts';
import type { InstalledStage } from '../harness/installed.ts';
import { type Manifest, PROBE } from '../harness/manifests.ts';
import { at } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { MUTATING, NAMESPACE, VALIDATING } from '../harness/webhook-configuration.ts';

// What the selectors and conditions of the chart send to the webhooks, and what they keep away. Dry runs: no controller
// reacts to them, so that the API server's own counters say exactly what was called. Its page of metrics is long: read it seldom.

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

/** A Deployment that is admitted, and of which no Pod is made. */
const exempted = (name: string): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, annotations: { 'vramgate.io/exempt': 'decommissioned next week' } },
  spec: { selector, replicas: 0, template: template({}) },
});

interface Attempt {
  readonly name: string;
  readonly own?: Metadata;
  readonly inner?: Metadata;
  readonly namespace?: string;
}

const REVIEWED: readonly Attempt[] = [
  { name: 'key-on-itself', own: OURS },
  { name: 'key-on-its-template', inner: OURS },
];
const KEPT_AWAY: readonly Attempt[] = [
  { name: 'key-of-another', own: NOT_OURS, inner: NOT_OURS },
  ...['kube-system', 'kube-node-lease', NAMESPACE].map((namespace) => ({
    name: `in-${namespace}`,
    own: OURS,
    inner: OURS,
    namespace,
  })),
];

/** A Pod has no template; `controller` is its owner. */
function podOf(owner: Metadata | null): { readonly shape: Shape; readonly own: Metadata } {
  const ownerReferences = owner === null ? [] : [{ name: 'one', uid: 'u-1', controller: true, ...owner }];
  const shape = {
    kind: 'Pod',
    path: 'api/v1/namespaces/NS/pods',
    apiVersion: 'v1',
    spec: () => POD_SPEC,
  };
  return { shape, own: { ...OURS, ownerReferences } };
}

export function describeMatching(stage: () => InstalledStage): void {
  async function create(shape: Shape, { name, own = {}, inner = {}, namespace = 'default' }: Attempt) {
    const { kind, apiVersion, path } = shape;
    const body = { apiVersion, kind, metadata: { ...own, name }, spec: shape.spec(inner) };
    const url = `/${path.replace('NS', namespace)}?dryRun=All`;
    const reply = await stage().plane.api.call(url, { method: 'POST', body });
    // A refusal would be an answer too; what must not happen is that the object was not even looked at.
    expect([201, 403, 422], reply.text).toContain(reply.status);
  }

  const callsOfBoth = (work: () => Promise<void>) =>
    callsDuring(stage().plane.api, [MUTATING, VALIDATING], work);

  async function createAll(shape: Shape, attempts: readonly Attempt[]): Promise<void> {
    for (const attempt of attempts) await create(shape, attempt);
  }

  /** The names under which objects of a kind have arrived at /validate. */
  async function arrived(kind: string): Promise<readonly unknown[]> {
    const records = (await stage().records()).filter(
      (one) => one['webhook'] === 'validate' && at(one, 'subject', 'kind') === kind,
    );
    return records.map((one) => at(one, 'subject', 'name')).filter((name) => name !== PROBE);
  }

  describe('matchConditions and selectors of the chart', () => {
    it.each(SHAPES.map((shape) => [shape.kind, shape] as const))(
      '%s: a key of ours, on itself or on its pod template, makes it ours; not elsewhere, nor in a namespace of the system',
      async (kind, shape) => {
        const { length } = REVIEWED;
        expect(await callsOfBoth(() => createAll(shape, REVIEWED))).toEqual([length, length]);
        expect(await callsOfBoth(() => createAll(shape, KEPT_AWAY))).toEqual([0, 0]);
        const names = REVIEWED.map(({ name }) => name);
        const seen = async () => ((await arrived(kind)).length >= length ? arrived(kind) : null);
        expect(await until(seen, { what: `records of ${kind}`, limitMs: 10_000 })).toEqual(names);
      },
    );

    it('a Pod is reviewed on its own, and not when a kind that is judged itself controls it', async () => {
      const attempt = (owner: Metadata | null) => async () => {
        const { shape, own } = podOf(owner);
        await create(shape, { name: 'pod', own });
      };
      expect(await callsOfBoth(attempt(null))).toEqual([1, 1]);
      const replicaSet = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
      expect(await callsOfBoth(attempt(replicaSet))).toEqual([0, 0]);
      // Not a controller: who made the Pod is somebody else.
      expect(await callsOfBoth(attempt({ ...replicaSet, controller: false }))).toEqual([1, 1]);
      // Nobody judged the Rollout.
      expect(await callsOfBoth(attempt({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' }))).toEqual([
        1, 1,
      ]);
    });

    it('an update that removes the last key of ours is still seen', async () => {
      const { kubectl, records } = stage();
      await kubectl.run(['create', '-f', '-'], exempted('leaving'));
      const [, validated] = await callsOfBoth(async () => {
        await kubectl.run(['annotate', 'deployment', 'leaving', 'vramgate.io/exempt-']);
      });
      expect(validated).toBeGreaterThan(0);
      const seen = (await records()).filter(
        (one) => at(one, 'subject', 'name') === 'leaving' && at(one, 'operation') === 'UPDATE',
      );
      expect(seen.length).toBeGreaterThan(0);
    });

    it('subresources and deletions are nobody’s business', async () => {
      const { api } = stage().plane;
      const path = '/apis/apps/v1/namespaces/default/deployments';
      expect((await api.call(path, { method: 'POST', body: exempted('ending') })).status).toBe(201);
      const contentType = 'application/merge-patch+json';
      const calls = await callsOfBoth(async () => {
        const changes = [
          { of: 'scale', change: { spec: { replicas: 1 } } },
          { of: 'status', change: { status: { observedGeneration: 7 } } },
        ];
        for (const { of, change } of changes) {
          const call = { method: 'PATCH', contentType, body: change } as const;
          expect((await api.call(`${path}/ending/${of}?dryRun=All`, call)).status).toBe(200);
        }
        expect((await api.call(`${path}/ending`, { method: 'DELETE' })).status).toBe(200);
      });
      expect(calls).toEqual([0, 0]);
    });
  });
}
