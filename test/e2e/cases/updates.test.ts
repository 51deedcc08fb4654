import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { webhookCounters } from '../harness/api-metrics.ts';
import { writtenOf } from '../harness/examples.ts';
import { ownersByField } from '../harness/managed-fields.ts';
import { type Manifest, SCOUT_128K, scoutDeployment, scoutWorkload, W4A16 } from '../harness/manifests.ts';
import { at, listAt } from '../harness/members.ts';
import {
  argsOf,
  generationOf,
  limitsOf,
  podSpecOf,
  type Resource,
  storedObject,
} from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { NAMESPACE, SERVICE, VALIDATING } from '../harness/webhook-configuration.ts';
import type { WebhookServer } from '../harness/webhook-server.ts';
import { itKeepsThreeBooks } from './books.ts';
import { describeUnjudged } from './unjudged.ts';

// What people and controllers do to a workload after it was admitted, with every controller running.
const stage = useInstalledChart({ name: 'updates', nodeFiles: ['dgx-h100.yaml'] });

const CATALOG = fileURLToPath(new URL('../../../docs/catalog.example.yaml', import.meta.url));

const stored = (name: string, resource: Resource = 'deployments') =>
  storedObject(stage().plane, { resource, name });
const apply = (input: unknown, ...flags: readonly string[]) =>
  stage().kubectl.run(['apply', ...flags, '-f', '-'], input);

const SERVER_SIDE = ['--server-side', '--force-conflicts'];
const TWO_GPUS = { 'nvidia.com/gpu': '2' };

/** The flag that we add, and how often it stands there. */
function parallelFlags(deployment: unknown): number {
  return listAt(argsOf(deployment)).filter((arg) => String(arg).startsWith('--tensor-parallel-size')).length;
}

let later: WebhookServer;

/** Another replica: its nodes have no GPU that anything here was planned for, and its catalog holds more. */
async function startLater(): Promise<WebhookServer> {
  const { kubectl, plane, addReplica } = stage();
  const map = ['configmap', SERVICE, '-n', NAMESPACE];
  const before = await storedObject(plane, { resource: 'configmaps', name: SERVICE, namespace: NAMESPACE });
  const text = `${at(before, 'data', 'config.yaml')}\n${await readFile(CATALOG, 'utf8')}`;
  const data = { 'config.yaml': text };
  await kubectl.run(['patch', ...map, '--type=merge', '-p', JSON.stringify({ data })]);
  return addReplica('later', 'amd-mi300x.yaml');
}

const answering = () => stage().replicas.filter((one) => one !== later);

async function judgedByLater(work: () => Promise<void>): Promise<void> {
  const { balancer } = stage();
  balancer.use([later.port]);
  try {
    await work();
  } finally {
    balancer.use(answering().map((one) => one.port));
  }
}

beforeAll(async () => {
  later = await startLater();
});

/** The same Pod under three kinds; the API server refuses any change of the last two. */
function kindsOf(name: string): readonly Manifest[] {
  const deployment = scoutDeployment({ name });
  const job = scoutWorkload('Job', { name: `${name}-job` });
  const metadata = { name: `${name}-pod`, annotations: SCOUT_128K };
  return [deployment, job, { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpecOf(job) }];
}

