import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterApi, createApi } from '../../src/cluster/api.ts';
import { BOUND_PODS, PODS, podSink } from '../../src/cluster/pods.ts';
import { Reflector } from '../../src/cluster/reflector.ts';
import { KnownPods } from '../../src/inventory/known-pods.ts';
import { gpuPod, type PodParts } from '../inventory/gpu-pods.ts';
import { countedWaits } from './counted-waits.ts';
import { connectionTo, kubeconfigText } from './kubeconfig.ts';

/** What is said to the API server of pods: field selectors as its documentation of them has it. */

const SERVER = 'https://api.cluster.test:6443';
const SELECTOR = 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed';
const GPU = 'nvidia.com/gpu';

let api: ClusterApi;
let stop: AbortController;

function pod(name: string, resourceVersion: string, parts: PodParts = {}): object {
  return gpuPod({ name, node: 'a', ...parts, metadata: { resourceVersion } });
}

function mockList(query: object, status: number, body: object): void {
  nock(SERVER)
    .get(PODS)
    .query({ limit: '50', fieldSelector: SELECTOR, ...query })
    .reply(status, body);
}

function mockWatch(from: string, ...events: readonly object[]): void {
  nock(SERVER)
    .get(PODS)
    .query(
      (query) =>
        query['watch'] === 'true' &&
        query['allowWatchBookmarks'] === 'true' &&
        query['fieldSelector'] === SELECTOR &&
        query['resourceVersion'] === from,
    )
    .reply(200, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

function refusal(code: number, reason: string): object {
  return { kind: 'Status', status: 'Failure', message: `pods: ${reason}`, reason, code };
}

/** Until the reflector has waited so often. */
async function talk(
  waits: number,
): Promise<{ readonly known: KnownPods; readonly phases: readonly string[] }> {
  const known = new KnownPods();
  const phases: string[] = [];
  const { timing } = countedWaits(waits, stop);
  const onPhase = ({ phase, detail }: { readonly phase: string; readonly detail: string }): void => {
    phases.push(`${phase} ${detail}`.trim());
  };
  await new Reflector({ api, paths: [PODS], sink: podSink(known), timing, onPhase, ...BOUND_PODS }).run(
    stop.signal,
  );
  return { known, phases };
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

describe('pods kept in step', () => {
  it('are listed page by page and watched from there, bound and living ones only', async () => {
    mockList({}, 200, {
      metadata: { resourceVersion: '10', continue: 'next' },
      items: [pod('one', '3', { limits: { [GPU]: '2' } }), pod('plain', '4', { limits: { cpu: '1' } })],
    });
    mockList({ continue: 'next' }, 200, {
      metadata: { resourceVersion: '10' },
      items: [pod('two', '5', { limits: { [GPU]: '3' } })],
    });
    mockWatch(
      '10',
      // Scheduled just now: it has come to match the selector.
      { type: 'ADDED', object: pod('three', '11', { limits: { [GPU]: '1' } }) },
      // Ended: it matches no longer, and is sent as it was last.
      { type: 'DELETED', object: pod('two', '12', { limits: { [GPU]: '3' }, phase: 'Succeeded' }) },
      { type: 'BOOKMARK', object: { kind: 'Pod', metadata: { resourceVersion: '30' } } },
    );
    mockWatch('30', { type: 'MODIFIED', object: pod('one', '31', { limits: { [GPU]: '4' } }) });
    const { known } = await talk(1);
    expect([...known.names()].sort()).toEqual(['ml/one', 'ml/three']);
    expect(known.taken('a', GPU)).toBe(5);
    expect(nock.isDone()).toBe(true);
  });

  it('are listed anew when their version has expired, and what is gone holds nothing', async () => {
    mockList({}, 200, { metadata: { resourceVersion: '10' }, items: [pod('one', '3'), pod('two', '4')] });
    mockWatch('10', { type: 'ERROR', object: refusal(410, 'Expired') });
    mockList({}, 200, { metadata: { resourceVersion: '50' }, items: [pod('two', '4')] });
    mockWatch('50', { type: 'BOOKMARK', object: { metadata: { resourceVersion: '51' } } });
    // The first wait is that of the expired version, of no length; then nothing answers any more.
    const { known } = await talk(2);
    expect([...known.names()]).toEqual(['ml/two']);
    expect(nock.isDone()).toBe(true);
  });

  it('are not known without the right to list them, which is said', async () => {
    mockList({}, 403, refusal(403, 'Forbidden'));
    const { known, phases } = await talk(1);
    expect([...known.names()]).toEqual([]);
    expect(phases).toEqual(['forbidden pods: Forbidden']);
  });
});
