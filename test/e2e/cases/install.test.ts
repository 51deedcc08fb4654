import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { callsDuring } from '../harness/api-metrics.ts';
import {
  CHART,
  type Helm,
  helmOf,
  mountAt,
  removeService,
  routeToLocalhost,
  tokenOf,
  writeValues,
} from '../harness/chart.ts';
import { auditEvents, webhooksAnswer } from '../harness/cluster.ts';
import { chartValues, remountConfig } from '../harness/installed.ts';
import { run } from '../harness/kubectl.ts';
import { nameOf } from '../harness/kwok.ts';
import { askFitting, askUndersized, underLoad, wrongOf } from '../harness/load.ts';
import { ownersByField } from '../harness/managed-fields.ts';
import { fittingScout, SCOUT_128K } from '../harness/manifests.ts';
import { at, listAt, type Members } from '../harness/members.ts';
import { podSpecOf } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { servedSerial } from '../harness/served-certificate.ts';
import { useInstalledChart } from '../harness/suite.ts';
import { NAMESPACE, SERVICE, VALIDATING, VALIDATING_ENFORCED } from '../harness/webhook-configuration.ts';
import { itKeepsThreeBooks } from './books.ts';

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

/** Every call in a namespace of this mode fails when no replica answers. */
const FAIL_CLOSED = { webhooks: { failClosed: { enabled: true } } };

