import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import type { Draft } from '../../src/inventory/classes.ts';
import { readComputeClass } from '../../src/inventory/compute-class.ts';
import { KnownPools } from '../../src/inventory/known-pools.ts';
import { type NodeClassFacts, readNodeClass } from '../../src/inventory/node-class.ts';
import { readNodePool } from '../../src/inventory/node-pool.ts';
import type { PoolCatalog } from '../../src/inventory/pool.ts';
import { indexGpus } from '../../src/inventory/products.ts';
import { readResourceFlavor } from '../../src/inventory/resource-flavor.ts';
import { ANY_VALUE, matchesNode } from '../../src/placement/node-affinity.ts';

const POOLS = { catalog: builtinCatalog, index: indexGpus(builtinCatalog), nodeClasses: new Map() };

function shown(drafts: readonly Draft[]): readonly string[] {
  return drafts.map(({ gpusPerNode, device, nodes }) => `${gpusPerNode}x ${device?.product} on ${nodes}`);
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** As aws/karpenter-provider-aws website/content/en/v1.14/concepts/nodepools.md shows one. */
function nodePool(requirements: readonly Requirement[], more: object = {}, group = 'karpenter.k8s.aws') {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'gpu' },
    spec: {
      ...more,
      template: {
        metadata: { labels: { team: 'ml' } },
        spec: {
          requirements,
          taints: [{ key: 'nvidia.com/gpu', value: 'true', effect: 'NoSchedule' }],
          nodeClassRef: { group, kind: 'EC2NodeClass', name: 'default' },
        },
      },
    },
  };
}

/** As awsdocs/amazon-eks-user-guide latest/ug/automode/auto-odcr.adoc shows one. */
function autoPool(...more: readonly Requirement[]) {
  const family = { key: 'eks.amazonaws.com/instance-family', operator: 'In', values: ['p5e'] };
  return nodePool([family, ...more], {}, 'eks.amazonaws.com');
}

function withNodeClass(group: string, nodeClass: NodeClassFacts): PoolCatalog {
  return { ...POOLS, nodeClasses: new Map([[group, new Map([[nodeClass.name, nodeClass]])]]) };
}

const ZONE = 'topology.kubernetes.io/zone';
const CAPACITY = 'karpenter.sh/capacity-type';
const INSTANCE_TYPE = 'node.kubernetes.io/instance-type';
const FAMILY = 'karpenter.k8s.aws/instance-family';

