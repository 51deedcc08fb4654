import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOG_USAGE, runCatalog } from '../../src/commands/catalog.ts';
import { EXIT, UsageError } from '../../src/commands/io.ts';
import { runSize } from '../../src/commands/size.ts';
import { runSolve } from '../../src/commands/solve.ts';
import { memoryIo } from './memory-io.ts';

async function rowsOf(subject: string): Promise<readonly Record<string, unknown>[]> {
  const { io, text } = memoryIo();
  expect(await runCatalog([subject, '-o', 'json'], io)).toBe(EXIT.fits);
  return JSON.parse(text());
}

describe('vramgate catalog', () => {
  it('lists models with the exact parameter totals (llama4-memory.md §1)', async () => {
    const rows = await rowsOf('models');
    const totals = new Map(rows.map((row) => [row['model'], row['parameters']]));

    expect(totals.get('scout')).toBe(108_641_793_536);
    expect(totals.get('maverick')).toBe(401_583_781_376);
    expect(totals.get('behemoth')).toBeNull();
  });

  it('gives every format of a model at most one meaning for its short name, base and Instruct apart', async () => {
    const rows = (await rowsOf('models')).filter((row) => row['isShortName'] === true);
    const keys = rows.map((row) => `${row['model']} ${row['quantization']} ${row['isInstruct']}`);

    expect(keys.length).toBeGreaterThan(20);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('lists GPUs with what the driver offers, which is less than what the name says (gpus.csv)', async () => {
    const rows = await rowsOf('gpus');
    const known = rows.filter(
      (row) => typeof row['usableBytes'] === 'number' && typeof row['memoryMib'] === 'number',
    );

    expect(rows.find((row) => row['product'] === 'NVIDIA-H100-80GB-HBM3')).toMatchObject({
      memoryMib: 81_559,
    });
    expect(known.length).toBeGreaterThan(40);
    expect(known.every((row) => Number(row['usableBytes']) <= Number(row['memoryMib']) * 1024 * 1024)).toBe(
      true,
    );
  });

  it('lists engines with what changed at which release (vllm 96a85c57501f: 0.92 from 0.20.0)', async () => {
    const rows = (await rowsOf('engines')).filter((row) => row['engine'] === 'vllm');
    const fractions = new Map(rows.map((row) => [row['since'], row['memoryFraction']]));

    expect(fractions.get('0.17.0')).toBe(0.9);
    expect(fractions.get('0.20.0')).toBe(0.92);
    expect(fractions.get(null)).toBe(0.9);
  });

  it("has an operator's rows with --config, and size and solve know them by name", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vramgate-'));
    const config = join(folder, 'vramgate.yaml');
    const source = 'source: { url: https://example.org/acme, date: 2026-11-25 }';
    await writeFile(
      config,
      `catalog: { models: [{ id: acme-chat, base: scout, aliases: [acme/chat], ${source} }] }\n`,
    );
    const { io, text } = memoryIo();
    await runCatalog(['models', '--config', config, '-o', 'json'], io);
    const argv = ['--model', 'acme/chat', '--quantization', 'fp8', '--gpu', 'H100', '--gpus', '8'];
    const size = await runSize([...argv, '--context', '128K', '--config', config], memoryIo().io);
    const solve = await runSolve(['--for', 'context', ...argv, '--config', config], memoryIo().io);

    expect(text()).toContain('acme-chat');
    expect([size, solve]).toEqual([EXIT.fits, EXIT.fits]);
    await expect(runSize([...argv, '--context', '128K'], memoryIo().io)).rejects.toThrow('acme/chat');
    await rm(folder, { recursive: true });
  });

  it.each(['models', 'gpus', 'engines'])('prints %s as a table and as YAML', async (subject) => {
    const table = memoryIo();
    const yaml = memoryIo();
    await runCatalog([subject], table.io);
    await runCatalog([subject, '-o', 'yaml'], yaml.io);
    const rows = await rowsOf(subject);

    expect(table.text().trimEnd().split('\n')).toHaveLength(rows.length + 2);
    expect(yaml.text().match(/^- /gm)).toHaveLength(rows.length);
    expect(CATALOG_USAGE).toContain(subject);
  });

  it.each([
    [['gpsu'], 'gpus'],
    [[], 'models, gpus, engines'],
    [['models', 'gpus'], 'name one'],
    [['models', '--out'], '--out'],
    [['models', '-o', 'xml'], 'yaml'],
  ])('%j is a usage error that says %s', async (argv, hint) => {
    const { io } = memoryIo();

    await expect(runCatalog(argv, io)).rejects.toThrow(hint);
    await expect(runCatalog(argv, io)).rejects.toBeInstanceOf(UsageError);
  });
});
