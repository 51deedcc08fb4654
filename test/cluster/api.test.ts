import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterApi, createApi, METADATA_ONLY } from '../../src/cluster/api.ts';
import { ApiError, ApiUnreachable, isStatus } from '../../src/cluster/errors.ts';
import { resourcePath } from '../../src/cluster/paths.ts';
import { connectionTo, kubeconfigText } from './kubeconfig.ts';

const SERVER = 'https://api.cluster.test:6443';
const NODES = '/api/v1/nodes';

/** Bodies as the API server writes them: kubernetes/apimachinery api/errors/errors.go. */
function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

let api: ClusterApi;

beforeEach(() => {
  nock.disableNetConnect();
  api = createApi(connectionTo(kubeconfigText(SERVER)));
});

afterEach(() => {
  api.close();
  nock.cleanAll();
  nock.enableNetConnect();
});

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

async function gather<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

describe('calls', () => {
  it('sends the token of the kubeconfig and reads the object', async () => {
    const node = { kind: 'Node', metadata: { name: 'a' } };
    const scope = nock(SERVER, { reqheaders: { authorization: 'Bearer secret-token' } })
      .get('/api/v1/nodes/a')
      .reply(200, node);
    await expect(api.get('/api/v1/nodes/a')).resolves.toEqual(node);
    expect(scope.isDone()).toBe(true);
  });

  it.each([
    [403, 'Forbidden', 'nodes is forbidden: User "system:serviceaccount:vramgate:vramgate" cannot list'],
    [404, 'NotFound', 'secrets "vramgate-tls" not found'],
    [409, 'Conflict', 'the object has been modified; please apply your changes to the latest version'],
    [410, 'Expired', 'The provided continue parameter is too old'],
  ])('throws the API server’s %i with its reason', async (code, reason, message) => {
    nock(SERVER)
      .get(NODES)
      .reply(code, status(code, reason, message));
    const error = await failure(api.get(NODES));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: code, reason, message });
    expect(isStatus(error, code)).toBe(true);
    expect(isStatus(error, 500)).toBe(false);
  });

  it('keeps the Retry-After of a busy server, and the status where no Status comes', async () => {
    nock(SERVER).get(NODES).reply(429, 'busy', { 'Retry-After': '7' });
    expect(await failure(api.get(NODES))).toMatchObject({ status: 429, reason: '', retryAfterSeconds: 7 });
  });

  it('creates, updates with a conflict, and patches with the type that was named', async () => {
    const secrets = resourcePath({ group: '', version: 'v1', resource: 'secrets', namespace: 'ns' });
    nock(SERVER)
      .post(secrets, { metadata: { name: 'ca' } })
      .reply(201, { metadata: { name: 'ca', resourceVersion: '1' } })
      .put(`${secrets}/ca`, { metadata: { name: 'ca', resourceVersion: '0' } })
      .reply(409, status(409, 'Conflict', 'stale'));
    nock(SERVER, { reqheaders: { 'content-type': 'application/merge-patch+json' } })
      .patch(`${secrets}/ca`, { data: { 'tls.crt': 'QQ==' } })
      .reply(200, { metadata: { name: 'ca', resourceVersion: '2' } });
    await expect(api.create(secrets, { metadata: { name: 'ca' } })).resolves.toMatchObject({
      metadata: { resourceVersion: '1' },
    });
    const stale = { metadata: { name: 'ca', resourceVersion: '0' } };
    expect(isStatus(await failure(api.update(`${secrets}/ca`, stale)), 409)).toBe(true);
    const patched = api.patch(`${secrets}/ca`, 'application/merge-patch+json', {
      data: { 'tls.crt': 'QQ==' },
    });
    await expect(patched).resolves.toMatchObject({ metadata: { resourceVersion: '2' } });
  });

  it('takes an answer that is not JSON for no answer', async () => {
    nock(SERVER).get(NODES).reply(200, '<html>login</html>');
    expect(await failure(api.get(NODES))).toBeInstanceOf(ApiUnreachable);
  });

  it('refuses a call that no mock expects, and one whose connection breaks', async () => {
    expect(await failure(api.get('/api/v1/pods'))).toBeInstanceOf(ApiUnreachable);
    nock(SERVER).get(NODES).replyWithError('socket hang up');
    expect(await failure(api.get(NODES))).toMatchObject({
      name: 'ApiUnreachable',
      message: 'socket hang up',
    });
  });
});

