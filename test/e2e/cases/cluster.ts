import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { applyWebhooks, DEMO_INVENTORY } from '../harness/cluster.ts';
import type { ControlPlane } from '../harness/control-plane.ts';
import { run } from '../harness/kubectl.ts';
import { fittingScout, scoutDeployment, undersizedScout } from '../harness/manifests.ts';
import { at, type Members } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import type { ReplicaStage } from '../harness/suite.ts';
import { BUNDLE, startWebhookServer, type WebhookServer } from '../harness/webhook-server.ts';

/** `serve --kubeconfig` and `scan` against a real API server: nodes, pools and namespaces come from there. */

const NODES = '/api/v1/nodes';
const DRA = '/apis/resource.k8s.io/v1';
const DRA_FIXTURE = new URL('../../fixtures/nodes/dra-nvidia.yaml', import.meta.url);
const REFUSED = undersizedScout({ name: 'watched-refused' });
const FITTING = fittingScout('watched-fits');

interface DemoNode {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly unknown[] };
}

/** The API server taints every new node as not ready; without a controller nobody takes that away again. */
async function addNode({ api }: ControlPlane, node: DemoNode): Promise<void> {
  expect((await api.call(NODES, { method: 'POST', body: node })).status).toBe(201);
  const body = [{ op: 'add', path: '/spec/taints', value: node.spec.taints ?? [] }];
  const path = `${NODES}/${node.metadata.name}`;
  const contentType = 'application/json-patch+json';
  expect((await api.call(path, { method: 'PATCH', body, contentType })).status).toBe(200);
}

/** Nodes first, so that it knows them when it is ready. */
async function startWatching({ plane, certificate, started }: ReplicaStage): Promise<WebhookServer> {
  for (const node of parse(await readFile(DEMO_INVENTORY, 'utf8')).items) await addNode(plane, node);
  const config = join(plane.folder, 'watching.yaml');
  const settings = 'server: { host: 127.0.0.1, drainSeconds: 1, stopSeconds: 5 }\ncluster: { pods: true }\n';
  await writeFile(config, settings);
  const server = await startWebhookServer({
    folder: plane.folder,
    name: 'watching',
    args: [
      ...['--config', config, '--kubeconfig', plane.adminConfig],
      ...['--tls-cert-file', certificate.certFile, '--tls-private-key-file', certificate.keyFile],
    ],
  });
  started.push(server);
  await applyWebhooks(plane, { port: server.port, ca: certificate.ca });
  return server;
}

