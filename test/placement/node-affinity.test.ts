import { describe, expect, it } from 'vitest';
import { matchesNode, type NodeLabels, parseInteger } from '../../src/placement/node-affinity.ts';
import type { NodeSelectorRequirement, PodSpec } from '../../src/workload/types.ts';

const H100: NodeLabels = {
  fixed: new Map([
    ['nvidia.com/gpu.product', 'NVIDIA-H100-80GB-HBM3'],
    ['nvidia.com/gpu.memory', '81559'],
    ['amd.com/gpu.vram', '192G'],
    ['big', '9223372036854775807'],
    ['beyond', '9223372036854775808'],
    ['empty', ''],
  ]),
  varying: new Map([
    ['kubernetes.io/hostname', new Set(['node-1', 'node-2'])],
    ['rack', new Set(['4', '7'])],
    ['none', new Set<string>()],
  ]),
};

const BARE: PodSpec = {
  path: ['spec'],
  containers: [],
  initContainers: [],
  nodeSelector: new Map(),
  requiredNodeAffinity: null,
  tolerations: [],
  schedulerName: null,
  sharesHostIpc: false,
  schedulingGates: [],
  resourceClaims: 0,
  nodeName: null,
  volumes: [],
};

type Expression = readonly [string, NodeSelectorRequirement['operator'], ...string[]];

function requirements(expressions: readonly Expression[]): readonly NodeSelectorRequirement[] {
  return expressions.map(([key, operator, ...values]) => ({ key, operator, values }));
}

/** A pod with these terms, ORed; each a list of expressions, ANDed. */
function withTerms(...terms: readonly (readonly Expression[])[]): PodSpec {
  const requiredNodeAffinity = terms.map((term) => ({
    matchExpressions: requirements(term),
    matchFields: [],
  }));
  return { ...BARE, requiredNodeAffinity };
}

function withFields(...expressions: readonly Expression[]): PodSpec {
  return {
    ...BARE,
    requiredNodeAffinity: [{ matchExpressions: [], matchFields: requirements(expressions) }],
  };
}

const PRODUCT = 'nvidia.com/gpu.product';
const MEMORY = 'nvidia.com/gpu.memory';
const HOST = 'kubernetes.io/hostname';

describe('node selector', () => {
  it.each<[string, [string, string][], boolean]>([
    ['nothing asked', [], true],
    ['the label', [[PRODUCT, 'NVIDIA-H100-80GB-HBM3']], true],
    ['another value', [[PRODUCT, 'NVIDIA-H200']], false],
    ['no such label', [['zone', 'a']], false],
    ['an empty value', [['empty', '']], true],
    ['an empty value is not absence', [['zone', '']], false],
    [
      'all must hold',
      [
        [PRODUCT, 'NVIDIA-H100-80GB-HBM3'],
        ['zone', 'a'],
      ],
      false,
    ],
    ['a value that one node has', [[HOST, 'node-2']], true],
    ['a value that no node has', [[HOST, 'node-3']], false],
  ])('%s', (_, selector, want) => {
    expect(matchesNode(H100, { ...BARE, nodeSelector: new Map(selector) })).toBe(want);
  });
});

describe('operators, as the scheduler reads them', () => {
  it.each<[Expression, boolean]>([
    [[PRODUCT, 'In', 'NVIDIA-H200', 'NVIDIA-H100-80GB-HBM3'], true],
    [[PRODUCT, 'In', 'NVIDIA-H200'], false],
    [['zone', 'In', 'a'], false],
    [['zone', 'In', ''], false],
    [[PRODUCT, 'NotIn', 'NVIDIA-H200'], true],
    [[PRODUCT, 'NotIn', 'NVIDIA-H100-80GB-HBM3'], false],
    [['zone', 'NotIn', 'a'], true],
    [[PRODUCT, 'Exists'], true],
    [['zone', 'Exists'], false],
    [['empty', 'Exists'], true],
    [[PRODUCT, 'DoesNotExist'], false],
    [['zone', 'DoesNotExist'], true],
    [[MEMORY, 'Gt', '78000'], true],
    [[MEMORY, 'Gt', '81558'], true],
    [[MEMORY, 'Gt', '81559'], false],
    [[MEMORY, 'Lt', '81559'], false],
    [[MEMORY, 'Lt', '81560'], true],
    [[MEMORY, 'Gt', '-1'], true],
    [[MEMORY, 'Gt', '+1'], true],
    [['big', 'Gt', '9223372036854775806'], true],
    [['beyond', 'Gt', '1'], false],
    [['amd.com/gpu.vram', 'Gt', '100'], false],
    [['zone', 'Gt', '1'], false],
    [['zone', 'Lt', '1'], false],
    [[PRODUCT, 'Gt', '1'], false],
  ])('%j: %s', (expression, want) => {
    expect(matchesNode(H100, withTerms([expression]))).toBe(want);
  });

  it.each<[string, Expression]>([
    ['In without values', [PRODUCT, 'In']],
    ['NotIn without values', ['zone', 'NotIn']],
    ['Exists with values', [PRODUCT, 'Exists', 'x']],
    ['Gt with two values', [MEMORY, 'Gt', '1', '2']],
    ['Gt with a quantity', [MEMORY, 'Gt', '80Gi']],
    ['Gt beyond 64 bits', [MEMORY, 'Lt', '9223372036854775808']],
  ])('a term that cannot be parsed selects nothing: %s', (_, expression) => {
    expect(matchesNode(H100, withTerms([expression]))).toBe(false);
    expect(matchesNode(H100, withTerms([expression], [[PRODUCT, 'Exists']]))).toBe(true);
  });
});

