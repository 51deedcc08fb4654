import { describe, expect, it } from 'vitest';
import { isOwnedByRegisteredKind, placementOwner } from '../../src/workload/ownership.ts';
import { firstTemplate, type Json, object, podTemplate, readClean } from './objects.ts';

describe('isOwnedByRegisteredKind', () => {
  it.each([
    ['apps/v1', 'ReplicaSet', true],
    ['apps/v1', 'StatefulSet', true],
    ['batch/v1', 'Job', true],
    ['batch/v1beta1', 'CronJob', true],
    ['v1', 'Pod', true],
    ['jobset.x-k8s.io/v1alpha2', 'JobSet', true],
    ['argoproj.io/v1alpha1', 'Rollout', false],
    ['serving.kserve.io/v1beta1', 'InferenceService', false],
    ['apps.kruise.io/v1beta1', 'StatefulSet', false],
    ['batch.volcano.sh/v1alpha1', 'Job', false],
    ['', 'Pod', false],
    ['apps/v1', '', false],
  ])('%s %s: %s', (apiVersion, kind, want) => {
    expect(isOwnedByRegisteredKind({ apiVersion, kind, name: 'x' })).toBe(want);
  });

  it('is false without a controller', () => {
    expect(isOwnedByRegisteredKind(null)).toBe(false);
  });
});

describe('placementOwner', () => {
  function ownerOf(spec: Json, template: Json = {}, metadata: Json = {}): unknown {
    const value = object('apps/v1', 'Deployment', { template: podTemplate(spec, template) }, metadata);
    const workload = readClean(value);
    return placementOwner(workload, firstTemplate(workload))?.owner ?? null;
  }
  const queue = { labels: { 'kueue.x-k8s.io/queue-name': 'gpus' } };
  const gate = (name: string): Json => ({ schedulingGates: [{ name }] });

  it.each<[string, unknown, unknown]>([
    ['nobody', ownerOf({}), null],
    ['the default scheduler', ownerOf({ schedulerName: 'default-scheduler' }), null],
    ['an empty scheduler name', ownerOf({ schedulerName: '' }), null],
    ['another scheduler', ownerOf({ schedulerName: 'kai-scheduler' }), 'scheduler'],
    ['a queue on the workload', ownerOf({}, {}, queue), 'kueue'],
    ['a queue on the template', ownerOf({}, queue), 'kueue'],
    ['a queue without a name', ownerOf({}, { labels: { 'kueue.x-k8s.io/queue-name': '' } }), null],
    ['managed', ownerOf({}, { labels: { 'kueue.x-k8s.io/managed': 'true' } }), 'kueue'],
    ['not managed', ownerOf({}, { labels: { 'kueue.x-k8s.io/managed': 'false' } }), null],
    ['a pod group', ownerOf({}, { labels: { 'kueue.x-k8s.io/pod-group-name': 'g' } }), 'kueue'],
    ['an admitted pod', ownerOf({}, { labels: { 'kueue.x-k8s.io/podset': 'main' } }), 'kueue'],
    ['an admission gate', ownerOf(gate('kueue.x-k8s.io/admission')), 'kueue'],
    ['a topology gate', ownerOf(gate('kueue.x-k8s.io/topology')), 'kueue'],
    ["somebody else's gate", ownerOf(gate('example.com/quota')), null],
    [
      'a suspended parent',
      ownerOf({}, { annotations: { 'kueue.x-k8s.io/pod-suspending-parent': 'deployment' } }),
      'kueue',
    ],
    ['a claim of the pod', ownerOf({ resourceClaims: [{ name: 'gpu' }] }), 'dra'],
    [
      'a claim of a container',
      ownerOf({ containers: [{ name: 'c', resources: { claims: [{ name: 'gpu' }] } }] }),
      'dra',
    ],
    ['a node name, whatever else', ownerOf({ nodeName: 'node-1', schedulerName: 'x' }, queue), 'node-name'],
    ['a queue before a scheduler', ownerOf({ schedulerName: 'x' }, queue), 'kueue'],
  ])('%s', (_, got, want) => {
    expect(got).toBe(want);
  });

  it('says what it saw', () => {
    const workload = readClean(object('apps/v1', 'Deployment', { template: podTemplate({}, queue) }));
    expect(placementOwner(workload, firstTemplate(workload))).toEqual({
      owner: 'kueue',
      detail: 'label kueue.x-k8s.io/queue-name',
    });
  });
});
