import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterApi, createApi } from '../../src/cluster/api.ts';
import {
  type ObjectSink,
  Reflector,
  type ReflectorSettings,
  type ReflectorState,
} from '../../src/cluster/reflector.ts';
import { countedWaits } from './counted-waits.ts';
import { connectionTo, kubeconfigText } from './kubeconfig.ts';

const SERVER = 'https://api.cluster.test:6443';
const PATH = '/api/v1/nodes';

let api: ClusterApi;
let stop: AbortController;

/** What is known, and how it came. */
class Known implements ObjectSink {
  readonly names = new Set<string>();
  #unseen = new Set<string>();

  put(object: unknown): void {
    this.#unseen.delete(nameOf(object));
    this.names.add(nameOf(object));
  }
  remove(object: unknown): void {
    this.names.delete(nameOf(object));
  }
  listing(): void {
    this.#unseen = new Set(this.names);
  }
  listed(): void {
    for (const name of this.#unseen) this.names.delete(name);
  }
}

function nameOf(object: unknown): string {
  return (object as { metadata: { name: string } }).metadata.name;
}

function node(name: string, resourceVersion = '1'): object {
  return { kind: 'Node', metadata: { name, resourceVersion } };
}

function listOf(version: string, ...names: readonly string[]): object {
  return { kind: 'NodeList', metadata: { resourceVersion: version }, items: names.map((name) => node(name)) };
}

function mockList(status: number, body: object): void {
  nock(SERVER).get(PATH).query({ limit: '20' }).reply(status, body);
}

function mockWatch(from: string, ...events: readonly object[]): void {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  nock(SERVER)
    .get(PATH)
    .query((query) => query['watch'] === 'true' && query['resourceVersion'] === from)
    .reply(200, text);
}

function refusal(code: number, reason: string): object {
  return { kind: 'Status', status: 'Failure', message: `${reason} here`, reason, code };
}

interface Story {
  readonly known: Known;
  readonly waits: readonly number[];
  readonly phases: readonly string[];
  readonly state: ReflectorState;
}

/** Runs until the reflector has waited so often; what happens at each wait may change the world. */
async function runFor(
  waits: number,
  atWait: (count: number, reflector: Reflector) => void = () => {},
): Promise<Story> {
  const known = new Known();
  const phases: string[] = [];
  const { timing, waits: waited } = countedWaits(waits, stop, (count) => atWait(count, reflector));
  const settings: ReflectorSettings = {
    api,
    paths: [PATH],
    sink: known,
    timing,
    onPhase: (state: ReflectorState) => phases.push(state.phase),
  };
  const reflector = new Reflector(settings);
  await reflector.run(stop.signal);
  return { known, waits: waited, phases, state: reflector.state };
}

beforeEach(() => {
  nock.disableNetConnect();
  api = createApi(connectionTo(kubeconfigText(SERVER)));
  stop = new AbortController();
});

afterEach(() => {
  stop.abort();
  api.close();
  nock.cleanAll();
  nock.enableNetConnect();
});

describe('a collection kept in step', () => {
  it('lists, watches from the list, and goes on from the last version it saw', async () => {
    mockList(200, listOf('10', 'a', 'b'));
    mockWatch(
      '10',
      { type: 'ADDED', object: node('c', '11') },
      { type: 'DELETED', object: node('a', '12') },
      { type: 'BOOKMARK', object: { kind: 'Node', metadata: { resourceVersion: '40' } } },
    );
    mockWatch('40', { type: 'MODIFIED', object: node('b', '41') });
    const { known, phases } = await runFor(1);
    expect([...known.names].sort()).toEqual(['b', 'c']);
    expect(nock.isDone()).toBe(true);
    // Then nothing answers any more.
    expect(phases).toEqual(['current', 'behind']);
  });

  it('lists anew at once when its version has expired, and drops what is gone', async () => {
    mockList(200, listOf('10', 'a', 'b'));
    mockWatch('10', { type: 'ERROR', object: refusal(410, 'Expired') });
    mockList(200, listOf('90', 'b', 'c'));
    mockWatch('90', { type: 'ADDED', object: node('d', '91') });
    const { known, waits } = await runFor(2);
    expect([...known.names].sort()).toEqual(['b', 'c', 'd']);
    expect(waits[0]).toBe(0);
  });

  it('keeps what it knows while nothing answers, asking less and less often', async () => {
    mockList(200, listOf('10', 'a'));
    const { known, waits, state } = await runFor(8);
    expect([...known.names]).toEqual(['a']);
    // client-go's back-off: 800 ms doubled, at most 30 s.
    expect(waits).toEqual([800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    expect(state.phase).toBe('behind');
    expect(state.detail).not.toBe('');
  });

  it('is in step again after an hour without an answer', async () => {
    mockList(200, listOf('10', 'a'));
    const { known, waits, phases } = await runFor(130, (count) => {
      if (count !== 120) return;
      mockWatch('10', { type: 'ERROR', object: refusal(410, 'Expired') });
      mockList(200, listOf('9000', 'b'));
    });
    expect(waits.slice(0, 120).reduce((sum, one) => sum + one, 0)).toBeGreaterThan(3_400_000);
    expect([...known.names]).toEqual(['b']);
    expect(phases).toEqual(['current', 'behind', 'current', 'behind']);
  });

  it.each([
    [403, 'Forbidden', 'forbidden'],
    [401, 'Unauthorized', 'forbidden'],
    [404, 'NotFound', 'absent'],
  ])('says that it got %i, and notices a minute later that it can', async (status, reason, phase) => {
    mockList(status, refusal(status, reason));
    const { known, waits, phases } = await runFor(2, (count) => {
      if (count === 1) mockList(200, listOf('5', 'a'));
    });
    expect(phases.slice(0, 2)).toEqual([phase, 'current']);
    expect(waits[0]).toBe(60_000);
    expect([...known.names]).toEqual(['a']);
  });

  it('keeps what it knows when its rights are taken away', async () => {
    mockList(200, listOf('10', 'a'));
    nock(SERVER)
      .get(PATH)
      .query({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '10', timeoutSeconds: '240' })
      .reply(403, refusal(403, 'Forbidden'));
    const { known, state } = await runFor(1);
    expect([...known.names]).toEqual(['a']);
    expect(state).toMatchObject({ phase: 'behind', detail: 'Forbidden here' });
  });

  it('forgets the objects of an API that is gone', async () => {
    mockList(200, listOf('10', 'a'));
    nock(SERVER)
      .get(PATH)
      .query((query) => query['watch'] === 'true')
      .reply(404, refusal(404, 'NotFound'));
    const { known, state } = await runFor(1);
    expect(known.names.size).toBe(0);
    expect(state.phase).toBe('absent');
  });

  it('waits as long as a busy server asks', async () => {
    nock(SERVER).get(PATH).query(true).reply(429, refusal(429, 'TooManyRequests'), { 'Retry-After': '9' });
    expect((await runFor(1)).waits).toEqual([9_000]);
  });

  it('lists anew when its sink asks for it, also between two attempts', async () => {
    mockList(200, listOf('10', 'a'));
    const { known } = await runFor(2, (count, reflector) => {
      if (count !== 1) return;
      mockList(200, listOf('11', 'b'));
      reflector.relist();
    });
    expect([...known.names]).toEqual(['b']);
  });

  it('knows when it last heard from the server', async () => {
    expect((await runFor(1)).state.heardAt).toBeNull();
    stop = new AbortController();
    mockList(200, listOf('10', 'a'));
    expect((await runFor(1)).state.heardAt).toBeGreaterThan(0);
  });
});
