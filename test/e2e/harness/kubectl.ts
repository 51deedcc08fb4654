import { spawn } from 'node:child_process';
import { cleanEnvironment } from './process.ts';

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunSettings {
  /** Standard input; none where absent. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const RUN_LIMIT_MS = 120_000;

/** A Go command that ends within a second need not collect its garbage. */
const NO_COLLECTING = { GOGC: 'off', GOMEMLIMIT: '1GiB' };

/** Runs a command to its end. Its exit status is an answer, not an error. */
export function run(command: string, args: readonly string[], settings: RunSettings = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: [settings.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: cleanEnvironment({ ...NO_COLLECTING, ...settings.env }),
      timeout: RUN_LIMIT_MS,
    });
    const chunks: { readonly out: Buffer[]; readonly err: Buffer[] } = { out: [], err: [] };
    child.stdout?.on('data', (chunk: Buffer) => chunks.out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.err.push(chunk));
    child.once('error', reject);
    child.once('close', (status) =>
      resolve({
        status: status ?? -1,
        stdout: Buffer.concat(chunks.out).toString(),
        stderr: Buffer.concat(chunks.err).toString(),
      }),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(settings.input);
  });
}

export type Environment = Readonly<Record<string, string>>;

export interface Kubectl {
  /** Whatever it ends with. */
  readonly try: (args: readonly string[], input?: unknown, env?: Environment) => Promise<Run>;
  /** @throws Error when it ends with anything but 0. */
  readonly run: (args: readonly string[], input?: unknown, env?: Environment) => Promise<Run>;
}

export interface KubectlSettings {
  readonly kubectl: string;
  readonly kubeconfig: string;
  /** Where it keeps its discovery cache. */
  readonly home: string;
}

function textOf(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input);
}

/** Real kubectl as one user. `input` goes to standard input, an object as JSON: `-f -`. */
export function kubectlOf({ kubectl, kubeconfig, home }: KubectlSettings): Kubectl {
  const attempt: Kubectl['try'] = (args, input, env) =>
    run(kubectl, args, {
      env: { ...env, KUBECONFIG: kubeconfig, HOME: home },
      ...(input !== undefined && { input: textOf(input) }),
    });
  return {
    try: attempt,
    run: async (args, input, env) => {
      const result = await attempt(args, input, env);
      if (result.status !== 0) {
        throw new Error(`kubectl ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
      }
      return result;
    },
  };
}

/** The `Warning` headers of the answers, which kubectl prints one a line. */
export function warningsIn(stderr: string): readonly string[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith('Warning: '));
  return lines.map((line) => line.slice('Warning: '.length));
}
