import { describe, expect, it } from 'vitest';
import { defaultsFor, fractionRule } from '../../../src/sizing/engines/sglang-fraction.ts';
import { estimate } from '../../../src/sizing/estimate.ts';
import { judgeFit } from '../../../src/sizing/fit.ts';
import type { SizingRequest } from '../../../src/sizing/request.ts';
import type { Bill, DeviceShape } from '../../../src/sizing/shapes.ts';
import { formatLabel } from '../../../src/sizing/spread.ts';
import { parseVersion } from '../../../src/sizing/version.ts';
import { GIB, gibibytes, tokens } from '../../../src/units.ts';
import {
  B200,
  engine,
  H100,
  H200,
  L40S,
  META_FP8_LAST_BF16,
  maverick,
  parallel,
  request,
} from '../samples.ts';

const CARD_MIB = { H100: 81_559, H200: 143_771, B200: 183_359, L40S: 46_068, A10: 23_028, T4: 15_360 };

function fraction(
  version: string,
  card: keyof typeof CARD_MIB,
  tensor: number,
  isMultimodal = false,
): number {
  const cardMib = CARD_MIB[card];
  const rule = fractionRule(parseVersion(version) ?? [0, 0, 0, 0]);
  return rule({ cardMib, tensor, stages: 1, ...defaultsFor(cardMib, tensor), isMultimodal });
}

describe('static fraction when unset (engine-facts.md §6)', () => {
  it.each([
    { version: '0.4.5', card: 'H100', tensor: 1, want: 0.88 },
    { version: '0.4.5', card: 'H100', tensor: 2, want: 0.87 },
    { version: '0.4.5', card: 'H100', tensor: 4, want: 0.85 },
    { version: '0.4.5', card: 'H200', tensor: 8, want: 0.81 },
    { version: '0.4.5', card: 'H200', tensor: 16, want: 0.79 },
    { version: '0.4.6', card: 'H100', tensor: 8, want: 0.81 },
    { version: '0.4.6', card: 'H200', tensor: 8, want: 0.907 },
    { version: '0.4.7', card: 'H100', tensor: 8, want: 0.81 },
    { version: '0.4.7', card: 'H200', tensor: 8, want: 0.872 },
    { version: '0.4.7', card: 'B200', tensor: 8, want: 0.79 },
    { version: '0.4.8', card: 'H100', tensor: 8, want: 0.831 },
    { version: '0.4.8', card: 'H200', tensor: 8, want: 0.886 },
    { version: '0.4.8', card: 'B200', tensor: 8, want: 0.821 },
    { version: '0.4.8', card: 'A10', tensor: 1, want: 0.871 },
    { version: '0.5.3', card: 'H100', tensor: 1, want: 0.835 },
    { version: '0.5.6', card: 'H100', tensor: 8, want: 0.818 },
    { version: '0.5.6', card: 'H200', tensor: 1, want: 0.907 },
    { version: '0.5.6', card: 'H200', tensor: 8, want: 0.897 },
    { version: '0.5.6', card: 'B200', tensor: 1, want: 0.857 },
    { version: '0.5.6', card: 'B200', tensor: 8, want: 0.852 },
    { version: '0.5.6', card: 'L40S', tensor: 1, want: 0.851 },
    { version: '0.5.6', card: 'L40S', tensor: 8, want: 0.826 },
  ] as const)('$version, $card at TP$tensor: $want', ({ version, card, tensor, want }) => {
    expect(fraction(version, card, tensor)).toBeCloseTo(want, 3);
  });

  it('is lower with images: 0.647 on H100 and 0.709 on H200 at TP8', () => {
    expect(fraction('0.5.6', 'H100', 8, true)).toBeCloseTo(0.647, 3);
    expect(fraction('0.5.6', 'H200', 8, true)).toBeCloseTo(0.709, 3);
    expect(fraction('0.4.9', 'H100', 8, true)).toBeCloseTo(0.831 * 0.9, 3);
  });

  it.each([
    ['T4', 1, [2048, 8]],
    ['A10', 1, [2048, 24]],
    ['A10', 4, [2048, 80]],
    ['L40S', 1, [4096, 32]],
    ['L40S', 4, [4096, 160]],
    ['H100', 1, [8192, 256]],
    ['H200', 8, [8192, 512]],
    ['B200', 1, [16_384, 512]],
  ] as const)('%s at TP%i batches %j', (card, tensor, want) => {
    expect(Object.values(defaultsFor(CARD_MIB[card], tensor))).toEqual(want);
  });
});

function sglang(version: string | null, changes: Partial<SizingRequest> = {}): SizingRequest {
  return request({ engine: engine('sglang', version), ...changes });
}

function itemBytes(bill: Bill, start: string): readonly number[] {
  const items = bill.stages[0]?.items ?? [];
  return items.filter((item) => formatLabel(item.label).startsWith(start)).map((item) => item.bytes.mid);
}

