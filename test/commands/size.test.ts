import { describe, expect, it } from 'vitest';
import { EXIT, type Io, UsageError } from '../../src/commands/io.ts';
import { runSize } from '../../src/commands/size.ts';
import { SIZE_OPTIONS, SIZE_USAGE } from '../../src/commands/size-options.ts';
import { GIB } from '../../src/units.ts';

function memoryIo(): { readonly io: Io; readonly text: () => string } {
  const lines: string[] = [];
  const take = (line: string): void => {
    lines.push(line);
  };
  const io: Io = {
    out: take,
    err: take,
    stdin: async () => '',
    isTerminal: false,
    env: {},
    now: () => new Date(0),
  };
  return { io, text: () => lines.join('') };
}

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
