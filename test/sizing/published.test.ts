import { describe, expect, it } from 'vitest';
import { type PublishedPoint, publishedFigure } from '../../src/sizing/published.ts';
import { bytes } from '../../src/units.ts';

const BASE = { model: 'scout', workload: 'inference', format: 'int4', tightBytes: null } as const;
const ROWS: readonly PublishedPoint[] = [
  { ...BASE, context: 131_072, bytes: bytes(334e9) },
  { ...BASE, context: 4096, bytes: bytes(99.5e9), tightBytes: bytes(76.2e9) },
  { ...BASE, context: 10_485_760, bytes: bytes(18.8e12) },
  { ...BASE, format: 'fp16', context: 4096, bytes: bytes(345e9) },
];

function at(context: number, format = 'int4'): ReturnType<typeof publishedFigure> {
  return publishedFigure(ROWS, { model: 'scout', workload: 'inference', format, context });
}

describe('publishedFigure', () => {
  it('is exact on a point, with its tight figure', () => {
    expect(at(4096)).toMatchObject({ bytes: 99.5e9, tightBytes: 76.2e9, isExact: true });
    expect(at(131_072)).toMatchObject({ bytes: 334e9, tightBytes: null, isExact: true });
  });

  it('is on the line between two', () => {
    const middle = (4096 + 131_072) / 2;

    expect(at(middle)).toMatchObject({ bytes: (99.5e9 + 334e9) / 2, tightBytes: null, isExact: false });
    expect(at(middle)?.points).toHaveLength(2);
  });

  it('answers nothing outside, and nothing about other series', () => {
    expect(at(4095)).toBeNull();
    expect(at(10_485_761)).toBeNull();
    expect(at(8192, 'fp16')).toBeNull();
    expect(publishedFigure(ROWS, { ...BASE, model: 'maverick', context: 4096 })).toBeNull();
    expect(publishedFigure(ROWS, { ...BASE, workload: 'training', context: 4096 })).toBeNull();
  });
});