describe('tables that grow with the context', () => {
  it('is the failed allocation of 80.04 GiB (sgl-project/sglang#5755, row 47)', () => {
    const bill = estimate(sglang('0.4.5', { context: tokens(10_485_760) }), H100);
    const [table] = itemBytes(bill, 'request-to-token table');

    expect(table).toBe(2049 * 10_485_764 * 4);
    expect(((table ?? 0) / GIB).toFixed(2)).toBe('80.04');
  });

  it('is the failed graph allocation of 4.00 GiB, and does not fit (0.5.6.post2 on H200, row 53)', () => {
    const asked = sglang('0.5.6.post2', { context: tokens(2_097_152), memoryFraction: 0.85 });
    const device: DeviceShape = { ...H200, usableBytes: gibibytes(140.06) };
    const bill = estimate(asked, device);

    expect(itemBytes(bill, 'FA3 graph local block table')).toEqual([4 * GIB]);
    expect(judgeFit(asked, bill, device)).toMatchObject({ fits: false, fitsAtLow: false, binding: 'rest' });
  });

  it.each([
    ['0.4.8', 2],
    ['0.4.9.post4', 3],
    ['0.5.6', 2],
    ['0.5.12', 3],
  ])('%s keeps %i FA3 tables', (version, want) => {
    expect(itemBytes(estimate(sglang(version), H100), 'FA3')).toHaveLength(want);
  });

  it('keeps none without graphs or without FA3', () => {
    expect(itemBytes(estimate(sglang('0.5.6', { enforceEager: true }), H100), 'FA3')).toEqual([]);
    expect(itemBytes(estimate(sglang('0.5.6'), B200), 'FA3')).toEqual([]);
    expect(itemBytes(estimate(sglang('0.5.6'), L40S), 'FA3')).toEqual([]);
  });

  it('takes the number of requests that was given, or one by the pool', () => {
    const given = estimate(sglang('0.5.6', { maxNumSeqs: 16, cudaGraphMaxBs: 8 }), H100);
    const small = estimate(sglang('0.5.6'), H100);
    const between = estimate(sglang('0.5.6', { context: tokens(200_000) }), H100);
    const unknown = estimate(sglang('0.5.6', { context: tokens(1_000_000) }), null);

    expect(itemBytes(given, 'request')).toEqual([17 * 8196 * 4]);
    expect(itemBytes(given, 'FA3')).toEqual([8 * 8192 * 4, 8 * 8192 * 4]);
    expect(itemBytes(small, 'request')).toEqual([4097 * 8196 * 4]);
    expect(itemBytes(between, 'request')[0]).toBeGreaterThan(2049 * 200_004 * 4);
    expect(itemBytes(between, 'request')[0]).toBeLessThan(4097 * 200_004 * 4);
    expect(itemBytes(unknown, 'request')).toEqual([4097 * 1_000_004 * 4]);
  });
});

describe('KV by release (engine-facts.md §6)', () => {
  it.each([
    ['0.4.8', 'auto', 'full'],
    ['0.5.7', 'auto', 'full'],
    ['0.5.7', 'on', 'two-pools'],
    ['0.4.8', 'on', 'full'],
    ['0.5.8', 'auto', 'two-pools'],
    ['0.5.18', 'off', 'full'],
    [null, 'auto', 'full'],
  ] as const)('%s with hybrid %s is %s', (version, hybridKv, want) => {
    expect(estimate(sglang(version, { hybridKv }), H100).kv).toMatchObject({
      layout: want,
      isAssumed: version === null,
    });
  });

  it('is full where a draft blocks it', () => {
    expect(estimate(sglang('0.5.8', { hybridBlocker: 'EAGLE' }), H100).kv.assumption).toContain('EAGLE');
  });

  it('blends the ratio from 0.4.9 to 0.5.7: full = 4M - 3 local', () => {
    const context = 1_000_000;
    const asked = sglang('0.5.6', { hybridKv: 'on', context: tokens(context) });
    const local = 0.5 + (0.5 * 8192) / context;
    const want = (12 + 36 * local) * 4096;

    expect(estimate(asked, H100).kv.bytesPerToken / want).toBeCloseTo(1, 3);
    expect(estimate({ ...asked, swaFullTokensRatio: 1 }, H100).kv.bytesPerToken).toBeLessThan(want);
  });

  it('takes the ratio of the two pools that was given', () => {
    const context = tokens(1_000_000);

    expect(estimate(sglang('0.5.8', { context }), H100).kv.bytesPerToken / 4096).toBeCloseTo(40.8, 2);
    expect(
      estimate(sglang('0.5.8', { context, swaFullTokensRatio: 0.05 }), H100).kv.bytesPerToken / 4096,
    ).toBeCloseTo(13.8, 2);
  });
});

describe('weights and table', () => {
  it('has an fp32 RoPE table of 5.0 GiB for Scout and 0.5 GiB for Maverick', () => {
    expect(estimate(sglang('0.5.6'), H100).perGpu.ropeTable).toBe(5 * GIB);
    expect(estimate(maverick({ engine: engine('sglang', '0.5.6') }), H100).perGpu.ropeTable).toBe(0.5 * GIB);
  });

  it('builds the tower only on request, from 0.4.7', () => {
    const old = estimate(sglang('0.4.6'), H100).perGpu.weights;
    const lean = estimate(sglang('0.5.6'), H100).perGpu.weights;
    const asked = estimate(sglang('0.5.6', { multimodalRequested: true }), H100).perGpu.weights;

    expect(asked).toBe(old);
    expect((old - lean) / GIB).toBeCloseTo(1.62 / 8, 2);
  });
});

describe('the pool of Maverick FP8 on 8xH100 (sgl-project/sglang#6356, May 2025)', () => {
  it('holds 535k tokens with the last expert layer bf16, to a tenth', () => {
    const asked = maverick({
      engine: engine('sglang', '0.4.6'),
      weights: META_FP8_LAST_BF16,
      context: tokens(524_288),
      parallel: parallel(8),
    });
    const { maxConcurrency } = judgeFit(asked, estimate(asked, H100), H100);

    expect(Math.abs((maxConcurrency * 524_288) / 535_000 - 1)).toBeLessThan(0.1);
  });
});

describe('what is said', () => {
  it('names overheads always, version and GPU where they are missing', () => {
    const facts = estimate(sglang(null), null).assumptions.map(({ fact }) => fact);

    expect(facts).toEqual(['engine-version', 'overheads', 'gpu', 'hybrid-kv']);
    expect(estimate(sglang('0.5.6'), H100).assumptions.map(({ fact }) => fact)).toEqual(['overheads']);
  });
});
