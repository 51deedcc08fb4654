import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/sizing/estimate.ts';
import type { SizingRequest } from '../../src/sizing/request.ts';
import { bytes, tokens } from '../../src/units.ts';
import { engine, FP8_DYNAMIC, H100, parallel, request, SCOUT } from './samples.ts';

/** Sixteen layouts are kept: these leave room for no other. */
function forget(): void {
  for (let index = 0; index < 16; index += 1) {
    estimate(request({ maxPositions: tokens(1000 + index) }), H100);
  }
}

type Changes = Partial<SizingRequest>;

interface Row {
  readonly what: string;
  readonly change: Changes;
  /** What it is compared with, where that is not the plain request. */
  readonly plain?: Changes;
}

const ADAPTERS = { lora: { maxLoras: 1, maxRank: 16 } };
const OLD_SGLANG = { engine: engine('sglang', '0.4.7') };

/** Requests that differ in one thing on which a layout depends. */
const ROWS: readonly Row[] = [
  { what: 'the model', change: { model: { ...SCOUT, layers: 24 } } },
  { what: 'the weights', change: { weights: FP8_DYNAMIC } },
  { what: 'the engine', change: { engine: engine('sglang', '0.5.4') } },
  { what: 'its version', change: { engine: engine('vllm', '0.8.3') } },
  { what: 'positions', change: { maxPositions: tokens(262_144) } },
  { what: 'bits of keys', change: { kvDtype: { name: 'mixed', keyBits: 8, valueBits: 16 } } },
  { what: 'bits of values', change: { kvDtype: { name: 'mixed', keyBits: 16, valueBits: 8 } } },
  { what: 'tensor parallelism', change: { parallel: parallel(4) } },
  { what: 'pipeline parallelism', change: { parallel: parallel(8, 2) } },
  { what: 'data parallelism', change: { parallel: parallel(8, 1, { data: 2, isExpertParallel: true }) } },
  { what: 'adapters', change: ADAPTERS },
  { what: 'their number', change: { lora: { maxLoras: 2, maxRank: 16 } }, plain: ADAPTERS },
  { what: 'their rank', change: { lora: { maxLoras: 1, maxRank: 64 } }, plain: ADAPTERS },
  { what: 'a draft model', change: { draftBytes: bytes(2 ** 30) } },
  { what: 'what is offloaded', change: { cpuOffloadBytes: bytes(2 ** 30) } },
  { what: 'text alone', change: { textOnly: true } },
  { what: 'images asked for', change: { ...OLD_SGLANG, multimodalRequested: true }, plain: OLD_SGLANG },
];

describe('a layout that was worked out before', () => {
  it.each(ROWS)('is not that of a request with another of: $what', ({ change, plain = {} }) => {
    forget();
    const fresh = estimate(request(change), H100);
    forget();
    const other = estimate(request(plain), H100);

    expect(estimate(request(change), H100)).toEqual(fresh);
    expect(other).not.toEqual(fresh);
  });

  it('is the same for every context and any number of sequences', () => {
    for (const [context, concurrency] of [
      [1, 1],
      [131_072, 3],
      [1_048_576, 1],
    ] as const) {
      const changes = { context: tokens(context), concurrency };
      forget();
      const fresh = estimate(request(changes), H100);
      forget();
      estimate(request(), H100);

      expect(estimate(request(changes), H100)).toEqual(fresh);
    }
  });
});
