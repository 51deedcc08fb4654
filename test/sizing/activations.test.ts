import { describe, expect, it } from 'vitest';
import { estimate } from '../../src/sizing/estimate.ts';
import { formatLabel } from '../../src/sizing/spread.ts';
import { GIB } from '../../src/units.ts';
import { engine, parallel, request } from './samples.ts';

interface Row {
  readonly sequences: number;
  readonly batch: number;
  readonly tensor: number;
  readonly old: number;
  readonly since017: number;
}

/** engine-facts.md §3, table of peaks. */
const ROWS: readonly Row[] = [
  { sequences: 1024, batch: 8192, tensor: 1, old: 7.52, since017: 2.9 },
  { sequences: 1024, batch: 8192, tensor: 8, old: 7.52, since017: 2.9 },
  { sequences: 512, batch: 8192, tensor: 2, old: 3.85, since017: 1.54 },
  { sequences: 256, batch: 8192, tensor: 1, old: 2.02, since017: 1.16 },
  { sequences: 256, batch: 8192, tensor: 2, old: 2.02, since017: 0.86 },
  { sequences: 256, batch: 2048, tensor: 8, old: 1.89, since017: 0.73 },
  { sequences: 128, batch: 8192, tensor: 1, old: 1.16, since017: 1.16 },
  { sequences: 128, batch: 8192, tensor: 2, old: 1.1, since017: 0.68 },
  { sequences: 128, batch: 8192, tensor: 8, old: 1.1, since017: 0.59 },
  { sequences: 64, batch: 8192, tensor: 1, old: 1.16, since017: 1.16 },
  { sequences: 64, batch: 8192, tensor: 8, old: 0.78, since017: 0.59 },
  { sequences: 1024, batch: 16_384, tensor: 8, old: 7.7, since017: 3.08 },
];

function peak(version: string, row: Pick<Row, 'sequences' | 'batch' | 'tensor'>): number {
  const asked = request({
    engine: engine('vllm', version),
    maxNumSeqs: row.sequences,
    maxNumBatchedTokens: row.batch,
    parallel: parallel(row.tensor),
  });
  return estimate(asked, null).perGpu.activations / GIB;
}

describe('peak of a step in vLLM, against the table of engine-facts.md §3', () => {
  it.each(ROWS)('$sequences sequences, $batch tokens, TP$tensor', (row) => {
    expect(Math.abs(peak('0.16.0', row) - row.old)).toBeLessThanOrEqual(0.0051);
    expect(Math.abs(peak('0.17.0', row) - row.since017)).toBeLessThanOrEqual(0.0051);
  });

  it('lies between 0.2 and 0.4 GiB for 16 sequences of 2,048 tokens', () => {
    for (const tensor of [1, 8]) {
      const got = peak('0.12.0', { sequences: 16, batch: 2048, tensor });

      expect(got).toBeGreaterThan(0.15);
      expect(got).toBeLessThanOrEqual(0.41);
    }
  });

  it('is 1.16 GiB on the first of two stages and 7.58 GiB on the last (Scout W4A16 PP2, Nov 2025)', () => {
    const bill = estimate(request({ parallel: parallel(1, 2) }), null);
    const [first, last] = bill.stages.map((stage) => stage.perGpu.activations / GIB);

    expect(first).toBeCloseTo(1.16, 2);
    expect(last).toBeCloseTo(7.58, 2);
  });

  it('needs no encoder without images, but the sampler all the same', () => {
    const few = { maxNumSeqs: 16, parallel: parallel(1) };
    const images = estimate(request(few), null).stages[0]?.items.find((item) => item.line === 'activations');
    const text = estimate(request({ ...few, textOnly: true }), null).stages[0]?.items.find(
      (item) => item.line === 'activations',
    );

    expect(formatLabel(images?.label ?? [])).toBe('peak of a step (vision encoder)');
    expect(formatLabel(text?.label ?? [])).toBe('peak of a step (text)');
    expect(text?.bytes.mid).toBe(8192 * (10 * 5120 + 6 * 8192));
  });
});
