import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

/** The script of action.yml, run as a runner runs it: the inputs as environment, the sources as GITHUB_ACTION_PATH. */

interface Step {
  readonly name: string;
  readonly run: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as Action;
const check = action.runs.steps.find(({ name }) => name === 'Check');

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: llama, annotations: { vramgate.io/model: scout, vramgate.io/context: CONTEXT } }
spec:
  selector: { matchLabels: { app: llama } }
  template:
    metadata: { labels: { app: llama } }
    spec:
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.11.0
          args: [--model=meta-llama/Llama-4-Scout-17B-16E-Instruct, --tensor-parallel-size=8, --max-model-len=8192]
          resources: { limits: { nvidia.com/gpu: 8 } }
`;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-action-'));
  writeFileSync(join(folder, 'good one.yaml'), DEPLOYMENT.replace('CONTEXT', '"8192"'));
  writeFileSync(join(folder, 'bad.yaml'), DEPLOYMENT.replace('CONTEXT', 'banana'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The environment of the step: `${{ inputs.NAME }}` replaced by what the caller gave, or the default. */
function environment(inputs: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(check?.env ?? {}).map(([key, expression]) => {
    const name = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(expression)?.[1] ?? '';
    return [key, inputs[name] ?? action.inputs[name]?.default ?? ''] as const;
  });
  return { PATH: process.env['PATH'] ?? '', GITHUB_ACTION_PATH: ROOT, ...Object.fromEntries(entries) };
}

function run(inputs: Readonly<Record<string, string>>): {
  readonly status: number | null;
  readonly out: string;
} {
  const script = join(folder, 'step.sh');
  writeFileSync(script, check?.run ?? '');
  // https://docs.github.com/actions: `shell: bash` runs bash --noprofile --norc -eo pipefail
  const args = ['--noprofile', '--norc', '-eo', 'pipefail', script];
  const { status, stdout } = spawnSync('bash', args, {
    cwd: folder,
    env: environment(inputs),
    encoding: 'utf8',
  });
  return { status, out: stdout };
}

describe('action.yml', () => {
  it('passes every input on as an environment variable, and none into the script', () => {
    const used = Object.values(check?.env ?? {}).map((text) => /inputs\.([\w-]+)/.exec(text)?.[1]);
    expect(used.sort()).toEqual(Object.keys(action.inputs).sort());
    expect(check?.run).not.toContain('${{');
  });

  it('ends well for files that fit, blanks in their names included', () => {
    expect(run({ files: 'good one.yaml\n', output: 'table' }).status).toBe(0);
  });

  it('fails and annotates the line for a file that is refused', () => {
    const { status, out } = run({ files: 'good one.yaml\nbad.yaml' });
    expect(status).toBe(3);
    expect(out).toMatch(/^::error file=bad\.yaml,line=\d+/m);
  });

  it('passes over what is no manifest of ours where that is asked for', () => {
    writeFileSync(join(folder, 'package.json'), '{"name": "x"}');
    const files = 'good one.yaml\npackage.json';
    expect(run({ files }).status).toBe(2);
    expect(run({ files, 'only-annotated': 'true' }).status).toBe(0);
  });

  it('keeps the report in a file as well', () => {
    const { status } = run({ files: 'bad.yaml', output: 'sarif', 'output-file': 'results.sarif' });
    expect(status).toBe(3);
    expect(JSON.parse(readFileSync(join(folder, 'results.sarif'), 'utf8'))).toMatchObject({
      version: '2.1.0',
    });
  });
});
