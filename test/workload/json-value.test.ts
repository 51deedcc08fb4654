import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSameJson } from '../../src/workload/json-value.ts';

/** A text of JSON is the same value wherever it is parsed. */
function parsed(text: string): unknown {
  return JSON.parse(text);
}

/** Few names and few values, so that two of them are often alike in part. */
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, fc.constantFrom(null, 0, 1, '', 'a', true), tie('list'), tie('map')),
  list: fc.array(tie('any'), { maxLength: 3 }),
  map: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString'), tie('any'), {
    maxKeys: 3,
  }),
})).any;

describe('JSON values', () => {
  it('are the same where node:util finds them deeply equal', () => {
    let same = 0;
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [left, right] = [parsed(JSON.stringify(one)), parsed(JSON.stringify(other))];
        const isSame = isDeepStrictEqual(left, right);
        same += Number(isSame);

        expect(isSameJson(left, right)).toBe(isSame);
        expect(isSameJson(left, parsed(JSON.stringify(one)))).toBe(true);
      }),
      { numRuns: 5000, seed: 20_261_126 },
    );
    expect(same).toBeGreaterThan(100);
  });

  it.each([
    ['{"a":1,"b":[{"c":2}]}', '{"b":[{"c":2}],"a":1}', true],
    ['{"a":1}', '{"a":1,"b":null}', false],
    ['{"a":null}', '{}', false],
    ['{"__proto__":{}}', '{}', false],
    ['{"constructor":1}', '{"toString":1}', false],
    ['[1]', '{"0":1}', false],
  ])('%s and %s: %s', (one, other, isSame) => {
    expect(isSameJson(parsed(one), parsed(other))).toBe(isSame);
    expect(isSameJson(parsed(other), parsed(one))).toBe(isSame);
  });

  it('of which one holds a member that is undefined are not the same as without it, or with another', () => {
    expect(isSameJson({ a: undefined }, {})).toBe(false);
    expect(isSameJson({}, { a: undefined })).toBe(false);
    expect(isSameJson({ a: undefined }, { b: undefined })).toBe(false);
    expect(isSameJson({ a: undefined }, { a: undefined })).toBe(true);
  });
});
