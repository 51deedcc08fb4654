import { X509Certificate } from 'node:crypto';
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CertificateManager, createCertificateManager } from '../../src/certificates/manager.ts';
import { certificatesIn } from '../../src/certificates/stored.ts';
import { type ClusterApi, createApi } from '../../src/cluster/api.ts';
import { connectionTo, kubeconfigText } from '../cluster/kubeconfig.ts';
import { FakeCluster, forbidden, MUTATING, SECRET, VALIDATING } from './fake-cluster.ts';
import { HOST, isTrusted as isTrustedAt } from './trust.ts';

const SERVER = 'https://api.cluster.test:6443';
const DAY_MS = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 0, 1);

let cluster: FakeCluster;
let days: number;
const apis: ClusterApi[] = [];

beforeEach(() => {
  nock.disableNetConnect();
  cluster = new FakeCluster();
  days = 0;
  const answer = async (request: Request): Promise<[number, string]> => {
    const text = await request.text();
    const body: unknown = text === '' ? null : JSON.parse(text);
    const { status, body: object } = await cluster.handle(
      request.method,
      new URL(request.url).pathname,
      body,
    );
    return [status, JSON.stringify(object)];
  };
  const scope = nock(SERVER).persist();
  scope.get(/.*/).reply(answer);
  scope.put(/.*/).reply(answer);
  scope.patch(/.*/).reply(answer);
});

afterEach(() => {
  for (const api of apis.splice(0)) api.close();
  nock.cleanAll();
  nock.enableNetConnect();
});

function replica(): CertificateManager {
  const api = createApi(connectionTo(kubeconfigText(SERVER)));
  apis.push(api);
  return createCertificateManager({
    api,
    secret: { namespace: 'vramgate', name: 'vramgate-certificate' },
    hosts: [HOST],
    configurations: [
      { resource: 'mutatingwebhookconfigurations', name: 'vramgate' },
      { resource: 'validatingwebhookconfigurations', name: 'vramgate' },
    ],
    now: () => new Date(START + days * DAY_MS),
  });
}

function isTrusted(leaf: string, bundle: string): boolean {
  return isTrustedAt(leaf, bundle, new Date(START + days * DAY_MS));
}

function problem(manager: CertificateManager): Promise<string> {
  return manager.pass().then(
    () => 'none',
    (error: Error) => error.message,
  );
}

describe('an empty Secret', () => {
  it('is filled with the version that was read, and every caBundle gets the CA', async () => {
    const manager = replica();

    expect(manager.notTrusted()).not.toBeNull();

    const { cert } = await manager.pass();

    expect(cluster.writes).toEqual([`PUT ${SECRET}`, `PATCH ${MUTATING}`, `PATCH ${VALIDATING}`]);
    expect(cluster.bundles()).toHaveLength(3);
    for (const bundle of cluster.bundles()) expect(isTrusted(cert, bundle)).toBe(true);
    expect(cluster.secretData()['tls.crt']).toBe(cert);
    expect(manager.notTrusted()).toBeNull();
  });

  it('needs no second write', async () => {
    const manager = replica();
    const first = await manager.pass();
    cluster.writes.length = 0;

    expect(await manager.pass()).toEqual(first);
    expect(await replica().pass()).toEqual(first);
    expect(cluster.writes).toEqual([]);
  });

  it('is filled once by two replicas that read it empty at the same time', async () => {
    let reads = 0;
    let release = (): void => undefined;
    const bothRead = new Promise<void>((resolve) => {
      release = resolve;
    });
    cluster.before = async (method) => {
      if (method === 'PUT') await bothRead;
      if (method === 'GET') reads += 1;
      // A Secret and two configurations each.
      if (reads === 6) release();
      return null;
    };
    const [one, other] = await Promise.all([replica().pass(), replica().pass()]);

    expect(one).toEqual(other);
    expect(cluster.writes.filter((write) => write === `PUT ${SECRET}`)).toHaveLength(2);
    expect(cluster.secretData()['tls.crt']).toBe(one.cert);
    for (const bundle of cluster.bundles()) expect(isTrusted(one.cert, bundle)).toBe(true);
  });

  it('that somebody empties while replicas serve keeps the old CA in the bundle', async () => {
    const [first, second] = [replica(), replica()];
    const { cert: old } = await first.pass();
    await second.pass();
    const { metadata } = cluster.objects.get(SECRET) ?? { metadata: { name: '', resourceVersion: '' } };
    cluster.put(SECRET, { metadata });
    const { cert } = await first.pass();

    expect(cert).not.toBe(old);
    for (const bundle of cluster.bundles()) {
      expect(isTrusted(cert, bundle)).toBe(true);
      expect(isTrusted(old, bundle)).toBe(true);
    }
  });
});

