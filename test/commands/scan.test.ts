import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UsageError } from '../../src/commands/io.ts';
import { runScan } from '../../src/commands/scan.ts';
import { kubeconfigText } from '../cluster/kubeconfig.ts';
import { CASES, reviewOf } from '../demo/reviews.ts';
import { gpuPod, type PodParts } from '../inventory/gpu-pods.ts';
import { memoryIo } from './memory-io.ts';

const SERVER = 'https://api.scan.test:6443';
const NODES = parse(readFileSync(new URL('../demo/inventory.yaml', import.meta.url), 'utf8')).items;
const GPU = 'nvidia.com/gpu';
const NAMESPACE: string = reviewed('scout-fits').namespace;

const PATHS = {
  cronjobs: '/apis/batch/v1/cronjobs',
  daemonsets: '/apis/apps/v1/daemonsets',
  deployments: '/apis/apps/v1/deployments',
  jobs: '/apis/batch/v1/jobs',
  jobsets: '/apis/jobset.x-k8s.io/v1alpha2/jobsets',
  leaderworkersets: '/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets',
  pods: '/api/v1/pods',
  replicasets: '/apis/apps/v1/replicasets',
  statefulsets: '/apis/apps/v1/statefulsets',
  nodes: '/api/v1/nodes',
  namespaces: '/api/v1/namespaces',
  resourceslices: '/apis/resource.k8s.io/v1/resourceslices',
  deviceclasses: '/apis/resource.k8s.io/v1/deviceclasses',
  nodepools: '/apis/karpenter.sh/v1/nodepools',
  ec2nodeclasses: '/apis/karpenter.k8s.aws/v1/ec2nodeclasses',
  nodeclasses: '/apis/eks.amazonaws.com/v1/nodeclasses',
  computeclasses: '/apis/cloud.google.com/v1/computeclasses',
  resourceflavors: '/apis/kueue.x-k8s.io/v1beta2/resourceflavors',
} as const;

type Resource = keyof typeof PATHS;
type Answers = Partial<Record<Resource, readonly object[] | number>>;

let folder = '';

function reviewed(name: string) {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return JSON.parse(JSON.stringify(reviewOf(found, 'u'))).request;
}

/** The Deployment of a case as a list holds it: without apiVersion and kind. */
function deployment(name: string, change: (object: ReturnType<typeof reviewed>) => void = () => {}): object {
  const { object } = reviewed(name);
  change(object);
  const { apiVersion: _, kind: __, ...item } = object;
  return item;
}

function mock(answers: Answers): void {
  const all: Answers = {
    nodes: NODES,
    jobsets: 404,
    leaderworkersets: 404,
    nodepools: 404,
    computeclasses: 404,
    ...answers,
  };
  for (const [resource, path] of Object.entries(PATHS)) {
    const answer = all[resource as Resource] ?? [];
    const body =
      typeof answer === 'number'
        ? { kind: 'Status', code: answer, message: `${resource} is forbidden` }
        : { metadata: { resourceVersion: '1' }, items: answer };
    nock(SERVER)
      .get(path)
      .query(true)
      .reply(typeof answer === 'number' ? answer : 200, body);
  }
}

async function scan(...flags: readonly string[]) {
  const { io, out, err } = memoryIo();
  const code = await runScan(['--kubeconfig', join(folder, 'config'), ...flags], io);
  return { code, out: out(), err: err() };
}

async function scanned(...flags: readonly string[]) {
  const { code, out } = await scan('-o', 'json', ...flags);
  return { code, elements: JSON.parse(out) };
}

beforeEach(() => {
  nock.disableNetConnect();
  folder = mkdtempSync(join(tmpdir(), 'vramgate-scan-'));
  writeFileSync(join(folder, 'config'), kubeconfigText(SERVER));
});

afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
  rmSync(folder, { recursive: true, force: true });
});

