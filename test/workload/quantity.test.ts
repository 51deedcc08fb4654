import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCount, parseQuantity } from '../../src/workload/quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['8', 8],
    ['0', 0],
    ['-0', 0],
    ['+8', 8],
    ['-8', -8],
    ['007', 7],
    ['8.', 8],
    ['.5', 0.5],
    ['1.5', 1.5],
    ['8000m', 8],
    ['8001m', 8.001],
    ['100u', 0.0001],
    ['1n', 1e-9],
    ['5k', 5000],
    ['5M', 5_000_000],
    ['80G', 80_000_000_000],
    ['1T', 1e12],
    ['1P', 1e15],
    ['1E', 1e18],
    ['1e3', 1000],
    ['1E3', 1000],
    ['1E-3', 0.001],
    ['1e+3', 1000],
    ['1.048576e+06', 1_048_576],
    ['0.1e1', 1],
    ['128Ki', 131_072],
    ['128Mi', 134_217_728],
    ['128Gi', 137_438_953_472],
    ['1.5Gi', 1_610_612_736],
    ['2Ti', 2 * 1024 ** 4],
    ['7Pi', 7 * 1024 ** 5],
    ['1Ei', 1024 ** 6],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['4294967295', 4_294_967_295],
    ['1e400', Number.MAX_VALUE],
    ['1e-400', 0],
  ])('reads %s as %d', (text, want) => {
    expect(parseQuantity(text)).toEqual({ value: want });
  });

  it.each([
    '',
    ' ',
    ' 8',
    '8 ',
    '.',
    '+',
    '1K',
    '1ki',
    '1gi',
    '1GB',
    '1Gb',
    '1 Gi',
    '1e',
    '1e3k',
    '1e1.5',
    '1mi',
    '1,000',
    '0x10',
    'NaN',
    'Infinity',
    '$GPUS',
    '8\n',
    '٨',
  ])('refuses %j', (text) => {
    expect(parseQuantity(text)).toBeNull();
  });

  it('takes JSON numbers as they are, and no others', () => {
    expect(parseQuantity(8)).toEqual({ value: 8 });
    expect(parseQuantity(0.5)).toEqual({ value: 0.5 });
    expect(parseQuantity(1e21)).toEqual({ value: 1e21 });
    expect(parseQuantity(Number.NaN)).toBeNull();
    expect(parseQuantity(Number.POSITIVE_INFINITY)).toBeNull();
  });

  it('keeps whole numbers exact in every notation', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 33 }), (count) => {
        expect(parseQuantity(`${count}`)).toEqual({ value: count });
        expect(parseQuantity(`${count}000m`)).toEqual({ value: count });
        expect(parseQuantity(`${count}Mi`)).toEqual({ value: count * 2 ** 20 });
        expect(parseQuantity(`${count}e3`)).toEqual({ value: count * 1000 });
      }),
    );
  });

  it('reads a long run of digits in linear time', () => {
    const start = performance.now();
    expect(parseQuantity(`${'1'.repeat(1_000_000)}x`)).toBeNull();
    expect(performance.now() - start).toBeLessThan(500);
  });
});

describe('parseCount', () => {
  it.each([
    ['8', 8],
    ['8000m', 8],
    ['0', 0],
    ['1k', 1000],
    [4, 4],
  ])('takes %j as %d', (text, want) => {
    expect(parseCount(text)).toBe(want);
  });

  it.each(['500m', '0.5', '-1', '1e30', 'x', -1, 0.5])('refuses %j', (text) => {
    expect(parseCount(text)).toBeNull();
  });
});
