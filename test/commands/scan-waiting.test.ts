import { expect, it } from 'vitest';
import { Waiting } from '../../src/commands/scan/waiting.ts';
import { gpuPod, type PodParts } from '../inventory/gpu-pods.ts';

interface Chained extends PodParts {
  readonly kind: string;
  readonly by?: readonly [kind: string, name: string];
}

function found({ kind, by, ...parts }: Chained) {
  const [owner, name] = by ?? [];
  const controlled = owner !== undefined && {
    ownerReferences: [
      { apiVersion: 'v1', kind: 'Node', name: 'other' },
      { kind: owner, name, controller: true },
    ],
  };
  const object = gpuPod({ ...parts, metadata: { ...controlled } });
  return { path: '', object: { ...object, kind } };
}

/** A LeaderWorkerSet's pods as its controller makes them: workers by a StatefulSet that the leader's pod owns. */
const GROUP: readonly Chained[] = [
  { kind: 'LeaderWorkerSet', name: 'scout' },
  { kind: 'StatefulSet', name: 'scout', by: ['LeaderWorkerSet', 'scout'] },
  { kind: 'Pod', name: 'scout-0', by: ['StatefulSet', 'scout'], node: 'n' },
  { kind: 'StatefulSet', name: 'scout-0', by: ['Pod', 'scout-0'] },
];

function waiting(...objects: readonly Chained[]): readonly string[] {
  const seen = new Waiting();
  for (const one of objects) seen.see(found(one));
  const isWaiting = seen.workloads();
  return objects.filter((one) => isWaiting(found(one))).map(({ kind, name }) => `${kind} ${name}`);
}

it('a workload waits with any pod of its chain of controllers, in whatever order they are seen', () => {
  const worker: Chained = { kind: 'Pod', name: 'scout-0-1', by: ['StatefulSet', 'scout-0'] };
  const all = [
    'LeaderWorkerSet scout',
    'StatefulSet scout',
    'Pod scout-0',
    'StatefulSet scout-0',
    'Pod scout-0-1',
  ];
  expect(waiting(...GROUP, worker)).toEqual(all);
  expect(waiting(worker, ...GROUP.toReversed()).toSorted()).toEqual(all.toSorted());
  expect(waiting(...GROUP, { ...worker, node: 'm' })).toEqual([]);
});

it('a pod of another namespace, without GPUs, or ended makes nothing wait', () => {
  const deployment: Chained = { kind: 'ReplicaSet', name: 'r' };
  const pod: Chained = { kind: 'Pod', name: 'p', by: ['ReplicaSet', 'r'] };
  expect(waiting(deployment, pod)).toEqual(['ReplicaSet r', 'Pod p']);
  expect(waiting(deployment, { ...pod, namespace: 'other' })).toEqual(['Pod p']);
  expect(waiting(deployment, { ...pod, limits: { cpu: '1' } })).toEqual([]);
  expect(waiting(deployment, { ...pod, phase: 'Failed' })).toEqual([]);
});
