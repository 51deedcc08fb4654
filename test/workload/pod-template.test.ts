import { describe, expect, it } from 'vitest';
import { findContainer } from '../../src/workload/find-container.ts';
import { container, findingsOf, type Json, object, podSpec, podTemplate, readClean } from './objects.ts';

const SPEC = 'spec.template.spec';

function problems(spec: Json): readonly string[] {
  return findingsOf(object('apps/v1', 'Deployment', { template: podTemplate(spec) }));
}

describe('containers', () => {
  it('reads what the other rooms need', () => {
    const read = container({
      image: 'vllm/vllm-openai:v0.11.0',
      command: ['vllm', 'serve'],
      args: ['--port', '8000'],
      envFrom: [{ configMapRef: { name: 'flags' } }],
      resources: { limits: { memory: '128Gi', cpu: 8 }, requests: { cpu: '8' }, claims: [{ name: 'gpu' }] },
      volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
    });
    expect(read).toMatchObject({
      name: 'engine',
      image: 'vllm/vllm-openai:v0.11.0',
      command: ['vllm', 'serve'],
      args: ['--port', '8000'],
      hasEnvFrom: true,
      hasClaims: true,
      isInit: false,
      isSidecar: false,
      volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
    });
    expect(read.limits).toEqual(
      new Map([
        ['memory', '128Gi'],
        ['cpu', '8'],
      ]),
    );
    expect(read.requests).toEqual(new Map([['cpu', '8']]));
  });

  it('takes absent and null fields as empty', () => {
    const fields = ['image', 'command', 'args', 'env', 'envFrom', 'resources', 'volumeMounts'];
    const nulls = Object.fromEntries(fields.map((field) => [field, null]));
    expect(container(nulls)).toEqual(container({}));
    expect(container({})).toMatchObject({ image: null, command: [], args: [], env: [], hasEnvFrom: false });
  });

  it('tells where a variable comes from', () => {
    const env = [
      { name: 'LITERAL', value: '8' },
      { name: 'EMPTY' },
      { name: 'MAP', valueFrom: { configMapKeyRef: { name: 'm', key: 'k' } } },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      { name: 'FIELD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'RESOURCE', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'FILE', valueFrom: { fileKeyRef: { path: 'p', key: 'k', volumeName: 'v' } } },
      { name: 'NEW', valueFrom: { oracleRef: {} } },
    ];
    expect(
      container({ env }).env.map(({ name, value, source, path }) => [name, value, source, path.at(-1)]),
    ).toEqual([
      ['LITERAL', '8', 'literal', 0],
      ['EMPTY', '', 'literal', 1],
      ['MAP', null, 'config-map', 2],
      ['SECRET', null, 'secret', 3],
      ['FIELD', null, 'field', 4],
      ['RESOURCE', null, 'resource', 5],
      ['FILE', null, 'file', 6],
      ['NEW', null, 'file', 7],
    ]);
  });

  it('knows native sidecars from init containers', () => {
    const initContainers = [{ name: 'download' }, { name: 'proxy', restartPolicy: 'Always' }];
    const read = podSpec({ initContainers }).initContainers;
    expect(read.map(({ isInit, isSidecar }) => [isInit, isSidecar])).toEqual([
      [true, false],
      [true, true],
    ]);
    expect(container({ restartPolicy: 'Always' }).isSidecar).toBe(false);
  });

  it('are found again by their path', () => {
    const value = object('apps/v1', 'Deployment', {
      template: podTemplate({ initContainers: [{ name: 'init' }] }),
    });
    const workload = readClean(value);
    const path = ['spec', 'template', 'spec', 'initContainers', 0];
    expect(findContainer(workload, path)?.container.name).toBe('init');
    expect(findContainer(workload, [...path, 'args'])).toBeNull();
    expect(findContainer(workload, [...path.slice(0, -1), 1])).toBeNull();
  });
});

describe('placement', () => {
  it('reads selector, gates, claims, names', () => {
    const spec = podSpec({
      nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-H200' },
      schedulerName: 'kai-scheduler',
      schedulingGates: [{ name: 'kueue.x-k8s.io/admission' }],
      resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'one' }],
      nodeName: 'node-1',
    });
    expect(spec).toMatchObject({
      schedulerName: 'kai-scheduler',
      schedulingGates: ['kueue.x-k8s.io/admission'],
      resourceClaims: 1,
      nodeName: 'node-1',
      requiredNodeAffinity: null,
    });
    expect(spec.nodeSelector).toEqual(new Map([['nvidia.com/gpu.product', 'NVIDIA-H200']]));
  });

  it('reads required node affinity, and only that', () => {
    const matchExpressions = [{ key: 'nvidia.com/gpu.memory', operator: 'Gt', values: ['78000'] }];
    const matchFields = [{ key: 'metadata.name', operator: 'NotIn', values: ['node-1'] }];
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions, matchFields },
          {},
          { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
        ],
      },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: {} }],
    };
    expect(podSpec({ affinity: { nodeAffinity } }).requiredNodeAffinity).toEqual([
      { matchExpressions, matchFields },
      { matchExpressions: [], matchFields: [] },
      { matchExpressions: [{ key: 'a', operator: 'Exists', values: [] }], matchFields: [] },
    ]);
    const preferred = { preferredDuringSchedulingIgnoredDuringExecution: [] };
    expect(podSpec({ affinity: { nodeAffinity: preferred } }).requiredNodeAffinity).toBeNull();
    expect(podSpec({ affinity: { podAntiAffinity: {} } }).requiredNodeAffinity).toBeNull();
  });

  it('reads tolerations with their defaults', () => {
    const tolerations = [
      { key: 'nvidia.com/gpu', operator: 'Exists' },
      { key: 'sku', value: 'gpu', effect: 'NoSchedule' },
      { operator: 'Exists', key: '', effect: '' },
      { key: 'sla', operator: 'Gt', value: '950' },
    ];
    expect(podSpec({ tolerations }).tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists', value: '', effect: null },
      { key: 'sku', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' },
      { key: null, operator: 'Exists', value: '', effect: null },
      { key: 'sla', operator: 'Gt', value: '950', effect: null },
    ]);
  });

  it('reads volumes by their medium', () => {
    const volumes = [
      { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '16Gi' } },
      { name: 'bare', emptyDir: { sizeLimit: 1024 } },
      { name: 'null', emptyDir: null },
      { name: 'defaulted' },
      { name: 'claim', persistentVolumeClaim: { claimName: 'models' } },
    ];
    expect(podSpec({ volumes }).volumes).toEqual([
      { name: 'shm', emptyDirMedium: 'Memory', sizeLimit: '16Gi' },
      { name: 'bare', emptyDirMedium: '', sizeLimit: '1024' },
      { name: 'null', emptyDirMedium: '', sizeLimit: null },
      { name: 'defaulted', emptyDirMedium: '', sizeLimit: null },
      { name: 'claim', emptyDirMedium: null, sizeLimit: null },
    ]);
  });
});

