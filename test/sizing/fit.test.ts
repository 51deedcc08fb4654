import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/sizing/estimate.ts';
import { judgeFit } from '../../src/sizing/fit.ts';
import type { SizingRequest } from '../../src/sizing/request.ts';
import { BILL_LINES, type DeviceShape, type Fit } from '../../src/sizing/shapes.ts';
import { solveConcurrency, solveContext, solveGpus } from '../../src/sizing/solve.ts';
import { formatLabel } from '../../src/sizing/spread.ts';
import { GIB, gibibytes, tokens } from '../../src/units.ts';
import * as samples from './samples.ts';
import { engine, H100, H200, maverick, parallel, request } from './samples.ts';

function judged(asked: SizingRequest, device: DeviceShape): Fit {
  return judgeFit(asked, estimate(asked, device), device);
}

describe('Scout W4A16 on one 80 GB H100', () => {
  const one = request({ weights: samples.W4A16, parallel: parallel(1) });

  it('fits at 8,192 tokens with few sequences', () => {
    expect(judged({ ...one, maxNumSeqs: 16 }, H100)).toMatchObject({ fits: true, fitsAtHigh: true });
  });

  it('does not fit at 131,072 tokens with the defaults and full KV, and the bill says why', () => {
    const asked = { ...one, context: tokens(131_072) };
    const bill = estimate(asked, H100);

    expect(judgeFit(asked, bill, H100)).toMatchObject({ fits: false, fitsAtLow: false, binding: 'budget' });
    expect(bill.perGpu.kvCache).toBe(24 * GIB);
    expect(bill.perGpu.activations / GIB).toBeCloseTo(7.52, 2);
    expect((bill.perGpu.weights + bill.perGpu.ropeTable) / GIB).toBeCloseTo(62.9, 1);
  });

  it('has 0.4 GiB for the cache to 0.16 and 5.2 GiB from 0.20 (engine-facts.md §3, worked example)', () => {
    const space = (version: string): number => {
      const asked = { ...one, engine: engine('vllm', version) };
      return (judged(asked, H100).headroomBytes + estimate(asked, H100).perGpu.kvCache) / GIB;
    };

    expect(space('0.16.0')).toBeCloseTo(0.4, 1);
    expect(space('0.21.0')).toBeCloseTo(5.2, 1);
  });
});

describe('what cannot run, and what can', () => {
  it('Scout FP8 does not fit one H100 at any context', () => {
    for (const weights of [samples.FP8_DYNAMIC, samples.META_FP8, samples.MODELOPT_FP8]) {
      const found = judged(request({ weights, parallel: parallel(1), maxNumSeqs: 1 }), H100);

      expect(found).toMatchObject({ fitsAtLow: false, maxConcurrency: 0 });
      expect(found.maxContext()).toBeNull();
    }
  });

  it('Maverick bf16 does not fit 8xH100', () => {
    const found = judged(maverick({ maxNumSeqs: 1 }), H100);

    expect(found.fitsAtLow).toBe(false);
    expect(found.maxContext()).toBeNull();
  });

  it.each(['0.12.0', '0.21.0', null])('Maverick bf16 fits 8xH200 at 131,072 tokens (vLLM %s)', (version) => {
    const asked = maverick({ engine: engine('vllm', version), context: tokens(131_072) });

    expect(judged(asked, H200)).toMatchObject({ fits: true, fitsAtHigh: true });
  });
});

