import nock from 'nock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { createApi } from '../../src/cluster/api.ts';
import { TIMING } from '../../src/cluster/timing.ts';
import { ClusterView } from '../../src/cluster/view.ts';
import { readDeclaredDrafts } from '../../src/inventory/declared.ts';
import type { FreeCounts, Inventory } from '../../src/plan/types.ts';
import { gpuPod } from '../inventory/gpu-pods.ts';
import { type NodeParts, node as nodeOf } from '../inventory/nodes.ts';
import { connectionTo } from './kubeconfig.ts';
import { LoopbackApi } from './loopback.ts';

const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';
const NAMESPACES = '/api/v1/namespaces';
const SLICES = '/apis/resource.k8s.io/v1/resourceslices';
const OLD_SLICES = '/apis/resource.k8s.io/v1beta1/resourceslices';
const DEVICE_CLASSES = '/apis/resource.k8s.io/v1/deviceclasses';
const FLAVORS = '/apis/kueue.x-k8s.io/v1beta1/resourceflavors';

const CPU_ONLY = { labels: {}, allocatable: {} };

/** Eight H100 that DRA serves on a node (kubernetes-sigs/dra-driver-nvidia-gpu resourceslice-attributes.md). */
function slice(nodeName: string, pool: object = { generation: 1, resourceSliceCount: 1 }) {
  const devices = Array.from({ length: 8 }, (_, at) => ({
    name: `gpu-${at}`,
    attributes: { type: { string: 'gpu' }, productName: { string: 'NVIDIA H100 80GB HBM3' } },
    capacity: { memory: { value: '81559Mi' } },
  }));
  const spec = { driver: 'gpu.nvidia.com', nodeName, pool: { name: nodeName, ...pool }, devices };
  return { metadata: { name: `${nodeName}-gpu.nvidia.com-x` }, spec };
}

/** Refusals are looked at again after a tenth of a second, not after a minute. */
const HASTY = {
  ...TIMING,
  sleep: (ms: number, signal: AbortSignal) => TIMING.sleep(ms === 60_000 ? 100 : ms, signal),
};

let server: LoopbackApi;
let view: ClusterView;
let modes: ReadonlyMap<string, string>;
let strange: string[];
let announced: number;
let phases: (readonly [string, string])[];

function node(parts: NodeParts): { readonly metadata: { readonly name: string } } {
  return { ...nodeOf(parts), metadata: { name: parts.name ?? 'n', ...metadataOf(nodeOf(parts)) } };
}

function metadataOf(object: object): object {
  return Reflect.get(object, 'metadata') as object;
}

function namespace(name: string, labels: Readonly<Record<string, string>> = {}) {
  return { kind: 'PartialObjectMetadata', metadata: { name, labels } };
}

function ids(inventory: Inventory): readonly string[] | string {
  return inventory.state === 'known'
    ? inventory.classes.map(({ id, nodes }) => `${id} on ${nodes}`)
    : inventory.reason;
}

/** Of the first class. */
function free(): FreeCounts | null | undefined {
  const inventory = view.inventory([]);
  const [first] = inventory.state === 'known' ? inventory.classes : [];
  return inventory.state === 'known' && first !== undefined ? inventory.free?.(first) : null;
}

function age(): number {
  return Date.now() - (view.heardAt()?.getTime() ?? 0);
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(holds()).toBe(true);
}

function open({ watchesNodes = true, watchesPods = false } = {}): void {
  view = new ClusterView({
    api: createApi(connectionTo(server.kubeconfig)),
    catalog: builtinCatalog,
    timing: HASTY,
    watchesNodes,
    watchesPods,
    events: {
      onInventory: () => {
        announced += 1;
      },
      onModes: (next) => {
        modes = next;
      },
      onStrangeMode: (name, value) => strange.push(`${name}=${value}`),
      onPhase: (resource, { phase }) => phases.push([resource, phase]),
    },
  });
  view.start();
}

beforeAll(() => nock.restore());
afterAll(() => nock.activate());

beforeEach(async () => {
  server = await LoopbackApi.start();
  server.put(NODES);
  server.put(NAMESPACES);
  [modes, strange, announced, phases] = [new Map(), [], 0, []];
});

