import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runServe } from '../../src/commands/serve.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { FakeCluster, SECRET, VALIDATING } from '../certificates/fake-cluster.ts';
import { kubeconfigText } from '../cluster/kubeconfig.ts';
import { bodyOf, page, post, type Serving, startServing, until, type Wanted } from './serving.ts';

/** `vramgate serve --self-managed-tls` against an API on loopback. */

let cluster: FakeCluster;
let server: Server;
let folder = '';
const serving: Serving[] = [];

beforeEach(async () => {
  cluster = new FakeCluster();
  const { pair, ca } = await throwawayCertificate(['127.0.0.1']);
  server = createServer({ cert: pair.cert, key: pair.key }, (request, response) => {
    const { method = '', url = '' } = request;
    const reading: Promise<unknown> = method === 'GET' ? Promise.resolve(null) : json(request);
    void reading
      .then((body) => cluster.handle(method, url, body))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = mkdtempSync(join(tmpdir(), 'vramgate-cluster-'));
  const text = kubeconfigText(`https://127.0.0.1:${portOf(server.address())}`, { ca });
  writeFileSync(join(folder, 'kubeconfig'), text);
});

afterEach(async () => {
  for (const one of serving.splice(0)) await one.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function flags(): readonly string[] {
  return [
    '--self-managed-tls',
    '--tls-secret=vramgate/vramgate-certificate',
    '--tls-service=vramgate/vramgate',
    '--mutating-webhook-configuration=vramgate',
    '--validating-webhook-configuration=vramgate',
    `--kubeconfig=${join(folder, 'kubeconfig')}`,
  ];
}

async function start(wanted: Wanted = {}): Promise<Serving> {
  const one = await startServing({ tls: flags(), ...wanted });
  serving.push(one);
  return one;
}

/** As the API server calls: the name of the Service, and the caBundle of the webhook configuration. */
function statusOf({ port }: Serving, ca = cluster.bundles()[0] ?? ''): Promise<number> {
  const calling = { port, ca, servername: 'vramgate.vramgate.svc' };
  return post(calling, '/validate?timeout=5s', bodyOf('scout-fits')).then(({ status }) => status);
}

describe('a webhook with a certificate of its own', () => {
  it('is called by the name of its Service with the CA that it put into the caBundle', async () => {
    const one = await start();

    expect(await statusOf(one)).toBe(200);
    expect(await page(one.metricsPort, '/readyz')).toMatchObject({ status: 200 });
    expect(await one.sample('vramgate_certificate_expiry_timestamp_seconds')).toBeGreaterThan(
      Date.now() / 1000,
    );
  });

  it('that is two replicas serves one certificate, whichever the API server reaches', async () => {
    const [one, other] = await Promise.all([start(), start()]);

    expect([await statusOf(one), await statusOf(other)]).toEqual([200, 200]);
    expect(new Set(cluster.bundles()).size).toBe(1);
  });

  it('is alive but not ready, and says why, until its webhook configuration is there', async () => {
    const missing = cluster.objects.get(VALIDATING);
    if (missing === undefined) throw new Error('no configuration');
    cluster.objects.delete(VALIDATING);
    const one = await start({
      starting: async (metricsPort) => {
        const unready = async (): Promise<true | null> => {
          const { status, text } = await page(metricsPort, '/readyz');
          return status === 503 && text.includes('validatingwebhookconfigurations vramgate cannot be read')
            ? true
            : null;
        };
        await until(unready, 'the reason');

        expect(await page(metricsPort, '/healthz')).toMatchObject({ status: 200 });

        cluster.objects.set(VALIDATING, missing);
      },
    });

    expect(await statusOf(one)).toBe(200);
    expect(cluster.writes.filter((write) => write === `PUT ${SECRET}`)).toHaveLength(1);
  });

  it('ends when it is asked to while it waits', async () => {
    cluster.objects.delete(SECRET);
    let lines = '';
    const out = {
      write: (text: string) => {
        lines += text;
      },
    };
    let end = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      end = resolve;
    });
    const ended = runServe([...flags(), '--port=0', '--metrics-port=0'], {
      out,
      err: () => undefined,
      stopped,
    });
    await until(() => (lines.includes('cannot be read') ? true : null), 'the reason');
    end();

    expect(await ended).toBe(0);
  });
});
