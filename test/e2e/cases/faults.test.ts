import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { allCounters, webhookCounters } from '../harness/api-metrics.ts';
import { applyWebhooks, webhooksAnswer, writeCertificate } from '../harness/cluster.ts';
import { type Answer, askFitting, askUndersized, underLoad, wrongOf } from '../harness/load.ts';
import { scoutDeployment } from '../harness/manifests.ts';
import { createAuthority } from '../harness/pki.ts';
import { until } from '../harness/process.ts';
import { serialOfFile, servedSerial } from '../harness/served-certificate.ts';
import { useReplicas } from '../harness/suite.ts';
import { startTamperingProxy, type Tamper } from '../harness/tampering-proxy.ts';
import { configureWebhooks, MUTATING, VALIDATING } from '../harness/webhook-configuration.ts';
import type { WebhookServer } from '../harness/webhook-server.ts';

const stage = useReplicas('faults');

/** One that the case before has left, or a new one. */
async function aliveReplica(index: number): Promise<WebhookServer> {
  const { started, start } = stage();
  const alive = started.filter((one) => !one.program.hasEnded());
  return alive[index] ?? start(`replica-${started.length + index}`);
}

/** Two replicas behind the balancer. */
async function twoReplicas(
  failurePolicy: 'Ignore' | 'Fail',
  timeoutSeconds = 5,
): Promise<readonly [WebhookServer, WebhookServer]> {
  const { plane, balancer, certificate } = stage();
  const [first, second] = await Promise.all([aliveReplica(0), aliveReplica(1)]);
  balancer.use([first.port, second.port]);
  const { ca } = certificate;
  await applyWebhooks(plane, { port: balancer.port, ca, failurePolicy, timeoutSeconds });
  return [first, second];
}

const untilServes = (replica: WebhookServer, serial: string) =>
  until(async () => ((await servedSerial(replica.port)) === serial ? true : null), {
    what: `${replica.program.name} serves certificate ${serial}`,
  });

const failedOpen = async () => (await webhookCounters(stage().plane.api, VALIDATING)).failedOpen;

/** The API server keeps its connections, whoever is behind the balancer by now. */
beforeEach(() => stage().balancer.cut());

/** Both webhooks are asked about what fits and what does not while no replica answers. */
async function askWithout(
  replicas: readonly WebhookServer[],
  how: 'dead' | 'too slow',
): Promise<readonly Answer[]> {
  const { api } = stage().plane;
  if (how === 'dead') await Promise.all(replicas.map(({ program }) => program.kill()));
  for (const { program } of replicas) program.signal('SIGSTOP');
  try {
    return await Promise.all([askFitting(api), askUndersized(api)]);
  } finally {
    for (const { program } of replicas) program.signal('SIGCONT');
  }
}

describe('no replica answers', () => {
  it.each(['too slow', 'dead'] as const)(
    '%s under Ignore: everything is admitted, and it is counted',
    async (how) => {
      const replicas = await twoReplicas('Ignore', 1);
      const before = await failedOpen();
      const answers = await askWithout(replicas, how);
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      expect((await failedOpen()) - before).toBe(2);
      // Two webhooks, 1 s each, and what else the API server does.
      for (const { milliseconds } of answers) expect(milliseconds).toBeLessThan(10_000);
    },
  );

  it.each(['too slow', 'dead'] as const)('%s under Fail: nothing is admitted', async (how) => {
    const replicas = await twoReplicas('Fail', 1);
    const answers = await askWithout(replicas, how);
    for (const { status, text } of answers) {
      expect(status).toBe(500);
      expect(text).toContain('failed calling webhook');
    }
  });
});

describe('a wrong patch under Ignore', () => {
  const INCOMPLETE = scoutDeployment({ name: 'incomplete' });

  /** Both webhooks answer through a proxy that makes `patch` of every patch. */
  async function throughProxy(tamper: Tamper): Promise<void> {
    const { plane, balancer, certificate } = stage();
    const replica = await aliveReplica(0);
    balancer.use([await startTamperingProxy(certificate, replica.port, tamper)]);
    await applyWebhooks(plane, { port: balancer.port, ca: certificate.ca });
  }

  const create = (body: unknown) =>
    stage().plane.api.call('/apis/apps/v1/namespaces/default/deployments', { method: 'POST', body });
  const missing = async (name: string) =>
    (await stage().plane.api.call(`/apis/apps/v1/namespaces/default/deployments/${name}`)).status;

  it('that does not apply: a failure in spite of Ignore, nothing is stored, and what needs no edit passes', async () => {
    await throughProxy(() => '[{"op":"remove","path":"/spec/template/spec/containers/7"}]');
    const before = await allCounters(stage().plane.api, [MUTATING, VALIDATING]);
    const reply = await create(INCOMPLETE);
    expect(reply.status).toBe(500);
    expect(reply.text).toContain('Internal error occurred');
    expect(await missing('incomplete')).toBe(404);
    const after = await allCounters(stage().plane.api, [MUTATING, VALIDATING]);
    // It is no failed call, so the policy for those does not apply, and /validate is not asked any more.
    expect(after.map(({ failedOpen: open }, at) => open - (before[at]?.failedOpen ?? 0))).toEqual([0, 0]);
    expect(after.map(({ rejections }, at) => rejections - (before[at]?.rejections ?? 0))).toEqual([1, 0]);
    expect(wrongOf([await askFitting(stage().plane.api), await askUndersized(stage().plane.api)])).toEqual(
      [],
    );
  });

  it('that is no JSON: a failed call, the object stays as it was written, and /validate refuses it so', async () => {
    await throughProxy(() => 'this is no patch');
    const before = await allCounters(stage().plane.api, [MUTATING]);
    const reply = await create(INCOMPLETE);
    expect(reply.status).toBe(403);
    expect(reply.text).toContain('gpu-count-missing');
    const after = await allCounters(stage().plane.api, [MUTATING]);
    expect((after[0]?.failedOpen ?? 0) - (before[0]?.failedOpen ?? 0)).toBe(1);
    expect(await missing('incomplete')).toBe(404);
  });

  it.each([
    { how: 'with too small a count', from: /"nvidia\.com\/gpu":"2"/g, to: '"nvidia.com/gpu":"1"' },
    // Dropped without a word: the decoding after a patch is not strict.
    { how: 'to misspelt fields', from: /"(limit|request)s":/g, to: '"$1z":' },
  ])('$how: /validate refuses what came of it', async ({ from, to }) => {
    await throughProxy((patch) => patch.replaceAll(from, to));
    const reply = await create(INCOMPLETE);
    expect(reply.status, reply.text).toBe(403);
    expect(await missing('incomplete')).toBe(404);
  });
});