async function release(
  helm: Helm,
  verb: 'install' | 'upgrade',
  { config = {}, ...more }: Members = {},
): Promise<void> {
  const { plane, balancer } = stage();
  await removeService(plane);
  const values = await writeValues(plane, { ...chartValues(balancer.port, SELF_MANAGED, config), ...more });
  await helm([verb, SERVICE, CHART, '-n', NAMESPACE, '-f', values]);
  await routeToLocalhost(plane);
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

/** A Pod of ours that fits, created (as a dry run) in the namespace where calls may not fail. */
function createPod() {
  const metadata = { name: 'enforced', annotations: SCOUT_128K };
  const body = { apiVersion: 'v1', kind: 'Pod', metadata, spec: podSpecOf(fittingScout('enforced')) };
  return stage().plane.api.call('/api/v1/namespaces/enforced/pods?dryRun=All', { method: 'POST', body });
}

async function startPair(prefix: string): Promise<void> {
  const { plane, addReplica, balancer } = stage();
  const pair = await Promise.all([addReplica(`${prefix}-a`), addReplica(`${prefix}-b`)]);
  balancer.use(pair.map((one) => one.port));
  await webhooksAnswer(plane);
}

/** What the kubelet would do: the replicas end when their Deployment has gone. */
async function endWithDeployment(): Promise<void> {
  const { plane, replicas } = stage();
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${SERVICE}`;
  const gone = async () => ((await plane.api.call(path)).status === 404 ? true : null);
  await until(gone, { what: 'the Deployment is deleted', everyMs: 20 });
  await Promise.all(replicas.map((one) => one.stop()));
}

/** The hook's Pod: its own command, script, account and API server; no container here. */
async function runHook(name: string): Promise<void> {
  const { plane } = stage();
  const pods = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const find = async () => {
    const { json } = await plane.api.call(`${pods}?labelSelector=job-name%3D${name}`);
    return listAt(json, 'items').find((pod) => at(pod, 'status', 'phase') === 'Running') ?? null;
  };
  const pod = await until(find, { what: `a Pod of ${name} runs` });
  const folder = join(plane.folder, name);
  await mountAt(plane, 'configmaps', name, folder);
  await writeFile(join(folder, 'token'), await tokenOf(plane, name));
  await writeFile(join(folder, 'ca.crt'), plane.authority.ca);
  const [, ...args] = listAt(pod, 'spec', 'containers', 0, 'command').map(String);
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(plane.port),
    SERVICE_ACCOUNT_FOLDER: folder,
  };
  const translated = args.map((one) => one.replace('/scripts', folder));
  const ended = await run(process.execPath, translated, { env });
  expect(ended.status, ended.stdout + ended.stderr).toBe(0);
  await plane.api.call(`${pods}/${nameOf(pod)}/status`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { status: { phase: 'Succeeded' } },
  });
}

/** Uninstalls while Pods are created one after the other, and says how those calls ended. */
async function uninstall(helm: Helm, hook: () => Promise<void>): Promise<readonly string[]> {
  const answers: string[] = [];
  let isOver = false;
  const creating = async () => {
    while (!isOver) {
      const { status, text } = await createPod();
      answers.push(status === 201 ? 'created' : text);
    }
  };
  const removing = async () => {
    try {
      await Promise.all([helm(['uninstall', SERVICE, '-n', NAMESPACE]), hook(), endWithDeployment()]);
    } finally {
      isOver = true;
    }
  };
  await Promise.all([removing(), creating()]);
  return answers;
}

/** Times at which the API server was asked to delete an object of ours, since a moment, and did. */
async function deletedAt(resource: string, since: string): Promise<readonly string[]> {
  const events = await auditEvents(stage().plane, resource, SERVICE);
  const deletions = events.filter(
    (event) => event['verb'] === 'delete' && at(event, 'responseStatus', 'code') === 200,
  );
  return deletions.map((event) => String(event['requestReceivedTimestamp'])).filter((time) => time >= since);
}

async function expectUninstalled(helm: Helm, hook: () => Promise<void>): Promise<void> {
  const since = new Date().toISOString();
  const answers = await uninstall(helm, hook);
  expect(answers.length).toBeGreaterThan(3);
  expect([...new Set(answers)]).toEqual(['created']);
  const [end = ''] = await deletedAt('deployments', since);
  for (const resource of CONFIGURATIONS) {
    expect(at(await configuration(resource), 'code')).toBe(404);
    const [time = ''] = await deletedAt(resource, since);
    expect(`${time} ${resource}`).toMatch(/^2/);
    expect(time < end, `${resource} at ${time}, the Deployment at ${end}`).toBe(true);
  }
}

beforeAll(async () => {
  const { kubectl } = stage();
  await kubectl.run(['create', 'namespace', 'enforced']);
  await kubectl.run(['label', 'namespace', 'enforced', 'vramgate.io/mode=enforce']);
  const accept = async () => ((await createPod()).status === 201 ? true : null);
  await until(accept, { what: 'the namespace takes Pods' });
});

describe('Helm 4', () => {
  it('install: one CA in both configurations, the first requests are judged', async () => {
    const found = await bundles();
    expect(found).toHaveLength(2);
    expect(found[0]).toEqual(expect.stringMatching(/^[A-Za-z0-9+/]{100,}=*$/));
    expect(new Set(found).size).toBe(1);
    await expectJudged();
  });

  it('install: no field of the configurations has two owners', expectNoFieldOwnedTwice);

  it('its Secret emptied under load: a new CA beside the old one, and no call fails', async () => {
    const { plane, replicas } = stage();
    const [before] = await bundles();
    const served = () => Promise.all(replicas.map(({ port }) => servedSerial(port)));
    const old = await served();
    const answers = await underLoad(plane.api, async () => {
      await plane.api.call(`/api/v1/namespaces/${NAMESPACE}/secrets/${SERVICE}-certificate`, {
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: { data: null },
      });
      const renewed = async () => {
        const serials = await served();
        return new Set(serials).size === 1 && !old.includes(serials[0] ?? '') ? true : null;
      };
      await until(renewed, { what: 'both replicas serve the same new certificate' });
    });
    expect(wrongOf(answers)).toEqual([]);
    const after = await bundles();
    expect(new Set(after).size).toBe(1);
    const [both, one] = [after[0], before].map((text) => Buffer.from(String(text), 'base64').toString());
    expect(both).toContain(one?.trim());
    expect(both?.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });

  it('upgrade with changed values: the bundle stays, and running replicas take the new policy over', async () => {
    const before = await bundles();
    await release(stage().helm, 'upgrade', { config: { policy: { mode: 'warn' } }, ...FAIL_CLOSED });
    const bundled = async () => ((await bundles()).includes(undefined) ? null : bundles());
    // Until then every call of it fails.
    const after = await until(bundled, { what: 'the new webhook has a bundle', limitMs: 15_000 });
    expect(after).toEqual([...before, before[0]]);
    await expectNoFieldOwnedTwice();

    await Promise.all(stage().replicas.map((one) => remountConfig(stage().plane, one)));
    expect((await askUndersized(stage().plane.api)).status).toBe(201);
  });

  it('failClosed: the namespaces of mode enforce have an entry of their own, the others the other', async () => {
    const { api } = stage().plane;
    const entries = [VALIDATING, VALIDATING_ENFORCED];
    expect(await callsDuring(api, entries, createPod)).toEqual([0, 1]);
    expect(await callsDuring(api, entries, () => askFitting(api))).toEqual([1, 0]);
  });

  it('uninstall: configurations before Pods, and at no moment is a Pod refused, not even where calls may not fail', async () => {
    const { helm, kubectl, plane } = stage();
    await expectUninstalled(helm, async () => {});
    await kubectl.run(['run', 'after-uninstall', '--image=example.com/main:1']);
    expect((await askUndersized(plane.api)).status).toBe(201);
  });
});

describe('Helm 3', () => {
  it('uninstall with the pre-delete hook, as Helm 3 deletes configurations last: the same', async () => {
    const helm = helmOf(stage().plane, 'helm-3');
    await release(helm, 'install', { ...FAIL_CLOSED, preDelete: { enabled: true } });
    await startPair('helm-3');
    await expectUninstalled(helm, () => runHook(`${SERVICE}-pre-delete`));
  });

  it('install: the replicas that start then are ready, and judge', async () => {
    await release(helmOf(stage().plane, 'helm-3'), 'install');
    await startPair('helm-3-again');
    await expectJudged();
  });

  it('upgrade by Helm 4: the release goes on, bundle and verdicts with it, and no field has two owners', async () => {
    const before = await bundles();
    await release(stage().helm, 'upgrade');
    expect(await bundles()).toEqual(before);
    await expectNoFieldOwnedTwice();
    await webhooksAnswer(stage().plane);
    await expectJudged();
  });
});

itKeepsThreeBooks(stage);
