import { describe, expect, it } from 'vitest';
import { type Taint, toleratesTaints, untoleratedTaints } from '../../src/placement/taints.ts';
import type { Toleration } from '../../src/workload/types.ts';

const GPU: Taint = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };
const SPOT: Taint = { key: 'spot', value: 'true', effect: 'NoExecute' };
const PREFER: Taint = { key: 'old', value: '', effect: 'PreferNoSchedule' };

function toleration(part: Partial<Toleration>): Toleration {
  return { key: null, operator: 'Equal', value: '', effect: null, ...part };
}

describe('one toleration against nvidia.com/gpu=present:NoSchedule', () => {
  it.each<[string, Partial<Toleration>, boolean]>([
    ['key exists', { key: 'nvidia.com/gpu', operator: 'Exists' }, true],
    ['key exists, this effect', { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }, true],
    ['key exists, another effect', { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoExecute' }, false],
    ['equal value', { key: 'nvidia.com/gpu', value: 'present' }, true],
    ['another value', { key: 'nvidia.com/gpu', value: 'true' }, false],
    ['no value', { key: 'nvidia.com/gpu' }, false],
    ['another key', { key: 'amd.com/gpu', operator: 'Exists' }, false],
    ['every key', { operator: 'Exists' }, true],
    ['every key, this effect', { operator: 'Exists', effect: 'NoSchedule' }, true],
    ['every key, another effect', { operator: 'Exists', effect: 'NoExecute' }, false],
    ['a number against a word', { key: 'nvidia.com/gpu', operator: 'Gt', value: '1' }, false],
  ])('%s', (_, part, want) => {
    expect(toleratesTaints([GPU], [toleration(part)])).toBe(want);
  });
});

describe('numeric tolerations', () => {
  const sla: Taint = { key: 'sla', value: '950', effect: 'NoSchedule' };

  it.each<['Gt' | 'Lt', string, boolean]>([
    ['Gt', '900', true],
    ['Gt', '950', false],
    ['Lt', '951', true],
    ['Lt', '950', false],
    ['Lt', 'x', false],
  ])('%s %s: %s', (operator, value, want) => {
    expect(toleratesTaints([sla], [toleration({ key: 'sla', operator, value })])).toBe(want);
  });
});

describe('several', () => {
  it('needs a toleration for every hard taint', () => {
    const gpu = toleration({ key: 'nvidia.com/gpu', operator: 'Exists' });
    const spot = toleration({ key: 'spot', value: 'true' });
    expect(toleratesTaints([GPU, SPOT], [gpu])).toBe(false);
    expect(toleratesTaints([GPU, SPOT], [gpu, spot])).toBe(true);
    expect(untoleratedTaints([GPU, SPOT, PREFER], [gpu])).toEqual([SPOT]);
    expect(untoleratedTaints([GPU, SPOT], [])).toEqual([GPU, SPOT]);
  });

  it('ignores a preference, and tolerates nothing without need', () => {
    expect(toleratesTaints([PREFER], [])).toBe(true);
    expect(untoleratedTaints([PREFER], [])).toEqual([]);
    expect(toleratesTaints([], [])).toBe(true);
  });
});
