import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { parseCatalogSources } from '../../src/catalog/parse.ts';
import { findGpus, instanceType } from '../../src/catalog/resolve.ts';
import type { GpuEntry } from '../../src/catalog/types.ts';
import { GIB, gibibytes, mebibytes } from '../../src/units.ts';
import { builtinSources, referenceTable, referenceText } from './sources.ts';

const Source = z.object({ url: z.url(), date: z.iso.date() });
const Row = z.looseObject({ source: Source });
const Sections = z.record(z.string(), z.array(Row));

const SORT_KEYS: readonly string[] = ['id', 'name', 'product'];

function sectionsOf(text: string): readonly (readonly [string, readonly z.infer<typeof Row>[]])[] {
  return Object.entries(Sections.parse(parse(text)));
}

function keyOf(section: string, row: z.infer<typeof Row>): string {
  if (section === 'published') return `${row['model']}/${row['workload']}/${row['format']}`;
  const key = section === 'instanceTypes' ? 'name' : SORT_KEYS.find((name) => typeof row[name] === 'string');
  return String(row[key ?? 'id']).toLowerCase();
}

describe('the data files', () => {
  const sections = builtinSources().flatMap(({ file, text }) =>
    sectionsOf(text).map(([name, rows]) => ({ file, name, rows })),
  );

  it.each(sections)('$file: every row of $name has a source, and they are sorted', ({ name, rows }) => {
    const keys = rows.map((row) => keyOf(name, row));
    expect(keys).toEqual(keys.toSorted());
  });

  it('holds checkpoints sorted, each with a source', () => {
    const models = sections.flatMap(({ name, rows }) => (name === 'models' ? rows : []));
    for (const model of models) {
      const checkpoints = z.array(Row).parse(model['checkpoints'] ?? []);
      const ids = checkpoints.map((row) => String(row['id']).toLowerCase());
      expect(ids).toEqual(ids.toSorted());
    }
  });

  it('is read without findings, twice the same, and as the build put it in', () => {
    const first = parseCatalogSources(builtinSources());
    expect(first.findings).toEqual([]);
    expect(parseCatalogSources(builtinSources())).toEqual(first);
    expect(parseCatalogSources(builtinSources().toReversed()).catalog).toEqual(first.catalog);
    expect(builtinCatalog).toEqual(first.catalog);
    expect(first.catalog.version).toMatch(/^[0-9a-f]{16}$/);
  });
});

/** What the reference writes: `15360|15109`, `~24576`, `<9.75`, `196592 (label …)`; null for nothing. */
function numbersOf(text: string): readonly number[] {
  const plain = text.replace(/\(.*?\)/g, '');
  return [...plain.matchAll(/\d+(?:\.\d+)?/g)].map((match) => Number(match[0]));
}

function gpuOf(product: string): GpuEntry {
  const found = builtinCatalog.gpus.find((gpu) => gpu.product === product);
  if (found === undefined) throw new Error(`no GPU ${product}`);
  return found;
}

describe('GPUs against the reference table', () => {
  const rows = referenceTable('gpus.csv').map((row) => ({ row, product: row.get('product_label') ?? '' }));

  it('has these products and no others', () => {
    expect(rows).toHaveLength(60);
    expect(builtinCatalog.gpus.map((gpu) => gpu.product).toSorted()).toEqual(
      rows.map(({ product }) => product).toSorted(),
    );
  });

  it.each(rows)('$product', ({ row, product }) => {
    const gpu = gpuOf(product);
    const memory = row.get('gfd_memory_mib') ?? '';
    const smallest = memory.startsWith('none') || memory === '' ? null : Math.min(...numbersOf(memory));
    expect(gpu.memoryMib).toBe(smallest);
    expect(gpu.arch).toBe(row.get('arch'));
    expect(gpu.nominalGb).toBe(numbersOf(row.get('nominal_gb') ?? '')[0] ?? null);
    if (memory.includes('~') || (row.get('usable_gib') ?? '').includes('~'))
      expect(gpu.isEstimated).toBe(true);
    const [usable = null] = numbersOf(row.get('usable_gib') ?? '');
    if (usable === null) expect(gpu.device).toBeNull();
    else expect((gpu.usableBytes ?? 0) / GIB).toBeLessThanOrEqual(usable + 0.001);
    expect(gpu.hasBf16).toBe(!['volta', 'turing'].includes(gpu.arch));
    const mig = /-MIG-(.+)$/.exec(product)?.[1] ?? null;
    expect(gpu.mig).toBe(mig);
    if (mig !== null) expect(gpu.resource).toBe(`nvidia.com/mig-${mig}`);
  });

  it.each(builtinCatalog.gpus.filter((gpu) => gpu.memoryMib !== null))(
    '$product can use less than its total, by at most 1.1 GiB',
    ({ device }) => {
      const reserve = (device?.totalBytes ?? 0) - (device?.usableBytes ?? 0);
      expect(reserve).toBeGreaterThanOrEqual(0);
      expect(reserve).toBeLessThanOrEqual(1.11 * GIB);
    },
  );

  it('knows the H100 as its driver reports it', () => {
    const { device, families } = gpuOf('NVIDIA-H100-80GB-HBM3');
    expect(device?.totalBytes).toBe(mebibytes(81_559));
    expect(device?.usableBytes).toBe(gibibytes(79.11));
    expect(families).toContain('H100');
  });
});

