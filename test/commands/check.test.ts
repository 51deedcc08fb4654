import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHECK_OPTIONS, CHECK_USAGE, runCheck } from '../../src/commands/check.ts';
import { EXIT, readInput, UsageError } from '../../src/commands/io.ts';
import { FINDINGS } from '../../src/findings.ts';
import { memoryIo } from './memory-io.ts';

const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;
const W4A16 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16';

/** 22 lines; tests below count on it. The context is on line 7. */
function deployment(name: string, context: string, gpus: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  annotations:
    vramgate.io/model: scout
    vramgate.io/context: ${context}
    vramgate.io/quantization: w4a16
spec:
  template:
    spec:
      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.11.0
          args: [${W4A16}, --tensor-parallel-size=${gpus}, --max-model-len=${context}]
          volumeMounts: [{name: shm, mountPath: /dev/shm}]
          resources:
            limits:
              nvidia.com/gpu: ${gpus}
      volumes: [{name: shm, emptyDir: {medium: Memory}}]
`;
}

const FITS = deployment('fits', '128K', 4);
const REFUSED = deployment('refused', '1M', 2);
const MALFORMED = deployment('malformed', 'banana', 4).replace(', --max-model-len=banana', '');
const UNKNOWN = FITS.replace('vramgate.io/model: scout', 'vramgate.io/model: llama-9').replace(
  W4A16,
  '/models/x',
);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function check(stdin: string, ...argv: readonly string[]): Promise<Ran> {
  const { io, out, err } = memoryIo({ stdin: async () => stdin });
  const code = await runCheck(['-f', '-', '--inventory', INVENTORY, ...argv], io);
  return { code, out: out(), err: err() };
}

async function elements(stdin: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { out } = await check(stdin, '-o', 'json');
  return JSON.parse(out);
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-check-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('exit codes (contract §6)', () => {
  it.each([
    ['what fits', FITS, [], EXIT.fits],
    ['what is refused', REFUSED, [], EXIT.doesNotFit],
    ['malformed annotations', MALFORMED, [], EXIT.doesNotFit],
    ['an unknown model', UNKNOWN, [], EXIT.fits],
    ['an unknown model, strictly', UNKNOWN, ['--strict'], EXIT.doesNotFit],
    ['what fits, strictly', FITS, ['--strict'], EXIT.fits],
    ['an unreadable document beside a refused one', `${REFUSED}---\na: [\n`, [], EXIT.usage],
  ])('%s', async (_, text, argv, want) => {
    expect((await check(text, ...argv)).code).toBe(want);
  });

  it('reports the other documents of a file beside an unreadable one', async () => {
    const { out, err } = await check(`${FITS}---\na: [\n---\n${REFUSED}`, '-o', 'json');

    expect(JSON.parse(out)).toMatchObject([{ name: 'fits' }, { name: 'refused' }]);
    expect(err).toMatch(/^vramgate: -:2\d: /);
  });

  it('a namespace in mode warn by configuration refuses nothing', async () => {
    const config = join(folder, 'warn.yaml');
    writeFileSync(config, 'policy: { mode: warn }\n');

    expect((await check(REFUSED, '--config', config)).code).toBe(EXIT.fits);
    expect((await check(REFUSED, '--config', config, '--strict')).code).toBe(EXIT.doesNotFit);
  });
});

describe('what it reads', () => {
  it('takes files with the flag or without it, as kubectl and pre-commit give them', async () => {
    const [one, other] = [join(folder, 'one.yaml'), join(folder, 'other.yaml')];
    writeFileSync(one, FITS);
    writeFileSync(other, REFUSED);
    const { io, out } = memoryIo();

    expect(await runCheck(['--inventory', INVENTORY, one, '-o', 'json', other], io)).toBe(EXIT.doesNotFit);
    expect(JSON.parse(out())).toMatchObject([{ source: `${one}:1` }, { source: `${other}:1` }]);
  });

  it("passes over files that are nobody's manifests where only annotated ones are wanted, and reads the others as ever", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vramgate-check-'));
    const others = {
      'package.json': '{"name": "x"}',
      'broken.yaml': 'a: [1',
      'chart.yaml': '{{ if .Values.x }}',
    };
    for (const [name, text] of Object.entries(others)) writeFileSync(join(folder, name), text);
    const { io } = memoryIo({ stdin: async () => '' });
    try {
      expect(await runCheck(['--only-annotated', folder], io)).toBe(EXIT.fits);
      expect(await runCheck([folder], io)).toBe(EXIT.usage);
      writeFileSync(join(folder, 'refused.yaml'), REFUSED);
      expect(await runCheck(['--only-annotated', '--inventory', INVENTORY, folder], io)).toBe(
        EXIT.doesNotFit,
      );
      writeFileSync(join(folder, 'chart.yaml'), `{{ if .Values.x }}\n${FITS}`);
      expect(await runCheck(['--only-annotated', '--inventory', INVENTORY, folder], io)).toBe(EXIT.usage);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('finds the objects of documents, Lists and JSON, each with its line', async () => {
    const list = `kind: List\napiVersion: v1\nitems:\n- ${FITS.trimEnd().replaceAll('\n', '\n  ')}\n`;
    const json = JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'j' } }, null, 2);
    const found = await elements(`${FITS}---\n${list}---\n${json}\n`);

    expect(found.map(({ source, name }) => [source, name])).toEqual([
      ['-:1', 'fits'],
      ['-:27', 'fits'],
      ['-:50', 'j'],
    ]);
  });

  it('reads merge keys and YAML 1.1 scalars as kubectl does', async () => {
    const text = FITS.replace('limits:\n', 'limits:\n              <<: &n {nvidia.com/gpu: 4}\n').replace(
      '              nvidia.com/gpu: 4\n',
      '',
    );
    const [found] = await elements(text);

    expect(found).toMatchObject({ verdict: 'allow', plan: { gpus: 4 } });
  });

  it.each([
    [
      'a key that is given twice',
      'apiVersion: v1\nkind: Pod\nkind: Pod\n',
      /:3: the key "kind" is given twice/,
    ],
    ['a number and a text that are one key in JSON', 'apiVersion: v1\n1: a\n"1": b\n', /given twice/],
    ['aliases that multiply', billionLaughs(), /aliases cannot be resolved/],
    ['an alias without an anchor', 'apiVersion: v1\nkind: *nowhere\n', /cannot be resolved/],
    [
      '67 levels',
      `apiVersion: v1\nkind: Pod\na: ${'['.repeat(70)}${']'.repeat(70)}\n`,
      /nested deeper than 66/,
    ],
    ['100,000 brackets', '['.repeat(100_000), /nested deeper than 66/],
    ['a truncated document', FITS.slice(0, FITS.indexOf('volumeMounts') - 40), /./],
    ['no Kubernetes object', 'replicas: 3\n', /needs apiVersion and kind/],
    [
      'a document of more than 7 MiB',
      `apiVersion: v1\nkind: "${'x'.repeat(7 * 1024 * 1024)}"\n`,
      /larger than 7 MiB/,
    ],
  ])('refuses %s with one line', async (_, text, want) => {
    const { code, err } = await check(text);

    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(want);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each(['', '# nothing\n', '---\n---\n'])('says that %j holds no object', async (text) => {
    await expect(check(text)).rejects.toThrow(/no Kubernetes object/);
  });

  it('walks a folder once, reads links to files, and follows no link to a folder', async () => {
    const root = join(folder, 'tree');
    mkdirSync(join(root, 'inner'), { recursive: true });
    writeFileSync(join(root, 'inner', 'a.yaml'), FITS);
    writeFileSync(join(root, 'notes.txt'), 'no manifest');
    symlinkSync(root, join(root, 'inner', 'loop.yaml'));
    symlinkSync(join(root, 'inner', 'a.yaml'), join(root, 'b.yml'));
    const { io, out } = memoryIo();

    await runCheck(['-f', root, '-o', 'json'], io);

    expect(JSON.parse(out()).map((one: { source: string }) => one.source)).toEqual([
      `${root}/b.yml:1`,
      `${root}/inner/a.yaml:1`,
    ]);
  });

  it('reads standard input only up to 64 MiB, and only as UTF-8', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(8 * 1024 * 1024);
    }
    async function* latin1(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(0x61, 0xe9, 0x62);
    }

    await expect(readInput(endless())).rejects.toThrow(/larger than 64 MiB/);
    await expect(readInput(latin1())).rejects.toThrow(/not UTF-8/);
  });

  it('does not wait for a pipe, and reads no device', async () => {
    const pipe = join(folder, 'pipe.yaml');
    spawnSync('mkfifo', [pipe]);
    for (const file of [pipe, '/dev/zero']) {
      const { io, err } = memoryIo();

      expect(await runCheck(['-f', file], io)).toBe(EXIT.usage);
      expect(err()).toContain('not a regular file');
    }
  });

  it.each([
    [['-f', '-', '--output', 'xml'], /--output xml: not known/],
    [['-f', '-', '--inventroy', 'x'], /did you mean --inventory/],
    [[], /-f FILE is needed/],
    [['-f', '/nowhere'], /no such file/],
  ])('refuses the options %j', async (argv, want) => {
    const { io } = memoryIo({ stdin: async () => FITS });

    await expect(runCheck(argv, io)).rejects.toThrow(UsageError);
    await expect(runCheck(argv, io)).rejects.toThrow(want);
  });

  it('describes every option in its help', () => {
    for (const option of Object.keys(CHECK_OPTIONS)) {
      if (option !== 'help') expect(CHECK_USAGE).toContain(`--${option}`);
    }
  });
});

function billionLaughs(): string {
  const rows = Array.from({ length: 9 }, (_, at) => {
    const of = at === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${at - 1}`).join(', ');
    return `a${at}: &a${at} [${of}]`;
  });
  return `apiVersion: v1\nkind: Pod\n${rows.join('\n')}\n`;
}

