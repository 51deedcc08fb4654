import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

/**
 * What is installed by default, read from the rendered manifest: no Go and no Helm needed here. That the manifest is
 * what the chart renders is asserted in test/helm.
 */

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface WebhookEntry {
  readonly name: string;
  readonly clientConfig: Readonly<Record<string, unknown>>;
  readonly failurePolicy: string;
  readonly matchPolicy: string;
  readonly sideEffects: string;
  readonly timeoutSeconds: number;
  readonly reinvocationPolicy?: string;
  readonly namespaceSelector: { readonly matchExpressions: readonly unknown[] };
  readonly rules: readonly {
    readonly operations: readonly string[];
    readonly resources: readonly string[];
  }[];
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly webhooks?: readonly WebhookEntry[];
  readonly data?: unknown;
  readonly stringData?: unknown;
  readonly spec?: Readonly<Record<string, unknown>>;
}

const TEXT = readFileSync(new URL('../../manifests/install.yaml', import.meta.url), 'utf8');
const OBJECTS: readonly Manifest[] = parseAllDocuments(TEXT).map((document) => document.toJS() as Manifest);

function ofKind(...kinds: readonly string[]): readonly Manifest[] {
  return OBJECTS.filter(({ kind }) => kinds.includes(kind));
}

const ENTRIES = ofKind('MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration').flatMap(
  ({ webhooks = [] }) => webhooks,
);

describe('webhook configurations', () => {
  it('are one of each, for the two endpoints', () => {
    expect(ENTRIES.map(({ name }) => name)).toEqual(['mutate.vramgate.io', 'validate.vramgate.io']);
  });

  it.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s lets everything through on failure, in bounded time',
    (_, entry) => {
      expect(entry).toMatchObject({
        failurePolicy: 'Ignore',
        matchPolicy: 'Equivalent',
        sideEffects: 'None',
      });
      expect(entry.timeoutSeconds).toBeLessThanOrEqual(5);
    },
  );

  it.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s registers CREATE and UPDATE of main resources',
    (_, { rules }) => {
      const resources = rules.flatMap((rule) => rule.resources);
      expect(resources.filter((resource) => /[/*]/.test(resource))).toEqual([]);
      expect(new Set(rules.flatMap((rule) => rule.operations))).toEqual(new Set(['CREATE', 'UPDATE']));
    },
  );

  it.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s never reviews the namespaces that a cluster needs to start',
    (_, entry) => {
      expect(entry.namespaceSelector.matchExpressions[0]).toEqual({
        key: 'kubernetes.io/metadata.name',
        operator: 'NotIn',
        values: ['kube-system', 'kube-node-lease', 'vramgate'],
      });
    },
  );

  it.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s leaves the caBundle to whoever makes the certificate',
    (_, entry) => {
      expect(Object.keys(entry.clientConfig)).toEqual(['service']);
    },
  );

  it.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s guards every field that it reads',
    (_, entry) => {
      expect(entry.matchConditions.length).toBeGreaterThan(0);
      const conditions = entry.matchConditions.map(({ expression }) => expression);
      expect(conditions.flatMap(unguarded)).toEqual([]);
    },
  );

  it('asks the mutating webhook again after others have edited', () => {
    expect(ENTRIES[0]?.reinvocationPolicy).toBe('IfNeeded');
  });
});

/** Fields below an object that are read without a has() of the same path before them. */
function unguarded(expression: string): readonly string[] {
  const guarded = new Set([...expression.matchAll(/has\(([\w.]+)\)/g)].map(([, path]) => path));
  const read = [...expression.matchAll(/(?<![\w.])((?:o|item|object)(?:\.\w+)+)\.(?:exists|startsWith)/g)];
  return read.map(([, path = '']) => path).filter((path) => !guarded.has(path));
}

describe('rights', () => {
  const rules = ofKind('ClusterRole', 'Role').flatMap(({ rules = [] }) => rules);

  it('name no wildcard', () => {
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    expect(words).not.toContain('*');
  });

  it('write nothing but the own Secret and the own two webhook configurations', () => {
    const writing = rules.filter(({ verbs }) =>
      verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
    );
    expect(writing).toEqual([
      {
        apiGroups: ['admissionregistration.k8s.io'],
        resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
        resourceNames: ['vramgate'],
        verbs: ['get', 'patch'],
      },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['vramgate-certificate'],
        verbs: ['get', 'update'],
      },
    ]);
  });

  it('read Secrets nowhere else', () => {
    expect(rules.filter(({ resources }) => resources.includes('secrets'))).toHaveLength(1);
    expect(
      ofKind('ClusterRole').flatMap(({ rules: all = [] }) => all.flatMap(({ resources }) => resources)),
    ).not.toContain('secrets');
  });

  it('come with an empty Secret, since nobody may create one', () => {
    const [secret] = ofKind('Secret');
    expect(secret?.metadata.name).toBe('vramgate-certificate');
    expect([secret?.data, secret?.stringData]).toEqual([undefined, undefined]);
  });
});

describe('pods', () => {
  const [deployment] = ofKind('Deployment');
  const template = deployment?.spec?.['template'];

  // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
  it('satisfy the restricted Pod Security Standard, on a read-only root', () => {
    expect(template).toMatchObject({
      spec: {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      },
    });
  });

  it('roll without a gap: no pod goes before its successor is ready, and draining has its time', () => {
    expect(deployment?.spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    // 12 s of draining, 15 s for what is still open (src/config/schema.ts), and a margin.
    expect(template).toMatchObject({ spec: { terminationGracePeriodSeconds: 37 } });
  });
});
