import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/sizing/estimate.ts';
import type { CheckpointWeights, ModelShape } from '../../src/sizing/shapes.ts';
import { formatLabel } from '../../src/sizing/spread.ts';
import { weightBytes } from '../../src/sizing/weights.ts';
import { GB, GIB, gibibytes } from '../../src/units.ts';
import * as samples from './samples.ts';
import { MAVERICK, maverick, parallel, request, SCOUT } from './samples.ts';

interface Row {
  readonly format: string;
  readonly weights: CheckpointWeights;
  /** GB and GiB of Scout, then of Maverick. */
  readonly want: readonly [number, number, number, number];
}

const ROWS: readonly Row[] = [
  { format: 'bf16', weights: samples.BF16_WEIGHTS, want: [217.28, 202.36, 803.17, 748.01] },
  { format: 'Meta FP8', weights: samples.META_FP8, want: [120.71, 112.42, 416.88, 388.25] },
  { format: 'FP8-dynamic', weights: samples.FP8_DYNAMIC, want: [114.64, 106.77, 407.7, 379.7] },
  { format: 'FP8, ModelOpt-like', weights: samples.MODELOPT_FP8, want: [111.59, 103.92, 404.54, 376.76] },
  { format: 'W4A16', weights: samples.W4A16, want: [64.87, 60.42, 215.94, 201.11] },
  { format: 'AWQ with zero points', weights: samples.AWQ, want: [60.8, 56.63, 213.01, 198.38] },
  { format: 'NVFP4', weights: samples.NVFP4, want: [69.69, 64.9, 234.48, 218.38] },
  { format: 'NVFP4, attention too', weights: samples.NVFP4_ATTENTION, want: [65.34, 60.86, 230.14, 214.34] },
  { format: 'Meta int4_mixed', weights: samples.INT4_MIXED, want: [63.34, 58.99, 219.085, 204.04] },
  { format: 'nf4 linearised', weights: samples.NF4_LINEARISED, want: [60.42, 56.27, 211.55, 197.02] },
];

describe('weightBytes, against llama4-memory.md §1 "Weight bytes by format"', () => {
  it.each(ROWS)('$format of Scout and Maverick', ({ weights, want }) => {
    const scout = weightBytes(SCOUT, weights);
    const big = weightBytes(MAVERICK, weights);
    const got = [scout / GB, scout / GIB, big / GB, big / GIB];

    got.forEach((value, index) => {
      expect(Math.abs(value - (want[index] ?? 0))).toBeLessThanOrEqual(0.0051);
    });
  });

  it('is exactly two bytes a parameter in bf16 (safetensors total_size, engine-facts.md §5)', () => {
    expect(weightBytes(SCOUT, samples.BF16_WEIGHTS)).toBe(217_283_587_072);
  });

  it('is 403 GiB for Maverick FP8 whose last expert layer stays bf16 (engine-facts.md §5)', () => {
    expect(weightBytes(MAVERICK, samples.META_FP8_LAST_BF16) / GIB).toBeCloseTo(403.24, 2);
  });

  it('keeps no more layers bf16 than there are', () => {
    const all = samples.tensors(samples.storage('fp8', 8), ['routedExperts'], 99);

    expect(weightBytes(MAVERICK, all)).toBe(weightBytes(MAVERICK, samples.BF16_WEIGHTS));
  });

  it('is the size of the file and its projector where a file is published', () => {
    const file = { kind: 'file', bytes: gibibytes(60.6), projectorBytes: gibibytes(1.6) } as const;

    expect(weightBytes(SCOUT, file)).toBe(gibibytes(60.6) + gibibytes(1.6));
  });
});

interface GpuRow {
  readonly name: string;
  readonly model: ModelShape;
  readonly weights: CheckpointWeights;
  readonly want: readonly [number, number, number, number];
}

const GPU_ROWS: readonly GpuRow[] = [
  { name: 'Scout bf16', model: SCOUT, weights: samples.BF16_WEIGHTS, want: [204.9, 103.7, 53.1, 27.8] },
  { name: 'Scout FP8 (FFN)', model: SCOUT, weights: samples.FP8_DYNAMIC, want: [109.3, 55.9, 29.2, 15.8] },
  { name: 'Scout W4A16', model: SCOUT, weights: samples.W4A16, want: [62.9, 32.7, 17.6, 10.1] },
  {
    name: 'Maverick FP8 (Meta)',
    model: MAVERICK,
    weights: samples.META_FP8,
    want: [388.5, 194.4, 97.3, 48.8],
  },
  {
    name: 'Maverick bf16',
    model: MAVERICK,
    weights: samples.BF16_WEIGHTS,
    want: [748.3, 374.3, 187.3, 93.8],
  },
];