describe('what stands in the way', () => {
  it.each([
    ['GET', SECRET, /^Secret vramgate\/vramgate-certificate cannot be read: .*forbidden.* \(HTTP 403\)$/],
    ['PUT', SECRET, /^Secret vramgate\/vramgate-certificate cannot be written: .*forbidden/],
    ['GET', VALIDATING, /^validatingwebhookconfigurations vramgate cannot be read: .*forbidden/],
    [
      'PATCH',
      MUTATING,
      /^the caBundle of mutatingwebhookconfigurations vramgate cannot be written: .*forbidden/,
    ],
  ])('is named when %s %s is forbidden, and no pair is given', async (method, path, want) => {
    cluster.before = (one, other) => (one === method && other === path ? forbidden(path) : null);
    const manager = replica();

    expect(await problem(manager)).toMatch(want);
    expect(manager.notTrusted()).not.toBeNull();
  });

  it.each([SECRET, MUTATING])('is named when %s is not there, and it goes on when it is', async (path) => {
    const missing = cluster.objects.get(path);
    if (missing === undefined) throw new Error('no such path');
    cluster.objects.delete(path);
    const manager = replica();

    expect(await problem(manager)).toMatch(/cannot be read: .*not found \(HTTP 404\)$/);

    cluster.objects.set(path, missing);

    expect(isTrusted((await manager.pass()).cert, cluster.bundles()[0] ?? '')).toBe(true);
  });

  it('is named when the Secret holds something else, which is left alone', async () => {
    const data = { 'tls.crt': Buffer.from('mine').toString('base64') };
    cluster.put(SECRET, { metadata: { name: 'vramgate-certificate', resourceVersion: '' }, data });

    expect(await problem(replica())).toMatch(/^Secret vramgate\/vramgate-certificate holds something else/);
    expect(cluster.writes).toEqual([]);
  });

  it('does not take the trust away when the API server cannot be reached any more', async () => {
    const manager = replica();
    await manager.pass();
    nock.cleanAll();

    expect(await problem(manager)).not.toBe('none');
    expect(manager.notTrusted()).toBeNull();
  });

  it('is the caBundle when somebody empties it and it cannot be written', async () => {
    const manager = replica();
    await manager.pass();
    cluster.put(MUTATING, {
      metadata: { name: 'vramgate', resourceVersion: '' },
      webhooks: [{ name: 'mutate.vramgate.io', clientConfig: { caBundle: '' } }],
    });
    cluster.before = (method) => (method === 'PATCH' ? forbidden('patch') : null);
    await problem(manager);

    expect(manager.notTrusted()).toBe('the caBundle of mutatingwebhookconfigurations vramgate lacks our CA');

    cluster.before = () => null;
    await manager.pass();

    expect(manager.notTrusted()).toBeNull();
  });

  it('is tried again when a configuration changes between reading and writing', async () => {
    let isFirst = true;
    cluster.before = (method, path) => {
      const stored = cluster.objects.get(path);
      if (method === 'PATCH' && isFirst && stored !== undefined) cluster.put(path, stored);
      if (method === 'PATCH') isFirst = false;
      return null;
    };
    const { cert } = await replica().pass();

    expect(cluster.bundles().every((bundle) => isTrusted(cert, bundle))).toBe(true);
  });

  it('ends after a few tries when every write meets another one', async () => {
    cluster.before = (method, path) => {
      const stored = cluster.objects.get(path);
      if (method === 'PUT' && stored !== undefined) cluster.put(path, stored);
      return null;
    };

    expect(await problem(replica())).toMatch(/has been modified/);
    expect(cluster.writes).toHaveLength(5);
  });
});