describe('lists', () => {
  it('follows continue tokens and asks for metadata only where told', async () => {
    const accept = METADATA_ONLY.list;
    nock(SERVER, { reqheaders: { accept } })
      .get(NODES)
      .query({ limit: '2' })
      .reply(200, { metadata: { resourceVersion: '100', continue: 'a/b=' }, items: [{ n: 1 }, { n: 2 }] })
      .get(NODES)
      .query({ limit: '2', continue: 'a/b=' })
      .reply(200, { metadata: { resourceVersion: '100' }, items: [{ n: 3 }] });
    const pages = await gather(api.list(NODES, { limit: 2, accept }));
    expect(pages.flatMap(({ items }) => items)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(pages.at(-1)?.resourceVersion).toBe('100');
  });

  it('says that a continue token expired', async () => {
    nock(SERVER)
      .get(NODES)
      .query({ limit: '20' })
      .reply(200, { metadata: { resourceVersion: '1', continue: 'x' }, items: [] })
      .get(NODES)
      .query({ limit: '20', continue: 'x' })
      .reply(410, status(410, 'Expired', 'too old'));
    expect(isStatus(await failure(gather(api.list(NODES))), 410)).toBe(true);
  });

  it('refuses an answer that is no list', async () => {
    nock(SERVER).get(NODES).query(true).reply(200, { kind: 'Node' });
    expect(await failure(gather(api.list(NODES)))).toBeInstanceOf(ApiUnreachable);
  });
});

describe('watches', () => {
  const query = { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '5', timeoutSeconds: '240' };

  function watching(body: string): ReturnType<ClusterApi['watch']> {
    nock(SERVER).get(NODES).query(query).reply(200, body);
    return api.watch(NODES, { resourceVersion: '5' });
  }

  it('yields events and bookmarks in order, a line at a time', async () => {
    const events = [
      { type: 'ADDED', object: { metadata: { name: 'ä' } } },
      { type: 'MODIFIED', object: { metadata: { name: 'ä' } } },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
      { type: 'DELETED', object: { metadata: { name: 'ä' } } },
    ];
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    expect(await gather(watching(text))).toEqual(events);
  });

  it('throws the ERROR event of an expired version', async () => {
    const object = status(410, 'Expired', 'too old resource version: 5 (90)');
    const error = await failure(gather(watching(`${JSON.stringify({ type: 'ERROR', object })}\n`)));
    expect(error).toMatchObject({ name: 'ApiError', status: 410, reason: 'Expired' });
  });

  it.each([
    ['text that is no event', 'busy\n'],
    ['an event of another kind', '{"type":"SURPRISE","object":{}}\n'],
    ['half a line', '{"type":"ADDED","obj'],
  ])('throws at %s', async (_, text) => {
    expect(await failure(gather(watching(text)))).toBeInstanceOf(ApiUnreachable);
  });

  it('throws what the server answers instead of a stream', async () => {
    nock(SERVER)
      .get(NODES)
      .query(query)
      .reply(403, status(403, 'Forbidden', 'cannot watch'));
    expect(isStatus(await failure(gather(api.watch(NODES, { resourceVersion: '5' }))), 403)).toBe(true);
  });
});

describe('paths', () => {
  it('puts the core group under /api, others under /apis, and encodes names', () => {
    expect(resourcePath({ group: '', version: 'v1', resource: 'nodes' })).toBe('/api/v1/nodes');
    const lease = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases', namespace: 'n' };
    expect(resourcePath({ ...lease, name: '../x' })).toBe(
      '/apis/coordination.k8s.io/v1/namespaces/n/leases/..%2Fx',
    );
  });
});