describe('judgeFit', () => {
  it('is bound by what must fit beside the budget when the fraction leaves too little', () => {
    const found = judged(request({ memoryFraction: 0.98 }), H100);

    expect(found).toMatchObject({ fits: false, binding: 'rest' });
    expect(found.headroomBytes).toBeLessThan(0);
  });

  it('takes a KV size in bytes instead of the fraction', () => {
    const exact = request({ kvCacheBytes: gibibytes(1.5 / 8) });
    const short = request({ kvCacheBytes: gibibytes(0.1) });
    const vast = request({ kvCacheBytes: gibibytes(60) });

    expect(judged(exact, H100)).toMatchObject({ fits: true, headroomBytes: 0, maxConcurrency: 1 });
    expect(judged(short, H100)).toMatchObject({ fits: false, binding: 'budget' });
    expect(judged(vast, H100)).toMatchObject({ fits: false, binding: 'rest' });
  });

  it('refuses a spilling engine no more than its whole device', () => {
    const found = judged(request({ engine: engine('ollama'), parallel: parallel(1) }), H100);

    expect(found).toMatchObject({ fits: false, binding: 'budget' });
  });

  it('holds the sequences of all data-parallel ranks', () => {
    const single = judged(maverick({ weights: samples.W4A16 }), H200);
    const double = judged(maverick({ weights: samples.W4A16, parallel: parallel(8, 1, { data: 2 }) }), H200);

    expect(double.maxConcurrency).toBeGreaterThan(2 * single.maxConcurrency);
    expect(estimate(maverick({ concurrency: 3, parallel: parallel(8, 1, { data: 2 }) }), H200).kv.bytes).toBe(
      2 * 2 * 1.5 * GIB,
    );
  });

  it('bills each stage, and the fullest decides', () => {
    const bill = estimate(request({ parallel: parallel(4, 3) }), H100);

    expect(bill.gpus).toBe(12);
    expect(bill.stages.map((stage) => stage.layers)).toEqual([16, 16, 16]);
    expect(bill.fullest).toBe(2);
    expect(bill.perGpu).toEqual(bill.stages[2]?.perGpu);
    expect(bill.totalBytes).toBe(4 * bill.stages.reduce((sum, stage) => sum + stage.perGpu.total, 0));
    expect(bill.kv).toMatchObject({ bytesPerToken: 196_608, bytes: 1.5 * GIB });
  });

  it('puts every item on a line, and says its spread', () => {
    const bill = estimate(request({ engine: engine('vllm', '0.14.0'), context: tokens(131_072) }), H100);

    expect(bill.stages[0]?.items.map((item) => formatLabel(item.label))).toEqual([
      'weights bf16, 48 of 48 layers',
      'vision tower, adapter and projector',
      'RoPE table, 10,485,760 positions, bf16',
      'KV cache bf16, hybrid, 1 x 131,072',
      'peak of a step (sampler)',
      'allocator and libraries',
      'CUDA context',
      'NCCL and all-reduce buffers',
      'CUDA graphs',
      'block tables, 4 x 1,024 sequences x 8,192 blocks',
      'input embeddings, 8,192 tokens',
    ]);
    expect(BILL_LINES.reduce((sum, line) => sum + bill.perGpu[line], 0)).toBe(bill.perGpu.total);
    expect((bill.total.high - bill.total.mid) / GIB).toBeCloseTo(1.52, 2);
  });
});

describe('solve', () => {
  const tight = request({ weights: samples.W4A16, parallel: parallel(1), maxNumSeqs: 16 });

  it('gives a context that fits where the next does not', () => {
    const context = solveContext(tight, H100, 'mid') ?? tokens(0);

    expect(judged({ ...tight, context }, H100).fits).toBe(true);
    expect(judged({ ...tight, context: tokens(context + 1) }, H100).fits).toBe(false);
    expect(judged(tight, H100).maxContext()).toBe(context);
  });

  it('gives what the checkpoint declares where more would fit, and nothing where nothing fits', () => {
    const easy = maverick({ weights: samples.W4A16, engine: engine('vllm', '0.14.0') });

    expect(solveContext(easy, H200, 'high')).toBe(1_048_576);
    expect(solveContext(request({ parallel: parallel(1) }), H100, 'low')).toBeNull();
    expect(solveContext({ ...easy, maxPositions: tokens(0) }, H200, 'mid')).toBeNull();
  });

  it('gives a concurrency that fits where one more does not', () => {
    const most = solveConcurrency(tight, H100, 'mid') ?? 0;

    expect(most).toBe(Math.floor(judged(tight, H100).maxConcurrency));
    expect(judged({ ...tight, concurrency: most }, H100).fits).toBe(true);
    expect(judged({ ...tight, concurrency: most + 1 }, H100).fits).toBe(false);
    expect(
      solveConcurrency({ ...tight, parallel: parallel(1), weights: samples.BF16_WEIGHTS }, H100, 'mid'),
    ).toBeNull();
  });

  it.each([
    {
      name: 'Scout W4A16 on H100',
      asked: request({ weights: samples.W4A16 }),
      device: H100,
      want: [2, 1, 2],
    },
    {
      name: 'Scout FP8 on H100',
      asked: request({ weights: samples.FP8_DYNAMIC }),
      device: H100,
      want: [2, 1, 2],
    },
    { name: 'Scout bf16 on H100', asked: request(), device: H100, want: [4, 1, 4] },
    { name: 'Maverick bf16 on H200', asked: maverick(), device: H200, want: [8, 1, 8] },
    { name: 'Maverick bf16 on H100', asked: maverick(), device: H100, want: [8, 2, 16] },
  ])('counts GPUs for $name', ({ asked, device, want }) => {
    expect(Object.values(solveGpus(asked, device, 'high') ?? {})).toEqual(want);
  });

  it('counts GPUs one by one where layers are dealt, and finds none where none is enough', () => {
    const weights = { kind: 'file', bytes: gibibytes(60.6), projectorBytes: gibibytes(1.6) } as const;
    const asked = request({ engine: engine('llama.cpp'), weights });

    expect(solveGpus(asked, samples.L40S, 'high')).toEqual({ tensor: 2, pipeline: 1, gpus: 2 });
    expect(solveGpus(maverick({ engine: engine('tgi') }), H100, 'low')).toBeNull();
  });
});
