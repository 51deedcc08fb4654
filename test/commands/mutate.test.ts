import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPatch, parsePatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/commands/check.ts';
import { EXIT, UsageError } from '../../src/commands/io.ts';
import { MUTATE_OPTIONS, MUTATE_USAGE, runMutate } from '../../src/commands/mutate.ts';
import { memoryIo } from './memory-io.ts';

const INVENTORY = new URL('../demo/inventory.yaml', import.meta.url).pathname;

const MISSING = `# served by the ML team
apiVersion: apps/v1
kind: Deployment
metadata:
  name: scout # the small one
  annotations:
    vramgate.io/model: scout
    vramgate.io/context: 128K
    vramgate.io/quantization: w4a16
spec:
  template:
    spec:
      containers:
      - name: vllm
        image: vllm/vllm-openai:v0.11.0
        args: [RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16, --max-model-len=131072]
        volumeMounts: [{name: shm, mountPath: /dev/shm}]
      volumes: [{name: shm, emptyDir: {medium: Memory}}]
`;
const REFUSED = MISSING.replace('128K', '1M')
  .replace('131072]', '1048576, --tensor-parallel-size=2]\n        resources: {limits: {nvidia.com/gpu: 2}}')
  .replace('    spec:\n', '    spec:\n      nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}\n');
const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name:   s}\n';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function mutate(stdin: string, ...argv: readonly string[]): Promise<Ran> {
  const { io, out, err } = memoryIo({ stdin: async () => stdin });
  const files = argv.includes('-f') ? [] : ['-f', '-'];
  const code = await runMutate([...files, '--inventory', INVENTORY, ...argv], io);
  return { code, out: out(), err: err() };
}

async function verdicts(text: string): Promise<readonly string[]> {
  const { io, out } = memoryIo({ stdin: async () => text });
  await runCheck(['-f', '-', '--inventory', INVENTORY, '-o', 'json'], io);
  const elements: readonly { readonly verdict: string }[] = JSON.parse(out());
  return elements.map(({ verdict }) => verdict);
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-mutate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('vramgate mutate', () => {
  it('prints the webhook’s edits in the author’s text, once', async () => {
    const { code, out, err } = await mutate(MISSING);

    expect([code, err]).toEqual([EXIT.fits, '']);
    for (const line of MISSING.split('\n')) {
      if (!line.includes('args:')) expect(out.split('\n')).toContain(line);
    }
    expect(out).toContain('--max-model-len=131072, --tensor-parallel-size, "2"]');
    expect(await verdicts(out)).toEqual(['allow']);
    expect((await mutate(out)).out).toBe(out);
  });

  it('prints what needs nothing byte for byte', async () => {
    expect(await mutate(SERVICE)).toEqual({ code: EXIT.fits, out: SERVICE, err: '' });
  });

  it('prints nothing for a file in which something is refused, and says the ways out', async () => {
    const { code, out, err } = await mutate(`${MISSING}---\n${REFUSED}`);

    expect([code, out]).toEqual([EXIT.doesNotFit, '']);
    expect(err).toMatch(/^vramgate: -:21: Deployment scout is refused: Llama 4 Scout .* too much/);
    expect(err).toMatch(/\n {2}--remedy 1: /);
  });

  it.each([1, 2])('--remedy %i applies that way out first', async (remedy) => {
    const { code, out } = await mutate(REFUSED, '--remedy', String(remedy));

    expect(code).toBe(EXIT.fits);
    expect(out).not.toBe(REFUSED);
    expect(await verdicts(out)).toEqual(['allow']);
    expect((await mutate(out)).out).toBe(out);
  });

  it('--remedy beyond the last way out stays a refusal', async () => {
    const { code, out, err } = await mutate(REFUSED, '--remedy', '9');

    expect([code, out]).toEqual([EXIT.doesNotFit, '']);
    expect(err).toContain('there is no way out 9');
  });

  it('--diff is a patch that leads from the file to what is printed', async () => {
    const file = join(folder, 'scout.yaml');
    writeFileSync(file, MISSING);
    const printed = await mutate('', '-f', file);
    const { out } = await mutate('', '-f', file, '--diff');

    expect(parsePatch(out)).toHaveLength(1);
    expect(applyPatch(readFileSync(file, 'utf8'), out)).toBe(printed.out);
    expect((await mutate(SERVICE, '--diff')).out).toBe('');
  });

  it('joins files to one stream of documents', async () => {
    const files = [MISSING, SERVICE, SERVICE.trimEnd()].map((text, index) => {
      const file = join(folder, `${index}.yaml`);
      writeFileSync(file, text);
      return ['-f', file];
    });
    const { out } = await mutate('', ...files.flat());

    expect(await verdicts(out)).toEqual(['allow', 'ignore', 'ignore']);
    expect(out.endsWith(`---\n${SERVICE}---\n${SERVICE.trimEnd()}`)).toBe(true);
  });

  it('leaves a file out that has an unreadable document, and exits with 2', async () => {
    const { code, out, err } = await mutate(`${MISSING}---\na: [\n`);

    expect([code, out]).toEqual([EXIT.usage, '']);
    expect(err).toMatch(/^vramgate: -:2\d: /);
  });

  it.each(['0', '-1', 'x', '1e1'])('refuses --remedy %s', async (remedy) => {
    await expect(mutate(REFUSED, `--remedy=${remedy}`)).rejects.toThrow(UsageError);
  });

  it('describes every option in its help', () => {
    for (const option of Object.keys(MUTATE_OPTIONS)) {
      if (option !== 'help') expect(MUTATE_USAGE).toContain(`--${option}`);
    }
  });
});