describe('Karpenter NodePools', () => {
  it('promise the instance types that their requirements leave, with what Karpenter sets on them', () => {
    const zones = {
      key: 'topology.kubernetes.io/zone',
      operator: 'In',
      values: ['us-east-1a', 'us-east-1b'],
    };
    const spot = { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['on-demand'] };
    const [p5, ...others] = readNodePool(
      nodePool([
        { key: FAMILY, operator: 'In', values: ['p5'] },
        { key: 'karpenter.k8s.aws/instance-size', operator: 'In', values: ['48xlarge'] },
        zones,
        spot,
      ]),
      POOLS,
    );
    expect(others).toEqual([]);
    expect(shown(p5 === undefined ? [] : [p5])).toEqual(['8x NVIDIA-H100-80GB-HBM3 on 0']);
    expect(Object.fromEntries(p5?.labels ?? [])).toMatchObject({
      team: 'ml',
      'karpenter.sh/nodepool': 'gpu',
      'karpenter.sh/capacity-type': 'on-demand',
      'node.kubernetes.io/instance-type': 'p5.48xlarge',
      'karpenter.k8s.aws/instance-gpu-name': 'h100',
      'karpenter.k8s.aws/instance-gpu-count': '8',
    });
    expect([...(p5?.varyingLabels.get('topology.kubernetes.io/zone') ?? [])]).toEqual(zones.values);
    expect(p5).toMatchObject({ source: 'pool', taints: [{ key: 'nvidia.com/gpu', value: 'true' }] });
  });

  it.each<[string, Requirement, readonly string[]]>([
    // gpu-catalog.md §4: p6-b200 and p6-b300 have 8 GPUs each.
    [
      'by name',
      { key: 'karpenter.k8s.aws/instance-gpu-name', operator: 'In', values: ['b200', 'b300'] },
      ['8x NVIDIA-B200 on 0', '8x NVIDIA-B300-SXM6-AC on 0'],
    ],
    [
      'by memory',
      { key: 'karpenter.k8s.aws/instance-gpu-memory', operator: 'Gt', values: ['150000'] },
      ['8x NVIDIA-B200 on 0', '8x NVIDIA-B300-SXM6-AC on 0'],
    ],
    [
      'by instance type',
      { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['g6e.12xlarge', 'm5.large'] },
      ['4x NVIDIA-L40S on 0'],
    ],
  ])('are narrowed %s', (_, requirement, expected) => {
    expect(shown(readNodePool(nodePool([requirement]), POOLS)).toSorted()).toEqual(
      expect.arrayContaining([...expected]),
    );
  });

  it.each<[string, readonly Requirement[]]>([
    [
      'CPU families',
      [{ key: 'karpenter.k8s.aws/instance-category', operator: 'In', values: ['c', 'm', 'r'] }],
    ],
    ['no word about machines', [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }]],
    ['nothing', []],
  ])('promise no GPU with %s', (_, requirements) => {
    expect(readNodePool(nodePool(requirements), POOLS)).toEqual([]);
  });

  it('promise nothing beyond their limit', () => {
    const requirement = { key: FAMILY, operator: 'In', values: ['g6e'] };
    const limited = readNodePool(nodePool([requirement], { limits: { 'nvidia.com/gpu': '4' } }), POOLS);
    expect(new Set(limited.map(({ gpusPerNode }) => gpusPerNode))).toEqual(new Set([1, 4]));
  });

  it('know EKS Auto Mode’s own keys, and Azure’s sizes as they are spelled', () => {
    const auto = nodePool(
      [{ key: 'eks.amazonaws.com/instance-gpu-name', operator: 'In', values: ['h200'] }],
      {},
      'eks.amazonaws.com',
    );
    expect(
      readNodePool(auto, POOLS).map(({ labels }) => labels.get('eks.amazonaws.com/instance-gpu-name')),
    ).toContain('h200');
    const size = 'Standard_ND96isr_H100_v5';
    const azure = nodePool(
      [{ key: 'node.kubernetes.io/instance-type', operator: 'In', values: [size] }],
      {},
      'karpenter.azure.com',
    );
    const [draft] = readNodePool(azure, POOLS);
    expect(draft?.labels.get('node.kubernetes.io/instance-type')).toBe(size);
    expect(draft?.gpusPerNode).toBe(8);
  });

  it('leave to the pod what Karpenter’s well-known labels leave open, and nothing else', () => {
    const [p5] = readNodePool(
      nodePool([{ key: INSTANCE_TYPE, operator: 'In', values: ['p5.48xlarge'] }]),
      POOLS,
    );
    const matches = (
      key: string,
      operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt',
      ...values: string[]
    ) =>
      matchesNode(
        { fixed: p5?.labels ?? new Map(), varying: p5?.varyingLabels ?? new Map() },
        {
          nodeSelector: new Map(),
          requiredNodeAffinity: [{ matchExpressions: [{ key, operator, values }], matchFields: [] }],
        },
      );
    for (const [key, value] of [
      ['topology.kubernetes.io/zone', 'us-east-1a'],
      ['failure-domain.beta.kubernetes.io/zone', 'us-east-1a'],
      ['topology.kubernetes.io/region', 'us-east-1'],
      ['kubernetes.io/arch', 'amd64'],
      ['kubernetes.io/os', 'linux'],
      ['karpenter.sh/capacity-type', 'spot'],
      ['karpenter.k8s.aws/instance-cpu', '192'],
      ['karpenter.k8s.aws/instance-gpu-memory', '81920'],
    ] as const) {
      expect(matches(key, 'In', value), key).toBe(true);
      expect(matches(key, 'Exists'), key).toBe(true);
      expect(matches(key, 'DoesNotExist'), key).toBe(false);
    }
    expect(matches('karpenter.k8s.aws/instance-cpu', 'Gt', '95')).toBe(true);
    expect(matches('topology.kubernetes.io/zone', 'NotIn', 'us-east-1a')).toBe(true);
    expect(matches('kubernetes.io/arch', 'In', 'arm64')).toBe(false);
    expect(matches('karpenter.sh/capacity-type', 'In', 'cheap')).toBe(false);
    expect(matches('karpenter.k8s.aws/instance-gpu-memory', 'In', '144384')).toBe(false);
    // Karpenter refuses a key that no pool defines and that is not well known (kubernetes-sigs/karpenter#1219).
    expect(matches('nvidia.com/gpu.product', 'In', 'NVIDIA-H100-80GB-HBM3')).toBe(false);
    expect(matches('example.com/rack', 'Exists')).toBe(false);
  });

  it('cannot bring a node while they or their node class are not ready', () => {
    const requirement = { key: FAMILY, operator: 'In', values: ['p5e'] };
    const status = (state: string) => ({
      ...nodePool([requirement]),
      status: {
        conditions: [
          { type: 'NodeClassReady', status: state },
          { type: 'Ready', status: state },
        ],
      },
    });
    expect(readNodePool(status('True'), POOLS).map(({ sharing }) => sharing)).toEqual(['none']);
    expect(readNodePool(status('False'), POOLS).map(({ sharing }) => sharing)).toEqual(['not-ready']);
  });

  it('of a fixed size bring no node for a pod', () => {
    expect(
      readNodePool(nodePool([{ key: FAMILY, operator: 'In', values: ['p5e'] }], { replicas: 2 }), POOLS),
    ).toEqual([]);
  });

  it('have the zones and reservations of their EC2NodeClass', () => {
    const nodeClass = readNodeClass(
      {
        metadata: { name: 'default' },
        status: {
          subnets: [
            { id: 'subnet-1', zone: 'us-east-1b' },
            { id: 'subnet-2', zone: 'us-east-1a' },
          ],
          capacityReservations: [
            {
              id: 'cr-0123',
              instanceType: 'p5.48xlarge',
              availabilityZone: 'us-east-1b',
              reservationType: 'default',
            },
          ],
        },
      },
      'EC2NodeClass',
    );
    const pools = withNodeClass('karpenter.k8s.aws', nodeClass);
    const read = (...requirements: readonly Requirement[]) =>
      readNodePool(
        nodePool([{ key: FAMILY, operator: 'In', values: ['p5', 'p5e'] }, ...requirements]),
        pools,
      );
    const seen = (drafts: readonly Draft[], key: string) =>
      drafts.map(({ labels, varyingLabels }) => [
        labels.get('node.kubernetes.io/instance-type'),
        ...(varyingLabels.get(key) ?? [labels.get(key)]),
      ]);
    const zone = 'topology.kubernetes.io/zone';
    expect(seen(read(), zone)).toContainEqual(['p5e.48xlarge', 'us-east-1a', 'us-east-1b']);
    expect(
      seen(read({ key: zone, operator: 'In', values: ['us-east-1b', 'us-east-1c'] }), zone),
    ).toContainEqual(['p5e.48xlarge', 'us-east-1b']);
    expect(read({ key: zone, operator: 'In', values: ['us-east-1c'] })).toEqual([]);
    const capacity = 'karpenter.sh/capacity-type';
    expect(seen(read(), capacity)).toContainEqual(['p5.48xlarge', 'on-demand', 'spot', 'reserved']);
    expect(seen(read(), capacity)).toContainEqual(['p5e.48xlarge', 'on-demand', 'spot']);
    const reserved = read({ key: capacity, operator: 'In', values: ['reserved'] });
    expect(seen(reserved, zone)).toEqual([['p5.48xlarge', 'us-east-1b']]);
  });

  it('of EKS Auto Mode have the zones of their own NodeClass, whatever EC2NodeClass has its name', () => {
    const pools = new KnownPools(builtinCatalog);
    const subnets = (...zones: readonly string[]) => ({
      subnets: zones.map((zone) => ({ id: 'subnet-1', zone })),
    });
    pools.put('NodePool', autoPool());
    pools.put('EC2NodeClass', { metadata: { name: 'default' }, status: subnets('us-east-1f') });
    const zones = () =>
      pools.drafts().map(({ varyingLabels, labels }) => varyingLabels.get(ZONE) ?? labels.get(ZONE));
    expect(zones()).toEqual([new Set([ANY_VALUE])]);
    pools.put('NodeClass', { metadata: { name: 'default' }, status: subnets('us-east-1b', 'us-east-1a') });
    expect(zones()).toEqual([new Set(['us-east-1a', 'us-east-1b'])]);
    expect([...pools.names('NodeClass')]).toEqual(['default']);
    pools.remove('NodeClass', 'default');
    expect(zones()).toEqual([new Set([ANY_VALUE])]);
  });

  // awsdocs/amazon-eks-user-guide latest/ug/automode/auto-odcr.adoc: nodes of selected reservations are `reserved`.
  it('of EKS Auto Mode bring reserved nodes only where their NodeClass selects reservations', () => {
    const read = (nodeClass: object, capacity: readonly string[] = ['reserved', 'on-demand']) => {
      const named = { metadata: { name: 'default' }, ...nodeClass };
      const pools = withNodeClass('eks.amazonaws.com', readNodeClass(named, 'NodeClass'));
      const requirement = { key: CAPACITY, operator: 'In', values: capacity };
      return readNodePool(autoPool(requirement), pools).map(({ labels, varyingLabels }) => [
        ...(varyingLabels.get(CAPACITY) ?? [labels.get(CAPACITY)]),
      ]);
    };
    const selecting = { spec: { capacityReservationSelectorTerms: [{ id: 'cr-56fac701cc1951b03' }] } };
    expect(read({ spec: {} })).toEqual([['on-demand']]);
    expect(read({ spec: {} }, ['reserved'])).toEqual([]);
    expect(read(selecting)).toEqual([['on-demand', 'reserved']]);
    expect(read(selecting, ['reserved'])).toEqual([['reserved']]);
  });

  it('bring no node while their node class is not ready, though they do not say so yet', () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'SubnetsNotFound' }];
    for (const [kind, group, pool] of [
      ['NodeClass', 'eks.amazonaws.com', autoPool()],
      ['EC2NodeClass', 'karpenter.k8s.aws', nodePool([{ key: FAMILY, operator: 'In', values: ['p5e'] }])],
    ] as const) {
      const nodeClass = readNodeClass({ metadata: { name: 'default' }, status: { conditions } }, kind);
      const drafts = readNodePool(pool, withNodeClass(group, nodeClass));
      expect(drafts.map(({ sharing }) => sharing)).toEqual(['not-ready']);
    }
  });

  it('of AKS name sizes by their parts, as Azure spells them', () => {
    const pool = nodePool(
      [
        { key: 'karpenter.azure.com/sku-gpu-name', operator: 'In', values: ['A100'] },
        { key: 'karpenter.azure.com/sku-family', operator: 'In', values: ['N'] },
      ],
      {},
      'karpenter.azure.com',
    );
    // Azure/karpenter-provider-azure: labels of Standard_NC24ads_A100_v4 as its tests have them.
    const labels = readNodePool(pool, POOLS).map((draft) => Object.fromEntries(draft.labels));
    expect(labels).toContainEqual(
      expect.objectContaining({
        'node.kubernetes.io/instance-type': 'Standard_NC24ads_A100_v4',
        'karpenter.azure.com/sku-name': 'Standard_NC24ads_A100_v4',
        'karpenter.azure.com/sku-family': 'N',
        'karpenter.azure.com/sku-version': '4',
        'karpenter.azure.com/sku-gpu-name': 'A100',
        'karpenter.azure.com/sku-gpu-manufacturer': 'nvidia',
        'karpenter.azure.com/sku-gpu-count': '1',
        'kubernetes.io/arch': 'amd64',
      }),
    );
    expect(labels.every((one) => one['karpenter.azure.com/sku-gpu-name'] === 'A100')).toBe(true);
  });

  it.each([
    null,
    7,
    {},
    { spec: { template: 'x' } },
    { spec: { template: { spec: { requirements: [1, { key: 2 }] } } } },
  ])('pass over what is no NodePool: %j', (object) => {
    expect(readNodePool(object, POOLS)).toEqual([]);
  });
});

