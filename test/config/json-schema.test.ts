import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { parseConfig } from '../../src/config/file.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';

const PUBLISHED = new URL('../../docs/config.schema.json', import.meta.url);
const DATA = new URL('../../src/catalog/data/', import.meta.url);

/** Judges by the JSON Schema alone, as an editor would. */
const published = z.fromJSONSchema(JSON.parse(readFileSync(PUBLISHED, 'utf8')));

describe('docs/config.schema.json', () => {
  it('is what this version reads; node dist/vramgate.mjs config schema > docs/config.schema.json renews it', () => {
    expect(JSON.parse(readFileSync(PUBLISHED, 'utf8'))).toEqual(configJsonSchema());
  });

  it.each(readdirSync(DATA).filter((name) => name.endsWith('.yaml')))(
    'takes the rows of our own %s as additions',
    (name) => {
      const catalog: unknown = parse(readFileSync(new URL(name, DATA), 'utf8'));

      expect(published.safeParse({ catalog }).error?.issues ?? []).toEqual([]);
    },
  );

  it.each([
    ['', true],
    ['policy: { mode: audit, codeModes: { close-call: audit }, headroom: 2Gi }', true],
    ['policy: { mod: audit }', false],
    ['policy: { mode: off }', false],
    ['policy: { codeModes: { nonsense: audit } }', false],
    ['policy: { headroom: 2 GiB }', false],
    ['server: { port: 1 }', false],
    ['logLevel: loud', false],
    ['catalog: { gpus: [{ product: X }] }', false],
    ['catalog: { nonsense: [] }', false],
  ])('says to %j what the parser says: %s', (text, isRight) => {
    expect(parseConfig(text, builtinCatalog).config !== null).toBe(isRight);
    expect(published.safeParse(parse(text) ?? {}).success).toBe(isRight);
  });
});
