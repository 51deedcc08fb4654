import { describe, expect, it } from 'vitest';
import { engineProfile } from '../../../src/sizing/engines/registry.ts';
import { estimate } from '../../../src/sizing/estimate.ts';
import { judgeFit } from '../../../src/sizing/fit.ts';
import type { Bill, BillItem, DeviceShape, KvBill } from '../../../src/sizing/shapes.ts';
import { formatLabel } from '../../../src/sizing/spread.ts';
import { GIB, tokens } from '../../../src/units.ts';
import { A100, B200, engine, H100, L40S, maverick, parallel, request, SCOUT } from '../samples.ts';

function kv(version: string | null, changes: Parameters<typeof request>[0] = {}): KvBill {
  return estimate(request({ engine: engine('vllm', version), ...changes }), null).kv;
}

describe('hybrid KV by release (engine-facts.md §1)', () => {
  it.each([
    ['0.8.3', 'full'],
    ['0.9.2', 'full'],
    ['0.10.0', 'hybrid'],
    ['0.10.1', 'full'],
    ['0.12.0', 'full'],
    ['0.13.0', 'full'],
    ['0.14.0', 'hybrid'],
    ['0.23.0', 'hybrid'],
    ['1.2.0', 'hybrid'],
  ])('%s is %s by default', (version, want) => {
    expect(kv(version)).toMatchObject({ layout: want, isAssumed: false });
  });

  it.each([
    ['0.9.2', 'full'],
    ['0.10.1', 'hybrid'],
    ['0.12.0', 'hybrid'],
    [null, 'hybrid'],
  ])('%s is %s when turned on', (version, want) => {
    expect(kv(version, { hybridKv: 'on' })).toMatchObject({ layout: want, isAssumed: false });
  });

  it.each([null, 'latest', '25.09-py3'])('%s is no release: full, and said so', (version) => {
    const found = kv(version);

    expect(found).toMatchObject({ layout: 'full', isAssumed: true });
    expect(found.assumption).toContain('version unknown');
  });

  it('is full when turned off, blocked, or on a platform without it', () => {
    const gaudi: DeviceShape = { ...H100, product: 'Gaudi3', vendor: 'intel' };
    const asked = request({ engine: engine('vllm', '0.14.0') });

    expect(kv('0.14.0', { hybridKv: 'off' }).layout).toBe('full');
    expect(kv('0.14.0', { hybridBlocker: 'LMCacheConnector' }).assumption).toContain('LMCacheConnector');
    expect(estimate(asked, gaudi).kv.layout).toBe('full');
  });
});

interface Limits {
  readonly sequences: number;
  readonly batchedTokens: number;
}

function limits(version: string | null, device: DeviceShape | null, context = 8192): Limits {
  const asked = request({ engine: engine('vllm', version) });
  return asked.engine.limits(asked, device, context);
}

describe('default batches (engine-facts.md §2)', () => {
  it.each([
    { version: '0.8.3', device: H100, want: [1024, 8192] },
    { version: '0.8.4', device: B200, want: [1024, 2048] },
    { version: '0.8.5', device: A100, want: [1024, 8192] },
    { version: '0.9.0', device: A100, want: [1024, 2048] },
    { version: '0.9.1', device: L40S, want: [1024, 2048] },
    { version: '0.9.2', device: L40S, want: [256, 2048] },
    { version: '0.12.0', device: A100, want: [256, 2048] },
    { version: '0.12.0', device: H100, want: [1024, 8192] },
    { version: '0.24.0', device: B200, want: [1024, 8192] },
    { version: null, device: L40S, want: [256, 2048] },
    { version: '0.12.0', device: null, want: [1024, 8192] },
  ])('$version on $device.product', ({ version, device, want }) => {
    expect(Object.values(limits(version, device)).toSorted((a, b) => a - b)).toEqual(want);
  });

  it('clamps the batch to sequences x context, and sequences to the batch', () => {
    const one = request({ maxNumSeqs: 1 });
    const narrow = request({ maxNumBatchedTokens: 512 });

    expect(one.engine.limits(one, H100, 100)).toEqual({ sequences: 1, batchedTokens: 100 });
    expect(narrow.engine.limits(narrow, H100, 8192)).toEqual({ sequences: 512, batchedTokens: 512 });
  });
});

function items(bill: Bill, isInBudget: boolean): readonly string[] {
  const all: readonly BillItem[] = bill.stages[0]?.items ?? [];
  return all
    .filter((item) => item.isInBudget === isInBudget)
    .map((item) => formatLabel(item.label).replace(/,.*/, ''));
}

function beside(version: string | null): readonly string[] {
  return items(estimate(request({ engine: engine('vllm', version) }), H100), false);
}

