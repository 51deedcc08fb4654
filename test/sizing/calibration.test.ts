import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/sizing/estimate.ts';
import { judgeFit } from '../../src/sizing/fit.ts';
import type { SizingRequest } from '../../src/sizing/request.ts';
import type { DeviceShape } from '../../src/sizing/shapes.ts';
import { GIB, gibibytes, tokens } from '../../src/units.ts';
import * as samples from './samples.ts';
import { engine, H100, H200, maverick, parallel, request } from './samples.ts';

/** Rows of llama4-calibration.csv and of engine-facts.md §3 that depend on measured overheads. */
interface Run {
  readonly name: string;
  readonly asked: SizingRequest;
  readonly device: DeviceShape;
  /** Logged "Available KV cache memory", GiB, of the stage that has least. */
  readonly logged: number;
  /** How far the middle may be off, GiB. */
  readonly within: number;
}

const H200_AS_LOGGED: DeviceShape = { ...H200, usableBytes: gibibytes(140.06) };
const FP8_SAFE = samples.META_FP8_LAST_BF16;

const RUNS: readonly Run[] = [
  {
    name: 'row 2: Scout bf16 TP8, H200, vLLM 0.12.0, 8,388,608 tokens, hybrid on',
    asked: request({ context: tokens(8_388_608), hybridKv: 'on' }),
    device: H200_AS_LOGGED,
    logged: 89.71,
    within: 0.02,
  },
  {
    name: 'row 13: Scout bf16 TP8, H200 (inferred), June 2025 (0.9.1)',
    asked: request({ engine: engine('vllm', '0.9.1'), context: tokens(10_485_760) }),
    device: H200_AS_LOGGED,
    logged: 88.38,
    within: 0.05,
  },
  {
    name: 'row 16: Maverick FP8 TP8, H100 (inferred), vLLM 0.8.3, last expert layer bf16',
    asked: maverick({ engine: engine('vllm', '0.8.3'), weights: FP8_SAFE, context: tokens(1_048_576) }),
    device: H100,
    logged: 9.97,
    within: 0.2,
  },
  {
    name: 'row 18: last of two stages, Scout W4A16, 80 GB (inferred), Nov 2025, eager',
    asked: request({
      engine: engine('vllm', '0.11.2'),
      weights: samples.W4A16,
      parallel: parallel(1, 2),
      context: tokens(324_640),
      enforceEager: true,
    }),
    device: H100,
    logged: 29.72,
    within: 0.05,
  },
  {
    name: 'engine-facts §3: Scout FP8-dynamic TP2, H100, 128 sequences, batch 2,048 (version not stored)',
    asked: request({
      engine: engine('vllm', '0.11.0'),
      weights: samples.FP8_DYNAMIC,
      parallel: parallel(2),
      maxNumSeqs: 128,
      maxNumBatchedTokens: 2048,
    }),
    device: H100,
    logged: 12.09,
    within: 1.5,
  },
];

/** Space for the cache at the middle, least stage. */
function available(run: Run, end: 'low' | 'mid' | 'high'): number {
  const bill = estimate(run.asked, run.device);
  const { budgetBytes } = judgeFit(run.asked, bill, run.device);
  const left = bill.stages.map((stage) => {
    const fixed = stage.items.filter((item) => item.isInBudget && item.line !== 'kvCache');
    return budgetBytes - fixed.reduce((sum, item) => sum + item.bytes[end], 0);
  });
  return Math.min(...left) / GIB;
}

describe('space that is left for the cache', () => {
  it.each(RUNS)('$name: $logged GiB within $within', (run) => {
    expect(Math.abs(available(run, 'mid') - run.logged)).toBeLessThan(run.within);
  });

  it.each(RUNS)('$name: inside the band', (run) => {
    expect(run.logged).toBeLessThanOrEqual(available(run, 'low'));
    expect(run.logged).toBeGreaterThanOrEqual(available(run, 'high'));
  });

  it('is 31.3 GiB and more on the first of the two stages, whose remainder was 1.5 GiB', () => {
    const bill = estimate(RUNS[3]?.asked ?? request(), H100);
    const [first] = bill.stages.map((stage) => stage.perGpu.activations + stage.perGpu.runtime);

    expect(Math.abs(((first ?? 0) - 0.85 * GIB) / GIB - 1.5)).toBeLessThan(0.1);
  });
});

describe('verdicts of logged runs', () => {
  it('8,388,608 tokens started on 8xH200 with the hybrid manager, at 1.86x (row 4)', () => {
    const asked = request({ context: tokens(8_388_608), hybridKv: 'on' });
    const fit = judgeFit(asked, estimate(asked, H200_AS_LOGGED), H200_AS_LOGGED);

    expect(fit.fits).toBe(true);
    expect(fit.maxConcurrency.toFixed(2)).toBe('1.86');
  });

  it('10,485,760 tokens refused to start on 8xH200 without it (row 12)', () => {
    const asked = request({ engine: engine('vllm', '0.9.1'), context: tokens(10_485_760) });

    expect(judgeFit(asked, estimate(asked, H200_AS_LOGGED), H200_AS_LOGGED)).toMatchObject({
      fitsAtLow: false,
      binding: 'budget',
    });
  });

  it('1,048,576 tokens of Maverick FP8 refused to start on 8xH100, about 435,596 would have (rows 15-16)', () => {
    const asked = RUNS[2]?.asked ?? request();
    const fit = judgeFit(asked, estimate(asked, H100), H100);

    expect(fit.fitsAtLow).toBe(false);
    expect(Math.abs((fit.maxContext() ?? 0) / 435_596 - 1)).toBeLessThan(0.01);
  });

  it('324,640 tokens were the most for Scout W4A16 on two stages (row 19)', () => {
    const asked = RUNS[3]?.asked ?? request();
    const fit = judgeFit(asked, estimate(asked, H100), H100);

    expect(fit.stage).toBe(1);
    expect(Math.abs((fit.maxContext() ?? 0) / 324_640 - 1)).toBeLessThan(0.002);
  });
});
