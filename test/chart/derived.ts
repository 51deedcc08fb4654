import { configJsonSchema } from '../../src/config/json-schema.ts';

/** A JSON Schema node, as far as the chart's own schema uses it. */
export interface SchemaNode {
  readonly description?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly definitions?: Readonly<Record<string, SchemaNode>>;
  readonly $ref?: string;
}

export type Values = Readonly<Record<string, unknown>>;

/** The chart's schema with the schema of the configuration file put in, as it must stand in the repository. */
export function schemaWithConfig(text: string): string {
  const schema = JSON.parse(text) as SchemaNode;
  const config = { ...(configJsonSchema('draft-07') as Values) };
  delete config['$schema'];
  const definitions = { ...schema.definitions, config };
  return `${JSON.stringify({ ...schema, definitions }, null, 2)}\n`;
}

export interface ValueRow {
  readonly path: string;
  readonly initial: unknown;
  readonly description: string | undefined;
}

/** Every value that the schema knows, in its order: the keys that hold no keys of their own. */
export function valueRows(schema: SchemaNode, values: unknown, path = ''): readonly ValueRow[] {
  const { properties, description } = schema;
  if (properties === undefined || description !== undefined) return [{ path, initial: values, description }];
  return Object.entries(properties).flatMap(([key, child]) => {
    const value = (values as Values | undefined)?.[key];
    return valueRows(child, value, path === '' ? key : `${path}.${key}`);
  });
}

const BEGIN = '<!-- values: written by test/chart/derived.test.ts -->\n';
const END = '<!-- /values -->\n';

/** The chart's README with the table of values as schema and values.yaml have it. */
export function readmeWithTable(readme: string, rows: readonly ValueRow[]): string {
  const [head = '', rest = ''] = readme.split(BEGIN);
  const tail = rest.split(END)[1] ?? '';
  const lines = rows.map(
    ({ path, initial, description }) =>
      `| \`${path}\` | \`${JSON.stringify(initial).replaceAll('|', '\\|')}\` | ${(description ?? '').replaceAll('|', '\\|')} |\n`,
  );
  return `${head}${BEGIN}| Value | Default | Meaning |\n|---|---|---|\n${lines.join('')}${END}${tail}`;
}
