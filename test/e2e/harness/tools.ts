import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The programs of the control plane. They come from the folder that KUBEBUILDER_ASSETS names (the convention of
 * envtest) or are built from published Go modules, one module per tool in `tools/`, into a cache folder whose name is
 * a hash of everything that the result depends on.
 */

const MODULES = join(dirname(dirname(fileURLToPath(import.meta.url))), 'tools');

export type Binary =
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok'
  | 'helm-4'
  | 'helm-3'
  | 'promtool';

/** One `go build` call. */
interface Recipe {
  /** Folder under `tools/`. */
  readonly module: string;
  readonly packages: Readonly<Partial<Record<Binary, string>>>;
  /** `-X` assignments by which a program knows its version. */
  readonly stamps: Readonly<Record<string, string>>;
  /** Build tags. */
  readonly tags?: string;
}

// `git rev-parse` is not to be had from a module proxy; kubectl and Helm want 40 digits and a date of any value.
const COMMIT = '0'.repeat(40);
const BUILD_DATE = '2026-01-01T00:00:00Z';

function kubeRecipe(module: string, version: string): Recipe {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const values = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: COMMIT,
    buildDate: BUILD_DATE,
  };
  const homes = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
  const stamps = homes.flatMap((home) =>
    Object.entries(values).map(([name, value]) => [`${home}.${name}`, value] as const),
  );
  return {
    module,
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    },
    stamps: Object.fromEntries(stamps),
  };
}

function etcdRecipe(module: string): Recipe {
  return { module, packages: { etcd: 'go.etcd.io/etcd/server/v3' }, stamps: {} };
}

const KWOK: Recipe = { module: 'kwok', packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' }, stamps: {} };

// Without its stamps Helm takes the cluster for an old one and refuses charts with a kubeVersion.
const HELM_4: Recipe = {
  module: 'helm-4',
  packages: { 'helm-4': 'helm.sh/helm/v4/cmd/helm' },
  stamps: { 'helm.sh/helm/v4/internal/version.version': 'v4.2.4' },
};
const HELM_3: Recipe = {
  module: 'helm-3',
  packages: { 'helm-3': 'helm.sh/helm/v3/cmd/helm' },
  stamps: {
    'helm.sh/helm/v3/internal/version.version': 'v3.21.4',
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor': '1',
    'helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor': '37',
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor': '1',
    'helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor': '37',
  },
};

// For the chart's alerts (test/helm). Without the tag it brings the clients of every cloud that Prometheus can scrape.
const PROMTOOL: Recipe = {
  module: 'promtool',
  packages: { promtool: 'github.com/prometheus/prometheus/cmd/promtool' },
  stamps: {},
  tags: 'remove_all_sd',
};

export const MINORS = ['1.37', '1.36'] as const;
export type Minor = (typeof MINORS)[number];

/** What GET /version must answer: a misspelt stamp goes unnoticed by the linker. */
export const KUBERNETES_VERSIONS: Readonly<Record<Minor, string>> = { '1.37': 'v1.37.2', '1.36': 'v1.36.3' };

const ETCD_OF: Readonly<Record<Minor, string>> = { '1.37': 'etcd-3.7', '1.36': 'etcd-3.6' };

function recipesOf(minor: Minor): readonly Recipe[] {
  const kube = kubeRecipe(`kube-${minor}`, KUBERNETES_VERSIONS[minor]);
  return [etcdRecipe(ETCD_OF[minor]), kube, KWOK, HELM_4, HELM_3, PROMTOOL];
}

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
  'test/e2e needs a control plane: install Go 1.26 or newer (the programs are built from published modules, about 15 minutes once), ' +
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

/** Builds in a folder of its own and moves in whole: an interrupted build leaves nothing that looks finished. */
async function build(recipe: Recipe, binary: Binary, folder: string): Promise<void> {
  const path = recipe.packages[binary];
  if (path === undefined) throw new Error(`${recipe.module} has no ${binary}`);
  console.error(`building ${binary} from test/e2e/tools/${recipe.module}`);
  await mkdir(folder, { recursive: true });
  const scratch = await mkdtemp(join(folder, '.building-'));
  try {
    const args = [
      'build',
      ...FLAGS,
      ...tagsOf(recipe),
      '-ldflags',
      ldflags(recipe),
      '-o',
      join(scratch, binary),
      path,
    ];
    await go(args, join(MODULES, recipe.module));
    await rename(join(scratch, binary), join(folder, binary));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function built(recipe: Recipe, binary: Binary): Promise<string> {
  const folder = await cacheFolder(recipe);
  const file = join(folder, binary);
  if (!existsSync(file)) await build(recipe, binary, folder);
  return file;
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
  const recipes = recipesOf(minor);
  const found = new Map<Binary, string>();
  // One after the other: two builds at once only take each other's memory.
  for (const binary of binaries) {
    const given = assets === null ? null : join(assets, binary);
    const recipe = recipes.find((one) => one.packages[binary] !== undefined);
    if (given !== null && existsSync(given)) found.set(binary, given);
    else if (recipe !== undefined) found.set(binary, await built(recipe, binary));
  }
  return (binary) => {
    const path = found.get(binary);
    if (path === undefined) throw new Error(`${binary} was not asked for`);
    return path;
  };
}
