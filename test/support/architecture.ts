import { posix } from 'node:path';

/** One source file; `path` is relative to the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly specifier: string;
  /** `import type` and `export type`: gone at run time. */
  readonly isTypeOnly: boolean;
}

interface Room {
  readonly rooms: readonly string[];
  /** Package names; `node:` stands for every built-in module. */
  readonly packages: readonly string[];
  /** No clock, no chance, no console: the same arguments always give the same answer. */
  readonly isPure: boolean;
}

const FACTS = ['units', 'findings', 'recall'];
const MODEL = [...FACTS, 'sizing', 'catalog', 'workload', 'placement', 'engine', 'intent'];
const DECISION = [...MODEL, 'plan', 'pipeline', 'admission', 'inventory'];

function pure(rooms: readonly string[], packages: readonly string[] = []): Room {
  return { rooms, packages, isPure: true };
}

function shell(rooms: readonly string[], packages: readonly string[]): Room {
  return { rooms, packages, isPure: false };
}

/** Which room may import which other rooms and packages. A room that is not listed does not exist. */
export const ROOMS: ReadonlyMap<string, Room> = new Map([
  ['units', pure([])],
  ['findings', pure([])],
  ['recall', pure([])],
  ['sizing', pure(FACTS)],
  ['catalog', pure([...FACTS, 'sizing'], ['catalog:builtin'])],
  ['workload', pure(FACTS)],
  ['placement', pure([...FACTS, 'workload'])],
  ['engine', pure([...FACTS, 'sizing', 'catalog', 'workload'])],
  ['intent', pure([...FACTS, 'sizing', 'catalog', 'workload', 'engine'])],
  ['plan', pure(MODEL)],
  ['pipeline', pure([...MODEL, 'plan'])],
  ['inventory', pure([...FACTS, 'catalog', 'sizing', 'workload', 'placement', 'plan'])],
  ['admission', shell([...MODEL, 'plan', 'pipeline'], ['zod', 'rfc6902'])],
  [
    'config',
    shell(
      [...FACTS, 'workload', 'engine', 'plan', 'catalog', 'admission', 'inventory'],
      ['zod', 'yaml', 'node:'],
    ),
  ],
  [
    'observe',
    shell(
      [...FACTS, 'pipeline', 'plan', 'engine', 'admission', 'sizing'],
      ['pino', 'prom-client', 'zod', 'node:'],
    ),
  ],
  [
    'cluster',
    shell([...FACTS, 'catalog', 'workload', 'inventory', 'plan'], ['@kubernetes/client-node', 'node:']),
  ],
  [
    'server',
    shell([...FACTS, 'admission'], ['express', 'raw-body', '@peculiar/x509', 'reflect-metadata', 'node:']),
  ],
  ['certificates', shell([...FACTS, 'cluster', 'server'], ['zod', 'node:'])],
  ['commands', shell([...DECISION, 'config'], ['diff', 'yaml', 'rfc6902', 'node:'])],
  ['cli', shell([...FACTS, 'commands', 'config'], ['node:'])],
  ['build', shell(['catalog'], ['esbuild', 'yaml', 'node:'])],
]);

interface Grant {
  readonly rooms?: readonly string[];
  readonly packages?: readonly string[];
}

const COMPOSITION_ROOT: Grant = { rooms: ['server', 'observe', 'cluster', 'certificates'] };

/** What single files, or all files of a folder (`…/`), may import beyond their room. */
const GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['src/catalog/parse.ts', { packages: ['zod', 'yaml'] }],
  ['src/catalog/schema.ts', { packages: ['zod', 'yaml'] }],
  ['src/commands/serve.ts', COMPOSITION_ROOT],
  ['src/commands/serve/', COMPOSITION_ROOT],
  ['src/commands/scan.ts', COMPOSITION_ROOT],
  ['src/commands/scan/', COMPOSITION_ROOT],
  ['src/commands/audit/', { rooms: ['observe'] }],
]);

/** Rooms whose sub-folders (or files of one folder) are variants that must not know each other. */
const VARIANTS: readonly RegExp[] = [/^src\/engine\/([^/]+)\//, /^src\/workload\/kinds\/([^/]+?)(?:\.ts|\/)/];

const BANNED_NAMES = /^(?:utils?|helpers?|common|misc|index\.util)$/;
const ENVIRONMENT_ROOMS: readonly string[] = ['config', 'build'];
const MAX_LINES = 300;

interface TextRule {
  readonly pattern: RegExp;
  readonly message: string;
  readonly applies: (room: string) => boolean;
}

const TEXT_RULES: readonly TextRule[] = [
  {
    pattern: /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*\[|\benv\b[^;\n]*\bfrom\s*'node:process'/,
    message: 'reads the environment',
    applies: (room) => !ENVIRONMENT_ROOMS.includes(room),
  },
  {
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\bcrypto\.(?:get|random|subtle)|\bprocess\.(?:argv|cwd|exit|hrtime|std)/,
    message: 'is not pure: clock, chance or process',
    applies: (room) => ROOMS.get(room)?.isPure === true,
  },
  { pattern: /^export\s+default\b/m, message: 'has a default export', applies: () => true },
  {
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/m,
    message: 'declares an enum',
    applies: () => true,
  },
];

/** Comment directives, looked for in the text as it stands. */
const DIRECTIVES = /@ts-(?:ignore|expect-error|nocheck)|biome-ignore-all/;

// Whole-line comments only: the formatter puts code at the start of its line, so an import statement cannot
// follow one, and a `//` inside a string is left alone.
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '');
}