describe.each([
  { how: 'client-side', flags: [] },
  { how: 'server-side', flags: SERVER_SIDE },
])('a file applied $how', ({ how, flags }) => {
  const name = `again-${how}`;
  const manifest = scoutDeployment({ name });
  const file = { apiVersion: 'v1', kind: 'List', items: kindsOf(name) };
  const all = () =>
    Promise.all([stored(name), stored(`${name}-job`, 'jobs'), stored(`${name}-pod`, 'pods')] as const);

  beforeAll(async () => {
    await apply(file, ...flags);
  });

  it('is a creation, filled in', async () => {
    for (const one of await all())
      expect(writtenOf(one)).toMatchObject({ templates: [{ containers: [{ limits: TWO_GPUS }] }] });
    for (const kind of ['Deployment', 'Job', 'Pod']) {
      const records = (await stage().records()).filter((one) => at(one, 'subject', 'kind') === kind);
      const own = records.filter((one) => String(at(one, 'subject', 'name')).startsWith(name));
      expect(own.map((one) => [one['operation'], one['allowed']])).toEqual([
        ['CREATE', true],
        ['CREATE', true],
      ]);
    }
  });

  it('differs in nothing from what is stored', async () => {
    const diff = await stage().kubectl.try(['diff', ...flags, '-f', '-'], file);
    expect(diff.stdout).toBe('');
    expect(diff.status).toBe(0);
  });

  it('keeps template and generation after inventory and catalog have changed', async () => {
    const before = await all();
    await judgedByLater(async () => {
      await apply(file, ...flags);
      await apply(file, ...flags);
      await stage().kubectl.run(['apply', '--dry-run=server', ...flags, '-f', '-'], file);
    });
    const after = await all();
    expect(after.map(writtenOf)).toEqual(before.map(writtenOf));
    expect(after.map(generationOf)).toEqual(before.map(generationOf));
    expect(at(after[0], 'spec')).toEqual(at(before[0], 'spec'));
    const [record] = await later.records();
    expect(record?.['catalogVersion']).not.toBe((await answering()[0]?.records())?.[0]?.['catalogVersion']);
  });

  it('keeps them when it replaces what is stored', async () => {
    const before = await stored(name);
    await judgedByLater(async () => {
      await stage().kubectl.run(['replace', '-f', '-'], manifest);
    });
    const after = await stored(name);
    expect(at(after, 'spec')).toEqual(at(before, 'spec'));
    expect(writtenOf(after)).toEqual(writtenOf(before));
  });

  it('is planned anew, downwards too, when the author changes the context', async () => {
    const smaller = { ...SCOUT_128K, 'vramgate.io/context': '8K' };
    const args = ['--model', W4A16, '--max-model-len=8192'];
    await apply(scoutDeployment({ name, annotations: smaller, args }), ...flags);
    await apply(scoutDeployment({ name: `fresh-${how}`, annotations: smaller, args }), ...flags);
    const [changed, fresh] = [await stored(name), await stored(`fresh-${how}`)];
    expect(limitsOf(changed)).toEqual(limitsOf(fresh));
    expect(argsOf(changed)).toEqual(argsOf(fresh));
    expect(at(podSpecOf(changed), 'nodeSelector')).toEqual(at(podSpecOf(fresh), 'nodeSelector'));
    await stage().kubectl.run([
      'delete',
      `deployment/${name}`,
      `deployment/fresh-${how}`,
      `job/${name}-job`,
      `pod/${name}-pod`,
      '--wait=false',
    ]);
  });
});