export function describeCluster(stage: () => ReplicaStage): void {
  let server: WebhookServer;

  function untilSample(name: string, value: number): Promise<true> {
    const ask = async () => ((await server.sample(name)) === value ? true : null);
    return until(ask, { what: `${name} is ${value}` });
  }

  async function dryRun(manifest: unknown, namespace = 'default') {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;
    return stage().plane.api.call(path, { method: 'POST', body: manifest });
  }

  describe('a webhook that watches a real cluster', () => {
    beforeAll(async () => {
      server = await startWatching(stage());
    });

    it('knows its GPU nodes when it is ready, and is in step with them', async () => {
      expect(await server.sample('vramgate_inventory_nodes')).toBe(3);
      expect(await server.sample('vramgate_cluster_watch_current{resource="nodes"}')).toBe(1);
      await stage().plane.api.call(`${NODES}/h100-b`, { method: 'DELETE' });
      await untilSample('vramgate_inventory_nodes', 2);
      const body = [{ op: 'add', path: '/spec/unschedulable', value: true }];
      const contentType = 'application/json-patch+json';
      await stage().plane.api.call(`${NODES}/l40s-a`, { method: 'PATCH', body, contentType });
      const { status, text } = await dryRun(FITTING);
      expect(`${status} ${text}`).toMatch(/^201 /);
    });

    it('knows the GPUs that DRA serves on a node, by claims and by what a DeviceClass maps', async () => {
      const { plane } = stage();
      const known = (await server.sample('vramgate_inventory_classes')) ?? 0;
      const items = parse(await readFile(DRA_FIXTURE, 'utf8')).items;
      const of = (kind: string) => items.filter((one: { readonly kind: string }) => one.kind === kind);
      await addNode(plane, of('Node')[0]);
      for (const body of of('DeviceClass')) {
        const { creationTimestamp: _, ...metadata } = body.metadata;
        const created = await plane.api.call(`${DRA}/deviceclasses`, {
          method: 'POST',
          body: { ...body, metadata },
        });
        expect(`${created.status} ${created.text}`).toMatch(/^201 /);
      }
      for (const body of of('ResourceSlice')) {
        const created = await plane.api.call(`${DRA}/resourceslices`, { method: 'POST', body });
        expect(`${created.status} ${created.text}`).toMatch(/^201 /);
      }
      // One class by claims; the mapped one beside it where the API server keeps the mapping.
      const classes = await plane.api.call(`${DRA}/deviceclasses/gpu.nvidia.com`, { method: 'GET' });
      const isMapped = classes.text.includes('extendedResourceName');
      await untilSample('vramgate_inventory_classes', known + (isMapped ? 2 : 1));
      expect(await server.sample('vramgate_cluster_watch_current{resource="resourceslices"}')).toBe(1);
      const answer = await dryRun(scoutDeployment({ name: 'claimed', claimTemplate: 'llm' }));
      expect(`${answer.status} ${answer.text}`).toMatch(/^201 /);
      expect(answer.warnings.join(' ')).toContain('it takes 2 x NVIDIA-H100-80GB-HBM3');
    });

    it('tells what its pods leave free: they come and go under the field selector of the watch', async () => {
      const { plane } = stage();
      const pods = '/api/v1/namespaces/default/pods';
      const codes = async (): Promise<string> => {
        expect((await dryRun(FITTING)).status).toBe(201);
        const found = (await server.records()).findLast((one) => at(one, 'webhook') === 'validate');
        return JSON.stringify(at(found, 'findings'));
      };
      const untilTold = (isTold: boolean) =>
        until(async () => ((await codes()).includes('no-free-gpus') === isTold ? true : null), {
          what: `no-free-gpus is ${isTold ? 'told' : 'not told'}`,
        });
      await untilTold(false);
      const container = { name: 'busy', image: 'busy', resources: { limits: { 'nvidia.com/gpu': '5' } } };
      const spec = { nodeName: 'h100-a', tolerations: [{ operator: 'Exists' }], containers: [container] };
      const body = { kind: 'Pod', metadata: { name: 'busy' }, spec };
      const created = await plane.api.call(pods, { method: 'POST', body });
      expect(`${created.status} ${created.text}`).toMatch(/^201 /);
      await untilTold(true);
      // A pod that ends stays where it is, and leaves the selection.
      const ended = { status: { phase: 'Succeeded' } };
      const contentType = 'application/merge-patch+json';
      await plane.api.call(`${pods}/busy/status`, { method: 'PATCH', body: ended, contentType });
      await untilTold(false);
      expect(await server.sample('vramgate_cluster_watch_current{resource="pods"}')).toBe(1);
    });

    it('honours a mode label as soon as the namespace has it', async () => {
      expect((await dryRun(REFUSED)).status).toBe(403);
      await stage().kubectl.run(['label', 'namespace', 'default', 'vramgate.io/mode=audit']);
      const ask = async () => ((await dryRun(REFUSED)).status === 201 ? true : null);
      await until(ask, { what: 'the namespace is in mode audit' });
    });

    it('is scanned: what is stored there is judged by the same nodes and modes', async () => {
      // No scheduler runs here, so this pod waits; the Deployments have none that could.
      const waiting = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'waiting', annotations: at(FITTING, 'metadata', 'annotations') },
        spec: at(FITTING, 'spec', 'template', 'spec'),
      };
      const limits = { 'nvidia.com/gpu': '8' };
      const busy = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'busy-again' },
        spec: { nodeName: 'h100-a', containers: [{ name: 'busy', image: 'busy', resources: { limits } }] },
      };
      for (const manifest of [FITTING, REFUSED, waiting, busy])
        await stage().kubectl.run(['apply', '-f', '-'], manifest);
      const args = [BUNDLE, 'scan', '--kubeconfig', stage().plane.adminConfig, '-n', 'default', '-o', 'json'];
      const { stdout } = await run(process.execPath, args);
      const found: readonly Members[] = JSON.parse(stdout);
      const told = (one: Members): boolean => JSON.stringify(one['findings']).includes('no-free-gpus');
      expect(found.map((one) => [one['name'], one['verdict'], one['allowed'], told(one)])).toEqual([
        ['watched-fits', 'allow', true, false],
        ['watched-refused', 'deny', true, false],
        ['waiting', 'allow', true, true],
      ]);
    });
  });
}