describe('under load no decision is wrong and no call fails', () => {
  const expectAllRight = (answers: readonly Answer[]) => {
    expect(wrongOf(answers)).toEqual([]);
    // Both kinds were really asked, more than once by every client.
    expect(answers.length).toBeGreaterThan(16);
  };

  it('rolling restart of both replicas', async () => {
    const [first, second] = await twoReplicas('Fail');
    const { plane, balancer, start } = stage();
    const before = await failedOpen();
    const answers = await underLoad(plane.api, async () => {
      const third = await start('rolled-1');
      balancer.use([second.port, third.port]);
      await first.stop();
      const fourth = await start('rolled-2');
      balancer.use([third.port, fourth.port]);
      await second.stop();
      await delay(1_000);
    });
    expectAllRight(answers);
    expect(await failedOpen()).toBe(before);
  });

  it('certificate rotation: a new leaf of the same CA', async () => {
    const replicas = await twoReplicas('Fail');
    const { plane, authority, certificate } = stage();
    const answers = await underLoad(plane.api, async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await writeCertificate(dirname(certificate.certFile), authority);
        await delay(1_000);
      }
    });
    expectAllRight(answers);
    const newest = await serialOfFile(certificate.certFile);
    for (const replica of replicas) await untilServes(replica, newest);
  });

  it('CA rotation: both in the bundle, then the new leaf, then only the new CA', async () => {
    const replicas = await twoReplicas('Fail');
    const { plane, balancer, certificate, authority } = stage();
    const next = await createAuthority('e2e webhook CA, the next');
    const configure = (ca: string) =>
      configureWebhooks(plane, { port: balancer.port, ca, failurePolicy: 'Fail' });
    const answers = await underLoad(plane.api, async () => {
      await configure(`${authority.ca}${next.ca}`);
      await delay(2_000);
      await writeCertificate(dirname(certificate.certFile), next);
      const serial = await serialOfFile(certificate.certFile);
      for (const replica of replicas) await untilServes(replica, serial);
      await configure(next.ca);
      await delay(2_000);
    });
    // Back, for the cases after this one.
    await configure(`${authority.ca}${next.ca}`);
    await delay(1_000);
    await writeCertificate(dirname(certificate.certFile), authority);
    expectAllRight(answers);
  });
});

describe('one replica is killed', () => {
  it('only calls in flight on it may fail open; nothing is refused that fits', async () => {
    const [first, second] = await twoReplicas('Ignore');
    const { plane, balancer } = stage();
    const answers = await underLoad(plane.api, async () => {
      await delay(500);
      await first.program.kill();
      await delay(2_000);
      balancer.use([second.port]);
      await delay(500);
    });
    const wrong = wrongOf(answers);
    // One call per client can have been in flight, in each of the two webhooks.
    expect(wrong.length).toBeLessThanOrEqual(8);
    for (const { expected, status } of wrong) expect([expected, status]).toEqual([403, 201]);
    expect(wrongOf([await askUndersized(plane.api), await askFitting(plane.api)])).toEqual([]);
  });
});

describe('the control plane itself goes away', () => {
  it('API server restarted: the next calls are judged', async () => {
    await twoReplicas('Fail');
    const server = stage().plane.component('kube-apiserver');
    await server.stop(60_000);
    await server.start();
    await webhooksAnswer(stage().plane);
    expect(wrongOf([await askUndersized(stage().plane.api), await askFitting(stage().plane.api)])).toEqual(
      [],
    );
  });

  it('etcd stopped for 30 s: nothing undersized is admitted meanwhile, and then all is as before', async () => {
    await twoReplicas('Fail');
    const { plane } = stage();
    const etcd = plane.component('etcd');
    await etcd.stop();
    const meanwhile = await Promise.all([askUndersized(plane.api), delay(30_000)]);
    expect(meanwhile[0].status).not.toBe(201);
    await etcd.start();
    await until(async () => (wrongOf([await askFitting(plane.api)]).length === 0 ? true : null), {
      what: 'the API server admits again',
    });
    expect(wrongOf([await askUndersized(plane.api)])).toEqual([]);
  });
});