describe('as time goes by', () => {
  it('the leaf is renewed at two thirds of its 30 days under the same CA, and no caBundle is written', async () => {
    const manager = replica();
    const { cert } = await manager.pass();
    const [bundle] = cluster.bundles();
    cluster.writes.length = 0;
    days = 19;

    expect((await manager.pass()).cert).toBe(cert);

    days = 21;
    const renewed = await manager.pass();

    expect(renewed.cert).not.toBe(cert);
    expect(isTrusted(renewed.cert, bundle ?? '')).toBe(true);
    expect(cluster.writes).toEqual([`PUT ${SECRET}`]);
  });

  it('the next CA is announced a day before it signs, and the old one stays until it expires', async () => {
    const manager = replica();
    await manager.pass();
    const first = cluster.bundles()[0] ?? '';
    days = 245;
    const announced = await manager.pass();
    const both = cluster.bundles()[0] ?? '';

    expect(certificatesIn(both)).toHaveLength(2);
    expect(both.startsWith(first)).toBe(true);
    expect(isTrusted(announced.cert, first)).toBe(true);

    days = 245.9;

    expect(isTrusted((await manager.pass()).cert, first)).toBe(true);

    days = 246.1;
    const switched = await manager.pass();

    expect(isTrusted(switched.cert, first)).toBe(false);
    expect(isTrusted(switched.cert, both)).toBe(true);
    expect(certificatesIn(cluster.bundles()[0] ?? '')).toHaveLength(2);

    days = 366;
    await manager.pass();

    expect(certificatesIn(cluster.bundles()[0] ?? '')).toHaveLength(1);
    expect(cluster.bundles()[0]).not.toContain(first.trim());
  });

  it('the next CA does not sign while a live caBundle lacks it', async () => {
    const manager = replica();
    await manager.pass();
    const first = cluster.bundles()[0] ?? '';
    cluster.before = (method, path) =>
      method === 'PATCH' && path === VALIDATING ? forbidden('patch') : null;
    days = 245;
    await problem(manager);
    days = 250;
    await problem(manager);

    expect(isTrusted(cluster.secretData()['tls.crt'] ?? '', first)).toBe(true);
    expect(manager.notTrusted()).toBeNull();

    cluster.before = () => null;
    await manager.pass();
    const { cert } = await manager.pass();

    expect(isTrusted(cert, first)).toBe(false);
    expect(cluster.bundles().every((bundle) => isTrusted(cert, bundle))).toBe(true);
  });

  it('a cluster that was off for two years gets a new CA', async () => {
    const manager = replica();
    await manager.pass();
    const [first] = cluster.bundles();
    days = 730;
    const { cert } = await replica().pass();

    expect(cluster.bundles().every((bundle) => isTrusted(cert, bundle))).toBe(true);
    expect(cluster.bundles()[0]).not.toContain(first);
  });

  it('a name that the certificate lacks gets a new leaf', async () => {
    const { cert } = await replica().pass();
    const api = createApi(connectionTo(kubeconfigText(SERVER)));
    apis.push(api);
    const renamed = createCertificateManager({
      api,
      secret: { namespace: 'vramgate', name: 'vramgate-certificate' },
      hosts: ['other.vramgate.svc'],
      configurations: [{ resource: 'mutatingwebhookconfigurations', name: 'vramgate' }],
      now: () => new Date(START),
    });
    const leaf = new X509Certificate((await renamed.pass()).cert);

    expect(leaf.checkHost('other.vramgate.svc')).toBe('other.vramgate.svc');
    expect(new X509Certificate(cert).checkHost('other.vramgate.svc')).toBeUndefined();
  });
});
