import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, type SourceFile, violations } from './support/architecture.ts';

const ROOT = join(import.meta.dirname, '..');

function sourceFiles(): readonly SourceFile[] {
  const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(?:ts|mjs)$/.test(name))
    .sort()
    .map((name) => ({
      path: `src/${name.replaceAll('\\', '/')}`,
      text: readFileSync(join(ROOT, 'src', name), 'utf8'),
    }));
}

function source(path: string, ...lines: readonly string[]): SourceFile {
  return { path, text: `${lines.join('\n')}\n` };
}

describe('the source of this repository', () => {
  it('is found', () => {
    expect(sourceFiles().map((file) => file.path)).toContain('src/units.ts');
  });

  it('keeps to the rules of the house', () => {
    expect(violations(sourceFiles())).toEqual([]);
  });
});

describe('a fabricated source', () => {
  const wrong: readonly { name: string; file: SourceFile; want: string }[] = [
    {
      name: 'an outward import',
      file: source('src/sizing/x.ts', "import { y } from '../server/y.ts';"),
      want: 'src/sizing/x.ts: sizing must not import server (../server/y.ts)',
    },
    {
      name: 'an outward import of a type only',
      file: source('src/sizing/x.ts', 'import type {', '  Y,', "} from '../server/y.ts';"),
      want: 'src/sizing/x.ts: sizing must not import server (../server/y.ts)',
    },
    {
      name: 'an outward re-export',
      file: source('src/sizing/x.ts', "export { y } from '../plan/y.ts';"),
      want: 'src/sizing/x.ts: sizing must not import plan (../plan/y.ts)',
    },
    {
      name: 'an outward import() deep in a function',
      file: source('src/plan/x.ts', "const y = async () => await import('../commands/y.ts');"),
      want: 'src/plan/x.ts: plan must not import commands (../commands/y.ts)',
    },
    {
      name: 'a package away from its home',
      file: source('src/sizing/x.ts', "import pino from 'pino';"),
      want: "src/sizing/x.ts: sizing must not import 'pino'",
    },
    {
      name: 'a path inside a package away from its home',
      file: source('src/server/x.ts', "import * as z from 'zod/v4';"),
      want: "src/server/x.ts: server must not import 'zod/v4'",
    },
    {
      name: 'a package that only its neighbour may use',
      file: source('src/catalog/resolve.ts', "import * as z from 'zod';"),
      want: "src/catalog/resolve.ts: catalog must not import 'zod'",
    },
    {
      name: 'a built-in module in a core room',
      file: source('src/sizing/x.ts', "import { readFileSync } from 'node:fs';"),
      want: "src/sizing/x.ts: sizing must not import 'node:fs'",
    },
    {
      name: 'an import for its side effect',
      file: source('src/engine/x.ts', "import 'node:fs';"),
      want: "src/engine/x.ts: engine must not import 'node:fs'",
    },
    {
      name: 'the cluster in an ordinary command',
      file: source('src/commands/check.ts', "import { y } from '../cluster/y.ts';"),
      want: 'src/commands/check.ts: commands must not import cluster (../cluster/y.ts)',
    },
    {
      name: 'one engine that knows another',
      file: source('src/engine/vllm/flags.ts', "import { y } from '../sglang/flags.ts';"),
      want: 'src/engine/vllm/flags.ts imports its sibling variant src/engine/sglang/flags.ts',
    },
    {
      name: 'one kind that knows another',
      file: source('src/workload/kinds/job.ts', "import { y } from './pod.ts';"),
      want: 'src/workload/kinds/job.ts imports its sibling variant src/workload/kinds/pod.ts',
    },
    {
      name: 'an import of the tests',
      file: source('src/plan/x.ts', "import { y } from '../../test/support/y.ts';"),
      want: 'src/plan/x.ts leaves src by importing ../../test/support/y.ts',
    },
    {
      name: 'a room that does not exist',
      file: source('src/shared/x.ts', 'export const x = 1;'),
      want: 'src/shared/x.ts is in no room that the table knows',
    },
    {
      name: 'the environment outside config',
      file: source('src/server/x.ts', 'export const port = process.env.PORT;'),
      want: 'src/server/x.ts reads the environment',
    },
    {
      name: 'the environment under its other name',
      file: source('src/server/x.ts', "import { env } from 'node:process';"),
      want: 'src/server/x.ts reads the environment',
    },
    {
      name: 'a clock in a core room',
      file: source('src/plan/x.ts', 'export const now = () => Date.now();'),
      want: 'src/plan/x.ts is not pure: clock, chance or process',
    },
    {
      name: 'a name that says nothing',
      file: source('src/plan/utils.ts', 'export const x = 1;'),
      want: 'src/plan/utils.ts has a name that says nothing',
    },
    {
      name: 'a folder that says nothing',
      file: source('src/plan/helpers/x.ts', 'export const x = 1;'),
      want: 'src/plan/helpers/x.ts has a name that says nothing',
    },
    {
      name: 'a default export',
      file: source('src/plan/x.ts', 'export default 1;'),
      want: 'src/plan/x.ts has a default export',
    },
    {
      name: 'an enum',
      file: source('src/plan/x.ts', 'export const enum X {', '  A,', '}'),
      want: 'src/plan/x.ts declares an enum',
    },
    {
      name: 'a silenced compiler',
      file: source('src/plan/x.ts', '// @ts-expect-error: it is fine', 'export const x = 1;'),
      want: 'src/plan/x.ts silences the compiler or the linter',
    },
    {
      name: 'a file of 301 lines',
      file: source(
        'src/plan/x.ts',
        ...Array.from({ length: 301 }, (_, index) => `export const x${index} = 1;`),
      ),
      want: 'src/plan/x.ts has 301 lines, more than 300',
    },
  ];

  it.each(wrong)('is reported for $name', ({ file, want }) => {
    expect(violations([file])).toEqual([want]);
  });

  it('may have 300 lines', () => {
    const lines = Array.from({ length: 300 }, (_, index) => `export const x${index} = 1;`);
    expect(violations([source('src/plan/x.ts', ...lines)])).toEqual([]);
  });

  it('is reported for an import cycle, once', () => {
    const files = [
      source('src/plan/a.ts', "import { b } from './b.ts';"),
      source('src/plan/b.ts', "import { c } from './rules/c.ts';"),
      source('src/plan/rules/c.ts', "import { a } from '../a.ts';"),
    ];
    expect(violations(files)).toEqual([
      'import cycle: src/plan/a.ts -> src/plan/b.ts -> src/plan/rules/c.ts -> src/plan/a.ts',
    ]);
  });

  it('may have files whose types know each other', () => {
    const files = [
      source('src/plan/a.ts', "import { b } from './b.ts';"),
      source('src/plan/b.ts', "import type { A } from './a.ts';"),
    ];
    expect(violations(files)).toEqual([]);
  });

  it('is right where every import is allowed', () => {
    const files = [
      source('src/catalog/parse.ts', "import * as z from 'zod';", "import { parse } from 'yaml';"),
      source('src/catalog/builtin.ts', "import { builtinCatalog } from 'catalog:builtin';"),
      source(
        'src/commands/serve.ts',
        "import { y } from '../cluster/y.ts';",
        "import { z } from '../server/z.ts';",
      ),
      source(
        'src/cluster/client.ts',
        "import { KubeConfig } from '@kubernetes/client-node';",
        "import https from 'node:https';",
      ),
      source('src/config/read.ts', 'export const mode = process.env.MODE;'),
    ];
    expect(violations(files)).toEqual([]);
  });
});

describe('the import scanner', () => {
  it('reads every form and leaves comments alone', () => {
    const file = source(
      'src/plan/x.ts',
      '/**',
      "import { no } from 'comment';",
      ' */',
      "// import { no } from 'line';",
      "import { a, type B } from './a.ts';",
      "import type * as C from './c.ts';",
      "import d from './d.ts';",
      "import './e.ts';",
      "export * from './f.ts';",
      "export type { G } from './g.ts';",
      "const h = import('./h.ts');",
      "export const text = 'x';",
    );
    expect(importsOf(file)).toEqual([
      { specifier: './a.ts', isTypeOnly: false },
      { specifier: './c.ts', isTypeOnly: true },
      { specifier: './d.ts', isTypeOnly: false },
      { specifier: './e.ts', isTypeOnly: false },
      { specifier: './f.ts', isTypeOnly: false },
      { specifier: './g.ts', isTypeOnly: true },
      { specifier: './h.ts', isTypeOnly: false },
    ]);
  });
});
