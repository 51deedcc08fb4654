import { nearest } from '../../catalog/resolve.ts';
import { FINDINGS } from '../../findings.ts';
import { parseArguments } from '../flags.ts';
import { UsageError } from '../io.ts';

export const AUDIT_USAGE = `usage: kubectl logs -n NAMESPACE deploy/vramgate | vramgate audit [FILE…] [options]

Reads decision records from files, or from standard input; lines of others are skipped and counted. Lines may carry what
kubectl logs --prefix and --timestamps put before them. docs/decision-record.md says what a record holds.

  --since TIME, --until TIME   2026-11-25T12:00:00Z, a date (UTC), or how long ago: 90m, 24h, 7d
  -n, --namespace NAME         of the object; may be repeated, as the following
  --user NAME                  who asked
  --verdict VERDICT            deny, patch, warn, allow or ignore: by the rules, before the mode
  --code CODE                  a finding of this code is among the findings
  --summary                    who and what: reviews, refusals and GPUs
  --replay                     computes every decision again from its record, and prints those that come out differently
  --config FILE                with --replay: with the catalog of this configuration, and under its policy as well
  --strict                     with --replay: a record that cannot be computed again exits with 3
  --schema                     prints the JSON Schema of a record
  -o, --output table|json|yaml|csv

exit codes: 0 read (with --replay: nothing came out differently), 3 something came out differently,
2 wrong input, or a line that says it is a record and is not one, 1 a fault of vramgate
`;

const OPTIONS = {
  since: { type: 'string' },
  until: { type: 'string' },
  namespace: { type: 'string', short: 'n', multiple: true },
  user: { type: 'string', multiple: true },
  verdict: { type: 'string', multiple: true },
  code: { type: 'string', multiple: true },
  summary: { type: 'boolean' },
  replay: { type: 'boolean' },
  config: { type: 'string' },
  strict: { type: 'boolean' },
  schema: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const OUTPUTS = ['table', 'json', 'yaml', 'csv'] as const;
export type Output = (typeof OUTPUTS)[number];

/** Empty lists and nulls let everything through. */
export interface Filter {
  /** Milliseconds since 1970. */
  readonly since: number | null;
  readonly until: number | null;
  readonly namespaces: readonly string[];
  readonly users: readonly string[];
  readonly verdicts: readonly string[];
  readonly codes: readonly string[];
}

export interface AuditOptions {
  readonly task: 'list' | 'summary' | 'replay' | 'schema' | 'help';
  /** Empty: standard input. */
  readonly files: readonly string[];
  readonly filter: Filter;
  readonly output: Output;
  readonly config: string | null;
  readonly isStrict: boolean;
}

const VERDICTS = ['deny', 'patch', 'warn', 'allow', 'ignore'];

/** @throws UsageError */
export function auditOptions(argv: readonly string[], now: Date): AuditOptions {
  const { values, words: files } = parseArguments(argv, OPTIONS);
  const task = taskOf(values);
  const output = oneOf('output', values.output ?? 'table', OUTPUTS);
  if (output === 'csv' && task !== 'list')
    throw new UsageError(`--output csv lists records; not with --${task}`);
  if (task !== 'replay' && values.config !== undefined) throw new UsageError('--config goes with --replay');
  if (task !== 'replay' && values.strict === true) throw new UsageError('--strict goes with --replay');
  return {
    task,
    files,
    output,
    config: values.config ?? null,
    isStrict: values.strict === true,
    filter: {
      since: values.since === undefined ? null : timeOf('since', values.since, now),
      until: values.until === undefined ? null : timeOf('until', values.until, now),
      namespaces: values.namespace ?? [],
      users: values.user ?? [],
      verdicts: words(values.verdict).map((one) => oneOf('verdict', one, VERDICTS)),
      codes: words(values.code).map((one) => oneOf('code', one, Object.keys(FINDINGS))),
    },
  };
}

type Flags = Readonly<Partial<Record<'summary' | 'replay' | 'schema' | 'help', boolean>>>;

function taskOf(values: Flags): AuditOptions['task'] {
  if (values.help === true) return 'help';
  const asked = (['summary', 'replay', 'schema'] as const).filter((one) => values[one] === true);
  const [task, other] = asked;
  if (task !== undefined && other !== undefined)
    throw new UsageError(`--${task} and --${other}: one of them`);
  return task ?? 'list';
}

function words(values: readonly string[] | undefined): readonly string[] {
  return (values ?? []).flatMap((one) => one.split(',').map((word) => word.trim()));
}

function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  const close = nearest(allowed, text.slice(0, 64), 1);
  const hint =
    close.length > 0 ? `did you mean ${close.join('')}?` : `one of ${allowed.slice(0, 8).join(', ')}`;
  throw new UsageError(`--${flag} ${JSON.stringify(text.slice(0, 64))}: ${hint}`);
}

const AGO = /^(\d{1,7})([smhd])$/;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** RFC 3339 with a zone, or a date, which counts from midnight UTC. A time without a zone would mean another one to each reader. */
const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

function timeOf(flag: string, text: string, now: Date): number {
  const [, digits, unit] = AGO.exec(text) ?? [];
  if (digits !== undefined && unit !== undefined) {
    return now.getTime() - Number(digits) * (SECONDS[unit] ?? 1) * 1000;
  }
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--${flag} ${JSON.stringify(text.slice(0, 64))}: write 2026-11-25T12:00:00Z, 2026-11-25, or how long ago: 90m, 24h, 7d`,
  );
}
