import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readmeWithTable, type SchemaNode, schemaWithConfig, type Values, valueRows } from './derived.ts';

// What follows from something else is compared with it here. `npm run test:unit -- test/chart -u` writes it anew.
const CHART = new URL('../../charts/vramgate/', import.meta.url);
const SCHEMA_FILE = new URL('values.schema.json', CHART).pathname;
const README_FILE = new URL('README.md', CHART).pathname;

const schemaText = readFileSync(SCHEMA_FILE, 'utf8');
const schema = JSON.parse(schemaText) as SchemaNode;
const values = parse(readFileSync(new URL('values.yaml', CHART), 'utf8')) as Values;
const rows = valueRows(schema, values);

describe('values.schema.json', () => {
  it('holds the schema of the configuration file', async () => {
    await expect(schemaWithConfig(schemaText)).toMatchFileSnapshot(SCHEMA_FILE);
  });

  it('describes every value, and values.yaml has a default for each', () => {
    expect(rows.filter(({ description }) => (description ?? '') === '').map(({ path }) => path)).toEqual([]);
    expect(rows.filter(({ initial }) => initial === undefined).map(({ path }) => path)).toEqual([]);
  });

  it('knows every key of values.yaml', () => {
    const known = rows.map(({ path }) => path);
    const unknown = leaves(values).filter(
      (leaf) => !known.some((path) => leaf === path || leaf.startsWith(`${path}.`)),
    );
    expect(unknown).toEqual([]);
  });

  it('refuses unknown keys wherever it names the known ones', () => {
    expect(openNodes(schema, '')).toEqual([]);
  });
});

describe('README.md of the chart', () => {
  it('has the table of values', async () => {
    await expect(readmeWithTable(readFileSync(README_FILE, 'utf8'), rows)).toMatchFileSnapshot(README_FILE);
  });
});

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function leaves(value: Values, path = ''): readonly string[] {
  return Object.entries(value).flatMap(([key, child]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return isMap(child) && Object.keys(child).length > 0 ? leaves(child, at) : [at];
  });
}

/** Paths of objects that list properties but let others in. */
function openNodes(node: SchemaNode, path: string): readonly string[] {
  const own = node.properties !== undefined && node.additionalProperties !== false ? [path] : [];
  const children = Object.entries({ ...node.properties, ...node.definitions });
  return [...own, ...children.flatMap(([key, child]) => openNodes(child, `${path}/${key}`))];
}
