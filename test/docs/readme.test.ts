import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { isFindingCode } from '../../src/findings.ts';
import { ANNOTATION_KEYS } from '../../src/intent/keys.ts';
import { WORKLOAD_KINDS } from '../../src/workload/registry.ts';
import { ROOMS } from '../support/architecture.ts';

/** What the README says, held against what it speaks of. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = read('README.md');
const CHART_VALUES = parse(read('charts/vramgate/values.yaml')) as Tree;

type Tree = Readonly<Record<string, unknown>>;

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The text between a heading and the next one of its rank. */
function section(heading: string): string {
  const [, after = ''] = README.split(`\n${heading}\n`);
  return after.split(`\n${heading.split(' ', 1)[0]} `, 1)[0] ?? '';
}

/** First cells of the rows of the tables in `text`, without their quotes. */
function firstCells(text: string): readonly string[] {
  return [...text.matchAll(/^\| `([^`|]+)`/gm)].map(([, cell = '']) => cell);
}

function at(tree: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

function schemaAt(path: string): SchemaNode | undefined {
  return path
    .split('.')
    .reduce<SchemaNode | undefined>((node, key) => node?.properties?.[key], configJsonSchema() as SchemaNode);
}

describe('README.md', () => {
  it('has a row for every annotation, and for nothing else', () => {
    expect(firstCells(section('### Three annotations')).toSorted()).toEqual([...ANNOTATION_KEYS].sort());
  });

  it('names every kind that is judged', () => {
    const text = section('### Three annotations');
    expect(WORKLOAD_KINDS.map(({ kind }) => kind).filter((kind) => !text.includes(kind))).toEqual([]);
  });

  it('explains every alert of the chart', () => {
    const alerts = [...read('charts/vramgate/files/alerts.yaml').matchAll(/- alert: (\w+)/g)].map(
      ([, name]) => name,
    );
    expect(firstCells(section('### Alerts and dashboard')).toSorted()).toEqual(alerts.toSorted());
  });

  it('speaks only of configuration keys that exist', () => {
    const paths = [...README.matchAll(/`(?:config\.)?((?:policy|server|cluster)\.[A-Za-z.]+)/g)].map(
      ([, path = '']) => path,
    );
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => schemaAt(path) === undefined)).toEqual([]);
  });

  it('speaks only of chart values that exist', () => {
    const quoted =
      /`((?:webhooks|certificates|installationTest|preDelete|serviceMonitor|prometheusRule|dashboard|scan)\.[A-Za-z.]+)/g;
    const paths = [...README.matchAll(quoted)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => at(CHART_VALUES, path) === undefined)).toEqual([]);
  });

  it('quotes finding codes that exist', () => {
    const codes = [...README.matchAll(/\[([a-z-]+) at [a-z]/g), ...README.matchAll(/warning `([a-z-]+)`/g)];
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.map(([, code = '']) => code).filter((code) => !isFindingCode(code))).toEqual([]);
  });

  it('uses only commands and options that the command line has', () => {
    const usages = readdirSync(join(ROOT, 'src', 'commands'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(join('src', 'commands', file)));
    const help = [...usages, read('src/config/serve-options.ts')].join('\n');
    const cli = read('src/cli.ts');
    const shell = [...README.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code).join('\n');
    const quoted = [...README.matchAll(/`(vramgate [a-z][^`]*)`/g)].map(([, code = '']) => code).join('\n');
    const call = /(?:^|npx |kubectl |node dist\/)vramgate(?:\.mjs)? ([a-z]+)([^\n#|>]*)/gm;
    const lines = [...`${shell}\n${quoted}`.matchAll(call)];
    expect(lines.length).toBeGreaterThan(8);
    const unknown = lines.flatMap(([line, command = '', rest = '']) => {
      const options = [...rest.matchAll(/--([a-z-]+)/g)].map(([, option = '']) => option);
      const isKnown = (option: string): boolean =>
        help.includes(`--${option}`) || help.includes(`${option}:`);
      return cli.includes(`case '${command}':`) && options.every(isKnown) ? [] : [line];
    });
    expect(unknown).toEqual([]);
  });

  it('links to pages and headings that exist', () => {
    const anchors = new Set(
      [...README.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const targets = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) =>
      target.startsWith('#') ? !anchors.has(target.slice(1)) : !existsSync(join(ROOT, target)),
    );
    expect(broken).toEqual([]);
  });
});

describe('CONTRIBUTING.md', () => {
  it('shows every room on its map', () => {
    const map = read('CONTRIBUTING.md');
    const rooms = [...ROOMS.keys()].filter(
      (room) => !map.includes(`src/${room}/`) && !map.includes(`src/${room}.ts`),
    );
    expect(rooms).toEqual([]);
  });

  it('names every suite that .ci/run runs', () => {
    const suites = /^suites=\((.*)\)$/m.exec(read('.ci/run'))?.[1]?.split(' ') ?? [];
    const named = read('CONTRIBUTING.md');
    expect(suites.length).toBeGreaterThan(0);
    expect(
      suites.filter(
        (suite) => !named.includes(`\`npm run ${suite}\``) && !named.includes(`\`npm ${suite}\``),
      ),
    ).toEqual([]);
  });
});
