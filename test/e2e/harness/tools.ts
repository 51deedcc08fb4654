import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Binary, type Minor, type Recipe, recipesOf } from './recipes.ts';

/**
 * The programs of the control plane. They come from the folder that KUBEBUILDER_ASSETS names (the convention of
 * envtest) or are built from published Go modules, one module per tool in `tools/`, into a cache folder whose name is
 * a hash of everything that the result depends on.
 */

const MODULES = join(dirname(dirname(fileURLToPath(import.meta.url))), 'tools');

/** Paths of the programs of one Kubernetes minor. */
export type Tools = (binary: Binary) => string;

export const API_SERVER_TOOLS: readonly Binary[] = ['etcd', 'kube-apiserver', 'kubectl'];
export const CLUSTER_TOOLS: readonly Binary[] = [
  ...API_SERVER_TOOLS,
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
  'helm-4',
];

const WHAT_TO_DO =
  'test/e2e needs a control plane: install Go 1.26 or newer (the programs are built from published modules, some 25 minutes on two cores, once), ' +
  'or point KUBEBUILDER_ASSETS at a folder with etcd, kube-apiserver, kubectl, kube-controller-manager, kube-scheduler, kwok, helm-4 and helm-3';

// The whole first build took 9 minutes on two idle cores (control-plane.md); four times that is a hang.
const BUILD_LIMIT_MS = 40 * 60_000;
const FLAGS = ['-trimpath', '-buildvcs=false'];

function ldflags({ stamps }: Recipe): string {
  return ['-s', '-w', ...Object.entries(stamps).map(([name, value]) => `-X ${name}=${value}`)].join(' ');
}

function tagsOf({ tags }: Recipe): readonly string[] {
  return tags === undefined ? [] : ['-tags', tags];
}

let knownGo: string | null = null;

/** `go version`, which is part of what a build depends on. @throws Error that says what to do when there is no Go. */
function goVersion(): string {
  if (knownGo !== null) return knownGo;
  const { status, stdout } = spawnSync('go', ['version'], { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(WHAT_TO_DO);
  knownGo = stdout.trim();
  return knownGo;
}

export function hasGo(): boolean {
  try {
    return goVersion() !== '';
  } catch {
    return false;
  }
}

function cacheRoot(): string {
  const { XDG_CACHE_HOME: given } = process.env;
  return join(
    given === undefined || given === '' ? join(homedir(), '.cache') : given,
    'vramgate',
    'e2e-tools',
  );
}

async function cacheFolder(recipe: Recipe): Promise<string> {
  const folder = join(MODULES, recipe.module);
  const [mod, sum] = await Promise.all([readFile(join(folder, 'go.mod')), readFile(join(folder, 'go.sum'))]);
  const hash = createHash('sha256').update(mod).update('\0').update(sum).update('\0');
  hash.update(
    [
      ...FLAGS,
      ...tagsOf(recipe),
      ldflags(recipe),
      goVersion(),
      ...Object.entries(recipe.packages).flat(),
    ].join('\0'),
  );
  return join(cacheRoot(), `${recipe.module}-${hash.digest('hex').slice(0, 16)}`);
}

async function go(args: readonly string[], cwd: string): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off' };
  const child = spawn('go', args, {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: BUILD_LIMIT_MS,
  });
  const status = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(String(code ?? signal)));
  });
  if (status !== '0') throw new Error(`go ${args.join(' ')} in ${cwd} ended with ${status}. ${WHAT_TO_DO}`);
}

const SCRATCH = /^\.building-(\d*)/;

function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A build that was interrupted (a signal runs no `finally`) leaves its folder behind. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const match = SCRATCH.exec(name);
    if (match === null || isRunning(Number(match[1]))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Builds in a folder of its own and moves in whole: an interrupted build leaves nothing that looks finished. One call
 * for all: the compiler then works on what they share while it links the first.
 */
async function build(recipe: Recipe, binaries: readonly Binary[], folder: string): Promise<void> {
  const paths = binaries.flatMap((binary) => recipe.packages[binary] ?? []);
  console.error(`building ${binaries.join(', ')} from test/e2e/tools/${recipe.module}`);
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const scratch = await mkdtemp(join(folder, `.building-${process.pid}-`));
  try {
    const [first = '', ...others] = binaries;
    // Several are named after their packages; Helm and etcd have packages of other names, and come alone.
    const output = others.length === 0 ? join(scratch, first) : `${scratch}/`;
    const flags = [...FLAGS, ...tagsOf(recipe), '-ldflags', ldflags(recipe), '-o', output];
    await go(['build', ...flags, ...paths], join(MODULES, recipe.module));
    for (const binary of binaries) await rename(join(scratch, binary), join(folder, binary));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The folder of the operator (one, not a list), or null. */
export function givenAssets(): string | null {
  const { KUBEBUILDER_ASSETS: folder } = process.env;
  if (folder === undefined || folder === '') return null;
  if (folder.includes(delimiter) || !existsSync(folder)) {
    throw new Error(`KUBEBUILDER_ASSETS=${folder} is no folder. ${WHAT_TO_DO}`);
  }
  return folder;
}

/**
 * Finds `binaries` of `minor`. What KUBEBUILDER_ASSETS has is taken from there; the rest is built, or cached. The paths
 * are asked of the result by name; @throws Error for one that was not in the list.
 */
export async function toolsOf(minor: Minor, binaries: readonly Binary[]): Promise<Tools> {
  const assets = givenAssets();
  const given = assets === null ? [] : binaries.filter((binary) => existsSync(join(assets, binary)));
  const found = new Map(given.map((binary) => [binary, join(assets ?? '', binary)]));
  // One after the other: two builds at once only take each other's memory.
  for (const recipe of recipesOf(minor)) {
    const wanted = binaries.filter((one) => recipe.packages[one] !== undefined && !found.has(one));
    if (wanted.length === 0) continue;
    const folder = await cacheFolder(recipe);
    const missing = wanted.filter((one) => !existsSync(join(folder, one)));
    if (missing.length > 0) await build(recipe, missing, folder);
    for (const one of wanted) found.set(one, join(folder, one));
  }
  return (binary) => {
    const path = found.get(binary);
    if (path === undefined) throw new Error(`${binary} was not asked for`);
    return path;
  };
}
