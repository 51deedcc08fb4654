import { spawn, spawnSync } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { createApi } from '../../src/cluster/api.ts';
import type { Connection } from '../../src/cluster/connect.ts';
import { TIMING } from '../../src/cluster/timing.ts';
import { ClusterView } from '../../src/cluster/view.ts';
import { finishClasses } from '../../src/inventory/classes.ts';
import { freeDevices } from '../../src/inventory/free-devices.ts';
import { KnownNodes } from '../../src/inventory/known-nodes.ts';
import { KnownPods } from '../../src/inventory/known-pods.ts';
import { readNode } from '../../src/inventory/node.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import { readResourceSlice } from '../../src/inventory/resource-slice.ts';
import { computingTime, report } from './measure.ts';

/**
 * What a large cluster costs: memory over idle with 15,000 GPU nodes listed from an API server (a process of its own),
 * and the time of one change among 15,000 nodes against one among 1,000; both with GPUs that DRA serves as well, and with
 * the pods on those nodes, two on each that hold GPUs and two that do not.
 */

const NODES = 15_000;
const MIB = 1024 * 1024;
const MEMORY_LIMIT_MIB = 60;
const CHANGE_LIMIT = 2;

function nameAt(at: number): string {
  return `gpu-${String(at).padStart(5, '0')}.example.internal`;
}

/** What a DRA driver publishes of a node of eight GPUs (test/fixtures/nodes/dra-nvidia.yaml). */
function sliceAt(at: number, memory = '81559Mi'): object {
  const nodeName = nameAt(at);
  const devices = Array.from({ length: 8 }, (_, gpu) => ({
    name: `gpu-${gpu}`,
    attributes: {
      type: { string: 'gpu' },
      productName: { string: 'NVIDIA H100 80GB HBM3' },
      cudaComputeCapability: { version: '9.0.0' },
      uuid: { string: `GPU-${at}-${gpu}` },
    },
    capacity: { memory: { value: memory } },
  }));
  const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 };
  return {
    metadata: { name: `${nodeName}-gpu.nvidia.com-x`, resourceVersion: '5' },
    spec: { driver: 'gpu.nvidia.com', nodeName, pool, devices },
  };
}

/** A node as a managed cluster has it: some 60 labels, 50 images; 12 KB of JSON. */
function nodeAt(at: number, zone = `zone-${at % 3}`, gpus: object = { 'nvidia.com/gpu': '8' }): object {
  const name = nameAt(at);
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
      allocatable: { cpu: '190', ...gpus },
      capacity: { cpu: '192', ...gpus },
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-11-25T10:00:00Z' }],
      images,
    },
  };
}

/** A pod as the API server has it, with managed fields and status; every other one holds four GPUs. */
function podAt(at: number, nodes = NODES, gpus = '4'): object {
  const limits = at % 2 === 0 ? { 'nvidia.com/gpu': gpus } : { cpu: '2' };
  const env = Array.from({ length: 20 }, (_, key) => ({ name: `VARIABLE_${key}`, value: 'x'.repeat(40) }));
  return {
    metadata: {
      name: `server-${at % 977}-7d9f8c6b5-${String(at).padStart(5, '0')}`,
      namespace: `team-${at % 31}`,
      uid: `uid-${at}`,
      resourceVersion: '5',
      managedFields: [{ manager: 'kubelet', fieldsV1: { 'f:status': 'x'.repeat(1500) } }],
    },
    spec: {
      nodeName: nameAt(at % nodes),
      containers: [{ name: 'server', env, resources: { limits, requests: limits } }],
    },
    status: {
      phase: 'Running',
      conditions: Array.from({ length: 5 }, () => ({ type: 'Ready', status: 'True' })),
    },
  };
}

// --- the API server, in a process of its own -----------------------------------------------------------------------

interface Collection {
  readonly total: number;
  readonly objectAt: (at: number) => object;
}

function ofNodes(objectAt: Collection['objectAt']): Collection {
  return { total: NODES, objectAt };
}

/** `/plugin`: the kubelet counts the GPUs; `/dra`: ResourceSlices do; `/pods`: with pods; anything else: an empty cluster. */
const COLLECTIONS: ReadonlyMap<string, Collection> = new Map([
  ['/plugin/api/v1/nodes', ofNodes((at) => nodeAt(at))],
  ['/pods/api/v1/nodes', ofNodes((at) => nodeAt(at))],
  ['/pods/api/v1/pods', { total: 4 * NODES, objectAt: (at) => podAt(at) }],
  ['/dra/api/v1/nodes', ofNodes((at) => nodeAt(at, `zone-${at % 3}`, {}))],
  ['/dra/apis/resource.k8s.io/v1/resourceslices', ofNodes((at) => sliceAt(at))],
]);

const NOTHING: Collection = { total: 0, objectAt: () => ({}) };

function listPage(parameters: URLSearchParams, { total, objectAt }: Collection): string {
  const from = Number(parameters.get('continue') ?? 0);
  const to = Math.min(total, from + Number(parameters.get('limit')));
  const items = Array.from({ length: to - from }, (_, at) => objectAt(from + at));
  const metadata = { resourceVersion: '5', ...(to < total && { continue: String(to) }) };
  return JSON.stringify({ kind: 'List', metadata, items });
}

