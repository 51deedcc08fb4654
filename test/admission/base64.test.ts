import { describe, expect, it } from 'vitest';
import { patchBase64 } from '../../src/admission/base64.ts';

function operations(value: string) {
  return [{ op: 'add', path: '/metadata/annotations', value }] as const;
}

/** Characters of the JSON around the value. */
const AROUND = JSON.stringify(operations('')).length;

describe('a patch as the API server reads it', () => {
  it.each([
    ['plain ASCII', 'scout'],
    ['quotes and controls', '"a" \\ \u0007 \n'],
    ['letters beyond ASCII', 'schöner GPU-Knoten'],
    ['letters of three and of four bytes', '模型 🦙'],
    ['as many characters as the buffer takes', 'x'.repeat(16_384 - AROUND)],
    ['one more', 'x'.repeat(16_385 - AROUND)],
    ['more, beyond ASCII', 'ü'.repeat(20_000)],
    ['a last letter that does not fit into the buffer', `${'x'.repeat(16_383 - AROUND)}ü`],
  ])('with %s is its UTF-8 in base64', (_, value) => {
    // RFC 4648 as Node has it.
    const text = Buffer.from(patchBase64(operations(value)), 'base64').toString('utf8');
    expect(JSON.parse(text)).toEqual(operations(value));
  });
});
