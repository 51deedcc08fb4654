import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIZED_ENGINES } from '../../src/sizing/engines/registry.ts';
import { estimate } from '../../src/sizing/estimate.ts';
import { judgeFit } from '../../src/sizing/fit.ts';
import type { SizingRequest } from '../../src/sizing/request.ts';
import { BILL_LINES, type DeviceShape } from '../../src/sizing/shapes.ts';
import { solveConcurrency, solveContext } from '../../src/sizing/solve.ts';
import { tokens } from '../../src/units.ts';
import * as samples from '../sizing/samples.ts';

const VERSIONS: readonly (string | null)[] = [
  null,
  '0.4.5',
  '0.4.9',
  '0.5.7',
  '0.5.12',
  '0.8.3',
  '0.9.1',
  '0.10.0',
  '0.12.0',
  '0.17.0',
  '0.21.0',
];

const WEIGHTS = [
  samples.BF16_WEIGHTS,
  samples.META_FP8_LAST_BF16,
  samples.FP8_DYNAMIC,
  samples.W4A16,
  samples.NF4_LINEARISED,
];

const engines = fc
  .tuple(fc.constantFrom(...SIZED_ENGINES), fc.constantFrom(...VERSIONS))
  .map(([name, version]) => samples.engine(name, version));

const contexts = fc
  .oneof(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 10_485_760 }))
  .map(tokens);

const devices: fc.Arbitrary<DeviceShape> = fc.constantFrom(
  samples.H100,
  samples.H200,
  samples.A100,
  samples.L40S,
  samples.B200,
);

const requests: fc.Arbitrary<SizingRequest> = fc
  .record({
    model: fc.constantFrom(samples.SCOUT, samples.MAVERICK),
    weights: fc.constantFrom(...WEIGHTS),
    engine: engines,
    context: contexts,
    concurrency: fc.integer({ min: 1, max: 64 }),
    kvDtype: fc.constantFrom(samples.KV16, samples.KV8),
    tensor: fc.constantFrom(1, 2, 4, 8),
    pipeline: fc.integer({ min: 1, max: 5 }),
    hybridKv: fc.constantFrom('auto' as const, 'on' as const, 'off' as const),
    maxNumSeqs: fc.option(fc.integer({ min: 1, max: 2048 })),
    maxNumBatchedTokens: fc.option(fc.integer({ min: 512, max: 65_536 })),
    swaFullTokensRatio: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true })),
    enforceEager: fc.boolean(),
    textOnly: fc.boolean(),
  })
  .map(({ tensor, pipeline, ...rest }) =>
    samples.request({ ...rest, parallel: samples.parallel(tensor, pipeline) }),
  );

function sumOfStages(asked: SizingRequest, device: DeviceShape): readonly number[] {
  return estimate(asked, device).stages.map((stage) => stage.perGpu.total);
}

function neverLess(more: readonly number[], less: readonly number[]): void {
  more.forEach((value, index) => {
    expect(value).toBeGreaterThanOrEqual(less[index] ?? 0);
  });
}

