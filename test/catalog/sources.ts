import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CatalogSource } from '../../src/catalog/parse.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DATA = join(ROOT, 'src/catalog/data');

export function builtinSources(): readonly CatalogSource[] {
  const names = readdirSync(DATA).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((file) => ({ file, text: readFileSync(join(DATA, file), 'utf8') }));
}

export function referenceText(name: string): string {
  return readFileSync(join(ROOT, 'test/fixtures/reference', name), 'utf8');
}

/** Fields of a CSV line: `a,"b, c",d`. */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    fields.push((match[1] ?? match[2] ?? '').replaceAll('""', '"'));
  }
  return fields;
}

export function referenceTable(name: string): readonly ReadonlyMap<string, string>[] {
  const [header = '', ...lines] = referenceText(name).trim().split('\n');
  const keys = fieldsOf(header);
  return lines.map((line) => {
    const fields = fieldsOf(line);
    return new Map(keys.map((key, index) => [key, fields[index] ?? '']));
  });
}

/** A row's source, for rows that a test writes. */
export const SOURCE = 'source: { url: https://example.com/a, date: 2026-08-01 }';
