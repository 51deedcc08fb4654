import { FINDINGS, type FindingKind } from '../../src/findings.ts';

/** What the pages of docs/ say about lists that the source keeps. */

const OUTCOMES: Readonly<Record<FindingKind, string>> = {
  malformed: 'refused with code 422 in mode enforce',
  fit: 'refused with code 403 in mode enforce',
  unknown: 'as `policy.unknown` says',
  capacity: 'as `policy.capacity` says',
  unannotated: 'as `policy.unannotated` says',
  warning: 'a warning',
  info: 'recorded, and shown by the command line',
};

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |\n`;
}

export function findingsPage(): string {
  const rows = Object.entries(FINDINGS).map(([code, { kind, summary }]) =>
    row(`\`${code}\``, summary, OUTCOMES[kind]),
  );
  return `# Finding codes

Everything that vramgate can say about an object. A code keeps its meaning; one that goes away never comes back with another.
\`policy.codeModes\` sets the mode of a single code. Written from \`src/findings.ts\`.

| Code | What was found | What follows |
|---|---|---|
${rows.join('')}`;
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

function typeOf({ type, enum: words, anyOf, items }: SchemaNode): string {
  if (words !== undefined) return words.map((word) => `\`${String(word)}\``).join(', ');
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ');
  if (type === 'array') return `list of ${items === undefined ? 'values' : typeOf(items)}`;
  return String(type ?? 'see below');
}

function keysOf(node: SchemaNode, path: string): readonly string[] {
  if (node.properties !== undefined && Object.keys(node.properties).length > 0) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      keysOf(child, path === '' ? key : `${path}.${key}`),
    );
  }
  const initial = node.default === undefined ? '' : `\`${JSON.stringify(node.default)}\``;
  return [row(`\`${path}\``, typeOf(node), initial, node.description ?? '')];
}

export function configurationPage(schema: unknown): string {
  return `# The configuration file

One YAML file: \`vramgate serve --config FILE\`, and the value \`config\` of the chart. Every key has a default and an unknown one
is refused. \`vramgate config check FILE\` says what is wrong with a file, \`vramgate config schema\` prints its JSON Schema. A changed
file is read again whole; a bad one leaves the old in use, and a metric and the log say so. \`server\` and \`cluster\` are read at
start only. Written from \`src/config/schema.ts\`.

| Key | Type | Default | Meaning |
|---|---|---|---|
${keysOf(schema as SchemaNode, '').join('')}
\`catalog\` holds rows as in \`src/catalog/data\` (models, gpus, recipes, formats, instanceTypes, published); \`shapes\` holds declared
shapes as in an inventory file.
`;
}
