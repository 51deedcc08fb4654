import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { createApi } from '../../src/cluster/api.ts';
import type { Connection } from '../../src/cluster/connect.ts';
import { TIMING } from '../../src/cluster/timing.ts';
import { ClusterView } from '../../src/cluster/view.ts';
import { finishClasses } from '../../src/inventory/classes.ts';
import { KnownNodes } from '../../src/inventory/known-nodes.ts';
import { readNode } from '../../src/inventory/node.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import { computingTime, report } from './measure.ts';

/**
 * What a large cluster costs: memory over idle with 15,000 GPU nodes listed from an API server (a process of its own),
 * and the time of one change among 15,000 nodes against one among 1,000.
 */

const NODES = 15_000;
const MIB = 1024 * 1024;
const MEMORY_LIMIT_MIB = 60;
const CHANGE_LIMIT = 2;

/** A node as a managed cluster has it: some 60 labels, 50 images; 12 KB of JSON. */
function nodeAt(at: number, zone = `zone-${at % 3}`): object {
  const name = `gpu-${String(at).padStart(5, '0')}.example.internal`;
  const labels = Object.fromEntries([
    ['kubernetes.io/hostname', name],
    ['nvidia.com/gfd.timestamp', String(1_715_703_041 + at)],
    ['topology.kubernetes.io/zone', zone],
    ['node.kubernetes.io/instance-type', at % 2 === 0 ? 'p5.48xlarge' : 'p5e.48xlarge'],
    ['nvidia.com/gpu.product', at % 2 === 0 ? 'NVIDIA-H100-80GB-HBM3' : 'NVIDIA-H200'],
    ['nvidia.com/gpu.memory', at % 2 === 0 ? '81559' : '143771'],
    ['nvidia.com/gpu.count', '8'],
    ['nvidia.com/gpu.replicas', '1'],
    ['site.example/serial', `serial-${at}`],
    ...Array.from({ length: 50 }, (_, key) => [`feature.node.kubernetes.io/cpu-cpuid.FLAG${key}`, 'true']),
  ]);
  const images = Array.from({ length: 50 }, (_, image) => ({
    names: [`registry.example/team/image-${image}@sha256:${String(image).padStart(64, 'a')}`],
    sizeBytes: 1_000_000_000 + image,
  }));
  return {
    metadata: {
      name,
      uid: `uid-${at}`,
      resourceVersion: '5',
      labels,
      annotations: { 'example.com/note': 'x'.repeat(400) },
    },
    spec: { providerID: `aws:///us-east-1a/i-${at}` },
    status: {
      allocatable: { cpu: '190', 'nvidia.com/gpu': '8' },
      capacity: { cpu: '192', 'nvidia.com/gpu': '8' },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-11-25T10:00:00Z' }],
      images,
    },
  };
}

// --- the API server, in a process of its own -----------------------------------------------------------------------

function listPage(parameters: URLSearchParams, total: number): string {
  const from = Number(parameters.get('continue') ?? 0);
  const to = Math.min(total, from + Number(parameters.get('limit')));
  const items = Array.from({ length: to - from }, (_, at) => nodeAt(from + at));
  const metadata = { resourceVersion: '5', ...(to < total && { continue: String(to) }) };
  return JSON.stringify({ kind: 'NodeList', metadata, items });
}

function answer(url: URL, response: ServerResponse): void {
  const total = url.pathname.startsWith('/empty') || !url.pathname.endsWith('/nodes') ? 0 : NODES;
  if (url.searchParams.get('watch') !== 'true') response.end(listPage(url.searchParams, total));
  else response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n');
}

function serveApi(): void {
  const server = createServer((request, response) =>
    answer(new URL(request.url ?? '', 'http://localhost'), response),
  );
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}

// --- measuring -----------------------------------------------------------------------------------------------------

function collectGarbage(): void {
  for (let round = 0; round < 3; round += 1) globalThis.gc?.();
}

/** Opens a view, waits until it is in step, and measures. */
async function viewOf(
  server: string,
): Promise<{ readonly view: ClusterView; readonly rss: number; readonly heap: number }> {
  const connection: Connection = { server, namespace: null, hasProxy: false, credentials: async () => ({}) };
  const nothing = (): void => undefined;
  const events = { onInventory: nothing, onModes: nothing, onStrangeMode: nothing, onPhase: nothing };
  const view = new ClusterView({
    api: createApi(connection),
    catalog: builtinCatalog,
    timing: TIMING,
    watchesNodes: true,
    events,
  });
  view.start();
  await view.settled(120_000);
  const inventory = view.inventory([]);
  if (inventory.state === 'unknown') throw new Error(inventory.reason);
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  collectGarbage();
  return { view, rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed };
}

async function measureMemory(): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'api'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(String(text).trim())),
    );
    const idle = await viewOf(`http://127.0.0.1:${port}/empty`);
    const full = await viewOf(`http://127.0.0.1:${port}`);
    report([
      {
        what: `resident memory of ${NODES} nodes over idle`,
        value: (full.rss - idle.rss) / MIB,
        unit: 'MiB',
        limit: MEMORY_LIMIT_MIB,
      },
      { what: 'of it JavaScript objects', value: (full.heap - idle.heap) / MIB, unit: 'MiB', limit: null },
    ]);
    await Promise.all([idle.view.stop(), full.view.stop()]);
  } finally {
    child.kill();
  }
}

/** Microseconds of one node's change of zone, until the new classes are there. */
function timeOfChange(total: number): number {
  const known = new KnownNodes(indexGpus(builtinCatalog));
  const put = (object: object): void => {
    const { parts } = readNode(object);
    if (parts !== null) known.put(parts);
  };
  for (let at = 0; at < total; at += 1) put(nodeAt(at));
  const changed = [nodeAt(7), nodeAt(7, 'zone-elsewhere')];
  let turn = 0;
  return computingTime(
    () => {
      turn += 1;
      put(changed[turn % 2] ?? {});
      finishClasses(known.drafts());
    },
    5,
    400,
  );
}

function measureChanges(): void {
  const [few, many] = [timeOfChange(1_000), timeOfChange(NODES)];
  report([
    { what: 'one change among 1,000 nodes', value: few, unit: 'us', limit: null },
    { what: `one change among ${NODES} nodes`, value: many, unit: 'us', limit: null },
    { what: 'the one to the other', value: many / few, unit: 'times', limit: CHANGE_LIMIT },
  ]);
}

if (process.argv[2] === 'api') serveApi();
else {
  measureChanges();
  await measureMemory();
}