describe('kubectl on a workload that we filled in', () => {
  const name = 'filled';

  beforeAll(async () => {
    await apply(scoutDeployment({ name }));
    await stage().kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  const expectFilledOnce = async () => {
    const deployment = await stored(name);
    expect(limitsOf(deployment)).toEqual(TWO_GPUS);
    expect(parallelFlags(deployment)).toBe(1);
    return deployment;
  };

  it('scale: the template stays as it is', async () => {
    const before = await stored(name);
    await stage().kubectl.run(['scale', 'deployment', name, '--replicas=2']);
    const after = await expectFilledOnce();
    expect(at(after, 'spec', 'replicas')).toBe(2);
    expect(at(after, 'spec', 'template')).toEqual(at(before, 'spec', 'template'));
    await stage().kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  it('a HorizontalPodAutoscaler: it scales, nobody is asked, the template stays as it is', async () => {
    const { plane, kubectl } = stage();
    const before = await stored(name);
    const calls = await webhookCounters(plane.api, VALIDATING);
    await kubectl.run(['autoscale', 'deployment', name, '--min=3', '--max=4']);
    const after = await until(
      async () => {
        const deployment = await stored(name);
        return at(deployment, 'spec', 'replicas') === 3 ? deployment : null;
      },
      { what: 'the autoscaler has scaled' },
    );
    expect(at(after, 'spec', 'template')).toEqual(at(before, 'spec', 'template'));
    expect((await webhookCounters(plane.api, VALIDATING)).requests).toBe(calls.requests);
    await kubectl.run(['delete', 'hpa', name]);
    await kubectl.run(['scale', 'deployment', name, '--replicas=2']);
  });

  it('apply --force with a malformed value: refused, with its way out, and what runs is not deleted', async () => {
    const before = await stored(name);
    const annotations = { ...SCOUT_128K, 'vramgate.io/context': 'banana' };
    const forced = await stage().kubectl.try(
      ['apply', '--force', '-f', '-'],
      scoutDeployment({ name, annotations, replicas: 2 }),
    );
    expect(forced.status).toBe(1);
    expect(forced.stderr).toContain('not a number of tokens');
    expect(forced.stderr).toContain('Ways out, each checked:');
    const after = await stored(name);
    expect(at(after, 'metadata', 'uid')).toBe(at(before, 'metadata', 'uid'));
    expect(at(after, 'metadata', 'deletionTimestamp')).toBeUndefined();
  });

  it('rollout restart, set image, edit, rollout undo: filled in once, never twice, and the Pods run', async () => {
    const { kubectl, plane } = stage();
    await kubectl.run(['rollout', 'restart', `deployment/${name}`]);
    await expectFilledOnce();
    await kubectl.run(['set', 'image', `deployment/${name}`, 'vllm=vllm/vllm-openai:v0.10.2']);
    await expectFilledOnce();
    const editor = join(plane.folder, 'editor.sh');
    await writeFile(
      editor,
      '#!/bin/sh\nsed -i "s/minReadySeconds: 0//; s/^  replicas: 2/  replicas: 1/" "$1"\n',
    );
    await chmod(editor, 0o755);
    await kubectl.run(['edit', 'deployment', name], undefined, { KUBE_EDITOR: editor });
    expect(at(await expectFilledOnce(), 'spec', 'replicas')).toBe(1);
    await kubectl.run(['rollout', 'undo', `deployment/${name}`]);
    const undone = await expectFilledOnce();
    expect(at(podSpecOf(undone), 'containers', 0, 'image')).toBe('vllm/vllm-openai:v0.11.0');
    await kubectl.run(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  });

  describe('two field managers', () => {
    const manifest = scoutDeployment({ name: 'managed' });
    const second = (change: Manifest) => ({ apiVersion: 'apps/v1', kind: 'Deployment', ...change });
    const as = (manager: string) => ['--server-side', `--field-manager=${manager}`];

    it('the second owns other fields: no conflict, and the first may apply again', async () => {
      await apply(manifest, ...as('first'));
      await apply(second({ metadata: { name: 'managed', labels: { team: 'two' } } }), ...as('second'));
      await apply(manifest, ...as('first'));
      const deployment = await stored('managed');
      expect(generationOf(deployment)).toBe(1);
      expect(at(deployment, 'metadata', 'labels', 'team')).toBe('two');
      expect(limitsOf(deployment)).toEqual(TWO_GPUS);
    });

    it('the first sets count and flag where we had: both are the author’s then, and nothing of ours stays', async () => {
      const args = ['--model', W4A16, '--max-model-len=131072', '--tensor-parallel-size=4'];
      await apply(scoutDeployment({ name: 'managed', gpus: 4, args }), ...as('first'));
      const deployment = await stored('managed');
      expect(limitsOf(deployment)).toEqual({ 'nvidia.com/gpu': '4' });
      expect(argsOf(deployment)).toEqual(args);
      const limit = [...ownersByField(deployment)].find(([field]) =>
        field.endsWith('f:limits/f:nvidia.com/gpu'),
      );
      expect(limit?.[1]).toEqual(['first']);
    });
  });

  it('apply of a file that has a count now, where we had filled one in', async () => {
    const args = ['--model', W4A16, '--max-model-len=131072', '--tensor-parallel-size=4'];
    await apply(scoutDeployment({ name: 'counted' }));
    expect(limitsOf(await stored('counted'))).toEqual(TWO_GPUS);
    // Not by the API server, for the request of two that we had set beside the limit.
    const unused = await stage().kubectl.try(
      ['apply', '-f', '-'],
      scoutDeployment({ name: 'counted', gpus: 4 }),
    );
    expect(unused.stderr).toContain(`admission webhook "${VALIDATING}" denied the request: Llama 4 Scout`);
    await apply(scoutDeployment({ name: 'counted', gpus: 4, args }));
    const deployment = await stored('counted');
    expect(limitsOf(deployment)).toEqual({ 'nvidia.com/gpu': '4' });
    expect(argsOf(deployment)).toEqual(args);
  });

  it('generateName: filled in, and the record says what the name was made from', async () => {
    const { kubectl, records } = stage();
    const manifest = scoutDeployment({ name: 'generated' });
    const metadata = { generateName: 'generated-', annotations: SCOUT_128K };
    const created = await kubectl.run(['create', '-o', 'json', '-f', '-'], { ...manifest, metadata });
    expect(limitsOf(JSON.parse(created.stdout))).toEqual(TWO_GPUS);
    const record = await until(
      async () =>
        (await records()).find((one) => at(one, 'subject', 'generateName') === 'generated-') ?? null,
      { what: 'a record with generateName', limitMs: 10_000 },
    );
    expect(record['allowed']).toBe(true);
  });
});

describeUnjudged(stage);
itKeepsThreeBooks(stage);