describe('the forms of output', () => {
  it('JSON has the keys of the contract, and edits that apply to the object as given', async () => {
    const [found] = await elements(REFUSED);

    expect(Object.keys(found ?? {})).toEqual([
      'source',
      'kind',
      'namespace',
      'name',
      'verdict',
      'findings',
      'size',
      'plan',
      'patch',
      'remedies',
    ]);
    expect(found).toMatchObject({ verdict: 'deny', kind: 'Deployment', patch: [] });
    expect(found?.['remedies']).not.toEqual([]);
  });

  it('the table says need against have, findings with their paths, and ways out', async () => {
    const { out } = await check(`${REFUSED}---\n${FITS}`);

    expect(out).toMatch(/^DENY {4}Deployment refused {2}-:1$/m);
    expect(out).toMatch(/error {3}does-not-fit: Llama 4 Scout .* needs .* GiB per GPU on 2 GPUs/);
    expect(out).toMatch(/weights [\d.]+ GiB \+ /);
    expect(out).toMatch(/\[spec\.template\.spec\.containers\[0\]/);
    expect(out).toMatch(/way out 1: /);
    expect(out).toMatch(/^ALLOW {3}Deployment fits {2}-:24$/m);
    expect(out).toMatch(/1 fit, 1 refused\n$/);
  });

  it('GitHub annotations name the line of the value that is meant', async () => {
    const { out } = await check(`${FITS}---\n${MALFORMED}`, '-o', 'github');

    expect(out).toMatch(/^::error file=-,line=30,title=Deployment malformed%3A malformed-annotation::/);
  });

  it('SARIF has a rule for every finding code, and results at lines that exist', async () => {
    const { out } = await check(`${REFUSED}---\na: [\n`, '-o', 'sarif');
    const { version, runs } = JSON.parse(out);
    const [{ tool, results, invocations }] = runs;

    expect(version).toBe('2.1.0');
    expect(tool.driver.rules.map((rule: { id: string }) => rule.id)).toEqual(Object.keys(FINDINGS));
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
      expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
      expect(['error', 'warning', 'note']).toContain(level);
      expect(message.text).not.toBe('');
      expect(locations[0].physicalLocation.region.startLine).toBeGreaterThan(0);
    }
    expect(results.some((one: { level: string }) => one.level === 'error')).toBe(true);
    expect(invocations).toMatchObject([
      { executionSuccessful: false, toolExecutionNotifications: [{ level: 'error' }] },
    ]);
  });

  it('JUnit counts what its cases say', async () => {
    const { out } = await check(
      `${REFUSED}---\n${FITS}---\nkind: Service\napiVersion: v1\n---\na: [\n`,
      '-o',
      'junit',
    );

    expect(out).toContain('<testsuite name="-" tests="4" failures="1" errors="1" skipped="1">');
    expect(out.match(/<failure /g)).toHaveLength(1);
    expect(out.match(/<testcase /g)).toHaveLength(4);
  });
});

describe('hostile values in a manifest', () => {
  const NAME = 'x\\n::error::owned\\e]0;title\\a\\u009b31m\\u202e</testcase>%0A,a=b&';
  const HOSTILE = REFUSED.replace('name: refused', `name: "${NAME}"`).replace(
    'vramgate.io/quantization: w4a16',
    `vramgate.io/quantization: "q\\n::set-output name=a::b<x>\\0"`,
  );

  it.each(['table', 'github', 'junit', 'json', 'yaml', 'sarif'])('cannot escape from %s', async (output) => {
    const { out } = await check(HOSTILE, '-o', output);

    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    const commands = out.split('\n').filter((line) => line.trimStart().startsWith('::'));
    if (output !== 'github') expect(commands).toEqual([]);
    for (const line of commands)
      expect(line).toMatch(/^::(error|warning|notice) file=-,line=\d+,title=[^,:]*::/);
  });
});
