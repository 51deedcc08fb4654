import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { billOf } from '../../src/sizing/estimate.ts';
import { createPrepare, type Prepare } from '../../src/sizing/prepare.ts';
import { tokens } from '../../src/units.ts';
import * as samples from './samples.ts';
import { engine, H100, H200, parallel, request } from './samples.ts';

const asked = fc.record({
  model: fc.constantFrom(samples.SCOUT, samples.MAVERICK),
  weights: fc.constantFrom(samples.BF16_WEIGHTS, samples.W4A16, samples.META_FP8),
  engine: fc.constantFrom(
    engine('vllm', '0.11.0'),
    engine('vllm', '0.21.0'),
    engine('sglang', '0.5.8'),
    engine('llama.cpp', null),
  ),
  context: fc.constantFrom(tokens(8192), tokens(131_072), tokens(1_000_000)),
  concurrency: fc.constantFrom(1, 3),
  parallel: fc.constantFrom(parallel(1), parallel(8)),
  hybridKv: fc.constantFrom('auto', 'off'),
  maxNumSeqs: fc.constantFrom(null, 16),
  enforceEager: fc.boolean(),
  textOnly: fc.boolean(),
});

describe('what is kept from one request to the next', () => {
  const kept = (most: number): Prepare => createPrepare(most);

  // Whatever is asked in whatever order: the memory may only save time. Three entries are soon full.
  it.each([1, 3, 1024])('changes no bill, with room for %i requests', (most) => {
    const prepare = kept(most);
    fc.assert(
      fc.property(asked, fc.constantFrom(null, H100, H200), (parts, device) => {
        const one = request(parts);

        expect(billOf(prepare(one, device))).toEqual(billOf(kept(1)(one, device)));
      }),
      { numRuns: 300, seed: 20_261_125 },
    );
  });
});
