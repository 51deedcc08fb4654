import { describe, expect, it } from 'vitest';
import { readWorkload } from '../../src/workload/read-workload.ts';
import { asWorkload, ENGINE, findingsOf, firstTemplate, object, podTemplate, readClean } from './objects.ts';

describe('what is no Kubernetes object', () => {
  it.each([
    ['null', null, []],
    ['nothing', undefined, []],
    ['a list', [], []],
    ['a string', 'Deployment', []],
    ['no kind', { apiVersion: 'v1' }, ['kind']],
    ['a kind that is a number', { apiVersion: 'v1', kind: 4 }, ['kind']],
    ['no apiVersion', { kind: 'Pod' }, ['apiVersion']],
    ['an apiVersion with two slashes', { kind: 'Pod', apiVersion: 'a/b/c' }, ['apiVersion']],
    ['an apiVersion without a group', { kind: 'Pod', apiVersion: '/v1' }, ['apiVersion']],
  ])('%s', (_, value, path) => {
    expect(readWorkload(value)).toMatchObject({
      kind: 'malformed',
      findings: [{ code: 'malformed-object', path }],
    });
  });
});

describe('kinds that are not judged', () => {
  it.each([
    ['serving.kserve.io/v1beta1', 'InferenceService', 'KServe'],
    ['serving.kserve.io/v1alpha1', 'LLMInferenceService', 'KServe'],
    ['serving.kserve.io/v1alpha1', 'ServingRuntime', 'KServe'],
    ['serving.kserve.io/v1alpha1', 'ClusterServingRuntime', 'KServe'],
    ['ome.io/v1beta1', 'InferenceService', 'OME'],
    ['ray.io/v1', 'RayService', 'KubeRay'],
    ['ray.io/v1', 'RayCluster', 'KubeRay'],
    ['ray.io/v1', 'RayJob', 'KubeRay'],
    ['apps.nvidia.com/v1alpha1', 'NIMService', 'NIM'],
    ['apps.nvidia.com/v1alpha1', 'NIMPipeline', 'NIM'],
    ['nvidia.com/v1alpha1', 'DynamoGraphDeployment', 'Dynamo'],
    ['nvidia.com/v1beta1', 'DynamoComponentDeployment', 'Dynamo'],
    ['kaito.sh/v1beta1', 'Workspace', 'KAITO'],
    ['kaito.sh/v1alpha1', 'RAGEngine', 'KAITO'],
    ['kaito.sh/v1alpha1', 'InferenceSet', 'KAITO'],
    ['inference.llmaz.io/v1alpha1', 'Service', 'llmaz'],
    ['orchestration.aibrix.ai/v1alpha1', 'StormService', 'AIBrix'],
    ['workloads.x-k8s.io/v1alpha2', 'RoleBasedGroup', 'RBG'],
    ['workload.serving.volcano.sh/v1alpha1', 'ModelServing', 'Kthena'],
    ['argoproj.io/v1alpha1', 'Rollout', 'Argo Rollouts'],
    ['apps.kruise.io/v1beta1', 'StatefulSet', 'OpenKruise'],
  ])('%s %s', (apiVersion, kindName, product) => {
    const [group, version] = apiVersion.split('/');
    const value = { apiVersion, kind: kindName, metadata: { name: 'm', namespace: 'ml' }, spec: 7 };
    expect(readWorkload(value)).toEqual({
      kind: 'not-judged',
      group,
      version,
      kindName,
      name: 'm',
      namespace: 'ml',
      reason: expect.stringContaining(product),
    });
  });

  it('tolerates metadata of any type', () => {
    for (const metadata of [undefined, null, 7, [], { name: 7, namespace: '' }]) {
      const value = { apiVersion: 'ray.io/v1', kind: 'RayService', metadata };
      expect(readWorkload(value)).toMatchObject({ kind: 'not-judged', name: null, namespace: null });
    }
  });
});

describe('kinds that are not our business', () => {
  it.each([
    ['v1', 'Service', ''],
    ['v1', 'Binding', ''],
    ['policy/v1', 'Eviction', 'policy'],
    ['autoscaling/v1', 'Scale', 'autoscaling'],
    ['example.com/v1', 'InferenceService', 'example.com'],
    ['batch.volcano.sh/v1alpha1', 'Job', 'batch.volcano.sh'],
    ['v1', 'Deployment', ''],
    ['__proto__/v1', 'toString', '__proto__'],
  ])('%s %s', (apiVersion, kindName, group) => {
    expect(readWorkload({ apiVersion, kind: kindName })).toEqual({ kind: 'other', group, kindName });
  });
});

