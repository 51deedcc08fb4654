import { spawnSync } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import { CHART, type Manifest, objectsOf, render, type Values } from './render.ts';

const HELM_4 = inject('helm4');
const HELM_3 = inject('helm3');
const CA = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

/** Everything that can be switched on. */
const ALL: Values = {
  networkPolicy: { enabled: true },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  prometheusRule: { enabled: true },
  dashboard: { enabled: true },
  scan: { enabled: true, infer: true, writeReports: true },
  installationTest: { enabled: true },
  preDelete: { enabled: true },
  webhooks: { failClosed: { enabled: true } },
  priorityClassName: 'system-cluster-critical',
  image: { digest: `sha256:${'a'.repeat(64)}`, pullSecrets: [{ name: 'registry' }] },
  commonLabels: { team: 'platform' },
};
const CERT_MANAGER: Values = { certificates: { mode: 'cert-manager' } };
const EXISTING: Values = {
  certificates: { mode: 'existing-secret', existingSecret: { name: 'webhook-tls', caBundle: CA } },
};
const MATRIX: readonly (readonly [string, Values])[] = [
  ['the defaults', {}],
  ['everything on', ALL],
  ['cert-manager', CERT_MANAGER],
  ['an existing Secret', EXISTING],
  ['one replica on the host network', { replicas: 1, hostNetwork: true, ports: { webhook: 10250 } }],
  ['no API access at all', { ...EXISTING, config: { cluster: { watch: false } } }],
];

function objects(values: Values): readonly Manifest[] {
  return objectsOf(render(HELM_4, values));
}

function ofKind(values: Values, kind: string): readonly Manifest[] {
  return objects(values).filter((one) => one.kind === kind);
}

function entries(values: Values): readonly Manifest[] {
  return objects(values).flatMap(({ webhooks = [] }) => webhooks);
}

function podSpecs(values: Values): readonly Manifest[] {
  return objects(values).flatMap(({ kind, spec }) => {
    if (kind === 'Pod') return [spec];
    if (kind === 'CronJob') return [spec.jobTemplate.spec.template.spec];
    return spec?.template?.spec === undefined ? [] : [spec.template.spec];
  });
}

