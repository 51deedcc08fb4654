import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nock from 'nock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { LoopbackApi } from '../cluster/loopback.ts';
import { gpuPod } from '../inventory/gpu-pods.ts';
import { bodyOf, post, type Serving, startServing, until } from './serving.ts';

/** `vramgate serve --kubeconfig`: nodes and namespaces' modes come from an API server, not from files. */

const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';
const NAMESPACES = '/api/v1/namespaces';
const DEMO_NODES = parse(readFileSync(new URL('../demo/inventory.yaml', import.meta.url), 'utf8')).items;
// An L40S has half the memory; with no other kind of node there is nothing to select.
const FOUR_GPUS = '/resources/limits/nvidia.com~1gpu","value":"4"';
const NAMESPACE: string = JSON.parse(bodyOf('scout-refused')).request.namespace;

let api: LoopbackApi;
let serving: Serving | null = null;
let folder = '';

async function start(config = ''): Promise<Serving> {
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, api.kubeconfig);
  serving = await startServing({ config, flags: ['--kubeconfig', kubeconfig] });
  return serving;
}

beforeAll(() => nock.restore());
afterAll(() => nock.activate());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-cluster-'));
  api = await LoopbackApi.start();
  api.put(NODES, ...DEMO_NODES);
  api.put(NAMESPACES);
});

afterEach(async () => {
  await serving?.stop();
  serving = null;
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function review(target: Serving, path: string, name: string) {
  return JSON.parse((await post(target, path, bodyOf(name))).text).response;
}

function patchOf(response: { readonly patch: string }): string {
  return Buffer.from(response.patch, 'base64').toString();
}

describe('a webhook in a cluster', () => {
  it('plans for the nodes that are there, and notices new ones', async () => {
    const target = await start();
    expect(target.log().find((line) => line['msg'] === 'serving')?.['inventory']).toBe('known');
    expect(patchOf(await review(target, '/mutate', 'scout-patched'))).toContain('NVIDIA-H100-80GB-HBM3');
    for (const { metadata } of DEMO_NODES) {
      if (metadata.name.startsWith('h100')) api.remove(NODES, metadata.name);
    }
    await until(
      async () => ((await target.sample('vramgate_inventory_nodes')) === 1 ? true : null),
      'one node',
    );
    expect(patchOf(await review(target, '/mutate', 'scout-patched'))).toContain(FOUR_GPUS);
    const decided = await until(
      () => target.log().findLast((line) => line['msg'] === 'decision') ?? null,
      'a record',
    );
    expect(decided).toMatchObject({
      inputs: { inventory: { state: 'known', ageSeconds: expect.any(Number) } },
    });
  });

  it('honours the mode of a namespace as soon as it is labelled', async () => {
    const target = await start();
    expect((await review(target, '/validate', 'scout-refused')).allowed).toBe(false);
    api.put(NAMESPACES, { metadata: { name: NAMESPACE, labels: { 'vramgate.io/mode': 'audit' } } });
    await until(
      async () => ((await review(target, '/validate', 'scout-refused')).allowed ? true : null),
      'audit',
    );
  });

  it('is ready without rights to list nodes, and says what it cannot see', async () => {
    api.refuse(NODES, 403);
    const target = await start();
    const lines = target.log();
    expect(lines.find((line) => line['msg'] === 'serving')?.['inventory']).toBe('unknown');
    expect(lines).toContainEqual(expect.objectContaining({ resource: 'nodes', phase: 'forbidden' }));
    expect(await target.sample('vramgate_cluster_watch_current{resource="nodes"}')).toBe(0);
    expect(await target.sample('vramgate_cluster_watch_current{resource="namespaces"}')).toBe(1);
  });

  it('answers as before while the API server is away', async () => {
    const target = await start();
    const before = patchOf(await review(target, '/mutate', 'scout-patched'));
    await api.stop();
    expect(patchOf(await review(target, '/mutate', 'scout-patched'))).toBe(before);
  });

  it('adds the shapes of its configuration, and asks nobody where it is told not to', async () => {
    const target = await start(
      'cluster: { watch: false }\nshapes: [{ product: NVIDIA-L40S, gpus: 8, nodes: 5 }]',
    );
    expect(await target.sample('vramgate_inventory_nodes')).toBe(5);
    expect(api.requests).toEqual([]);
  });

  it('tells when no GPU is free, in audit annotation and record, as pods come and go', async () => {
    const names: readonly string[] = DEMO_NODES.map(
      ({ metadata }: { readonly metadata: { readonly name: string } }) => metadata.name,
    );
    const busy = names.map((name) => gpuPod({ name: `on-${name}`, node: name }));
    api.put(PODS, ...busy);
    const target = await start('cluster: { pods: true }');
    const codes = async (): Promise<string> =>
      (await review(target, '/validate', 'scout-fits')).auditAnnotations.codes ?? '';
    await until(async () => ((await codes()) === 'no-free-gpus' ? true : null), 'full');
    for (const name of names) api.remove(PODS, `on-${name}`);
    await until(async () => ((await codes()) === '' ? true : null), 'free');
    const { warnings } = await review(target, '/validate', 'scout-fits');
    expect(warnings).toBeUndefined();
    const records = target.log().filter((line) => line['msg'] === 'decision');
    expect(records[0]).toMatchObject({ verdict: 'allow', allowed: true });
    expect(records.some(({ free }) => JSON.stringify(free).includes('"room":0'))).toBe(true);
    expect(await target.sample('vramgate_cluster_watch_current{resource="pods"}')).toBe(1);
  });

  it('says that it may not see pods, and is ready all the same', async () => {
    api.put(PODS);
    api.refuse(PODS, 403);
    const target = await start('cluster: { pods: true }');
    await until(
      () => target.log().find((line) => line['resource'] === 'pods' && line['phase'] === 'forbidden') ?? null,
      'a refusal',
    );
    expect((await review(target, '/validate', 'scout-fits')).auditAnnotations.codes).toBeUndefined();
    expect(await target.sample('vramgate_cluster_watch_current{resource="pods"}')).toBe(0);
  });
});
