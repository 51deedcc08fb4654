import { describe, expect, it } from 'vitest';
import { isAtLeast, parseVersion } from '../../src/sizing/version.ts';

describe('parseVersion', () => {
  it.each([
    ['0.11.0', [0, 11, 0, 0]],
    ['v0.11.0', [0, 11, 0, 0]],
    ['0.11', [0, 11, 0, 0]],
    ['0.10.1.1', [0, 10, 1, 1]],
    ['0.4.9.post4', [0, 4, 9, 4]],
    ['0.20.1rc1+cu129', [0, 20, 1, 0]],
    ['v0.4.6.post5-cu124', [0, 4, 6, 5]],
    ['1.0.0rc6', [1, 0, 0, 0]],
  ])('reads %s', (text, want) => {
    expect(parseVersion(text)).toEqual(want);
  });

  it.each(['latest', 'nightly', 'b5460', '25.09-py3', '', 'sha-0.1', '3'])(
    'knows that %j is no release',
    (text) => {
      expect(parseVersion(text)).toBeNull();
    },
  );

  it('orders releases', () => {
    expect(isAtLeast([0, 10, 2, 0], [0, 9, 9, 9])).toBe(true);
    expect(isAtLeast([0, 4, 6, 4], [0, 4, 6, 5])).toBe(false);
  });
});
