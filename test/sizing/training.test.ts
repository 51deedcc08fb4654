import { describe, expect, it } from 'vitest';
import { estimateTraining, type TrainingMethod } from '../../src/sizing/training.ts';
import { GB, GIB } from '../../src/units.ts';
import { MAVERICK, SCOUT } from './samples.ts';

function states(model: typeof SCOUT, method: TrainingMethod): number {
  return estimateTraining({ model, method, context: 4096, gpus: 1 }).items[0]?.bytes.mid ?? 0;
}

describe('states of training, against llama4-memory.md §6 (all parameters count)', () => {
  it('is 1,738 to 1,956 GB for Scout in mixed precision, 6,425 to 7,229 GB for Maverick', () => {
    const scout = estimateTraining({ model: SCOUT, method: 'full', context: 4096, gpus: 1 }).items[0]?.bytes;

    expect(Math.round((scout?.low ?? 0) / GB)).toBe(1738);
    expect(Math.round(states(SCOUT, 'full') / GB)).toBe(1956);
    expect(Math.round(states(MAVERICK, 'full') / GB)).toBe(7229);
  });

  it('is 869 GB (809 GiB) for Scout with bf16 AdamW, 3,213 GB for Maverick', () => {
    expect(Math.round(states(SCOUT, 'bf16-adamw') / GB)).toBe(869);
    expect(Math.round(states(SCOUT, 'bf16-adamw') / GIB)).toBe(809);
    expect(Math.round(states(MAVERICK, 'bf16-adamw') / GB)).toBe(3213);
  });

  it('is the bf16 checkpoint for LoRA', () => {
    expect(states(SCOUT, 'lora')).toBe(217_283_587_072);
  });

  it('is sharded over the GPUs', () => {
    const bill = estimateTraining({ model: SCOUT, method: 'bf16-adamw', context: 4096, gpus: 16 });

    expect(bill.items[0]?.bytes.mid).toBe(Math.ceil((8 * 108_641_793_536) / 16));
    expect(bill.totalBytes).toBe(bill.perGpu.mid * 16);
  });
});

describe('QLoRA, against axolotl’s measured runs', () => {
  it('takes 64.5 GB of one H100 for Scout (row 82)', () => {
    const { perGpu } = estimateTraining({ model: SCOUT, method: 'qlora', context: 4096, gpus: 1 });

    expect(perGpu.mid / GB).toBeCloseTo(64.5, 1);
    expect(perGpu.low).toBe(perGpu.mid);
  });

  it('takes about as much of each of four (62.8 GB), and less at best', () => {
    const { perGpu } = estimateTraining({ model: SCOUT, method: 'qlora', context: 4096, gpus: 4 });

    expect(Math.abs(perGpu.mid / GB - 62.8)).toBeLessThan(2);
    expect(perGpu.low).toBeLessThan(perGpu.mid / 3);
  });

  it('needs more work memory for longer contexts', () => {
    const short = estimateTraining({ model: SCOUT, method: 'qlora', context: 1024, gpus: 1 });
    const long = estimateTraining({ model: SCOUT, method: 'qlora', context: 8192, gpus: 1 });

    expect(long.perGpu.mid - short.perGpu.mid).toBeCloseTo(4.08 * GB, -7);
  });
});
