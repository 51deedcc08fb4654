import { describe, expect, it } from 'vitest';
import { type KvShape, pagedFull, pagedHybrid, ring, twoPools } from '../../src/sizing/kv-layouts.ts';
import { GIB } from '../../src/units.ts';

/** All of Scout on one GPU, bf16: 2 x 8 heads x 128 x 2 B. */
const WHOLE: KvShape = { fullLayers: 12, chunkedLayers: 36, tokenBytes: 4096, chunk: 8192 };
/** At TP8 each GPU keeps one KV head. */
const EIGHTH: KvShape = { ...WHOLE, tokenBytes: 512 };
const EIGHTH_FP8: KvShape = { ...WHOLE, tokenBytes: 256 };

function one(context: number): { context: number; sequences: number; batchedTokens: number } {
  return { context, sequences: 1, batchedTokens: 8192 };
}

describe('one sequence, against the table of llama4-memory.md §3', () => {
  it.each([
    { context: 8192, full: 1.5, hybrid: 1.5 },
    { context: 32_768, full: 6.0, hybrid: 3.75 },
    { context: 131_072, full: 24.0, hybrid: 8.25 },
    { context: 262_144, full: 48.0, hybrid: 14.25 },
    { context: 1_000_000, full: 183.11, hybrid: 48.03 },
    { context: 3_600_000, full: 659.18, hybrid: 167.04 },
    { context: 10_485_760, full: 1920, hybrid: 482.25 },
  ])('$context tokens', ({ context, full, hybrid }) => {
    expect(pagedFull(16).bytes(WHOLE, one(context)) / GIB).toBeCloseTo(full, 2);
    expect(pagedHybrid(16).bytes(WHOLE, one(context)) / GIB).toBeCloseTo(hybrid, 2);
  });

  it('is 240.00 GiB per GPU for 10,485,760 tokens at TP8 (vllm-project/vllm#19407, row 12)', () => {
    expect(pagedFull(16).bytes(EIGHTH, one(10_485_760))).toBe(240 * GIB);
  });

  it('is 24.00 GiB per GPU for 1,048,576 tokens at TP8 (vllm-project/vllm#16118, row 15)', () => {
    expect(pagedFull(16).bytes(EIGHTH, one(1_048_576))).toBe(24 * GIB);
  });

  it('is 196,608 bytes for one token in all layers, 49,152 where chunks are full', () => {
    expect(pagedFull(16).bytesPerToken(WHOLE, one(8192))).toBe(196_608);
    expect(pagedHybrid(16).bytesPerToken(WHOLE, one(8192))).toBe(196_608);
    expect(pagedHybrid(16).bytesPerToken(WHOLE, one(131_072))).toBe(49_152);
  });
});

describe('capacity, as vLLM logs it', () => {
  it.each([
    { log: '3,861,424 tokens of 88.38 GiB (#19407, row 14)', gib: 88.38, want: 3_861_424 },
    { log: '3,919,664 tokens of 89.71 GiB (row 3)', gib: 89.71, want: 3_919_664 },
  ])('agrees with $log to the two decimals of the log', ({ gib, want }) => {
    const tokens = pagedFull(16).capacity(EIGHTH, one(16), gib * GIB) * 16;

    expect(Math.abs(tokens - want)).toBeLessThan((0.005 * GIB) / 24_576 + 16);
  });

  it('agrees with 324,640 tokens of 29.72 GiB on one of two stages (#29431, row 19)', () => {
    const half: KvShape = { ...WHOLE, fullLayers: 6, chunkedLayers: 18 };
    const tokens = pagedFull(16).capacity(half, one(16), 29.72 * GIB) * 16;

    expect(Math.abs(tokens - 324_640)).toBeLessThan((0.005 * GIB) / 98_304 + 16);
  });

  it.each([
    { log: '1.86x at 8,388,608 (row 4)', shape: EIGHTH, context: 8_388_608, want: '1.86' },
    { log: '2.96x, at 5,242,880 as its launch says', shape: EIGHTH, context: 5_242_880, want: '2.96' },
    {
      log: '3.12x with an fp8 cache, at 10,000,000 (inferred)',
      shape: EIGHTH_FP8,
      context: 10_000_000,
      want: '3.12',
    },
  ])('agrees with $log, hybrid, 89.71 GiB at TP8', ({ shape, context, want }) => {
    expect(
      pagedHybrid(16)
        .capacity(shape, one(context), 89.71 * GIB)
        .toFixed(2),
    ).toBe(want);
  });

  it('is without bound where a stage has no layers', () => {
    const empty: KvShape = { ...WHOLE, fullLayers: 0, chunkedLayers: 0 };

    expect(pagedFull(16).capacity(empty, one(8192), GIB)).toBe(Number.POSITIVE_INFINITY);
    expect(pagedHybrid(16).bytes(empty, one(8192))).toBe(0);
  });
});