function answer(url: URL, response: ServerResponse): void {
  const list = () => listPage(url.searchParams, COLLECTIONS.get(url.pathname) ?? NOTHING);
  if (url.searchParams.get('watch') !== 'true') response.end(list());
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
  watchesPods: boolean,
): Promise<{ readonly view: ClusterView; readonly rss: number; readonly heap: number }> {
  const connection: Connection = { server, namespace: null, hasProxy: false, credentials: async () => ({}) };
  const nothing = (): void => undefined;
  const events = { onInventory: nothing, onModes: nothing, onStrangeMode: nothing, onPhase: nothing };
  const view = new ClusterView({
    api: createApi(connection),
    catalog: builtinCatalog,
    timing: TIMING,
    watchesNodes: true,
    watchesPods,
    events,
  });
  view.start();
  await view.settled(120_000);
  const inventory = view.inventory([]);
  if (inventory.state === 'unknown') throw new Error(inventory.reason);
  while (watchesPods && inventory.classes.some((one) => inventory.free?.(one) === null))
    await new Promise((resolve) => setTimeout(resolve, 100));
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 500));
  collectGarbage();
  return { view, rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed };
}

/** In a process of its own: what one cluster leaves behind would count for the next. */
async function measureMemory(served: string): Promise<void> {
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'api'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text) => resolve(String(text).trim())),
    );
    const hasPods = served === 'pods';
    const idle = await viewOf(`http://127.0.0.1:${port}/empty`, hasPods);
    const full = await viewOf(`http://127.0.0.1:${port}/${served}`, hasPods);
    report([
      {
        what: `resident memory of ${NODES} nodes over idle (${served})`,
        value: (full.rss - idle.rss) / MIB,
        unit: 'MiB',
        // What pods take beside them has no limit of its own.
        limit: hasPods ? null : MEMORY_LIMIT_MIB,
      },
      { what: 'of it JavaScript objects', value: (full.heap - idle.heap) / MIB, unit: 'MiB', limit: null },
    ]);
    await Promise.all([idle.view.stop(), full.view.stop()]);
  } finally {
    child.kill();
  }
}

/** Microseconds of one change, until the new classes are there. */
function timeOfChange(known: KnownNodes, change: (turn: number) => void): number {
  // What making the nodes has left behind is not the change's.
  collectGarbage();
  let turn = 0;
  return computingTime(
    () => {
      turn += 1;
      change(turn % 2);
      finishClasses(known.drafts());
    },
    5,
    400,
  );
}

function knownNodes(total: number, gpus?: object): KnownNodes {
  const known = new KnownNodes(indexGpus(builtinCatalog));
  for (let at = 0; at < total; at += 1) putNode(known, nodeAt(at, `zone-${at % 3}`, gpus));
  return known;
}

function putNode(known: KnownNodes, object: object): void {
  const { parts } = readNode(object);
  if (parts !== null) known.put(parts);
}

function putSlice(known: KnownNodes, object: object): void {
  const slice = readResourceSlice(object);
  if (slice !== null) known.putSlice(slice);
}

/** A node that changes its zone. */
function timeOfNode(total: number): number {
  const known = knownNodes(total);
  const changed = [nodeAt(7), nodeAt(7, 'zone-elsewhere')];
  return timeOfChange(known, (turn) => putNode(known, changed[turn] ?? {}));
}

/** A slice whose devices have another memory. */
function timeOfSlice(total: number): number {
  const known = knownNodes(total, {});
  for (let at = 0; at < total; at += 1) putSlice(known, sliceAt(at));
  const changed = [sliceAt(7), sliceAt(7, '81089Mi')];
  return timeOfChange(known, (turn) => putSlice(known, changed[turn] ?? {}));
}

/** A pod that goes or comes, or holds another number of GPUs, until what is free on all the nodes is known. */
function timeOfPod(total: number, how: 'goes' | 'changes'): number {
  const [nodes, pods] = [knownNodes(total), new KnownPods()];
  for (let at = 0; at < 4 * total; at += 1) pods.put(podAt(at, total));
  const free = freeDevices(nodes, pods);
  const classes = finishClasses(nodes.drafts());
  const changed = [podAt(8, total), podAt(8, total, how === 'goes' ? '0' : '8')];
  collectGarbage();
  let turn = 0;
  return computingTime(
    () => {
      turn += 1;
      pods.put(changed[turn % 2] ?? {});
      for (const one of classes) free(one);
    },
    5,
    4_000,
  );
}

function measureChanges(
  what: string,
  timeOf: (total: number) => number,
  limit: number | null = CHANGE_LIMIT,
): void {
  const [few, many] = [timeOf(1_000), timeOf(NODES)];
  report([
    { what: `one ${what} among 1,000 nodes`, value: few, unit: 'us', limit: null },
    { what: `one ${what} among ${NODES} nodes`, value: many, unit: 'us', limit: null },
    { what: 'the one to the other', value: many / few, unit: 'times', limit },
  ]);
}

/** As the image runs it (Dockerfile). */
const V8_FLAGS: readonly string[] = ['--expose-gc', '--max-semi-space-size=4'];

function measureApart(served: string): void {
  const file = process.argv[1] ?? '';
  const { status } = spawnSync(process.execPath, [...V8_FLAGS, file, 'memory', served], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exitCode = 1;
}

const [, , mode, served = ''] = process.argv;
if (mode === 'api') serveApi();
else if (mode === 'memory') await measureMemory(served);
else {
  measureChanges('change', timeOfNode);
  measureChanges('slice changed', timeOfSlice);
  measureChanges('pod changed', (total) => timeOfPod(total, 'changes'));
  // V8 lays a Map anew after so many entries came and went: some microseconds a change, more the larger it is.
  measureChanges('pod come or gone', (total) => timeOfPod(total, 'goes'), null);
  measureApart('plugin');
  measureApart('pods');
  measureApart('dra');
}
