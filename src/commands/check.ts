import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LineCounter, parseAllDocuments, stringify } from 'yaml';
import { lowerEdits } from '../admission/json-patch.ts';
import type { Catalog } from '../catalog/types.ts';
import { formatPath, severityOf } from '../findings.ts';
import { decide } from '../pipeline/decide.ts';
import { sizeReport } from '../pipeline/size-report.ts';
import type { Facts } from '../pipeline/types.ts';
import type { Decision } from '../plan/types.ts';
import { loadConfig, loadInventory } from './facts.ts';
import { EXIT, type Io, printable, UsageError } from './io.ts';

export const CHECK_USAGE = `usage: vramgate check -f FILE|DIR|- [-f …] [options]

  -f, --filename FILE|DIR|-   manifests: YAML or JSON, several documents, lists; - is standard input
  --inventory FILE            kubectl get nodes -o yaml, or declared shapes; without it the inventory is unknown
  --config FILE               the webhook's configuration
  --strict                    warnings and unknowns exit with 3
  -o, --output table|json|yaml

exit codes: 0 nothing refused, 3 something refused, 2 a document cannot be read, 1 a fault of vramgate
`;

const OPTIONS = {
  filename: { type: 'string', short: 'f', multiple: true },
  inventory: { type: 'string' },
  config: { type: 'string' },
  strict: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** One object of the input, or why a document is none. */
type Item =
  | { readonly source: string; readonly object: unknown }
  | { readonly source: string; readonly problem: string };

/** Contract §7: what one request may hold is also the most that one document may. */
const MAX_TEXT = 7 * 1024 * 1024;
const MAX_FILES = 10_000;

/** `vramgate check`: the webhook's verdict on files, without a cluster. */
export async function runCheck(argv: readonly string[], io: Io): Promise<number> {
  const values = readFlags(argv);
  if (values.help === true) {
    io.out(CHECK_USAGE);
    return EXIT.fits;
  }
  const output = values.output ?? 'table';
  if (output !== 'table' && output !== 'json' && output !== 'yaml') {
    throw new UsageError(`--output ${output}: one of table, json, yaml`);
  }
  const names = values.filename ?? [];
  if (names.length === 0) throw new UsageError('-f FILE is needed; - reads standard input');
  const config = await loadConfig(values.config ?? null);
  const { policy, catalog } = config;
  const inventory = await loadInventory(values.inventory ?? null, catalog);
  const facts: Facts = { catalog, inventory, policy, namespaceMode: null };
  const items = (await Promise.all(names.map((name) => readItems(name, io)))).flat();
  const results = items.flatMap((item) =>
    'object' in item ? [checkOne(item.source, item.object, facts)] : [],
  );
  const problems = items.flatMap((item) => ('problem' in item ? [item] : []));
  for (const one of problems) io.err(`vramgate: ${printable(one.source)}: ${printable(one.problem)}\n`);
  print(results, output, io);
  return exitCode(results, problems.length, values.strict === true);
}

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(
      error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : 'the options cannot be read',
    );
  }
}

// --- reading -----------------------------------------------------------------------------------------------------

async function readItems(name: string, io: Io): Promise<readonly Item[]> {
  if (name === '-') return itemsOf('-', await io.stdin());
  const files = await filesOf(name);
  const read = await Promise.all(files.map(async (file) => itemsOf(file, await readFile(file, 'utf8'))));
  return read.flat();
}

/** Regular files only; a directory gives its manifests, without following links. */
async function filesOf(name: string): Promise<readonly string[]> {
  const info = await stat(name).catch(() => {
    throw new UsageError(`${name}: no such file or directory`);
  });
  if (info.isFile()) return [name];
  if (!info.isDirectory()) throw new UsageError(`${name}: not a regular file`);
  const entries = await readdir(name, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length > MAX_FILES) throw new UsageError(`${name}: more than ${MAX_FILES} manifests`);
  return files;
}