describe('hybrid groups', () => {
  it.each([
    { full: 12, chunked: 36, want: 4 },
    { full: 6, chunked: 18, want: 4 },
    { full: 1, chunked: 5, want: 6 },
    { full: 0, chunked: 3, want: 1 },
    { full: 3, chunked: 0, want: 1 },
  ])('$full full and $chunked chunked layers make $want tables', ({ full, chunked, want }) => {
    const shape: KvShape = { ...WHOLE, fullLayers: full, chunkedLayers: chunked };

    expect(pagedHybrid(16).groups(shape)).toBe(want);
    expect(pagedFull(16).groups(shape)).toBe(1);
  });
});

describe('two pools (SGLang, engine-facts.md §6)', () => {
  const pools = twoPools(() => 0.8);

  it('holds 1.18 times the tokens of the uniform layout at ratio 0.8, 3.5 times at 0.05', () => {
    const uniform = pagedFull(1).bytesPerToken(WHOLE, one(131_072));

    expect(uniform / pools.bytesPerToken(WHOLE, one(131_072))).toBeCloseTo(1.18, 2);
    expect(uniform / twoPools(() => 0.05).bytesPerToken(WHOLE, one(131_072))).toBeCloseTo(3.48, 2);
  });

  it('is plain within one chunk and must hold one chunk beyond it', () => {
    expect(pools.bytes(WHOLE, one(8192))).toBe(pagedFull(1).bytes(WHOLE, one(8192)));
    expect(pools.capacity(WHOLE, one(8192), 3 * GIB)).toBe(2);
    expect(pools.bytes(WHOLE, one(8193))).toBe((12 * 10_240 + 36 * 8192) * 4096);
    expect(pools.bytesPerToken(WHOLE, one(100))).toBe(196_608);
    expect(pools.groups(WHOLE)).toBe(2);
  });

  it('holds what it says it holds', () => {
    const need = pools.bytes(WHOLE, { ...one(131_072), sequences: 3 });

    expect(pools.capacity(WHOLE, one(131_072), need)).toBeCloseTo(3, 4);
  });
});

describe('ring (llama.cpp, llama4-memory.md §3)', () => {
  const cells = ring(512);

  it('is 6.0 + 1.2 GiB for 131,072 tokens in f16', () => {
    expect(cells.bytes(WHOLE, one(131_072))).toBe(12 * 131_072 * 4096 + 36 * 8704 * 4096);
    expect(cells.bytes(WHOLE, one(131_072)) / GIB).toBeCloseTo(7.2, 1);
  });

  it('pads to 256 cells and holds what it says it holds', () => {
    expect(cells.bytes(WHOLE, one(1))).toBe(48 * 256 * 4096);
    expect(cells.capacity(WHOLE, one(131_072), 2 * cells.bytes(WHOLE, one(131_072)))).toBe(2);
    expect(cells.bytesPerToken(WHOLE, one(4096))).toBe(196_608);
    expect(cells.bytesPerToken(WHOLE, one(131_072))).toBe(49_152);
    expect(cells.groups(WHOLE)).toBe(1);
  });
});
