import { describe, expect, it } from 'vitest';
import { checkParallel } from '../../src/sizing/parallelism.ts';
import { splitBeforeLast, splitProportionally } from '../../src/sizing/stages.ts';
import { engine, parallel, SCOUT } from './samples.ts';

const VLLM = engine('vllm', '0.12.0');

describe('tensor parallelism', () => {
  it.each([1, 2, 4, 8])('of %i is valid', (tensor) => {
    expect(checkParallel(SCOUT, VLLM, parallel(tensor))).toEqual([]);
  });

  it.each([
    {
      tensor: 3,
      want: ['40 query heads cannot be divided by 3 (remainder 1)', '8 KV heads', '16 vision heads'],
    },
    { tensor: 5, want: ['8 KV heads cannot be divided by 5 (remainder 3)', '16 vision heads'] },
    {
      tensor: 6,
      want: ['40 query heads cannot be divided by 6 (remainder 4)', '8 KV heads', '16 vision heads'],
    },
    {
      tensor: 12,
      want: [
        '40 query heads',
        '8 KV heads cannot be copied evenly to 12 ranks (remainder 4)',
        '16 vision heads',
      ],
    },
    { tensor: 16, want: ['40 query heads cannot be divided by 16 (remainder 8)'] },
    { tensor: 40, want: ['16 vision heads cannot be divided by 40 (remainder 16)'] },
  ])('of $tensor is refused with the reason (llama4-memory.md §4)', ({ tensor, want }) => {
    const reasons = checkParallel(SCOUT, VLLM, parallel(tensor));

    expect(reasons).toHaveLength(want.length);
    reasons.forEach((reason, index) => {
      expect(reason).toContain(`tensor parallel ${tensor}: ${want[index]}`);
    });
  });

  it('of 40 is valid without images', () => {
    expect(checkParallel(SCOUT, VLLM, parallel(40), true)).toEqual([]);
    expect(checkParallel({ ...SCOUT, vision: null }, VLLM, parallel(40))).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN])('of %d is no count', (tensor) => {
    expect(checkParallel(SCOUT, VLLM, parallel(tensor))).toEqual([
      `tensor parallel ${tensor}: must be a whole number of at least 1`,
    ]);
  });
});

describe('pipeline parallelism', () => {
  it('needs a layer for each stage, and an engine that has it', () => {
    expect(checkParallel(SCOUT, VLLM, parallel(8, 48))).toEqual([]);
    expect(checkParallel(SCOUT, VLLM, parallel(8, 49))).toEqual([
      'pipeline parallel 49: the model has only 48 layers',
    ]);
    expect(checkParallel(SCOUT, engine('tgi'), parallel(8, 2))).toEqual([
      'pipeline parallel 2: TGI has no pipeline parallelism',
    ]);
  });

  it.each([3, 5, 7])('of whole layers takes %i GPUs', (gpus) => {
    expect(checkParallel(SCOUT, engine('llama.cpp'), parallel(gpus))).toEqual([]);
  });

  it('of whole layers needs a layer for each GPU', () => {
    expect(checkParallel(SCOUT, engine('ollama'), parallel(49))).toHaveLength(1);
  });

  it.each([
    { layers: 48, stages: 5, want: [9, 10, 10, 10, 9] },
    { layers: 48, stages: 7, want: [7, 7, 7, 7, 7, 7, 6] },
    { layers: 5, stages: 4, want: [1, 1, 2, 1] },
    { layers: 48, stages: 2, want: [24, 24] },
  ])('gives $stages stages of $layers layers as vLLM get_pp_indices does', ({ layers, stages, want }) => {
    expect(splitBeforeLast(layers, stages)).toEqual(want);
  });

  it.each([
    { stages: 1, want: [48] },
    { stages: 2, want: [25, 23] },
    { stages: 3, want: [17, 16, 15] },
  ])('deals layers to $stages GPUs as llama.cpp does, counting the output as one', ({ stages, want }) => {
    expect(splitProportionally(48, stages)).toEqual(want);
  });
});