const STATIC_IMPORT = /^(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]+?\sfrom\s*)?['"]([^'"]+)['"]/gm;
const DYNAMIC_IMPORT = /(?<!\btypeof\s)\bimport\(\s*['"]([^'"]+)['"]/g;

/** Text between comments is not looked into: a string that holds an import at the start of a line counts too. */
export function importsOf(file: SourceFile): readonly Import[] {
  const code = withoutComments(file.text);
  const fixed = [...code.matchAll(STATIC_IMPORT)].map((match) => ({
    specifier: match[2] ?? '',
    isTypeOnly: match[1] !== undefined,
  }));
  const lazy = [...code.matchAll(DYNAMIC_IMPORT)].map((match) => ({
    specifier: match[1] ?? '',
    isTypeOnly: false,
  }));
  return [...fixed, ...lazy];
}

/** `src/units.ts` is the room units, `src/plan/rules/a.ts` the room plan. */
function roomOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.(?:d\.ts|ts|mjs)$/, '');
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return 'node:';
  if (specifier === 'catalog:builtin') return specifier;
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

function grantOf(path: string): Grant {
  return GRANTS.get(path) ?? GRANTS.get(`${posix.dirname(path)}/`) ?? {};
}

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier);
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

function variantConflict(from: string, to: string): boolean {
  return VARIANTS.some((pattern) => {
    const [own, other] = [pattern.exec(from)?.[1], pattern.exec(to)?.[1]];
    return own !== undefined && other !== undefined && own !== other;
  });
}

function relativeViolation(file: SourceFile, room: Room, specifier: string): string | null {
  const target = resolve(file.path, specifier);
  const from = roomOf(file.path);
  const to = roomOf(target);
  if (!target.startsWith('src/')) return `${file.path} leaves src by importing ${specifier}`;
  if (variantConflict(file.path, target)) return `${file.path} imports its sibling variant ${target}`;
  const allowed = [from, ...room.rooms, ...(grantOf(file.path).rooms ?? [])];
  return allowed.includes(to) ? null : `${file.path}: ${from} must not import ${to} (${specifier})`;
}

function packageViolation(file: SourceFile, room: Room, specifier: string): string | null {
  const allowed = [...room.packages, ...(grantOf(file.path).packages ?? [])];
  const name = packageOf(specifier);
  return allowed.includes(name) ? null : `${file.path}: ${roomOf(file.path)} must not import '${specifier}'`;
}

function importViolations(file: SourceFile): readonly string[] {
  const room = ROOMS.get(roomOf(file.path));
  if (room === undefined) return [`${file.path} is in no room that the table knows`];
  const found = importsOf(file).map(({ specifier }) =>
    isRelative(specifier)
      ? relativeViolation(file, room, specifier)
      : packageViolation(file, room, specifier),
  );
  return found.filter((violation) => violation !== null);
}

function textViolations(file: SourceFile): readonly string[] {
  const room = roomOf(file.path);
  const code = withoutComments(file.text);
  const found = TEXT_RULES.filter((rule) => rule.applies(room) && rule.pattern.test(code)).map(
    (rule) => `${file.path} ${rule.message}`,
  );
  return DIRECTIVES.test(file.text) ? [...found, `${file.path} silences the compiler or the linter`] : found;
}

function shapeViolations(file: SourceFile): readonly string[] {
  const found: string[] = [];
  const steps = file.path.split('/').map((step) => step.replace(/\.(?:d\.ts|ts|mjs)$/, ''));
  if (steps.some((step) => BANNED_NAMES.test(step))) found.push(`${file.path} has a name that says nothing`);
  if (file.path === 'src/types.ts') found.push(`${file.path}: types belong to a room`);
  const lines = file.text.split('\n').length - 1;
  if (lines > MAX_LINES) found.push(`${file.path} has ${lines} lines, more than ${MAX_LINES}`);
  return found;
}

function runtimeEdges(files: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const known = new Set(files.map((file) => file.path));
  return new Map(
    files.map((file) => {
      const runtime = importsOf(file).filter((entry) => !entry.isTypeOnly && isRelative(entry.specifier));
      const targets = runtime.map((entry) => resolve(file.path, entry.specifier));
      return [file.path, targets.filter((target) => known.has(target))];
    }),
  );
}

/** Depth first; every cycle is reported once, from the file where it was entered. */
function cycles(files: readonly SourceFile[]): readonly string[] {
  const edges = runtimeEdges(files);
  const done = new Set<string>();
  const found: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  }
  for (const path of edges.keys()) visit(path, []);
  return found;
}

/** Everything in `files` that breaks the rules of the house, one sentence each. */
export function violations(files: readonly SourceFile[]): readonly string[] {
  const perFile = files.flatMap((file) => [
    ...importViolations(file),
    ...textViolations(file),
    ...shapeViolations(file),
  ]);
  return [...perFile, ...cycles(files)];
}
