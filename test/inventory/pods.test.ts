import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { finishClasses } from '../../src/inventory/classes.ts';
import { freeDevices } from '../../src/inventory/free-devices.ts';
import { KnownNodes } from '../../src/inventory/known-nodes.ts';
import { KnownPods } from '../../src/inventory/known-pods.ts';
import { readNode } from '../../src/inventory/node.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import { readInventory } from '../../src/inventory/read.ts';
import type { FreeCounts, FreeDevices } from '../../src/plan/types.ts';
import { gpuPod, type PodParts } from './gpu-pods.ts';
import { classesOf, fixtureText, H100_LABELS, node, readText } from './nodes.ts';

const GPU = 'nvidia.com/gpu';

function taken(...pods: readonly PodParts[]): number {
  const known = new KnownPods();
  for (const [at, parts] of pods.entries()) known.put(gpuPod({ name: `p${at}`, node: 'a', ...parts }));
  return known.taken('a', GPU);
}

function container(name: string, gpus: string, more: object = {}): object {
  return { name, resources: { limits: { [GPU]: gpus } }, ...more };
}

describe('the GPUs that pods hold', () => {
  it('are those of pods that are bound to the node and have not ended', () => {
    expect(taken({ limits: { [GPU]: '2' } }, { limits: { [GPU]: '3' } })).toBe(5);
    expect(taken({ node: 'b' })).toBe(0);
    expect(taken({ phase: 'Pending' })).toBe(8);
    expect(taken({ phase: 'Succeeded' }, { phase: 'Failed' })).toBe(0);
    const unbound = new KnownPods();
    unbound.put(gpuPod({ phase: 'Pending' }));
    expect([...unbound.names()]).toEqual([]);
  });

  // A pod that is being deleted keeps its devices until it is gone (kubernetes pkg/scheduler, NodeInfo).
  it('are held until the pod is gone', () => {
    expect(taken({ metadata: { deletionTimestamp: '2026-11-25T10:00:00Z' } })).toBe(8);
  });

  // KEP-753: the largest init container with the sidecars before it, or all containers with all sidecars.
  it.each([
    ['two containers', { containers: [container('a', '2'), container('b', '1')] }, 3],
    [
      'an init container that asks for more',
      { initContainers: [container('load', '4')], containers: [container('a', '2')] },
      4,
    ],
    [
      'an init container that asks for less',
      { initContainers: [container('load', '1')], containers: [container('a', '2')] },
      2,
    ],
    [
      'a sidecar beside the container',
      {
        initContainers: [container('s', '1', { restartPolicy: 'Always' })],
        containers: [container('a', '2')],
      },
      3,
    ],
    ['no GPU at all', { containers: [{ name: 'a', resources: { limits: { cpu: '4' } } }] }, 0],
    ['a count of 0', { containers: [container('a', '0')] }, 0],
    ['containers that are none', { containers: 'x', initContainers: null }, 0],
  ])('are the scheduler’s count of %s', (_what, spec, count) => {
    expect(taken({ spec: { nodeName: 'a', ...spec } })).toBe(count);
  });

  it('are counted by resource: a slice takes nothing of the whole GPUs', () => {
    const known = new KnownPods();
    known.put(gpuPod({ node: 'a', limits: { 'nvidia.com/mig-3g.40gb': '1', cpu: '4' } }));
    expect(known.taken('a', GPU)).toBe(0);
    expect(known.taken('a', 'nvidia.com/mig-3g.40gb')).toBe(1);
  });

  it('follow a pod as it comes, moves, ends and goes; pods of one name in two namespaces are two', () => {
    const known = new KnownPods();
    known.put(gpuPod({ node: 'a', namespace: 'ml' }));
    known.put(gpuPod({ node: 'a', namespace: 'prod' }));
    expect(known.taken('a', GPU)).toBe(16);
    known.put(gpuPod({ node: 'b', namespace: 'prod' }));
    expect([known.taken('a', GPU), known.taken('b', GPU)]).toEqual([8, 8]);
    known.put(gpuPod({ node: 'b', namespace: 'prod', phase: 'Succeeded' }));
    expect(known.taken('b', GPU)).toBe(0);
    known.remove('ml/p');
    known.remove('ml/p');
    expect(known.taken('a', GPU)).toBe(0);
    expect([...known.names()]).toEqual([]);
  });

  it('tell of a change, and of nothing where they have not changed', () => {
    const known = new KnownPods();
    const changes: unknown[] = [];
    known.onTaken((node, resource, change) => changes.push([node, resource, change]));
    known.put(gpuPod({ node: 'a' }));
    known.put(gpuPod({ node: 'a', metadata: { resourceVersion: '7' } }));
    known.put(gpuPod({ name: 'other', node: 'a', limits: { cpu: '1' } }));
    expect(changes).toEqual([['a', GPU, { before: 0, after: 8 }]]);
  });
});

function freeOf(...objects: readonly object[]): readonly (FreeCounts | null | undefined)[] {
  const { inventory, findings } = readInventory([{ kind: 'List', items: objects }], builtinCatalog);
  if (inventory.state === 'unknown') throw new Error(JSON.stringify(findings));
  return inventory.classes.map((one) => inventory.free?.(one));
}