interface Figure {
  readonly model: string;
  readonly workload: 'inference' | 'training';
  readonly format: string;
  readonly context: number;
  readonly bytes: number;
  readonly tight: number | null;
}

function figure(text: string, bytes: number, tight: number | null = null): Figure {
  const [model = '', workload = '', format = '', context = ''] = text.split(' ');
  const factor = context.endsWith('M') ? 1024 ** 2 : 1024;
  return {
    model,
    workload: workload === 'training' ? 'training' : 'inference',
    format,
    context: Number(context.slice(0, -1)) * factor,
    bytes,
    tight,
  };
}

const GB = 1_000_000_000;
const ARTICLE: readonly Figure[] = [
  figure('behemoth inference fp16 4K', 6200 * GB),
  figure('behemoth inference fp16 128K', 7400 * GB),
  figure('behemoth inference fp8 4K', 3200 * GB),
  figure('behemoth inference fp8 128K', 4400 * GB),
  figure('behemoth training fp8 4K', 63_000 * GB),
  figure('maverick inference fp16 4K', 1220 * GB),
  figure('maverick inference fp16 128K', 1450 * GB),
  figure('maverick inference int4 4K', 318 * GB),
  figure('maverick inference int4 128K', 552 * GB),
  figure('maverick training fp16 4K', 8400 * GB),
  figure('scout inference fp16 4K', 345 * GB),
  figure('scout inference fp16 128K', 579 * GB),
  figure('scout inference fp16 10M', 18_800 * GB),
  figure('scout inference int4 4K', 99_500_000_000, 76_200_000_000),
  figure('scout inference int4 128K', 334 * GB),
  figure('scout inference int4 10M', 18_800 * GB),
  figure('scout training fp16 4K', 2300 * GB),
];

describe('figures of the article', () => {
  it('has every row, exactly, and no other', () => {
    const rows = builtinCatalog.published.map((row) => ({
      model: row.model,
      workload: row.workload,
      format: row.format,
      context: Number(row.context),
      bytes: Number(row.bytes),
      tight: row.tightBytes === null ? null : Number(row.tightBytes),
    }));
    expect(rows).toEqual(ARTICLE);
  });

  it('misses no size that the article prints', () => {
    const printed = [...referenceText('seed-article.txt').matchAll(/~([\d.]+) (GB|TB)/g)].map(
      ([, size, unit]) => Math.round(Number(size) * (unit === 'TB' ? 1000 : 1) * GB),
    );
    const known = new Set(ARTICLE.flatMap((row) => [row.bytes, row.tight ?? row.bytes]));
    expect(printed.length).toBeGreaterThanOrEqual(16);
    expect(printed.filter((size) => !known.has(size))).toEqual([]);
  });
});

describe('instance types', () => {
  it.each(builtinCatalog.instanceTypes)('$name has a product of the catalog', ({ name, product }) => {
    expect(name).toBe(name.toLowerCase());
    expect(findGpus(builtinCatalog, product).map((gpu) => gpu.product)).toEqual([product]);
  });

  it.each([
    ['p5.48xlarge', 'NVIDIA-H100-80GB-HBM3', 8],
    ['g4dn.12xlarge', 'Tesla-T4', 4],
    ['g4dn.16xlarge', 'Tesla-T4', 1],
    ['Standard_ND96isr_H100_v5', 'NVIDIA-H100-80GB-HBM3', 8],
    ['standard_nd96asr_a100_v4', 'NVIDIA-A100-SXM4-40GB', 8],
    ['BM.GPU.B4.8', 'NVIDIA-A100-SXM4-40GB', 8],
    ['g2-standard-48', 'NVIDIA-L4', 4],
    ['a2-megagpu-16g', 'NVIDIA-A100-SXM4-40GB', 16],
    ['p6e-gb200.36xlarge', 'NVIDIA-GB200', 4],
  ])('%s has %s, %i of them', (name, wantProduct, wantGpus) => {
    expect(instanceType(builtinCatalog, name)).toMatchObject({ product: wantProduct, gpus: wantGpus });
  });

  it.each(['g6f.xlarge', 'm5.large', 'constructor', '__proto__', ''])('does not know %j', (name) => {
    expect(instanceType(builtinCatalog, name)).toBeNull();
  });
});
