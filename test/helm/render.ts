import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const CHART = join(ROOT, 'charts', 'vramgate');

export type Values = Readonly<Record<string, unknown>>;

export interface Rendering {
  readonly status: number | null;
  readonly text: string;
  readonly errors: string;
}

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
  readonly kubeVersion?: string;
  readonly arguments?: readonly string[];
}

/** What kubectl would be given; parsed loosely, since tests look at a few fields of many kinds. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the shape depends on the kind
  readonly [key: string]: any;
}

/** `helm template` with `values`, away from any cluster and from this machine's own settings. */
export function render(helm: string, values: Values = {}, options: RenderOptions = {}): Rendering {
  const folder = mkdtempSync(join(tmpdir(), 'vramgate-helm-'));
  try {
    const file = join(folder, 'values.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(values));
    const { release = 'vramgate', namespace = 'vramgate', kubeVersion = '1.30.0' } = options;
    const args = ['template', release, CHART, '--namespace', namespace, '--kube-version', kubeVersion];
    const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: join(folder, 'none') };
    const { status, stdout, stderr } = spawnSync(
      helm,
      [...args, '--values', file, ...(options.arguments ?? [])],
      { encoding: 'utf8', env, maxBuffer: 64 * 1024 * 1024 },
    );
    return { status, text: stdout, errors: stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The objects of a rendering that must have worked. */
export function objectsOf({ status, text, errors }: Rendering): readonly Manifest[] {
  if (status !== 0) throw new Error(errors);
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}