describe('metadata', () => {
  const spec = { template: podTemplate() };

  it('finds the controller among the owners', () => {
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: '1' },
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'r', uid: '2', controller: true },
    ];
    const workload = readClean(object('apps/v1', 'ReplicaSet', spec, { ownerReferences }));
    expect(workload.controller).toEqual({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'r' });
  });

  it('sees a deletion, a generated name, labels, annotations', () => {
    const workload = readClean({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        generateName: 'llama-',
        deletionTimestamp: '2026-11-24T10:00:00Z',
        labels: { app: 'llama' },
        annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/concurrency': 2 },
      },
      spec,
    });
    expect(workload).toMatchObject({ isTerminating: true, name: null, generateName: 'llama-' });
    expect(workload.labels.get('app')).toBe('llama');
    expect(workload.annotations.get('vramgate.io/concurrency')).toBe(2);
  });

  it('needs no metadata', () => {
    const workload = readClean({ apiVersion: 'apps/v1', kind: 'Deployment', spec });
    expect(workload).toMatchObject({ name: null, namespace: null, isTerminating: false });
  });

  it.each([
    ['labels', { labels: { a: 1 } }, 'metadata.labels.a'],
    ['labels as a list', { labels: ['a'] }, 'metadata.labels'],
    ['annotations as a string', { annotations: 'x' }, 'metadata.annotations'],
    ['an owner that is a string', { ownerReferences: ['x'] }, 'metadata.ownerReferences.0'],
    ['a name that is a number', { name: 7 }, 'metadata.name'],
  ])('reports %s', (_, metadata, path) => {
    expect(findingsOf(object('apps/v1', 'Deployment', spec, metadata))).toEqual([`malformed-object ${path}`]);
  });

  it('keeps __proto__ as a key like any other', () => {
    const text =
      '{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"__proto__":"x"},"annotations":{"__proto__":{"a":1}}},"spec":{"containers":[{"name":"c","resources":{"limits":{"__proto__":"1"}}}],"nodeSelector":{"__proto__":"y"}}}';
    const workload = readClean(JSON.parse(text));
    expect([...workload.labels]).toEqual([['__proto__', 'x']]);
    expect([...workload.annotations]).toEqual([['__proto__', { a: 1 }]]);
    const { spec: pod } = firstTemplate(workload);
    expect([...pod.nodeSelector]).toEqual([['__proto__', 'y']]);
    expect(pod.containers.map(({ limits }) => [...limits])).toEqual([[['__proto__', '1']]]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('limits of analysis', () => {
  const containersPath = 'spec.template.spec.containers';

  function deployment(spec: Record<string, unknown>): unknown {
    return object('apps/v1', 'Deployment', { template: podTemplate(spec) });
  }

  it('reads 64 containers, and says so for the 65th', () => {
    const containers = Array.from({ length: 65 }, (_, index) => ({ ...ENGINE, name: `c${index}` }));
    expect(findingsOf(deployment({ containers: containers.slice(1) }))).toEqual([]);
    const reading = readWorkload(deployment({ containers, initContainers: [ENGINE] }));
    expect(firstTemplate(asWorkload(reading)).spec.containers).toHaveLength(64);
    expect(findingsOf(deployment({ containers, initContainers: [ENGINE] }))).toEqual([
      `analysis-limit ${containersPath}`,
      'analysis-limit spec.template.spec.initContainers',
    ]);
  });

  it('cuts long lists and maps', () => {
    const env = Array.from({ length: 1025 }, (_, index) => ({ name: `V${index}` }));
    expect(findingsOf(deployment({ containers: [{ ...ENGINE, env }] }))).toEqual([
      `analysis-limit ${containersPath}.0.env`,
    ]);
    const nodeSelector = Object.fromEntries(env.map(({ name }) => [name, 'x']));
    expect(findingsOf(deployment({ nodeSelector }))).toEqual([
      'analysis-limit spec.template.spec.nodeSelector',
    ]);
  });

  it('cuts node affinity by its requirements and values together', () => {
    const required = 'requiredDuringSchedulingIgnoredDuringExecution';
    const values = Array.from({ length: 600 }, (_, index) => `node-${index}`);
    const term = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values }] };
    const value = (count: number): unknown => {
      const nodeSelectorTerms = Array.from({ length: count }, () => term);
      return deployment({ affinity: { nodeAffinity: { [required]: { nodeSelectorTerms } } } });
    };
    const path = `spec.template.spec.affinity.nodeAffinity.${required}.nodeSelectorTerms`;
    expect(findingsOf(value(1))).toEqual([]);
    expect(findingsOf(value(2))).toEqual([`analysis-limit ${path}`]);
  });

  function nested(depth: number): unknown {
    return JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  }

  it.each([
    [61, []],
    [62, ['analysis-limit spec']],
    [100_000, ['analysis-limit spec']],
  ])('follows nesting: %d levels of an unknown field', (depth, want) => {
    expect(findingsOf(deployment({ unknown: nested(depth) }))).toEqual(want);
  });

  it('follows nesting of annotations, and not of managedFields', () => {
    const value = (metadata: Record<string, unknown>): unknown =>
      object('apps/v1', 'Deployment', { template: podTemplate() }, metadata);
    expect(findingsOf(value({ annotations: { deep: nested(100) } }))).toEqual(['analysis-limit spec']);
    expect(findingsOf(value({ managedFields: [nested(100)] }))).toEqual([]);
  });

  it('reports at most 100 findings', () => {
    const args = Array.from({ length: 1000 }, () => 7);
    expect(findingsOf(deployment({ containers: [{ ...ENGINE, args }] }))).toHaveLength(100);
  });

  const HALF_OF_7_MIB = (7 * 1024 * 1024) / 2;

  /** `args` and `env` get half each. */
  it.each([
    ['empty objects', '{}'],
    ['empty lists', '[]'],
    ['numbers', '1'],
    ['long strings', `"${'x'.repeat(1000)}"`],
  ])('reads 7 MiB of %s in time', (_, item) => {
    const items = new Array(Math.floor(HALF_OF_7_MIB / (item.length + 1))).fill(item).join(',');
    const text = `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c","args":[${items}],"env":[${items}]}]}}`;
    const value: unknown = JSON.parse(text);
    const start = performance.now();
    readWorkload(value);
    expect(performance.now() - start).toBeLessThan(100);
  });
});