describe('relations that hold for every request', () => {
  it('more context never costs less', () => {
    fc.assert(
      fc.property(requests, devices, contexts, (asked, device, other) => {
        const [less, more] = [Math.min(asked.context, other), Math.max(asked.context, other)];
        const small = sumOfStages({ ...asked, context: tokens(less) }, device);

        neverLess(sumOfStages({ ...asked, context: tokens(more) }, device), small);
      }),
      { numRuns: 600 },
    );
  });

  it('one more token never costs less', () => {
    fc.assert(
      fc.property(requests, devices, (asked, device) => {
        neverLess(
          sumOfStages({ ...asked, context: tokens(asked.context + 1) }, device),
          sumOfStages(asked, device),
        );
      }),
      { numRuns: 600 },
    );
  });

  it('more sequences never cost less', () => {
    fc.assert(
      fc.property(requests, devices, fc.integer({ min: 1, max: 64 }), (asked, device, extra) => {
        const more = { ...asked, concurrency: asked.concurrency + extra };

        neverLess(sumOfStages(more, device), sumOfStages(asked, device));
      }),
    );
  });

  it('a larger max_num_seqs never costs less', () => {
    fc.assert(
      fc.property(requests, devices, fc.integer({ min: 1, max: 1024 }), (asked, device, sequences) => {
        const less = sumOfStages({ ...asked, maxNumSeqs: sequences }, device);

        neverLess(sumOfStages({ ...asked, maxNumSeqs: sequences + 1 }, device), less);
      }),
    );
  });

  it('a wider cache never costs less', () => {
    fc.assert(
      fc.property(requests, devices, (asked, device) => {
        const narrow = sumOfStages({ ...asked, kvDtype: samples.KV8, maxNumSeqs: 8 }, device);

        neverLess(sumOfStages({ ...asked, kvDtype: samples.KV16, maxNumSeqs: 8 }, device), narrow);
      }),
    );
  });

  it('more ranks never raise the weights of one', () => {
    fc.assert(
      fc.property(requests, fc.constantFrom(1, 2, 4), (asked, tensor) => {
        const { pipeline } = asked.parallel;
        const few = estimate({ ...asked, parallel: samples.parallel(tensor, pipeline) }, null);
        const many = estimate({ ...asked, parallel: samples.parallel(2 * tensor, pipeline) }, null);
        const spread = estimate(
          { ...asked, parallel: samples.parallel(tensor, pipeline, { data: 2, isExpertParallel: true }) },
          null,
        );
        const most = (bill: typeof few): number =>
          Math.max(...bill.stages.map((stage) => stage.perGpu.weights));

        expect(most(many)).toBeLessThanOrEqual(most(few));
        expect(most(spread)).toBeLessThanOrEqual(most(few));
      }),
    );
  });

  it('lines add up to totals, and low to middle to high', () => {
    fc.assert(
      fc.property(requests, fc.option(devices), (asked, device) => {
        const bill = estimate(asked, device);
        for (const stage of bill.stages) {
          const sum = BILL_LINES.reduce((total, line) => total + stage.perGpu[line], 0);

          expect(sum).toBe(stage.perGpu.total);
          expect(stage.total.mid).toBe(stage.perGpu.total);
          for (const { bytes } of stage.items) {
            expect(bytes.low).toBeLessThanOrEqual(bytes.mid);
            expect(bytes.mid).toBeLessThanOrEqual(bytes.high);
            expect(Number.isSafeInteger(bytes.low) && Number.isSafeInteger(bytes.high)).toBe(true);
          }
        }
        expect(bill.total).toEqual(bill.stages[bill.fullest]?.total);
      }),
    );
  });

  it('what fits at the high end fits in the middle, and what fits in the middle fits at the low end', () => {
    fc.assert(
      fc.property(requests, devices, (asked, device) => {
        const fit = judgeFit(asked, estimate(asked, device), device);

        expect(!fit.fitsAtHigh || fit.fits).toBe(true);
        expect(!fit.fits || fit.fitsAtLow).toBe(true);
        expect(fit.fits).toBe(fit.headroomBytes >= 0);
      }),
      { numRuns: 400 },
    );
  });

  it('solve and fit agree on the context: the answer fits, the next does not', () => {
    fc.assert(
      fc.property(
        requests,
        devices,
        fc.constantFrom('low' as const, 'mid' as const, 'high' as const),
        (asked, device, end) => {
          const context = solveContext(asked, device, end);
          const fitsAt = (value: number): boolean => {
            const tried = { ...asked, context: tokens(value) };
            const fit = judgeFit(tried, estimate(tried, device), device);
            return { low: fit.fitsAtLow, mid: fit.fits, high: fit.fitsAtHigh }[end];
          };

          expect(fitsAt(context ?? 1)).toBe(context !== null);
          if (context !== null && context < asked.maxPositions) expect(fitsAt(context + 1)).toBe(false);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('solve and fit agree on the concurrency, and the logged concurrency is never below it', () => {
    fc.assert(
      fc.property(requests, devices, (asked, device) => {
        const most = solveConcurrency(asked, device, 'mid');
        const fitsAt = (concurrency: number): boolean => {
          const tried = { ...asked, concurrency };
          return judgeFit(tried, estimate(tried, device), device).fits;
        };

        expect(fitsAt(most ?? 1)).toBe(most !== null);
        if (most !== null && most < 1_048_576) expect(fitsAt(most + 1)).toBe(false);
        const { maxConcurrency } = judgeFit(asked, estimate(asked, device), device);
        expect(Math.floor(maxConcurrency + 1e-9)).toBeGreaterThanOrEqual(Math.min(most ?? 0, 1_048_576));
      }),
      { numRuns: 300 },
    );
  });

  it('an unknown version never needs less cache than the releases that it may be', () => {
    fc.assert(
      fc.property(
        requests,
        devices,
        fc.constantFrom('0.9.2', '0.10.0', '0.14.0', '0.21.0'),
        (asked, device, version) => {
          const parallel = samples.parallel(asked.parallel.tensor);
          const unknown = { ...asked, parallel, engine: samples.engine('vllm'), hybridKv: 'auto' as const };
          const known = { ...unknown, engine: samples.engine('vllm', version) };

          expect(estimate(unknown, device).kv.bytes).toBeGreaterThanOrEqual(estimate(known, device).kv.bytes);
        },
      ),
    );
  });
});