describe('vramgate scan', () => {
  it('judges what is annotated by the nodes of the cluster, and leaves the rest alone', async () => {
    const plain = deployment('scout-refused', ({ metadata, spec }) => {
      metadata.name = 'plain';
      metadata.annotations = {};
      spec.template.metadata.annotations = {};
    });
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused'), plain] });
    const { code, elements } = await scanned();
    expect(code).toBe(3);
    expect(elements.map(({ name, verdict, allowed }: never) => [name, verdict, allowed])).toEqual([
      ['scout-fits', 'allow', true],
      ['scout-refused', 'deny', false],
    ]);
    expect(elements[1]).toMatchObject({
      source: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/scout-refused`,
      kind: 'Deployment',
      namespace: NAMESPACE,
    });
    expect(elements[1].gpus.requested).toBe(4);
    expect(nock.isDone()).toBe(true);
  });

  it('with --infer judges a recognisable server without any annotation', async () => {
    const plain = deployment('scout-fits', ({ metadata, spec }) => {
      metadata.annotations = {};
      spec.template.metadata.annotations = {};
    });
    mock({ deployments: [plain] });
    const { elements } = await scanned('--infer');
    expect(elements).toHaveLength(1);
    expect(elements[0].findings.map(({ code }: never) => code)).toContain('model-from-command-line');
  });

  it('takes the mode of the namespace into account, and says what the rules alone say', async () => {
    const namespaces = [{ metadata: { name: NAMESPACE, labels: { 'vramgate.io/mode': 'audit' } } }];
    mock({ deployments: [deployment('scout-refused')], namespaces });
    const { code, elements } = await scanned();
    expect(elements[0]).toMatchObject({ verdict: 'deny', allowed: true });
    expect(code).toBe(0);
  });

  it('counts wasted GPUs over all replicas, and missing ones', async () => {
    const wasteful = deployment('scout-fits', ({ spec }) => {
      spec.replicas = 3;
      const { resources } = spec.template.spec.containers[0];
      for (const part of [resources.limits, resources.requests])
        if (part?.['nvidia.com/gpu']) part['nvidia.com/gpu'] = '8';
    });
    mock({ deployments: [wasteful] });
    const { elements } = await scanned();
    expect(elements[0].gpus).toEqual({ requested: 24, unused: 12, missing: 0 });
  });

  it('shows a person the same, with a summary', async () => {
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused')] });
    const { out } = await scan();
    expect(out).toContain(`Deployment ${NAMESPACE}/scout-refused`);
    expect(out).toMatch(/1 fit, 1 refused\nGPUs: 8 requested, 0 of them unused, \d+ more needed\n$/);
  });

  it('asks for one namespace only where one is named', async () => {
    const requests: string[] = [];
    nock(SERVER)
      .get(/.*/)
      .query(true)
      .times(18)
      .reply((request: Request) => {
        requests.push(new URL(request.url).pathname);
        return [200, { metadata: { resourceVersion: '1' }, items: [] }];
      });
    const { out } = await scan('-n', 'team-a');
    expect(requests).toContain('/apis/apps/v1/namespaces/team-a/deployments');
    expect(requests.filter((one) => one.includes('/namespaces/team-a/'))).toHaveLength(9);
    expect(out).toMatch(/^nothing here/);
  });

  it('works with fewer rights, saying what it could not see', async () => {
    mock({ deployments: [deployment('scout-fits')], nodes: 403, jobs: 403 });
    const { code, out, err } = await scan();
    expect(out).toContain('scout-fits');
    expect(err).toBe(
      'vramgate: nodes cannot be listed: nodes is forbidden\nvramgate: jobs cannot be listed: jobs is forbidden\n',
    );
    expect(code).toBe(2);
  });

  it('knows the pools that may still bring nodes, and says where it may not look', async () => {
    const h200 = { 'node.kubernetes.io/instance-type': 'BM.GPU.H200.8' };
    const flavor = { metadata: { name: 'h200' }, spec: { nodeLabels: h200 } };
    const wanted = deployment('scout-fits', ({ spec }) => {
      spec.template.spec.nodeSelector = h200;
    });
    mock({ deployments: [wanted], resourceflavors: [flavor], nodepools: 403 });
    const { code, out, err } = await scan('-o', 'json');
    expect(JSON.parse(out)[0].findings.map((one: { readonly code: string }) => one.code)).not.toContain(
      'no-node-fits',
    );
    expect(err).toBe('vramgate: nodepools cannot be listed: nodepools is forbidden\n');
    expect(code).toBe(0);
  });

  it('prints only the verdicts that differ from an earlier scan', async () => {
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused')] });
    const { out } = await scan('-o', 'json');
    const file = join(folder, 'before.json');
    writeFileSync(
      file,
      out.replace('"verdict": "deny"', '"verdict": "allow"').replace('"allowed": false', '"allowed": true'),
    );
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused')] });
    const { elements } = await scanned('--baseline', file);
    expect(elements).toEqual([
      expect.objectContaining({
        name: 'scout-refused',
        before: { verdict: 'allow', allowed: true },
        after: { verdict: 'deny', allowed: false },
      }),
    ]);
    writeFileSync(file, out);
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused')] });
    expect((await scan('--baseline', file)).out).toBe('no verdict would change\n');
  });

  it.each([
    ['{}', /not the JSON of an earlier scan/],
    ['[{"source": "x"}]', /\[0\]: not an element of an earlier scan/],
  ])('refuses the baseline %s', async (text, message) => {
    writeFileSync(join(folder, 'before.json'), text);
    await expect(scan('--baseline', join(folder, 'before.json'))).rejects.toThrow(message);
  });

  it('ends with a sentence when the cluster does not answer, or there is none', async () => {
    await expect(scan()).rejects.toBeInstanceOf(UsageError);
    writeFileSync(join(folder, 'config'), 'kind: Config');
    await expect(scan()).rejects.toThrow(/no cluster/);
  });
});

/** Pods that hold these GPUs on each of the nodes of the demo's cluster. */
function holding(gpus: number): readonly object[] {
  return NODES.map(({ metadata }: { readonly metadata: { readonly name: string } }, at: number) =>
    gpuPod({ name: `busy-${at}`, namespace: 'other', node: metadata.name, limits: { [GPU]: String(gpus) } }),
  );
}

function controlledBy(kind: string, name: string) {
  return { ownerReferences: [{ apiVersion: 'apps/v1', kind, name, controller: true }] };
}

/** The ReplicaSet of scout-fits and its pod, which looks for a node where none is given. */
function running(parts: PodParts = {}): Answers {
  const metadata = {
    namespace: NAMESPACE,
    name: 'scout-fits-1',
    ...controlledBy('Deployment', 'scout-fits'),
  };
  const { spec } = reviewed('scout-fits').object;
  const own = { namespace: NAMESPACE, name: 'scout-fits-1-x', limits: { [GPU]: '4' } };
  const pod = gpuPod({ ...own, ...parts, metadata: controlledBy('ReplicaSet', 'scout-fits-1') });
  return { deployments: [deployment('scout-fits')], replicasets: [{ metadata, spec }], pods: [pod] };
}

function findingsOf(elements: readonly { readonly findings: readonly { readonly code: string }[] }[]) {
  return elements.flatMap(({ findings }) => findings.map(({ code }) => code));
}

describe('what is free now', () => {
  it('is told of a workload whose pod looks for a node', async () => {
    const { pods = [], ...others } = running();
    mock({ ...others, pods: [...(pods as readonly object[]), ...holding(8)] });
    const { code, elements } = await scanned();
    expect(findingsOf(elements)).toEqual(['no-free-gpus']);
    expect(elements[0]).toMatchObject({ name: 'scout-fits', verdict: 'allow' });
    expect(code).toBe(0);
  });

  it('is not told where there is enough, to the GPU', async () => {
    const { pods = [], ...others } = running();
    mock({ ...others, pods: [...(pods as readonly object[]), ...holding(4)] });
    expect(findingsOf((await scanned()).elements)).toEqual([]);
    mock({ ...others, pods: [...(pods as readonly object[]), ...holding(5)] });
    expect(findingsOf((await scanned()).elements)).toEqual(['no-free-gpus']);
  });

  it.each([
    ['whose pods run', { node: NODES[0].metadata.name }],
    [
      'whose pod is held back by a gate',
      { spec: { schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }] } },
    ],
  ])('is not told of a workload %s', async (_what, parts) => {
    const { pods = [], ...others } = running(parts);
    mock({ ...others, pods: [...(pods as readonly object[]), ...holding(8)] });
    expect(findingsOf((await scanned()).elements)).toEqual([]);
  });

  it('counts the pods of all namespaces where one is scanned, or says that it cannot', async () => {
    const { pods = [], deployments = [], replicasets = [] } = running();
    const own: Record<string, unknown> = { deployments, replicasets, pods };
    const within = (status: number): void => {
      for (const [resource, path] of Object.entries(PATHS)) {
        const [, root, rest = ''] = /^(.*\/)([^/]+)$/.exec(path) ?? [];
        const list = (items: unknown): object => ({ metadata: { resourceVersion: '1' }, items });
        nock(SERVER)
          .get(`${root}namespaces/${NAMESPACE}/${rest}`)
          .query(true)
          .reply(200, list(own[resource] ?? []));
        const all = resource === 'nodes' ? NODES : resource === 'pods' ? holding(8) : [];
        const refused = resource === 'pods' && status !== 200;
        nock(SERVER)
          .get(path)
          .query(true)
          .reply(
            refused ? status : 200,
            refused ? { code: status, message: 'pods is forbidden' } : list(all),
          );
      }
    };
    within(200);
    const { elements } = await scanned('-n', NAMESPACE);
    expect(findingsOf(elements)).toEqual(['no-free-gpus']);
    nock.cleanAll();
    within(403);
    const { code, out, err } = await scan('-n', NAMESPACE, '-o', 'json');
    expect(findingsOf(JSON.parse(out))).toEqual([]);
    expect(err).toBe(
      'vramgate: pods of all namespaces cannot be listed: pods is forbidden; what is free now is not told\n',
    );
    expect(code).toBe(0);
  });

  it('is not told where pods may not be listed', async () => {
    mock({ ...running(), pods: 403 });
    const { elements } = await scanned();
    expect(findingsOf(elements)).toEqual([]);
  });
});

describe('--write-reports', () => {
  const REPORTS = '/apis/openreports.io/v1alpha1';
  const missing = { kind: 'Status', code: 404, message: 'not found' };

  it('creates and updates one report a namespace in the API that the cluster has, and empties old ones', async () => {
    mock({ deployments: [deployment('scout-fits'), deployment('scout-refused')] });
    const bodies: never[] = [];
    const keep = (body: unknown): boolean => bodies.push(body as never) > 0;
    const old = { metadata: { name: 'vramgate-scan', namespace: 'left', resourceVersion: '7' } };
    nock(SERVER)
      .get('/apis/wgpolicyk8s.io/v1alpha2')
      .reply(404, missing)
      .get(REPORTS)
      .reply(200, { resources: [] })
      .get(`${REPORTS}/reports`)
      .query({ labelSelector: 'app.kubernetes.io/managed-by=vramgate', limit: '20' })
      .reply(200, { metadata: { resourceVersion: '1' }, items: [old] })
      .put(`${REPORTS}/namespaces/left/reports/vramgate-scan`, keep)
      .reply(200, {})
      .post(`${REPORTS}/namespaces/${NAMESPACE}/reports`, keep)
      .reply(201, {});
    const { err } = await scan('--write-reports');
    expect(err).toBe('vramgate: 2 reports written\n');
    const [emptied, made] = bodies as readonly {
      readonly metadata: object;
      readonly summary: object;
      readonly results: readonly object[];
    }[];
    expect(emptied).toMatchObject({ metadata: { resourceVersion: '7' }, results: [] });
    expect(made).toMatchObject({
      apiVersion: 'openreports.io/v1alpha1',
      kind: 'Report',
      source: 'vramgate',
      summary: { pass: 1, fail: 1, warn: 0, error: 0, skip: 0 },
    });
    expect(made?.results[1]).toMatchObject({
      result: 'fail',
      severity: 'high',
      timestamp: { seconds: 0, nanos: 0 },
      resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'scout-refused', namespace: NAMESPACE }],
    });
    expect(nock.isDone()).toBe(true);
  });

  it('says that the cluster has no API for it', async () => {
    mock({});
    nock(SERVER).get('/apis/wgpolicyk8s.io/v1alpha2').reply(404, missing).get(REPORTS).reply(404, missing);
    await expect(scan('--write-reports')).rejects.toThrow(/neither wgpolicyk8s.io nor openreports.io/);
  });

  it('writes nothing where it is not asked to', async () => {
    mock({ deployments: [deployment('scout-fits')] });
    expect((await scan()).err).toBe('');
    expect(nock.isDone()).toBe(true);
  });
});
