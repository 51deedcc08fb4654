import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatGib } from '../src/units.ts';

const GIB = 2 ** 30;

describe('GiB in tenths', () => {
  // Number.prototype.toFixed is exact by its definition (ECMA-262 §21.1.3.3): of two nearest, the larger.
  it('are those of toFixed, for every whole number of bytes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), fc.nat({ max: 2 ** 20 }), (low, high) => {
        const value = high * 2 ** 31 + low;
        expect(formatGib(value)).toBe(`${(value / GIB).toFixed(1)} GiB`);
      }),
      { numRuns: 2000, seed: 20_261_126 },
    );
  });

  it.each([0, 1, GIB / 4, (3 * GIB) / 4, GIB / 4 - 1, 79.11 * GIB, -GIB / 4, 2 ** 50])(
    'of %d are those of toFixed',
    (value) => {
      expect(formatGib(value)).toBe(`${(value / GIB).toFixed(1)} GiB`);
    },
  );

  it('round a half of one up: 256 MiB are 0.3', () => {
    expect(formatGib(GIB / 4)).toBe('0.3 GiB');
    expect(formatGib(GIB / 4 - 1)).toBe('0.2 GiB');
  });
});
