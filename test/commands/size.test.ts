import { describe, expect, it } from 'vitest';
import { EXIT, UsageError } from '../../src/commands/io.ts';
import { runSize } from '../../src/commands/size.ts';
import { SIZE_OPTIONS, SIZE_USAGE } from '../../src/commands/size-options.ts';
import { GIB } from '../../src/units.ts';
import { memoryIo } from './memory-io.ts';

async function sizeJson(
  argv: readonly string[],
): Promise<{ readonly code: number; readonly report: Record<string, unknown> }> {
  const { io, text } = memoryIo();
  const code = await runSize([...argv, '-o', 'json'], io);
  return { code, report: JSON.parse(text()) };
}

describe('vramgate size', () => {
  it('predicts the logged 27.8072 GiB of weights and tables of Scout bf16 at TP 8 within 0.1 % (calibration row 1)', async () => {
    const { report } = await sizeJson([
      '--model',
      'scout',
      '--context',
      '8M',
      '--gpus',
      '8',
      '--engine-version',
      '0.12.0',
    ]);
    const { weights, ropeTable } = Object(report['perGpu']);

    expect(Math.abs((weights + ropeTable) / GIB / 27.8072 - 1)).toBeLessThan(0.001);
  });

  it.each([
    ['10M', 240],
    ['1M', 24],
  ])(
    'needs the logged KV cache for %s tokens at TP 8: %s GiB per GPU (vllm#19407, vllm#16118)',
    async (context, want) => {
      const { report } = await sizeJson([
        '--model',
        'scout',
        '--context',
        context,
        '--gpus',
        '8',
        '--engine-version',
        '0.9.0',
      ]);

      expect(Object(report['perGpu']).kvCache).toBe(want * GIB);
    },
  );

  it('totals the seven lines of the bill', async () => {
    const { report } = await sizeJson([
      '--model',
      'maverick',
      '--quantization',
      'fp8',
      '--context',
      '128K',
      '--gpus',
      '8',
    ]);
    const { total, ...lines } = Object(report['perGpu']);
    const sum = Object.values(lines).reduce<number>((all, one) => all + Number(one), 0);

    expect(Object.keys(lines)).toHaveLength(7);
    expect(total).toBe(sum);
  });

  it.each([
    [
      [
        '--model',
        'scout',
        '--quantization',
        'w4a16',
        '--context',
        '8K',
        '--max-num-seqs',
        '16',
        '--gpu',
        'H100',
        '--gpus',
        '1',
      ],
      0,
    ],
    [['--model', 'scout', '--quantization', 'w4a16', '--context', '128K', '--gpu', 'H100', '--gpus', '1'], 3],
    [['--model', 'scout', '--quantization', 'fp8', '--context', '8K', '--gpu', 'H100', '--gpus', '1'], 3],
    [['--model', 'maverick', '--context', '128K', '--gpu', 'H100', '--gpus', '8'], 3],
    [['--model', 'maverick', '--context', '128K', '--gpu', 'H200', '--gpus', '8'], 0],
    [['--model', 'scout', '--tensor-parallel', '3'], 3],
  ])('%j exits with %i', async (argv, want) => {
    const { io } = memoryIo();

    expect(await runSize(argv, io)).toBe(want);
  });

  it.each([
    ['--model', 'scuot', 'scout'],
    ['--context', '32kk', '128K'],
    ['--context', '1.5M', '128K'],
    ['--context', '1e999', '128K'],
    ['--tensor-parallel', '0', 'whole number'],
    ['--gpu', 'NVIDIA-H100-80GB-HBM', 'NVIDIA-H100-80GB-HBM3'],
    ['--contxt', '1', '--context'],
  ])('%s %s is a usage error that says %s', async (flag, value, hint) => {
    const { io } = memoryIo();
    const argv = flag === '--model' ? [flag, value] : ['--model', 'scout', flag, value];

    await expect(runSize(argv, io)).rejects.toThrow(hint);
    await expect(runSize(argv, io)).rejects.toBeInstanceOf(UsageError);
  });

  it('prints the published figure with its second, tight one', async () => {
    const { code, report } = await sizeJson([
      '--model',
      'scout',
      '--quantization',
      'int4',
      '--context',
      '4K',
      '--method',
      'published',
    ]);

    expect(code).toBe(EXIT.fits);
    expect(report['published']).toMatchObject({ gigabytes: 99.5, tightGigabytes: 76.2 });
    expect(report['totalBytes']).toBe(99_500_000_000);
  });
});

