import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MAX_LINE_BYTES } from '../../../src/commands/audit/lines.ts';
import { runAudit } from '../../../src/commands/audit.ts';
import { runCheck } from '../../../src/commands/check.ts';
import { configFrom } from '../../../src/commands/facts.ts';
import { EXIT, UsageError } from '../../../src/commands/io.ts';
import { createLog } from '../../../src/observe/logger.ts';
import { recordJsonSchema } from '../../../src/observe/record-schema.ts';
import type { DecisionRecord } from '../../../src/pipeline/types.ts';
import {
  created,
  deployment,
  FACTS,
  FITS,
  handle,
  INCOMPLETE,
  MALFORMED,
  recorded,
  UNDERSIZED,
  UNKNOWN_MODEL,
} from '../../admission/subjects.ts';
import { SOURCE } from '../../catalog/sources.ts';
import { memoryIo } from '../memory-io.ts';

/** As the webhook writes it. */
function lineOf(record: DecisionRecord): string {
  const texts: string[] = [];
  createLog({ level: 'info', sink: { write: (text: string) => texts.push(text) } }).decision(record);
  return texts.join('');
}

function by(username: string): { readonly userInfo: object } {
  return { userInfo: { username, groups: [] } };
}

const MORNING = '2026-11-24T08:00:00.000Z';
const NOON = '2026-11-25T12:00:00.000Z';

const RECORDS: readonly DecisionRecord[] = [
  { ...handle('mutate', created(INCOMPLETE, by('ann'))).record, time: MORNING },
  { ...handle('validate', created(FITS, by('ann'))).record, time: MORNING },
  handle('validate', created(UNDERSIZED, { ...by('bob'), namespace: 'research' })).record,
  handle('validate', created(MALFORMED, by('bob'))).record,
  handle('validate', created(UNKNOWN_MODEL, by('ann'))).record,
  handle('validate', created({ ...UNDERSIZED, gpus: 2 }, { ...by('bob'), dryRun: true })).record,
];