describe('GKE ComputeClasses', () => {
  it('promise each priority that names GPUs', () => {
    // GoogleCloudPlatform/kubernetes-engine-samples ccc-gpu-reservation.yaml.
    const object = {
      metadata: { name: 'llm' },
      spec: {
        priorities: [
          { gpu: { type: 'nvidia-h100-80gb', count: 8 }, spot: true },
          { machineType: 'a3-ultragpu-8g' },
          { machineFamily: 'n2' },
        ],
      },
    };
    const drafts = readComputeClass(object, POOLS);
    expect(shown(drafts)).toEqual(['8x NVIDIA-H100-80GB-HBM3 on 0', '8x NVIDIA-H200 on 0']);
    expect(Object.fromEntries(drafts[0]?.labels ?? [])).toEqual({
      'cloud.google.com/compute-class': 'llm',
      'cloud.google.com/gke-accelerator': 'nvidia-h100-80gb',
      'cloud.google.com/gke-accelerator-count': '8',
    });
  });
});

describe('Kueue ResourceFlavors', () => {
  const flavor = (nodeLabels: object) => ({
    metadata: { name: 'f' },
    spec: { nodeLabels, nodeTaints: [{ key: 'gpu', value: 'y', effect: 'NoSchedule' }] },
  });

  it('promise a node where their labels name the GPU and how many', () => {
    const [draft] = readResourceFlavor(
      flavor({ 'node.kubernetes.io/instance-type': 'BM.GPU.H100.8' }),
      POOLS,
    );
    expect(draft).toMatchObject({
      gpusPerNode: 8,
      nodes: 0,
      taints: [{ key: 'gpu', value: 'y', effect: 'NoSchedule' }],
    });
  });

  it.each([{ 'instance-type': 'spot' }, { 'nvidia.com/gpu.product': 'NVIDIA-H100-80GB-HBM3' }, {}])(
    'promise none with %j, which names a quota and no size',
    (labels) => {
      expect(readResourceFlavor(flavor(labels), POOLS)).toEqual([]);
    },
  );
});