describe.each(MATRIX)('with %s', (_, values) => {
  it('renders to the same bytes twice, and by Helm 3 as by Helm 4', () => {
    const first = render(HELM_4, values);
    expect(first.errors).toBe('');
    expect(render(HELM_4, values).text).toBe(first.text);
    const sorted = (text: string): readonly string[] =>
      text
        .split(/^---$/m)
        .map((one) => one.trim())
        .sort();
    expect(sorted(render(HELM_3, values).text)).toEqual(sorted(first.text));
  });

  it('names no object twice and puts the namespaced ones into the release’s namespace', () => {
    const named = objects(values).map(
      ({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}`,
    );
    expect(new Set(named).size).toBe(named.length);
    const namespaces = new Set(objects(values).map(({ metadata }) => metadata.namespace));
    // The installation test needs the right to make its dry run where the webhook looks.
    expect([...namespaces].filter((one) => ![undefined, 'vramgate', 'default'].includes(one))).toEqual([]);
  });

  // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
  it('makes pods of the restricted standard only, on a read-only root', () => {
    for (const spec of podSpecs(values)) {
      expect(spec['securityContext']).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of spec['containers']) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  it('gives no right to create Secrets, and none to any Secret but the own one', () => {
    const rules = objects(values).flatMap(({ rules: all = [], kind }) => (/Role$/.test(kind) ? all : []));
    const secrets = rules.filter(({ resources }: Manifest) => resources.includes('secrets'));
    const want = {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['vramgate-certificate'],
      verbs: ['get', 'update'],
    };
    for (const rule of secrets) expect(rule).toEqual(want);
    expect(JSON.stringify(rules)).not.toContain('"*"');
  });

  it('keeps the webhooks away from the namespaces that a cluster needs to start', () => {
    for (const { namespaceSelector } of entries(values)) {
      expect(namespaceSelector.matchExpressions[0]).toEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'kube-node-lease', 'vramgate'],
      });
    }
  });
});

it('passes helm lint, by both', () => {
  for (const helm of [HELM_4, HELM_3]) {
    const { status, stdout } = spawnSync(helm, ['lint', '--strict', CHART], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
  }
});

describe('values that cannot be', () => {
  it.each<[string, Values, RegExp]>([
    ['a key that is misspelt', { replica: 2 }, /replica/],
    ['one below it', { webhooks: { validate: { timeout: 3 } } }, /timeout/],
    ['one of the configuration file', { config: { policy: { unkown: 'warn' } } }, /unkown/],
    ['a policy of another name', { config: { policy: { mode: 'strict' } } }, /mode/],
    ['a timeout of more than 5 s', { webhooks: { validate: { timeoutSeconds: 6 } } }, /timeoutSeconds/],
    [
      'failing closed on one replica',
      { replicas: 1, webhooks: { failClosed: { enabled: true } } },
      /replicas/,
    ],
    ['a fourth kind of certificate', { certificates: { mode: 'genCA' } }, /mode/],
    [
      'an existing Secret without its CA',
      { certificates: { mode: 'existing-secret', existingSecret: { name: 'x' } } },
      /caBundle/,
    ],
    [
      'a CA that is no PEM',
      { certificates: { mode: 'existing-secret', existingSecret: { name: 'x', caBundle: 'Cg==' } } },
      /caBundle/,
    ],
    ['a Secret that the mode ignores', { certificates: { existingSecret: { name: 'x' } } }, /existingSecret/],
    [
      'an issuer that the mode ignores',
      { certificates: { certManager: { issuerRef: { name: 'x' } } } },
      /issuerRef/,
    ],
    ['pods of a cluster that is not watched', { config: { cluster: { watch: false, pods: true } } }, /pods/],
    ['a digest that is none', { image: { digest: 'latest' } }, /digest/],
  ])('%s', (_, values, want) => {
    for (const helm of [HELM_4, HELM_3]) {
      const { status, errors } = render(helm, values);
      expect(status).not.toBe(0);
      expect(errors).toMatch(want);
    }
  });

  it('a cluster without matchConditions', () => {
    expect(render(HELM_4, {}, { kubeVersion: '1.29.9' }).errors).toMatch(/kubeVersion/);
    expect(render(HELM_4, {}, { kubeVersion: '1.30.4-gke.100' }).status).toBe(0);
  });
});

it('gives the webhook the right to read pods only where its configuration watches them', () => {
  const pods = (values: Values): readonly unknown[] =>
    ofKind(values, 'ClusterRole').flatMap(({ rules }) =>
      rules.filter(({ resources }: Manifest) => resources.includes('pods')),
    );
  expect(pods({})).toEqual([]);
  expect(pods({ config: { cluster: { pods: true } } })).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  ]);
});

it('mounts what else the configuration names, beside its own volumes', () => {
  const volume = { name: 'client-ca', secret: { secretName: 'api-server-ca' } };
  const mount = { name: 'client-ca', mountPath: '/etc/client-ca', readOnly: true };
  const config = { server: { clientCaFile: '/etc/client-ca/ca.crt' } };
  const [spec] = podSpecs({ config, volumes: [volume], volumeMounts: [mount] });

  expect(spec?.['volumes']).toEqual([{ name: 'config', configMap: { name: 'vramgate' } }, volume]);
  expect(spec?.['containers'][0].volumeMounts).toEqual([
    { name: 'config', mountPath: '/etc/vramgate', readOnly: true },
    mount,
  ]);
});

describe('the namespace selector', () => {
  it('adds what values ask for, and loses nothing to them', () => {
    const webhooks = {
      excludedNamespaces: ['gpu-operator', 'kube-system'],
      namespaceSelector: {
        matchLabels: { tier: 'ml' },
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['kube-system', 'ml'] },
        ],
      },
    };
    for (const { namespaceSelector } of entries({ webhooks })) {
      expect(namespaceSelector).toEqual({
        matchLabels: { tier: 'ml' },
        matchExpressions: [
          {
            key: 'kubernetes.io/metadata.name',
            operator: 'NotIn',
            values: ['kube-system', 'kube-node-lease', 'vramgate', 'gpu-operator'],
          },
          { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['kube-system', 'ml'] },
        ],
      });
    }
  });

  it.each([
    ['by label', {}, { key: 'vramgate.io/mode', values: ['enforce'] }],
    ['by name', { namespaces: ['prod'] }, { key: 'kubernetes.io/metadata.name', values: ['prod'] }],
  ])(
    'sends each namespace to one validating entry only, enforced ones %s to Fail',
    (_, more, { key, values }) => {
      const [, open, closed] = entries({ webhooks: { failClosed: { enabled: true, ...more } } });
      expect([open?.['name'], open?.['failurePolicy']]).toEqual(['validate.vramgate.io', 'Ignore']);
      expect([closed?.['name'], closed?.['failurePolicy']]).toEqual([
        'validate-enforced.vramgate.io',
        'Fail',
      ]);
      expect(open?.['namespaceSelector'].matchExpressions[1]).toEqual({ key, operator: 'NotIn', values });
      expect(closed?.['namespaceSelector'].matchExpressions[1]).toEqual({ key, operator: 'In', values });
    },
  );
});

describe('certificates', () => {
  it('self-managed: an empty Secret, rights to it, and no caBundle', () => {
    const [secret] = ofKind({}, 'Secret');
    expect([secret?.['data'], secret?.['stringData']]).toEqual([undefined, undefined]);
    expect(ofKind({}, 'Role')).toHaveLength(1);
    expect(entries({}).flatMap(({ clientConfig }) => Object.keys(clientConfig))).toEqual([
      'service',
      'service',
    ]);
  });

  it('cert-manager: its annotation, no caBundle, no Secret of ours and no right to any', () => {
    expect(entries(CERT_MANAGER).flatMap(({ clientConfig }) => Object.keys(clientConfig))).toEqual([
      'service',
      'service',
    ]);
    const annotated = objects(CERT_MANAGER).filter(({ webhooks }) => webhooks !== undefined);
    for (const { metadata } of annotated) {
      expect(metadata.annotations).toEqual({ 'cert-manager.io/inject-ca-from': 'vramgate/vramgate' });
    }
    const certificate = ofKind(CERT_MANAGER, 'Certificate').find(
      ({ metadata }) => metadata.name === 'vramgate',
    );
    expect(certificate?.['spec'].dnsNames).toEqual(['vramgate.vramgate.svc']);
    expect([...ofKind(CERT_MANAGER, 'Secret'), ...ofKind(CERT_MANAGER, 'Role')]).toEqual([]);
    expect(JSON.stringify(ofKind(CERT_MANAGER, 'ClusterRole'))).not.toContain('webhookconfigurations');
  });

  it('existing Secret: its CA in both configurations, and no rights', () => {
    const bundles = entries(EXISTING).map(({ clientConfig }) => clientConfig.caBundle);
    expect(bundles.map((one) => Buffer.from(one, 'base64').toString('utf8'))).toEqual([CA, CA]);
    expect(ofKind(EXISTING, 'Role')).toEqual([]);
    const [deployment] = ofKind(EXISTING, 'Deployment');
    expect(deployment?.['spec'].template.spec.volumes[1].secret.secretName).toBe('webhook-tls');
  });

  it('without cluster inventory and without self-managed certificates the pod has no token and no rights', () => {
    const values = { ...EXISTING, config: { cluster: { watch: false } } };
    const [deployment] = ofKind(values, 'Deployment');
    expect(deployment?.['spec'].template.spec.automountServiceAccountToken).toBe(false);
    expect(objects(values).filter(({ kind }) => kind.includes('Role'))).toEqual([]);
  });
});

describe('what is reviewed', () => {
  const names = (unannotated: string): readonly string[] =>
    entries({ config: { policy: { unannotated } } }).flatMap(({ matchConditions }) =>
      matchConditions.map(({ name }: Manifest) => name),
    );

  it('is what carries an annotation, unless the policy looks at the rest too', () => {
    const both = ['not-owned-by-a-judged-kind', 'carries-a-vramgate-annotation'];
    expect(names('ignore')).toEqual([...both, ...both]);
    expect(names('warn')).toEqual([both[0], both[0]]);
    expect(names('judge')).toEqual([both[0], both[0]]);
  });

  it('is judged only where mutation is switched off', () => {
    expect(entries({ webhooks: { mutate: { enabled: false } } }).map(({ name }) => name)).toEqual([
      'validate.vramgate.io',
    ]);
  });
});

describe('availability', () => {
  it('one replica has no disruption budget, which would block every drain', () => {
    expect(ofKind({ replicas: 1 }, 'PodDisruptionBudget')).toEqual([]);
    expect(ofKind({}, 'PodDisruptionBudget')[0]?.['spec']).toMatchObject({ maxUnavailable: 1 });
  });

  it('waits for the drain that the configuration asks for', () => {
    const config = { server: { drainSeconds: 30, stopSeconds: 20 } };
    const [deployment] = ofKind({ config }, 'Deployment');
    expect(deployment?.['spec'].template.spec.terminationGracePeriodSeconds).toBeGreaterThan(50);
  });

  it('restarts for what is read at start only, and not for a policy, which is read again', () => {
    const annotations = (config: Values): unknown =>
      ofKind({ config }, 'Deployment')[0]?.['spec'].template.metadata.annotations;
    expect(annotations({ policy: { mode: 'warn' } })).toEqual(annotations({}));
    expect(annotations({ server: { maxConnections: 99 } })).not.toEqual(annotations({}));
  });

  it('the image goes by digest where there is one', () => {
    const [deployment] = ofKind(ALL, 'Deployment');
    expect(deployment?.['spec'].template.spec.containers[0].image).toBe(
      `ghcr.io/vramgate/vramgate@sha256:${'a'.repeat(64)}`,
    );
  });
});