/** Whatever happens in whatever order, what is kept up to date is what a fresh count comes to. */
it('what is free is counted the same, change by change, as anew', () => {
  const names = ['a', 'b', 'c'];
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('pod' as const),
      name: fc.constantFrom('p', 'q', 'r', 's'),
      node: fc.constantFrom(...names, 'elsewhere'),
      gpus: fc.constantFrom('0', '1', '4', '8'),
    }),
    fc.record({ kind: fc.constant('gone' as const), name: fc.constantFrom('p', 'q', 'r', 's') }),
    fc.record({
      kind: fc.constant('node' as const),
      name: fc.constantFrom(...names),
      gpus: fc.constantFrom('4', '8'),
      isCordoned: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('no-node' as const), name: fc.constantFrom(...names) }),
    fc.record({ kind: fc.constant('asked' as const) }),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const [nodes, pods] = [new KnownNodes(indexGpus(builtinCatalog)), new KnownPods()];
      const free = freeDevices(nodes, pods);
      const asked = (of: FreeDevices) => finishClasses(nodes.drafts()).map((one) => [one.id, of(one)]);
      for (const one of changes) {
        if (one.kind === 'pod') pods.put(gpuPod({ ...one, limits: { [GPU]: one.gpus } }));
        else if (one.kind === 'gone') pods.remove(`ml/${one.name}`);
        else if (one.kind === 'no-node') nodes.remove(one.name);
        else if (one.kind === 'asked') asked(free);
        else {
          const spec = { unschedulable: one.isCordoned };
          const { parts } = readNode(node({ name: one.name, allocatable: { [GPU]: one.gpus }, spec }));
          if (parts !== null) nodes.put(parts);
        }
      }
      expect(asked(free)).toEqual(asked(freeDevices(nodes, pods)));
    }),
    { numRuns: 300, seed: 20_261_125 },
  );
});

describe('what is free on the nodes of an inventory file', () => {
  it('is not known without any pod in it', () => {
    expect(freeOf(node({ name: 'a' }))).toEqual([undefined]);
  });

  it('is counted node by node, at the least 0', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name) => node({ name }));
    const pods = [
      gpuPod({ name: 'p1', node: 'a', limits: { [GPU]: '8' } }),
      gpuPod({ name: 'p2', node: 'b', limits: { [GPU]: '2' } }),
      gpuPod({ name: 'p3', node: 'b', limits: { [GPU]: '1' } }),
      gpuPod({ name: 'p4', node: 'c', limits: { [GPU]: '16' } }),
    ];
    expect(freeOf(...nodes, ...pods)).toEqual([
      new Map([
        [0, 2],
        [5, 1],
        [8, 1],
      ]),
    ]);
  });

  it('is nothing on a node that takes no pods now', () => {
    const cordoned = node({ name: 'a', spec: { unschedulable: true } });
    expect(freeOf(cordoned, gpuPod({ node: 'elsewhere' }))).toEqual([new Map([[0, 1]])]);
  });

  it('is not known of GPUs that DRA serves: claims are not read', () => {
    const slices = fixtureText('dra-nvidia.yaml');
    const { inventory } = readText(`${slices}\n---\n${JSON.stringify(gpuPod({ node: 'x' }))}`);
    if (inventory.state === 'unknown') throw new Error(inventory.reason);
    expect(inventory.classes.length).toBeGreaterThan(0);
    expect(inventory.classes.map((one) => inventory.free?.(one))).toEqual(inventory.classes.map(() => null));
  });

  it('reads pods of a PodList, and nodes that stand in another document', () => {
    const documents = [
      { kind: 'NodeList', items: [{ ...node({ name: 'a' }), kind: undefined }] },
      { kind: 'PodList', items: [{ ...gpuPod({ node: 'a', limits: { [GPU]: '3' } }), kind: undefined }] },
    ];
    const { inventory } = readInventory(documents, builtinCatalog);
    if (inventory.state === 'unknown') throw new Error(inventory.reason);
    expect(inventory.classes.map((one) => inventory.free?.(one))).toEqual([new Map([[5, 1]])]);
  });

  it('is of each resource of a node by itself', () => {
    const labels = { ...H100_LABELS, 'nvidia.com/mig.strategy': 'mixed' };
    const allocatable = { [GPU]: '4', 'nvidia.com/mig-3g.40gb': '8' };
    const both = node({ name: 'a', labels, allocatable });
    const pod = gpuPod({ node: 'a', limits: { 'nvidia.com/mig-3g.40gb': '6' } });
    const { inventory } = readInventory([{ kind: 'List', items: [both, pod] }], builtinCatalog);
    if (inventory.state === 'unknown') throw new Error(inventory.reason);
    const free = inventory.classes.map((one) => [one.resource, inventory.free?.(one)]);
    expect(free).toContainEqual(['nvidia.com/mig-3g.40gb', new Map([[2, 1]])]);
    expect(free).toContainEqual([GPU, new Map([[4, 1]])]);
  });
});

it('does not make other classes of the nodes that pods are listed with', () => {
  const nodes = [node({ name: 'a' }), node({ name: 'b' })];
  const without = classesOf(readInventory([{ kind: 'List', items: nodes }], builtinCatalog));
  const pods = [...nodes, gpuPod({ node: 'a' })];
  expect(classesOf(readInventory([{ kind: 'List', items: pods }], builtinCatalog))).toEqual(without);
});
