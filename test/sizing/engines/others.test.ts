import { describe, expect, it } from 'vitest';
import { SIZED_ENGINES } from '../../../src/sizing/engines/registry.ts';
import { estimate } from '../../../src/sizing/estimate.ts';
import { judgeFit } from '../../../src/sizing/fit.ts';
import { kvDtype } from '../../../src/sizing/kv-dtype.ts';
import { formatLabel } from '../../../src/sizing/spread.ts';
import { GIB, gibibytes, tokens } from '../../../src/units.ts';
import { engine, H100, H200, maverick, parallel, request } from '../samples.ts';

const SCOUT_Q4 = { kind: 'file', bytes: gibibytes(60.6), projectorBytes: gibibytes(1.6) } as const;
const F16 = { name: 'f16', keyBits: 16, valueBits: 16 };

describe('every engine', () => {
  it.each(SIZED_ENGINES)('%s has an automatic KV type and a bill whose lines add up', (name) => {
    const profile = engine(name);
    const bill = estimate(request({ engine: profile }), H200);

    expect(kvDtype(profile, 'auto')?.name).toBe(profile.kvDtypeAuto);
    expect(bill.gpus).toBe(8);
    expect(judgeFit(request({ engine: profile }), bill, H200).fits).toBe(true);
  });

  it('spills only where it is llama.cpp inside', () => {
    expect(SIZED_ENGINES.filter((name) => engine(name).spills)).toEqual(['llama.cpp', 'ollama']);
    expect(SIZED_ENGINES.filter((name) => engine(name).defaultGpus === 'all')).toEqual([
      'llama.cpp',
      'ollama',
      'tgi',
    ]);
  });
});

describe('kvDtype', () => {
  it.each([
    ['vllm', 'FP8_E5M2', 8],
    ['vllm', 'bfloat16', 16],
    ['sglang', 'fp8_e4m3', 8],
    ['tgi', 'fp8_e4m3fn', 8],
    ['llama.cpp', 'q8_0', 8.5],
    ['llama.cpp', 'q4_0', 4.5],
    ['llama.cpp', 'q5_1', 6],
    ['ollama', 'f16', 16],
  ])('%s %s has %d bits', (name, type, want) => {
    expect(kvDtype(engine(name), type)?.keyBits).toBe(want);
  });

  it.each([
    ['vllm', 'turboquant'],
    ['llama.cpp', 'fp8'],
    ['ollama', 'q5_1'],
  ])('%s has no %s', (name, type) => {
    expect(kvDtype(engine(name), type)).toBeNull();
  });

  it('takes K and V apart', () => {
    expect(kvDtype(engine('llama.cpp'), 'q8_0', 'q4_0')).toEqual({
      name: 'q8_0/q4_0',
      keyBits: 8.5,
      valueBits: 4.5,
    });
    expect(kvDtype(engine('llama.cpp'), 'q8_0', 'fp8')).toBeNull();
    expect(kvDtype(engine('llama.cpp'), 'fp8', 'q8_0')).toBeNull();
  });
});

describe('Ollama, against its log of llama4:scout (ollama/ollama#10739, row 75)', () => {
  const asked = request({ engine: engine('ollama'), weights: SCOUT_Q4, kvDtype: F16, parallel: parallel(1) });

  it('has weights of 60.6 GiB, a projector of 1.6 GiB and a compute buffer of 2.0 GiB', () => {
    const { items } = estimate(asked, H100).stages[0] ?? { items: [] };
    const gib = items.map((item) => (item.bytes.mid / GIB).toFixed(1));

    expect(gib.slice(0, 2)).toEqual(['60.6', '1.6']);
    expect(gib[3]).toBe('2.0');
  });

  it('needs at least what was logged for 4,096 tokens, and the logged 68.3 GiB at the logged KV of 2.2 GiB within 3 %', () => {
    const bill = estimate(asked, H100);
    const withLoggedKv = (bill.perGpu.total - bill.perGpu.kvCache) / GIB + 2.2;

    expect(Math.abs(withLoggedKv / 68.3 - 1)).toBeLessThan(0.03);
  });

  it('leaves the projector away without images, and keeps it on the first GPU', () => {
    const two = estimate({ ...asked, parallel: parallel(2) }, H100);
    const text = estimate({ ...asked, textOnly: true }, H100);

    expect(text.perGpu.weights).toBe(gibibytes(60.6));
    expect(
      two.stages.map((stage) => stage.items.some((item) => formatLabel(item.label).startsWith('vision'))),
    ).toEqual([true, false]);
  });
});

describe('llama.cpp', () => {
  const asked = request({
    engine: engine('llama.cpp', 'b6000'),
    weights: SCOUT_Q4,
    kvDtype: F16,
    parallel: parallel(1),
    context: tokens(131_072),
  });

  it('keeps a ring for the chunked layers, and everything with --swa-full', () => {
    expect(estimate(asked, H100).perGpu.kvCache / GIB).toBeCloseTo(7.195, 2);
    expect(estimate({ ...asked, hybridKv: 'off' }, H100).perGpu.kvCache).toBe(24 * GIB);
    expect(estimate({ ...asked, concurrency: 2 }, H100).perGpu.kvCache).toBe(
      2 * estimate(asked, H100).perGpu.kvCache,
    );
  });

  it('uses the whole device', () => {
    const fit = judgeFit(asked, estimate(asked, H100), H100);

    expect(fit.budgetBytes).toBe(H100.usableBytes);
    expect(fit.binding).toBe('budget');
    expect(fit.headroomBytes).toBe(H100.usableBytes - estimate(asked, H100).perGpu.total);
  });
});

describe('TensorRT-LLM', () => {
  it('lets the cache take nine tenths of what the rest leaves', () => {
    const asked = maverick({ engine: engine('tensorrt-llm', '1.0.0'), enforceEager: true });
    const bill = estimate(asked, H200);
    const fit = judgeFit(asked, bill, H200);
    const fixed = bill.perGpu.total - bill.perGpu.kvCache;

    expect(fit.budgetBytes).toBe(Math.floor(fixed + 0.9 * (H200.usableBytes - fixed)));
    expect(bill.kv.layout).toBe('full');
    expect(bill.assumptions[0]?.text).toContain('no measured run');
  });

  it('may keep an fp32 RoPE table', () => {
    const item = estimate(request({ engine: engine('tensorrt-llm') }), H200).stages[0]?.items.find(
      ({ line }) => line === 'ropeTable',
    );

    expect(item?.bytes).toEqual({ low: 0, mid: 5 * GIB, high: 5 * GIB });
  });
});

describe('TGI', () => {
  it('lets blocks take nine tenths of what is free of the whole device', () => {
    const asked = request({ engine: engine('tgi', '3.3.0'), parallel: parallel(4) });
    const bill = estimate(asked, H100);
    const fixed = bill.perGpu.total - bill.perGpu.kvCache;

    expect(bill.perGpu.ropeTable).toBe(0);
    expect(judgeFit(asked, bill, H100).budgetBytes).toBe(
      Math.floor(fixed + 0.9 * (H100.usableBytes - fixed)),
    );
  });
});