describe('weights and RoPE table per GPU in vLLM, against the table of llama4-memory.md §4', () => {
  /** The table divides everything by TP; tensors that every rank holds whole add up to 0.09 GiB. */
  it.each(GPU_ROWS)('$name at TP 1, 2, 4, 8', ({ model, weights, want }) => {
    const make = model === SCOUT ? request : maverick;
    [1, 2, 4, 8].forEach((tensor, index) => {
      const { perGpu } = estimate(make({ weights, parallel: parallel(tensor) }), null);
      const got = (perGpu.weights + perGpu.ropeTable) / GIB;

      expect(Math.abs(got - (want[index] ?? 0))).toBeLessThan(0.09);
    });
  });

  it('agrees with 27.8072 GiB of "Model loading took", Scout bf16 TP8, vLLM 0.12.0, to 0.1 % (row 1)', () => {
    const { perGpu } = estimate(request(), null);
    const got = (perGpu.weights + perGpu.ropeTable) / GIB;

    expect(Math.abs(got / 27.8072 - 1)).toBeLessThan(0.001);
    expect(perGpu.ropeTable).toBe(2.5 * GIB);
  });
});

describe('weights of one rank', () => {
  it('holds whole experts under expert parallelism, and shares them over data-parallel ranks', () => {
    const plain = estimate(maverick({ parallel: parallel(8) }), null);
    const spread = estimate(
      maverick({ parallel: parallel(8, 1, { data: 2, isExpertParallel: true }) }),
      null,
    );
    const sliced = estimate(maverick({ parallel: parallel(8, 1, { data: 2 }) }), null);
    const routedBf16 = 2 * 386_547_056_640;

    expect(spread.gpus).toBe(16);
    expect(plain.perGpu.weights - spread.perGpu.weights).toBe(routedBf16 / 16);
    expect(sliced.perGpu.weights).toBe(spread.perGpu.weights);
  });

  it('copies KV projections once there are more ranks than KV heads', () => {
    const text = { ...SCOUT, vision: null };
    const wide = estimate(request({ model: text, parallel: parallel(40) }), null);
    const narrow = estimate(request({ model: { ...text, kvHeads: 40 }, parallel: parallel(40) }), null);

    expect(wide.perGpu.weights).toBe(narrow.perGpu.weights);
  });

  it('loads the original weights before it quantizes them', () => {
    const online = estimate(request({ weights: samples.FP8_PLAIN, loadedFrom: samples.BF16_WEIGHTS }), null);
    const once = estimate(request({ weights: samples.FP8_PLAIN }), null);

    expect(online.loadPeakExtra).toBe(102_676_561_920 / 8);
    expect(online.perGpu).toEqual(once.perGpu);
    expect(once.loadPeakExtra).toBe(0);
  });

  it('leaves on the CPU what is offloaded, and adds a draft model', () => {
    const plain = estimate(request(), null);
    const moved = estimate(request({ cpuOffloadBytes: gibibytes(10), draftBytes: gibibytes(2) }), null);

    expect(plain.perGpu.weights - moved.perGpu.weights).toBe(8 * GIB);
    expect(formatLabel(moved.stages[0]?.items[0]?.label ?? [])).toBe(
      'weights bf16, 48 of 48 layers, less 10.0 GiB on the CPU',
    );
  });

  it('counts LoRA buffers of attention, shared experts and dense layers', () => {
    const plain = estimate(request({ parallel: parallel(1) }), null);
    const lora = { maxLoras: 2, maxRank: 16 };
    const adapted = estimate(request({ parallel: parallel(1), lora }), null);
    const perLayer = 16 * (2 * (5120 + 5120) + 2 * (5120 + 1024) + 3 * (5120 + 8192));

    expect(adapted.perGpu.engineTables - plain.perGpu.engineTables).toBe(2 * 2 * 48 * perLayer);
    expect(adapted.assumptions.map((found) => found.text).join()).toContain('LoRA');
  });

  it('spreads a file over GPUs as its parameters are spread, without losing a byte', () => {
    const weights = { kind: 'file', bytes: gibibytes(60.6), projectorBytes: gibibytes(1.6) } as const;
    const bill = estimate(
      request({ engine: samples.engine('llama.cpp'), weights, parallel: parallel(3) }),
      null,
    );
    const sum = bill.stages.reduce((total, stage) => total + stage.perGpu.weights, 0);

    expect(sum - weightBytes(SCOUT, weights)).toBeGreaterThanOrEqual(0);
    expect(sum - weightBytes(SCOUT, weights)).toBeLessThanOrEqual(3);
    expect(bill.assumptions.some((found) => found.fact === 'checkpoint')).toBe(true);
  });
});