afterEach(async () => {
  await view.stop();
  await server.stop();
});

describe('the view of a cluster', () => {
  it('knows the nodes as they come, change and go', async () => {
    server.put(
      NODES,
      node({ name: 'a' }),
      node({ name: 'b' }),
      node({ name: 'cpu', labels: {}, allocatable: {} }),
    );
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 on 2']);
    server.put(NODES, node({ name: 'b', spec: { unschedulable: true } }));
    await until(() => ids(view.inventory([])).length === 2);
    server.remove(NODES, 'a');
    await until(() => ids(view.inventory([])).length === 1);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 (not-ready) on 1']);
    expect(announced).toBeGreaterThanOrEqual(3);
    expect(age()).toBeLessThan(5_000);
  });

  it('tells "no nodes known" from not knowing', async () => {
    open();
    expect(view.inventory([])).toMatchObject({ state: 'unknown' });
    expect(view.heardAt()).toBeNull();
    await view.settled(5_000);
    expect(view.inventory([])).toMatchObject({ state: 'known', classes: [] });
  });

  it('settles without rights to see nodes, and says so', async () => {
    server.refuse(NODES, 403);
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toBe("the cluster's nodes may not be listed: refused /api/v1/nodes");
  });

  it('settles when nothing answers in time', async () => {
    server.refuse(NODES, 503);
    open();
    const before = Date.now();
    await view.settled(300);
    expect(Date.now() - before).toBeLessThan(3_000);
    expect(view.inventory([]).state).toBe('unknown');
  });

  it('keeps the last nodes while the API server is away, growing older', async () => {
    server.put(NODES, node({ name: 'a' }));
    open();
    await view.settled(5_000);
    server.refuse(NODES, 503);
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 on 1']);
    expect(age()).toBeGreaterThanOrEqual(1_000);
  });

  it('adds the shapes that the operator declares, and has those alone where nodes are not known', async () => {
    const { drafts } = readDeclaredDrafts([{ product: 'NVIDIA-L40S', gpus: 4 }], builtinCatalog);
    server.refuse(NODES, 403);
    open();
    await view.settled(5_000);
    expect(ids(view.inventory(drafts))).toEqual(['4x NVIDIA-L40S on 0']);
  });

  it('knows the modes of namespaces, and passes over a label that is no mode', async () => {
    server.put(NAMESPACES, namespace('a', { 'vramgate.io/mode': 'audit' }), namespace('b'));
    open();
    await view.settled(5_000);
    expect([...modes]).toEqual([['a', 'audit']]);
    server.put(NAMESPACES, namespace('b', { 'vramgate.io/mode': 'warn' }));
    await until(() => modes.get('b') === 'warn');
    server.put(NAMESPACES, namespace('b', { 'vramgate.io/mode': 'off' }));
    await until(() => !modes.has('b'));
    expect(strange).toEqual(['b=off']);
    server.remove(NAMESPACES, 'a');
    await until(() => modes.size === 0);
  });

  it('knows the pools of an API that comes later, and forgets them with it', async () => {
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual([]);
    server.put(FLAVORS, {
      metadata: { name: 'h100' },
      spec: { nodeLabels: { 'node.kubernetes.io/instance-type': 'BM.GPU.H100.8' } },
    });
    await until(() => ids(view.inventory([]))[0] === '8x NVIDIA-H100-80GB-HBM3 on 0');
    server.refuse(FLAVORS, 404);
    await until(() => ids(view.inventory([])).length === 0);
  });

  it('knows what DRA drivers publish, of nodes that came before and after', async () => {
    server.put(NODES, node({ name: 'a', ...CPU_ONLY }), node({ name: 'cpu', ...CPU_ONLY }));
    server.put(SLICES, slice('a'), slice('b'));
    server.put(DEVICE_CLASSES);
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 (DRA) on 1']);
    server.put(NODES, node({ name: 'b', ...CPU_ONLY }));
    await until(() => ids(view.inventory([]))[0] === '8x NVIDIA-H100-80GB-HBM3 (DRA) on 2');
    server.put(SLICES, slice('b', { generation: 2, resourceSliceCount: 2 }));
    await until(() => ids(view.inventory([]))[0] === '8x NVIDIA-H100-80GB-HBM3 (DRA) on 1');
    server.remove(SLICES, 'a-gpu.nvidia.com-x');
    await until(() => ids(view.inventory([])).length === 0);
  });

  it('offers by a plain request what a DeviceClass maps to it, from when it does', async () => {
    server.put(NODES, node({ name: 'a', ...CPU_ONLY }));
    server.put(SLICES, slice('a'));
    server.put(DEVICE_CLASSES, { metadata: { name: 'gpu.nvidia.com' }, spec: {} });
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toHaveLength(1);
    const mapped = {
      metadata: { name: 'gpu.nvidia.com' },
      spec: { extendedResourceName: 'nvidia.com/gpu' },
    };
    server.put(DEVICE_CLASSES, mapped);
    await until(() => ids(view.inventory([])).length === 2);
    expect(ids(view.inventory([]))).toContain('8x NVIDIA-H100-80GB-HBM3 on 1');
  });

  it('reads an older version of DRA where that is served, and a newer one when it comes', async () => {
    server.put(NODES, node({ name: 'a', ...CPU_ONLY }));
    server.put(OLD_SLICES, slice('a'));
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 (DRA) on 1']);
    server.put(SLICES, slice('a'));
    server.refuse(OLD_SLICES, 404);
    await until(() =>
      server.requests.some((one) => one.includes(`${SLICES}?`) && one.includes('watch=true')),
    );
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 (DRA) on 1']);
  });

  it('goes without DRA where it may not see it, and says so', async () => {
    server.put(NODES, node({ name: 'a', ...CPU_ONLY }), node({ name: 'b' }));
    server.refuse(SLICES, 403);
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-H100-80GB-HBM3 on 1']);
    expect(phases).toContainEqual(['resourceslices', 'forbidden']);
  });

  it('knows what pods hold as they come and go, without telling of another inventory', async () => {
    server.put(NODES, node({ name: 'a' }));
    server.put(PODS, gpuPod({ name: 'one', node: 'a', limits: { 'nvidia.com/gpu': '3' } }));
    open({ watchesPods: true });
    await view.settled(5_000);
    await until(() => free()?.get(5) === 1);
    const told = announced;
    server.put(PODS, gpuPod({ name: 'two', node: 'a', limits: { 'nvidia.com/gpu': '5' } }));
    await until(() => free()?.get(0) === 1);
    server.put(PODS, gpuPod({ name: 'two', node: 'a', phase: 'Succeeded' }));
    await until(() => free()?.get(5) === 1);
    expect(announced).toBe(told);
    server.refuse(PODS, 503);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(free()?.get(5)).toBe(1);
  });

  it('goes without pods where it may not see them, and says so; a right that comes is noticed', async () => {
    server.put(NODES, node({ name: 'a' }));
    server.put(PODS);
    server.refuse(PODS, 403);
    open({ watchesPods: true });
    await view.settled(5_000);
    await until(() => phases.some(([resource, phase]) => resource === 'pods' && phase === 'forbidden'));
    expect(free()).toBeNull();
    server.refuse(PODS, 200);
    await until(() => free()?.get(8) === 1);
  });

  it('asks for no pods unless it is told to', async () => {
    server.put(NODES, node({ name: 'a' }));
    server.put(PODS);
    open();
    await view.settled(5_000);
    expect(server.requests.filter((one) => one.includes(PODS))).toEqual([]);
    expect(free()).toBeUndefined();
  });

  it('leaves nodes alone where a file stands for them', async () => {
    open({ watchesNodes: false, watchesPods: true });
    await view.settled(5_000);
    expect(server.requests.filter((one) => one.includes(NODES) || one.includes(PODS))).toEqual([]);
  });

  it('reads its nodes anew under another catalog', async () => {
    const labels = { 'nvidia.com/gpu.product': 'NVIDIA-L40S' };
    server.put(NODES, node({ name: 'a', labels }));
    open();
    await view.settled(5_000);
    expect(ids(view.inventory([]))).toEqual(['8x NVIDIA-L40S on 1']);
    view.useCatalog({ ...builtinCatalog, gpus: [] });
    await until(() => ids(view.inventory([]))[0] === '8x nvidia.com/gpu on 1');
  });
});