describe('problems are reported at their path', () => {
  const engine = { name: 'engine' };

  it.each<[string, Json, readonly string[]]>([
    ['containers that are an object', { containers: {} }, [`${SPEC}.containers`]],
    ['a container that is a string', { containers: [engine, 'x'] }, [`${SPEC}.containers.1`]],
    ['a container without a name', { containers: [{}] }, [`${SPEC}.containers.0.name`]],
    ['an image that is a number', { containers: [{ ...engine, image: 1 }] }, [`${SPEC}.containers.0.image`]],
    ['args that are a string', { containers: [{ ...engine, args: '--x' }] }, [`${SPEC}.containers.0.args`]],
    [
      'an argument that is a number',
      { containers: [{ ...engine, args: ['-c', 8] }] },
      [`${SPEC}.containers.0.args.1`],
    ],
    [
      'a variable without a name',
      { containers: [{ ...engine, env: [{}] }] },
      [`${SPEC}.containers.0.env.0.name`],
    ],
    [
      'a variable that is a number',
      { containers: [{ ...engine, env: [{ name: 'A', value: 8 }] }] },
      [`${SPEC}.containers.0.env.0.value`],
    ],
    [
      'memory that is no quantity',
      { containers: [{ ...engine, resources: { limits: { memory: '128GB' } } }] },
      [`${SPEC}.containers.0.resources.limits.memory`],
    ],
    ['a selector that is a number', { nodeSelector: { a: 1 } }, [`${SPEC}.nodeSelector.a`]],
    [
      'an unknown toleration operator',
      { tolerations: [{ operator: 'In' }] },
      [`${SPEC}.tolerations.0.operator`],
    ],
    ['a gate without a name', { schedulingGates: [{}] }, [`${SPEC}.schedulingGates.0.name`]],
    ['a scheduler that is a list', { schedulerName: [] }, [`${SPEC}.schedulerName`]],
  ])('%s', (_, spec, want) => {
    expect(problems(spec)).toEqual(want.map((path) => `malformed-object ${path}`));
  });

  it('drops a node selector term that the scheduler could not parse', () => {
    const required = 'requiredDuringSchedulingIgnoredDuringExecution';
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'a', operator: 'Near' }] }];
    const path = `${SPEC}.affinity.nodeAffinity.${required}.nodeSelectorTerms.0.matchExpressions.0.operator`;
    expect(problems({ affinity: { nodeAffinity: { [required]: { nodeSelectorTerms } } } })).toEqual([
      `malformed-object ${path}`,
    ]);
  });

  it('keeps the place of an argument that is not a string', () => {
    const read = object('apps/v1', 'Deployment', {
      template: podTemplate({ containers: [{ ...engine, args: ['--port', 8000, {}, 'x'] }] }),
    });
    expect(findingsOf(read)).toHaveLength(2);
  });
});