describe('terms', () => {
  const yes: Expression = [PRODUCT, 'Exists'];
  const no: Expression = ['zone', 'Exists'];

  it.each<[string, PodSpec, boolean]>([
    ['one of several is enough', withTerms([no], [yes]), true],
    ['none holds', withTerms([no], [no]), false],
    ['all expressions of a term must hold', withTerms([yes, no]), false],
    ['an empty term selects nothing', withTerms([]), false],
    ['an empty term beside another', withTerms([], [yes]), true],
    ['no terms select nothing', withTerms(), false],
    ['selector and affinity both', { ...withTerms([yes]), nodeSelector: new Map([['zone', 'a']]) }, false],
    ['selector and affinity agree', { ...withTerms([yes]), nodeSelector: new Map([['rack', '4']]) }, true],
  ])('%s', (_, spec, want) => {
    expect(matchesNode(H100, spec)).toBe(want);
  });
});

describe('labels that differ from node to node', () => {
  it.each<[string, PodSpec, boolean]>([
    ['some node is enough', withTerms([[HOST, 'In', 'node-2']]), true],
    ['all but one', withTerms([[HOST, 'NotIn', 'node-1']]), true],
    ['all excluded', withTerms([[HOST, 'NotIn', 'node-1', 'node-2']]), false],
    [
      'excluded one by one',
      withTerms([
        [HOST, 'NotIn', 'node-1'],
        [HOST, 'NotIn', 'node-2'],
      ]),
      false,
    ],
    [
      'named and excluded',
      withTerms([
        [HOST, 'In', 'node-1'],
        [HOST, 'NotIn', 'node-1'],
      ]),
      false,
    ],
    ['every node has it', withTerms([[HOST, 'Exists']]), true],
    ['no node lacks it', withTerms([[HOST, 'DoesNotExist']]), false],
    ['numbers: some', withTerms([['rack', 'Gt', '5']]), true],
    [
      'numbers: none between',
      withTerms([
        ['rack', 'Gt', '4'],
        ['rack', 'Lt', '7'],
      ]),
      false,
    ],
    [
      'selector and affinity want different nodes',
      { ...withTerms([[HOST, 'In', 'node-1']]), nodeSelector: new Map([[HOST, 'node-2']]) },
      false,
    ],
    ['values not seen yet count as absent', withTerms([['none', 'Exists']]), false],
  ])('%s', (_, spec, want) => {
    expect(matchesNode(H100, spec)).toBe(want);
  });
});

describe('fields', () => {
  const names = new Set(['node-1', 'node-2']);

  it.each<[string, PodSpec, ReadonlySet<string> | undefined, boolean]>([
    ['a node of the class', withFields(['metadata.name', 'In', 'node-1']), names, true],
    ['a node of another class', withFields(['metadata.name', 'In', 'node-9']), names, false],
    ['one excluded', withFields(['metadata.name', 'NotIn', 'node-1']), names, true],
    ['the only one excluded', withFields(['metadata.name', 'NotIn', 'node-1']), new Set(['node-1']), false],
    [
      'both excluded',
      withFields(['metadata.name', 'NotIn', 'node-1'], ['metadata.name', 'NotIn', 'node-2']),
      names,
      false,
    ],
    ['a pool at zero, named', withFields(['metadata.name', 'In', 'node-1']), new Set(), false],
    ['a pool at zero, excluded', withFields(['metadata.name', 'NotIn', 'node-1']), new Set(), true],
    ['names not given', withFields(['metadata.name', 'NotIn', 'node-1']), undefined, true],
    ['another field', withFields(['spec.unschedulable', 'In', 'true']), names, false],
    ['two values', withFields(['metadata.name', 'In', 'node-1', 'node-2']), names, false],
    ['another operator', withFields(['metadata.name', 'Exists']), names, false],
  ])('%s', (_, spec, nodeNames, want) => {
    expect(matchesNode(H100, spec, nodeNames)).toBe(want);
  });
});

describe('parseInteger', () => {
  it.each([
    ['0', 0n],
    ['-5', -5n],
    ['+5', 5n],
    ['007', 7n],
    ['-9223372036854775808', -(2n ** 63n)],
  ])('%s', (text, want) => {
    expect(parseInteger(text)).toBe(want);
  });

  it.each(['', '+', '1.5', '1e3', '0x1', ' 1', '1 ', '192G', '-9223372036854775809', '1'.repeat(10_000)])(
    'refuses %j',
    (text) => {
      expect(parseInteger(text)).toBeNull();
    },
  );
});
