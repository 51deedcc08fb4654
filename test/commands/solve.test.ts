import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXIT, UsageError } from '../../src/commands/io.ts';
import { runSize } from '../../src/commands/size.ts';
import { SOLVE_OPTIONS } from '../../src/commands/size-options.ts';
import { runSolve } from '../../src/commands/solve.ts';
import { memoryIo } from './memory-io.ts';

interface Solved {
  readonly code: number;
  readonly value: number | null;
  readonly size: Record<string, unknown>;
}

async function solveJson(argv: readonly string[]): Promise<Solved> {
  const { io, text } = memoryIo();
  const code = await runSolve([...argv, '-o', 'json'], io);
  const { solved, size } = Object(JSON.parse(text()));
  return { code, value: solved.value, size };
}

async function sizeExit(argv: readonly string[]): Promise<number> {
  return runSize(argv, memoryIo().io);
}

describe('vramgate solve', () => {
  it('finds a context for Maverick bf16 on 8 H200 beyond 131,072, and none on 8 H100 (issue 4)', async () => {
    const maverick = ['--for', 'context', '--model', 'maverick', '--gpus', '8', '--gpu'];
    const h200 = await solveJson([...maverick, 'H200']);
    const h100 = await solveJson([...maverick, 'H100']);

    expect(h200.code).toBe(EXIT.fits);
    expect(h200.value).toBeGreaterThan(131_072);
    expect(h100).toMatchObject({ code: EXIT.doesNotFit, value: null });
    expect(h100.size['fit']).toMatchObject({ fits: false });
  });

  it('answers with the bill at the value', async () => {
    const argv = ['--model', 'scout', '--quantization', 'fp8', '--gpu', 'H100', '--gpus', '4'];
    const { value, size } = await solveJson(['--for', 'context', ...argv]);
    const { io, text } = memoryIo();
    await runSize([...argv, '--context', String(value), '-o', 'json'], io);

    expect(size).toEqual(JSON.parse(text()));
  });

  // The relation that the word "largest" means: the answer fits, the next step does not.
  it('agrees with size: the answer fits and the next step does not', async () => {
    const scenario = fc.record({
      model: fc.constantFrom('scout', 'maverick'),
      quantization: fc.constantFrom('bf16', 'fp8', 'w4a16'),
      engine: fc.constantFrom('vllm', 'sglang', 'tensorrt-llm', 'tgi', 'llama.cpp'),
      gpu: fc.constantFrom('H100', 'H200', 'B200', 'A100-80GB', 'MI300X', 'L40S'),
      gpus: fc.constantFrom(1, 2, 4, 8),
      kv: fc.constantFrom('auto', 'fp8'),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ model, quantization, engine, gpu, gpus, kv }) => {
        const common = ['--model', model, '--quantization', quantization, '--engine', engine, '--gpu', gpu];
        // Engines differ in the names they know; vLLM stands for all.
        const cache = kv === 'fp8' && engine === 'vllm' ? ['--kv-cache-dtype', 'fp8'] : [];
        const argv = [...common, '--gpus', String(gpus), ...cache];
        const { value } = await solveJson(['--for', 'context', ...argv]);
        const maximum = model === 'scout' ? 10_485_760 : 1_048_576;
        if (value === null) {
          expect(await sizeExit([...argv, '--context', '1'])).toBe(EXIT.doesNotFit);
          return;
        }
        expect(await sizeExit([...argv, '--context', String(value)])).toBe(EXIT.fits);
        if (value < maximum) {
          expect(await sizeExit([...argv, '--context', String(value + 1)])).toBe(EXIT.doesNotFit);
        }
      }),
      { numRuns: 60, seed: 20_261_125 },
    );
  });

  it('agrees with size about concurrency', async () => {
    const argv = [
      '--model',
      'scout',
      '--quantization',
      'fp8',
      '--context',
      '32K',
      '--gpu',
      'H100',
      '--gpus',
      '4',
    ];
    const { value } = await solveJson(['--for', 'concurrency', ...argv]);

    expect(value).toBeGreaterThan(1);
    expect(await sizeExit([...argv, '--concurrency', String(value)])).toBe(EXIT.fits);
    expect(await sizeExit([...argv, '--concurrency', String(Number(value) + 1)])).toBe(EXIT.doesNotFit);
  });

  it('finds the smallest valid count: half of it does not fit', async () => {
    const argv = ['--model', 'scout', '--context', '128K', '--gpu', 'H100'];
    const { value } = await solveJson(['--for', 'gpus', ...argv]);

    expect(value).toBe(4);
    expect(await sizeExit([...argv, '--gpus', '4'])).toBe(EXIT.fits);
    expect(await sizeExit([...argv, '--gpus', '2'])).toBe(EXIT.doesNotFit);
  });

  it('looks no further than --gpus when counting', async () => {
    const argv = ['--for', 'gpus', '--model', 'scout', '--context', '128K', '--gpu', 'H100', '--gpus'];

    expect((await solveJson([...argv, '4'])).value).toBe(4);
    expect(await solveJson([...argv, '3'])).toMatchObject({ code: EXIT.doesNotFit, value: null });
  });

  it('shards a training state over the fewest GPUs that hold it', async () => {
    const training = [
      '--model',
      'scout',
      '--context',
      '4K',
      '--workload',
      'training',
      '--training-method',
      'full',
    ];
    const { value } = await solveJson(['--for', 'gpus', '--gpu', 'H100', ...training]);
    const at = (gpus: number) =>
      sizeExit([...training, '--gpu', 'H100', '--gpus', String(gpus), '--tensor-parallel', String(gpus)]);

    expect(await at(Number(value))).toBe(EXIT.fits);
    expect(await at(Number(value) - 1)).toBe(EXIT.doesNotFit);
  });

  it('spreads published figures over valid counts and stays inside the published contexts', async () => {
    const published = [
      '--method',
      'published',
      '--model',
      'scout',
      '--quantization',
      'int4',
      '--gpu',
      'H100',
    ];
    const { value } = await solveJson(['--for', 'context', '--gpus', '4', ...published]);
    const at = (context: number) => sizeExit([...published, '--gpus', '4', '--context', String(context)]);

    expect(await at(Number(value))).toBe(EXIT.fits);
    expect(await at(Number(value) + 1)).toBe(EXIT.doesNotFit);
    // 4,096 tokens need 99.5 GB: no single H100 (85 GB) holds the least that was published.
    expect((await solveJson(['--for', 'context', '--gpus', '1', ...published])).value).toBeNull();
  });

  it.each([
    [['--model', 'scout', '--gpu', 'H100'], '--for is needed'],
    [['--for', 'contxt'], 'context'],
    [['--for', 'context', '--model', 'scout', '--gpu', 'H100'], '--gpus is needed'],
    [['--for', 'context', '--model', 'scout', '--gpus', '8'], '--gpu is needed'],
    [
      ['--for', 'context', '--context', '8K', '--model', 'scout', '--gpu', 'H100', '--gpus', '8'],
      'leave it out',
    ],
    [['--for', 'context', '--model', 'scout', '--gpu', 'H100', '--gpus', '3'], 'cannot be divided'],
    [['--for', 'gpus', '--model', 'scout', '--gpu', 'H100', '--tensor-parallel', '8'], '--tensor-parallel'],
    [
      [
        '--for',
        'concurrency',
        '--method',
        'published',
        '--model',
        'scout',
        '--context',
        '4K',
        '--gpu',
        'H100',
        '--gpus',
        '8',
      ],
      'sequences',
    ],
  ])('%j is a usage error that says %s', async (argv, hint) => {
    const { io } = memoryIo();

    await expect(runSolve(argv, io)).rejects.toThrow(hint);
    await expect(runSolve(argv, io)).rejects.toBeInstanceOf(UsageError);
  });

  it('is helped by a text that names the option of its own, and refers to size for the rest', async () => {
    const { io, text } = memoryIo();
    await runSolve(['--help'], io);

    expect(Object.keys(SOLVE_OPTIONS)).toContain('for');
    expect(text()).toContain('--for context|concurrency|gpus');
    expect(text()).toContain('vramgate size --help');
  });
});
