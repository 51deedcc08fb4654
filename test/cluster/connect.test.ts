import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClusterApi, createApi } from '../../src/cluster/api.ts';
import { findConnection } from '../../src/cluster/connect.ts';
import { ApiUnreachable } from '../../src/cluster/errors.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { connectionTo, kubeconfigText } from './kubeconfig.ts';

describe('which cluster', () => {
  it('reads server and namespace of the current context', () => {
    const connection = connectionTo(kubeconfigText('https://api.test:6443/'));
    expect(connection).toMatchObject({ server: 'https://api.test:6443', namespace: 'team-a' });
  });

  it('takes KUBECONFIG for a person, and does not fall back on localhost', () => {
    vi.stubEnv('KUBECONFIG', '/no/such/config');
    const choice = { kubeconfig: null, context: null, isInteractive: true };
    expect(() => findConnection(choice)).toThrow(/no such file/);
    vi.unstubAllEnvs();
  });

  it.each([
    ['a context that is not there', 'nowhere', /no context "nowhere"/],
    ['a context of a cluster that is not there', 'lost', /no cluster in context "lost"/],
  ])('refuses %s', (_, context, message) => {
    const text = kubeconfigText('https://api.test:6443');
    expect(() => connectionTo(text, context)).toThrow(message);
  });

  it('refuses a file that is not there, naming it', () => {
    const choice = { kubeconfig: '/no/such/config', context: null, isInteractive: false };
    expect(() => findConnection(choice)).toThrow(/\/no\/such\/config cannot be used/);
  });
});

describe('over TLS on loopback', () => {
  let server: Server;
  let ca = '';
  let connections = 0;
  let api: ClusterApi;

  beforeEach(async () => {
    nock.restore();
    const made = await throwawayCertificate(['localhost', '127.0.0.1']);
    ca = made.ca;
    connections = 0;
    server = createServer({ cert: made.pair.cert, key: made.pair.key }, (request, response) => {
      if (!(request.url ?? '').includes('watch=true')) response.end('{"kind":"Node"}');
      // A watch: one event, then silence.
      else response.write('{"type":"ADDED","object":{}}\n');
    });
    server.on('secureConnection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    api = createApi(connectionTo(kubeconfigText(address(), { ca })));
  });

  afterEach(async () => {
    api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    nock.activate();
  });

  function address(): string {
    const { port } = server.address() as AddressInfo;
    return `https://127.0.0.1:${port}`;
  }

  it('trusts the kubeconfig’s CA and makes many calls over one connection', async () => {
    for (let call = 0; call < 10; call += 1) await api.get('/api/v1/nodes/a');
    expect(connections).toBe(1);
  });

  it('does not talk to a server that the CA did not sign', async () => {
    const { ca: other } = await throwawayCertificate(['localhost']);
    const stranger = createApi(connectionTo(kubeconfigText(address(), { ca: other })));
    await expect(stranger.get('/api/v1/nodes/a')).rejects.toBeInstanceOf(ApiUnreachable);
    stranger.close();
  });

  it('ends a silent watch at once when asked to', async () => {
    const stop = new AbortController();
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const event of api.watch('/api/v1/nodes', { resourceVersion: '1', signal: stop.signal })) {
        seen.push(event);
        stop.abort();
      }
    })();
    await expect(watching).rejects.toBeInstanceOf(ApiUnreachable);
    expect(seen).toEqual([{ type: 'ADDED', object: {} }]);
  });

  it('frees the connection of a watch that is left early', async () => {
    for await (const _ of api.watch('/api/v1/nodes', { resourceVersion: '1' })) break;
    await api.get('/api/v1/nodes/a');
    expect(connections).toBe(2);
  });
});