describe('what lives beside the budget (engine-facts.md §3, "What the profiler counts")', () => {
  const tables = ['block tables', 'input embeddings'];

  it.each([
    ['0.8.3', ['CUDA graphs']],
    ['0.9.0', ['CUDA graphs']],
    ['0.9.1', ['CUDA context', 'CUDA graphs', ...tables]],
    ['0.10.2', ['CUDA context', 'CUDA graphs', ...tables]],
    ['0.11.0', ['CUDA context', 'NCCL and all-reduce buffers', 'CUDA graphs', ...tables]],
    ['0.19.1', ['CUDA context', 'NCCL and all-reduce buffers', 'CUDA graphs', ...tables]],
    ['0.20.0', ['CUDA context', 'NCCL and all-reduce buffers', ...tables]],
    [null, ['CUDA context', 'CUDA graphs', ...tables]],
  ])('in %s', (version, want) => {
    expect(beside(version)).toEqual(want);
  });

  it.each([
    { context: 1_048_576, hybridKv: 'off', want: 0.25 },
    { context: 1_048_576, hybridKv: 'on', want: 1.0 },
    { context: 3_600_000, hybridKv: 'off', want: 0.86 },
    { context: 3_600_000, hybridKv: 'on', want: 3.43 },
    { context: 10_485_760, hybridKv: 'off', want: 2.5 },
    { context: 10_485_760, hybridKv: 'on', want: 10.0 },
  ] as const)(
    'block tables of $context tokens, hybrid $hybridKv: $want GiB',
    ({ context, hybridKv, want }) => {
      const bill = estimate(request({ context: tokens(context), hybridKv }), H100);
      const table = bill.stages[0]?.items.find((item) => formatLabel(item.label).startsWith('block tables'));

      expect((table?.bytes.mid ?? 0) / GIB).toBeCloseTo(want, 2);
    },
  );

  it('has no graphs in eager mode', () => {
    expect(estimate(request({ enforceEager: true }), H100).perGpu.graphs).toBe(0);
    expect(estimate(request(), H100).perGpu.graphs / GIB).toBeCloseTo(1.4, 6);
  });
});

describe('the budget', () => {
  it.each([
    ['0.19.1', 0.9],
    ['0.20.0', 0.92],
    [null, 0.9],
  ])('of %s is %d of the usable memory', (version, share) => {
    const asked = request({ engine: engine('vllm', version) });
    const fit = judgeFit(asked, estimate(asked, H100), H100);

    expect(fit.budgetBytes).toBe(Math.floor(share * H100.usableBytes));
  });

  it('is what was asked for', () => {
    const asked = request({ memoryFraction: 0.8 });

    expect(judgeFit(asked, estimate(asked, H100), H100).budgetBytes).toBe(Math.floor(0.8 * H100.usableBytes));
  });
});

describe('what is said when a fact is missing', () => {
  it('names the version, the GPU and the hybrid state with what settles them', () => {
    const bill = estimate(request({ engine: engine('vllm') }), null);

    expect(bill.assumptions.map(({ fact, settledBy }) => [fact, settledBy])).toEqual([
      ['engine-version', 'vramgate.io/engine-version'],
      ['gpu', 'vramgate.io/gpu'],
      ['hybrid-kv', 'vramgate.io/engine-version'],
    ]);
  });

  it('says nothing when all is known', () => {
    expect(estimate(request(), H100).assumptions).toEqual([]);
  });

  it('says that overheads were measured elsewhere, a draft is unknown, the tower may be gone', () => {
    const mi300: DeviceShape = { ...H100, product: 'AMD_Instinct_MI300X_OAM', vendor: 'amd' };
    const bill = estimate(request({ draftBytes: 'unknown', textOnly: true }), mi300);

    expect(bill.assumptions.map(({ fact }) => fact)).toEqual(['overheads', 'checkpoint', 'engine-default']);
    expect(bill.total.mid - bill.total.low).toBeGreaterThan((2 * 871_932_416) / 8);
  });
});

describe('the tower', () => {
  it('is on every pipeline stage, as the logged 8.0 GiB remainder of the last one requires (row 18)', () => {
    const bill = estimate(request({ parallel: parallel(1, 2) }), null);
    const labels = bill.stages.map((stage) =>
      stage.items.filter((item) => formatLabel(item.label).startsWith('vision')),
    );

    expect(labels.map((found) => found.length)).toEqual([1, 1]);
  });

  it('is not there where the checkpoint has none', () => {
    const bill = estimate(request({ model: { ...SCOUT, vision: null } }), null);

    expect(bill.stages[0]?.items.some((item) => formatLabel(item.label).startsWith('vision'))).toBe(false);
    expect(
      estimate(maverick(), null).stages[0]?.items.some((item) =>
        formatLabel(item.label).startsWith('vision'),
      ),
    ).toBe(true);
  });
});

describe('the registry', () => {
  it('knows no other engines', () => {
    expect(engineProfile('vLLM', null)).toBeNull();
    expect(engineProfile('', null)).toBeNull();
  });
});
