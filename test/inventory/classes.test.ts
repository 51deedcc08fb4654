import { describe, expect, it } from 'vitest';
import { classesFrom, H100_LABELS, node, only } from './nodes.ts';

function fleet(count: number, labelsOf: (at: number) => Readonly<Record<string, string>>): readonly object[] {
  return Array.from({ length: count }, (_, at) =>
    node({
      name: `n${at}`,
      labels: { ...H100_LABELS, 'kubernetes.io/hostname': `n${at}`, ...labelsOf(at) },
    }),
  );
}

describe('classes of equal nodes', () => {
  it('gathers nodes that differ by host name only, and keeps the names', () => {
    const h100 = only(classesFrom(...fleet(3, () => ({}))));
    expect(h100.nodes).toBe(3);
    expect([...h100.nodeNames]).toEqual(['n0', 'n1', 'n2']);
    expect(h100.labels.has('kubernetes.io/hostname')).toBe(false);
    expect([...(h100.varyingLabels.get('kubernetes.io/hostname') ?? [])]).toEqual(['n0', 'n1', 'n2']);
  });

  it('does not depend on the order of the nodes', () => {
    const nodes = fleet(40, (at) => ({ zone: `z${at % 3}`, serial: `s${at}`, [`only-${at % 2}`]: 'x' }));
    const shown = (classes: ReturnType<typeof classesFrom>) =>
      classes.map(({ id, nodes: count, placementKeys }) => ({ id, count, placementKeys }));
    expect(shown(classesFrom(...nodes.toReversed()))).toEqual(shown(classesFrom(...nodes)));
  });

  it('splits by labels that a selector could ask for', () => {
    const classes = classesFrom(...fleet(6, (at) => ({ zone: at < 4 ? 'a' : 'b' })));
    expect(classes.map(({ nodes }) => nodes).toSorted()).toEqual([2, 4]);
    expect(new Set(classes.map(({ id }) => id)).size).toBe(2);
  });

  it.each([15, 16])('takes a label with %i values on as many nodes for what it is', (count) => {
    // From 16 values on, with fewer than two nodes each, a label names nodes and not kinds of nodes.
    const classes = classesFrom(...fleet(count, (at) => ({ serial: `s${at}` })));
    expect(classes).toHaveLength(count < 16 ? count : 1);
  });

  it('does not take the GPU’s own labels for names of nodes', () => {
    const classes = classesFrom(...fleet(20, (at) => ({ 'node.kubernetes.io/instance-type': `t${at}` })));
    expect(classes).toHaveLength(20);
  });

  it('tells a node that lacks a naming label from those that have it', () => {
    const nodes = fleet(20, (at): Record<string, string> => (at < 18 ? { serial: `s${at}` } : {}));
    expect(
      classesFrom(...nodes)
        .map((one) => one.nodes)
        .toSorted((a, b) => a - b),
    ).toEqual([2, 18]);
  });

  it('splits by taint, by count and by what is wrong', () => {
    const taint = { key: 'team', value: 'a', effect: 'NoSchedule' };
    const classes = classesFrom(
      node({ name: 'a' }),
      node({ name: 'b', spec: { taints: [taint] } }),
      node({
        name: 'c',
        allocatable: { 'nvidia.com/gpu': '4' },
        labels: { ...H100_LABELS, 'nvidia.com/gpu.count': '4' },
      }),
      node({ name: 'd', spec: { unschedulable: true } }),
    );
    expect(classes.map(({ gpusPerNode, sharing, taints }) => [gpusPerNode, sharing, taints.length])).toEqual(
      expect.arrayContaining([
        [8, 'none', 0],
        [8, 'none', 1],
        [4, 'none', 0],
        [8, 'not-ready', 0],
      ]),
    );
  });

  it('does not split by the order of taints', () => {
    const [a, b] = [
      { key: 'a', value: '', effect: 'NoSchedule' },
      { key: 'b', value: '', effect: 'NoSchedule' },
    ];
    expect(
      only(
        classesFrom(
          node({ name: 'x', spec: { taints: [a, b] } }),
          node({ name: 'y', spec: { taints: [b, a] } }),
        ),
      ).nodes,
    ).toBe(2);
  });
});