const LOG = [
  '{"level":"info","time":"2026-11-25T11:00:00Z","port":8443,"msg":"serving"}\n',
  'I1125 12:00:00.000000       1 main.go:1] somebody else\n',
  ...RECORDS.map(lineOf),
].join('');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function* chunksOf(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function audit(argv: readonly string[], input = LOG, chunk = 65_536): Promise<Ran> {
  const { io } = memoryIo();
  let [out, err] = ['', ''];
  const code = await runAudit(argv, {
    ...io,
    now: () => new Date(NOON),
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    input: () => chunksOf(input, chunk),
  });
  return { code, out, err };
}

async function found(argv: readonly string[], input = LOG): Promise<readonly DecisionRecord[]> {
  return JSON.parse((await audit([...argv, '-o', 'json'], input)).out);
}

function tooLong(): string {
  return `{"msg":"decision","padding":"${'x'.repeat(MAX_LINE_BYTES)}"}\n`;
}

describe('reading a log', () => {
  it('gives back each record as it was, and counts the lines of others', async () => {
    const { code, out, err } = await audit(['-o', 'json']);

    expect(code).toBe(EXIT.fits);
    expect(JSON.parse(out)).toEqual(RECORDS);
    expect(err).toBe('vramgate: 6 records in 8 lines, 2 lines of others\n');
  });

  it.each([
    ['--prefix', '[pod/vramgate-6f7d/webhook] '],
    ['--timestamps', '2026-11-25T12:00:00.123456789Z '],
    ['both', '[pod/vramgate-6f7d/webhook] 2026-11-25T12:00:00.123456789Z '],
    ['a container runtime', '2026-11-25T12:00:00.123456789+00:00 stdout F '],
  ])('takes what %s puts before a line', async (_what, prefix) => {
    const log = LOG.replace(/^(?=.)/gm, prefix);

    expect(await found([], log)).toEqual(RECORDS);
  });

  it('reads what check --records prints', async () => {
    const object = { ...deployment(UNDERSIZED), apiVersion: 'apps/v1', kind: 'Deployment' };
    const { io, text } = memoryIo({ stdin: async () => JSON.stringify(object) });
    await runCheck(['-f', '-', '--records'], io);

    expect(await found([], text())).toMatchObject([{ webhook: 'check', verdict: 'deny' }]);
    expect((await audit(['--replay'], text())).out).toContain('1 came out the same');
  });

  it('does not depend on how the stream is cut, nor on the last line end', async () => {
    const { out } = await audit(['-o', 'json'], LOG.trimEnd(), 7);

    expect(JSON.parse(out)).toEqual(RECORDS);
  });

  it('takes Windows line ends', async () => {
    expect(await found([], LOG.replaceAll('\n', '\r\n'))).toEqual(RECORDS);
  });

  it('skips a line without an end, and goes on behind it', async () => {
    const { out, err } = await audit(['-o', 'json'], tooLong() + LOG);

    expect(JSON.parse(out)).toHaveLength(6);
    expect(err).toContain('3 lines of others');
  });

  it('says which line claims to be a record and is none, and exits with 2 after all others', async () => {
    const { code, out, err } = await audit(
      ['-o', 'json'],
      `${LOG}{"msg":"decision","decision":"x"}\n[1,"decision"]\n`,
    );

    expect(code).toBe(EXIT.usage);
    expect(JSON.parse(out)).toHaveLength(6);
    expect(err).toContain('1 that say they are a record and are not');
    expect(err).toContain('line 9: ');
  });

  it('of nothing finds nothing', async () => {
    expect(await audit(['-o', 'json'], '')).toEqual({
      code: EXIT.fits,
      out: '[]\n',
      err: 'vramgate: 0 records in 0 lines, 0 lines of others\n',
    });
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vramgate-audit-'));
    writeFileSync(join(folder, 'a.log'), LOG);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are read one after the other, and - is standard input', async () => {
    const { err } = await audit([join(folder, 'a.log'), '-', join(folder, 'a.log')]);

    expect(err).toContain('18 records in 24 lines');
  });

  it.each([
    ['nothing.log', 'no such file'],
    ['', 'a directory'],
  ])('refuses %j before it prints anything', async (name, want) => {
    await expect(audit([join(folder, 'a.log'), join(folder, name)])).rejects.toThrow(want);
  });
});

describe('filters', () => {
  it.each([
    ['nothing', [], 6],
    ['a time', ['--since', '2026-11-25T00:00:00Z'], 4],
    ['an age', ['--since', '24h'], 4],
    ['a date', ['--until', '2026-11-25'], 2],
    ['a span', ['--since', '2026-11-24', '--until', MORNING], 0],
    ['a namespace', ['-n', 'research'], 1],
    ['two namespaces', ['-n', 'research', '-n', 'ml'], 6],
    ['a user', ['--user', 'ann'], 3],
    ['a verdict', ['--verdict', 'deny'], 3],
    ['two verdicts', ['--verdict', 'deny,warn'], 4],
    ['a code', ['--code', 'malformed-annotation'], 1],
    ['all of them', ['--user', 'bob', '--verdict', 'deny', '--code', 'does-not-fit', '-n', 'ml'], 1],
  ] as const)('by %s', async (_what, argv, want) => {
    expect(await found(argv)).toHaveLength(want);
  });
});

describe('output', () => {
  it('is a table, one line a record', async () => {
    const { out } = await audit([]);
    const lines = out.trimEnd().split('\n');

    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatch(/^TIME +WEBHOOK +VERDICT +ANSWER +OBJECT/);
    expect(lines[1]).toContain('-→2');
    expect(lines[3]).toMatch(/validate +deny +denied +Deployment research\/.+does-not-fit.+ bob$/);
    expect(lines[6]).toContain('denied*');
  });

  it('is YAML that says the same as JSON', async () => {
    expect(parse((await audit(['-o', 'yaml'])).out)).toEqual(await found([]));
  });

  it('is CSV with one cell for each column', async () => {
    const lines = (await audit(['-o', 'csv'])).out.split('\r\n');
    const head = lines[0]?.split(',') ?? [];
    const first = lines[1]?.split(',') ?? [];

    expect(lines).toHaveLength(8);
    expect(first).toHaveLength(head.length);
    expect(first[head.indexOf('plannedGpus')]).toBe('2');
    expect(first[head.indexOf('user')]).toBe('ann');
  });

  // https://owasp.org/www-community/attacks/CSV_Injection
  it.each(['=cmd|calc', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1'])(
    'never has %j as a formula',
    async (user) => {
      const record: DecisionRecord = {
        ...Object(RECORDS[1]),
        subject: { ...Object(RECORDS[1]?.subject), user },
      };
      const { out } = await audit(['-o', 'csv'], lineOf(record));

      expect(out).toContain(`'${user.replace(/[\t\r]/, ' ')}`);
      expect(out).not.toMatch(/(?:^|,)"?[=+\-@\t\r＝]/m);
    },
  );

  it('keeps quotes, commas and line breaks of a name in their cell', async () => {
    const subject = { ...Object(RECORDS[1]?.subject), user: 'a "b", c\nd' };
    const { out } = await audit(['-o', 'csv'], lineOf({ ...Object(RECORDS[1]), subject }));

    expect(out).toContain(',"a ""b"", c d",');
    expect(out.split('\r\n')).toHaveLength(3);
  });

  it.each(['table', 'json', 'yaml', 'csv'])('-o %s shows no control character of a name', async (output) => {
    const subject = {
      ...Object(RECORDS[2]?.subject),
      user: '\u001b[2J\u009b31m\u202ebob',
      name: '\u0007\u2028x',
    };
    const log = lineOf({ ...Object(RECORDS[2]), subject });
    const texts = await Promise.all([
      audit(['-o', output], log),
      audit(['--replay'], log),
      audit(['--summary'], log),
    ]);

    for (const { out } of texts) {
      expect(out.replaceAll(/\r?\n/g, '')).not.toMatch(/[\p{Cc}\u2028\u202a-\u202e]/u);
    }
  });
});

describe('--summary', () => {
  it('counts reviews where the verdict is given, and dry runs apart', async () => {
    const summary = JSON.parse((await audit(['--summary', '-o', 'json'])).out);

    expect(summary).toMatchObject({
      from: MORNING,
      to: NOON,
      reviews: 4,
      dryRuns: 1,
      verdicts: [
        { name: 'deny', count: 2 },
        { name: 'allow', count: 1 },
        { name: 'warn', count: 1 },
      ],
      users: [
        { name: 'ann', reviews: 2, refused: 0 },
        { name: 'bob', reviews: 2, refused: 2 },
      ],
      namespaces: [
        { name: 'ml', reviews: 3, refused: 1 },
        { name: 'research', reviews: 1, refused: 1 },
      ],
      // One GPU of the undersized Deployment and four of the malformed one, one replica each.
      refused: { objects: 2, gpus: 5 },
      filledIn: { objects: 1, gpus: 2 },
      toleratedMisfits: { objects: 0, gpus: 0 },
    });
  });

  it('counts the GPUs of an object once, however often it is refused, and all its replicas', async () => {
    const refused = handle('validate', created(UNDERSIZED)).record;
    const log = [1, 4, 4, 2].map((replicas) => lineOf({ ...refused, replicas })).join('');

    expect(JSON.parse((await audit(['--summary', '-o', 'json'], log)).out)).toMatchObject({
      reviews: 4,
      refused: { objects: 1, gpus: 4 },
    });
  });

  it('tells what was let in although it does not fit, and what is asked for but not used', async () => {
    const tolerated: DecisionRecord = { ...Object(RECORDS[2]), allowed: true, mode: 'audit' };
    const idle = handle('validate', created({ ...FITS, gpus: 8 })).record;
    const { out } = await audit(['--summary', '-o', 'json'], lineOf(tolerated) + lineOf(idle));

    expect(JSON.parse(out)).toMatchObject({
      toleratedMisfits: { objects: 1, gpus: 1 },
      unused: { objects: 1, gpus: 4 },
      refused: { objects: 0, gpus: 0 },
    });
  });

  it('reads as sentences', async () => {
    const { out } = await audit(['--summary']);

    expect(out).toContain('4 reviews and 1 dry runs, from 2026-11-24T08:00:00.000Z');
    expect(out).toMatch(/5 {2}refused: pods that cannot run would have held them \(2 objects\)/);
  });
});

describe('--replay', () => {
  const forged: DecisionRecord = { ...Object(RECORDS[2]), verdict: 'allow', allowed: true };
  const left = handle('validate', recorded('03-scale.user.update.scale-scale.json')).record;

  it('exits with 0 where every decision comes out the same', async () => {
    const { code, out } = await audit(['--replay'], LOG + lineOf(left));

    expect(code).toBe(EXIT.fits);
    expect(out).toBe('6 came out the same, 0 differently, 0 cannot be computed again, 1 judged nothing\n');
  });

  it('exits with 3 and says what differs, and why', async () => {
    const { code, out } = await audit(['--replay'], LOG + lineOf(forged));

    expect(code).toBe(EXIT.doesNotFit);
    expect(out).toContain('DIFFERENT');
    expect(out).toContain('  verdict: recorded allow, computed deny');
    expect(out).toContain('it was altered');
  });

  it('looks only at what the filters let through', async () => {
    expect((await audit(['--replay', '--user', 'ann'], LOG + lineOf(forged))).code).toBe(EXIT.fits);
  });

  it('exits with 3 for what cannot be computed again only under --strict', async () => {
    const log = lineOf({ ...Object(RECORDS[1]), inputs: null });

    expect((await audit(['--replay'], log)).code).toBe(EXIT.fits);
    expect((await audit(['--replay', '--strict'], log)).code).toBe(EXIT.doesNotFit);
  });

  async function replayWith(config: string, log: string): Promise<Ran> {
    const folder = mkdtempSync(join(tmpdir(), 'vramgate-audit-'));
    const file = join(folder, 'config.yaml');
    writeFileSync(file, config);
    const ran = await audit(['--replay', '--config', file, '-o', 'json'], log);
    rmSync(folder, { recursive: true });
    return ran;
  }

  it('under another configuration names the policy', async () => {
    const { code, out } = await replayWith('policy: { unknown: deny }\n', LOG);

    expect(code).toBe(EXIT.doesNotFit);
    expect(JSON.parse(out)).toMatchObject([{ outcome: 'different', reasons: ['policy'] }]);
  });

  it('of a decision with catalog rows of an operator needs their configuration', async () => {
    const rows = `catalog: { models: [{ id: acme-chat, base: scout, ${SOURCE} }] }\n`;
    const { catalog, policy } = configFrom('config.yaml', rows);
    const annotations = { ...FITS.annotations, 'vramgate.io/model': 'acme-chat' };
    const subject = { ...FITS, annotations, args: ['acme-chat', ...FITS.args.slice(1)] };
    const log = lineOf(handle('validate', created(subject), { ...FACTS, catalog, policy }).record);

    expect((await replayWith(rows, log)).code).toBe(EXIT.fits);
    expect((await audit(['--replay'], log)).out).toContain('the catalog has no model acme-chat');
  });
});

describe('options', () => {
  it('--schema prints the schema of a record', async () => {
    expect(JSON.parse((await audit(['--schema'])).out)).toEqual(recordJsonSchema());
  });

  it('--help tells the exit codes', async () => {
    expect((await audit(['--help'])).out).toContain('exit codes: ');
  });

  it.each([
    [['--since', 'banana'], '--since "banana": write 2026-11-25T12:00:00Z'],
    [['--since', '2026-11-25T12:00:00'], '--since'],
    [['--until', '2026-13-45'], '--until'],
    [['--verdict', 'denied'], '--verdict "denied": one of deny, patch'],
    [['--code', 'does-not-fits'], 'did you mean does-not-fit?'],
    [['-o', 'xml'], '--output "xml"'],
    [['--summary', '--replay'], '--summary and --replay: one of them'],
    [['--summary', '-o', 'csv'], '--output csv'],
    [['--config', 'x.yaml'], '--config goes with --replay'],
    [['--strict'], '--strict goes with --replay'],
    [['--nope'], "Unknown option '--nope'"],
  ])('%j is a mistake of one line', async (argv, want) => {
    const mistake = await audit(argv).catch((error: unknown) => error);

    expect(mistake).toBeInstanceOf(UsageError);
    expect(String(mistake)).toContain(want);
    expect(String(mistake)).not.toContain('\n');
  });
});

describe('memory', () => {
  it('does not grow with the log: a gigabyte of lines passes one at a time', async () => {
    // 64 MiB here, to keep the test short: what is kept of each line is what would grow.
    const line = Buffer.from(lineOf(handle('mutate', created(FITS)).record));
    const many = Math.ceil((64 * 1024 * 1024) / line.length / 64);
    const block = Buffer.concat(Array.from({ length: 64 }, () => line));
    async function* blocks(): AsyncGenerator<Buffer> {
      for (let count = 0; count < many; count += 1) yield block;
    }
    const { io } = memoryIo();
    let most = 0;
    const before = process.memoryUsage().heapUsed;
    const code = await runAudit(['--summary'], {
      ...io,
      out: () => undefined,
      err: () => undefined,
      input: async function* input() {
        for await (const one of blocks()) {
          yield one;
          most = Math.max(most, process.memoryUsage().heapUsed - before);
        }
      },
    });

    expect(code).toBe(EXIT.fits);
    expect(most).toBeLessThan(64 * 1024 * 1024);
  });
});
