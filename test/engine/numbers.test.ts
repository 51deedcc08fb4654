import { describe, expect, it } from 'vitest';
import {
  fraction,
  isVllmAuto,
  pythonInt,
  siInt,
  stoi,
  strictInt,
  vllmHumanInt,
} from '../../src/engine/numbers.ts';

/** `refused`: the engine would not start with it; `value` is then what its author meant. */
type Row = readonly [text: string, wantValue: number | null, wantRefused?: 'refused'];

interface Case {
  readonly text: string;
  readonly wantValue: number | null;
  readonly wantRefused: boolean;
}

function cases(rows: readonly Row[]): readonly Case[] {
  return rows.map(([text, wantValue, refused]) => ({ text, wantValue, wantRefused: refused === 'refused' }));
}

describe('vLLM human integers', () => {
  const rows: readonly Row[] = [
    ['8192', 8192],
    ['1k', 1000],
    ['1K', 1024],
    ['1m', 1_000_000],
    ['1M', 1_048_576],
    ['10M', 10_485_760],
    ['25.6k', 25_600],
    ['1g', 1_000_000_000],
    ['1.5M', 1_572_864, 'refused'],
    ['1.048576e+06', 1_048_576, 'refused'],
    ['1e+06', 1_000_000, 'refused'],
    ['131_072', 131_072],
    [' 8 ', 8],
    ['+8', 8],
    ['1,000', null, 'refused'],
    ['128Ki', null, 'refused'],
    ['0x10', null, 'refused'],
    ['', null, 'refused'],
  ];

  it.each(cases(rows))('reads $text as $wantValue', ({ text, wantValue, wantRefused }) => {
    const parsed = vllmHumanInt(text);
    expect(parsed.value).toBe(wantValue);
    expect(parsed.isRefused).toBe(wantRefused);
  });

  it('knows the words for whatever fits', () => {
    expect(['auto', '-1', 'AUTO', '1'].map(isVllmAuto)).toEqual([true, true, true, false]);
  });
});

describe('SGLang human integers', () => {
  const rows: readonly Row[] = [
    ['1k', 1000],
    ['1M', 1_000_000],
    ['1Ki', 1024],
    ['1Mi', 1_048_576],
    ['131072', 131_072],
    ['1K', null, 'refused'],
    ['1m', null, 'refused'],
    ['1e+06', 1_000_000, 'refused'],
  ];

  it.each(cases(rows))('reads $text as $wantValue', ({ text, wantValue, wantRefused }) => {
    const parsed = siInt(text);
    expect(parsed.value).toBe(wantValue);
    expect(parsed.isRefused).toBe(wantRefused);
  });
});

describe('plain integers', () => {
  it('follow Python for vLLM and SGLang', () => {
    expect(
      ['131_072', ' 8 ', '+8', '1__0', '1e6', '0x8', '1,000', '8K'].map((text) => pythonInt(text).isRefused),
    ).toEqual([false, false, false, true, true, true, true, true]);
  });

  it('are digits only for TGI', () => {
    expect(['8192', '8_192', '8k', ' 8'].map((text) => strictInt(text).isRefused)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('lose what follows the digits in llama.cpp, which says nothing', () => {
    expect(stoi('32k')).toMatchObject({ value: 32, isRefused: false });
    expect(stoi('1e6')).toMatchObject({ value: 1, isRefused: false });
    expect(stoi('32k').problem).toContain('32');
    expect(stoi('32768')).toEqual({ value: 32_768, problem: null, isRefused: false });
    expect(stoi('k').isRefused).toBe(true);
    expect(stoi('2147483648').isRefused).toBe(true);
  });
});

describe('memory fractions', () => {
  const rows: readonly Row[] = [
    ['0.9', 0.9],
    ['.95', 0.95],
    ['1', 1],
    ['0.99', 0.99],
    ['95', 0.95, 'refused'],
    ['90%', 0.9, 'refused'],
    ['1.5', null, 'refused'],
    ['0', null, 'refused'],
    ['-0.5', null, 'refused'],
    ['half', null, 'refused'],
  ];

  it.each(cases(rows))('reads $text as $wantValue', ({ text, wantValue, wantRefused }) => {
    const parsed = fraction(text);
    expect(parsed.value).toBe(wantValue);
    expect(parsed.isRefused).toBe(wantRefused);
  });
});
