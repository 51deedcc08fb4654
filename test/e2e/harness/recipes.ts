/** What is built, from which of the modules in `tools/`, and with which marks. */

export type Binary =
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok'
  | 'helm-4'
  | 'helm-3'
  | 'promtool'
  | 'actionlint';

/** One module, and what a single `go build` makes of it. */
export interface Recipe {
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

// For the workflows (test/helm).
const ACTIONLINT: Recipe = {
  module: 'actionlint',
  packages: { actionlint: 'github.com/rhysd/actionlint/cmd/actionlint' },
  stamps: {},
};

export const MINORS = ['1.37', '1.36'] as const;
export type Minor = (typeof MINORS)[number];

/** What GET /version must answer: a misspelt stamp goes unnoticed by the linker. */
export const KUBERNETES_VERSIONS: Readonly<Record<Minor, string>> = { '1.37': 'v1.37.2', '1.36': 'v1.36.3' };

const ETCD_OF: Readonly<Record<Minor, string>> = { '1.37': 'etcd-3.7', '1.36': 'etcd-3.6' };

/** Every program has one recipe per Kubernetes minor. */
export function recipesOf(minor: Minor): readonly Recipe[] {
  const kube = kubeRecipe(`kube-${minor}`, KUBERNETES_VERSIONS[minor]);
  return [etcdRecipe(ETCD_OF[minor]), kube, KWOK, HELM_4, HELM_3, PROMTOOL, ACTIONLINT];
}