/**
 * Every figure of the article (reference/seed-article.txt), in its own decimal gigabytes; 4K, 128K and 10M are
 * 4,096, 131,072 and 10,485,760 tokens.
 */
const ARTICLE: readonly (readonly [string, string, string, string, number])[] = [
  ['scout', 'inference', 'int4', '4K', 99.5],
  ['scout', 'inference', 'fp16', '4K', 345],
  ['scout', 'inference', 'int4', '128K', 334],
  ['scout', 'inference', 'fp16', '128K', 579],
  ['scout', 'inference', 'int4', '10M', 18_800],
  ['scout', 'inference', 'fp16', '10M', 18_800],
  ['scout', 'training', 'fp16', '4K', 2300],
  ['maverick', 'inference', 'int4', '4K', 318],
  ['maverick', 'inference', 'fp16', '4K', 1220],
  ['maverick', 'inference', 'int4', '128K', 552],
  ['maverick', 'inference', 'fp16', '128K', 1450],
  ['maverick', 'training', 'fp16', '4K', 8400],
  ['behemoth', 'inference', 'fp8', '4K', 3200],
  ['behemoth', 'inference', 'fp16', '4K', 6200],
  ['behemoth', 'inference', 'fp8', '128K', 4400],
  ['behemoth', 'inference', 'fp16', '128K', 7400],
  ['behemoth', 'training', 'fp8', '4K', 63_000],
];

describe('size --method published', () => {
  it.each(ARTICLE)(
    '%s %s %s at %s prints the article: %s GB',
    async (model, workload, format, context, want) => {
      const { code, report } = await sizeJson([
        ...['--method', 'published', '--model', model, '--workload', workload],
        ...['--quantization', format, '--context', context],
      ]);

      expect(code).toBe(EXIT.fits);
      expect(report['totalBytes']).toBe(want * 1_000_000_000);
      expect(report['published']).toMatchObject({ gigabytes: want });
    },
  );

  it('is linear between two printed points and has no answer outside them', async () => {
    const halfway = ['--method', 'published', '--model', 'maverick', '--quantization', 'int4', '--context'];
    const { report } = await sizeJson([...halfway, String((4096 + 131_072) / 2)]);

    expect(report['totalBytes']).toBe(((318 + 552) / 2) * 1_000_000_000);
    await expect(sizeJson([...halfway, '4095'])).rejects.toBeInstanceOf(UsageError);
    await expect(sizeJson([...halfway, '131073'])).rejects.toBeInstanceOf(UsageError);
  });

  it('prints both methods side by side and says why they differ', async () => {
    const { io, text } = memoryIo();
    await runSize(['--model', 'scout', '--quantization', 'int4', '--context', '128K'], io);

    expect(text()).toContain('published: 334 GB');
    expect(text()).toMatch(/they differ because [^\n]+/);
  });
});

describe('the table of size', () => {
  const argv = ['--model', 'scout', '--context', '128K', '--gpu', 'H100', '--gpus', '8'];

  it('is coloured on a terminal only, and not under NO_COLOR', async () => {
    const on = memoryIo({ isTerminal: true });
    const off = memoryIo({ isTerminal: true, env: { NO_COLOR: '1' } });
    const piped = memoryIo();
    for (const { io } of [on, off, piped]) await runSize(argv, io);

    expect(on.text()).toContain('\u001b[');
    expect(off.text()).toBe(piped.text());
    expect(piped.text()).not.toContain('\u001b');
  });

  it('marks the edge of what the engine may use on every bar', async () => {
    const { io, text } = memoryIo();
    await runSize(argv, io);
    const bars = text()
      .split('\n')
      .filter((line) => line.includes('█'));

    expect(bars.length).toBeGreaterThan(5);
    expect(bars.every((line) => line.includes('│'))).toBe(true);
  });
});

describe('the help of size', () => {
  it('names every option that is accepted, and no other', async () => {
    const named = new Set(SIZE_USAGE.match(/--[a-z-]+/g)?.map((flag) => flag.slice(2)));

    expect([...named].sort()).toEqual(
      Object.keys(SIZE_OPTIONS)
        .filter((name) => name !== 'help')
        .sort(),
    );
  });
});