function itemsOf(file: string, text: string): readonly Item[] {
  if (text.length > MAX_TEXT) return [{ source: file, problem: 'larger than 7 MiB' }];
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, uniqueKeys: true, prettyErrors: false });
  return documents.flatMap((document): readonly Item[] => {
    const line = lineCounter.linePos(document.range?.[0] ?? 0).line;
    const source = `${file}:${line}`;
    const [error] = document.errors;
    if (error !== undefined) {
      return [{ source: `${file}:${lineCounter.linePos(error.pos[0]).line}`, problem: error.message }];
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      return value === null ? [] : expandList(value).map((object) => ({ source, object }));
    } catch {
      return [{ source, problem: 'its aliases cannot be resolved' }];
    }
  });
}

/** `kind: List` holds objects, as kubectl and Helm write it. */
function expandList(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [value];
  const kind: unknown = Reflect.get(value, 'kind');
  const items: unknown = Object.hasOwn(value, 'items') ? Reflect.get(value, 'items') : null;
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items) ? items : [value];
}

// --- judging -----------------------------------------------------------------------------------------------------

interface CheckResult {
  readonly source: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly decision: Decision;
  readonly object: unknown;
  /** Figures of the catalog that it was judged by. */
  readonly published: Catalog['published'];
}

function checkOne(source: string, object: unknown, facts: Facts): CheckResult {
  const metadata = member(object, 'metadata');
  const namespace = textOrNull(member(metadata, 'namespace'));
  const decision = decide({ operation: 'CREATE', object, oldObject: null, namespace, user: null }, facts);
  return {
    source,
    kind: textOrNull(member(object, 'kind')) ?? 'unknown',
    namespace,
    name: textOrNull(member(metadata, 'name')) ?? textOrNull(member(metadata, 'generateName')),
    decision,
    object,
    published: facts.catalog.published,
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function exitCode(results: readonly CheckResult[], problems: number, isStrict: boolean): number {
  if (problems > 0) return EXIT.usage;
  const isRefused = results.some(({ decision }) => !decision.allowed);
  const isWarned = results.some(({ decision }) => decision.warnings.length > 0);
  return isRefused || (isStrict && isWarned) ? EXIT.doesNotFit : EXIT.fits;
}

// --- printing ----------------------------------------------------------------------------------------------------

function toJson(result: CheckResult): unknown {
  const { decision } = result;
  return {
    source: result.source,
    kind: result.kind,
    namespace: result.namespace,
    name: result.name,
    verdict: decision.verdict,
    findings: decision.findings.map((one) => ({
      code: one.code,
      severity: severityOf(one.code),
      path: formatPath(one.path),
      message: one.message,
    })),
    size: decision.judged === null ? null : sizeReport(decision.judged, result.published),
    plan: decision.plan,
    patch: lowerEdits(result.object, decision.edits),
    remedies: decision.remedies.map(({ text, edits }) => ({ text, edits: lowerEdits(result.object, edits) })),
  };
}

function print(results: readonly CheckResult[], output: 'table' | 'json' | 'yaml', io: Io): void {
  const lines = results.map((one) => toJson(one));
  if (output === 'json') io.out(`${JSON.stringify(lines, null, 2)}\n`);
  else if (output === 'yaml') io.out(stringify(lines));
  else for (const result of results) io.out(printable(tableText(result)));
}

function tableText({ source, kind, namespace, name, decision, object }: CheckResult): string {
  const title = `${decision.verdict.toUpperCase().padEnd(6)} ${kind} ${namespace ?? '-'}/${name ?? '-'}  (${source})`;
  const findings = decision.findings.map(
    (one) => `       ${severityOf(one.code)} ${one.code}: ${one.message} [${formatPath(one.path)}]`,
  );
  const patch = lowerEdits(object, decision.edits).map((one) => `       patch ${JSON.stringify(one)}`);
  const ways = decision.remedies.map((one, index) => `       way out ${index + 1}: ${one.text}`);
  return `${[title, ...findings, ...patch, ...ways].join('\n')}\n`;
}
