/**
 * Webhook configurations written by hand: the suite's own, for cases that are about the server and not about the chart.
 * The API server is sent to localhost by a Service of type ExternalName, so names, bundle, path and port are used as in
 * a cluster (control-plane.md, "Routing to the webhook").
 */

export const NAMESPACE = 'vramgate-system';
export const SERVICE = 'vramgate';
export const SERVER_NAME = `${SERVICE}.${NAMESPACE}.svc`;
export const MUTATING = 'mutate.vramgate.io';
export const VALIDATING = 'validate.vramgate.io';

export interface WebhookSettings {
  /** The port of localhost where the server (or a balancer before it) listens. */
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  readonly failurePolicy?: 'Ignore' | 'Fail';
  readonly timeoutSeconds?: number;
}

const RULES = [
  { apiGroups: ['apps'], resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'] },
  { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'] },
  { apiGroups: [''], resources: ['pods'] },
].map((rule) => ({ ...rule, apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], scope: 'Namespaced' }));

function carriesOurKey(object: string): string {
  const own = "annotations.exists(key, key.startsWith('vramgate.io/'))";
  const metadata = (path: string) => `has(${path}.metadata.annotations) && ${path}.metadata.${own}`;
  const inner = `has(${object}.spec.template) && has(${object}.spec.template.metadata) && ${metadata(`${object}.spec.template`)}`;
  return `(${object} != null && ((${metadata(object)}) || (has(${object}.spec) && ${inner})))`;
}

function entry(name: string, path: string, settings: WebhookSettings): Readonly<Record<string, unknown>> {
  const { port, ca, failurePolicy = 'Ignore', timeoutSeconds = 5 } = settings;
  return {
    name,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy,
    timeoutSeconds,
    matchPolicy: 'Equivalent',
    rules: RULES,
    matchConditions: [
      { name: 'annotated', expression: `${carriesOurKey('object')} || ${carriesOurKey('oldObject')}` },
    ],
    clientConfig: {
      service: { namespace: NAMESPACE, name: SERVICE, port, path },
      caBundle: Buffer.from(ca).toString('base64'),
    },
  };
}

/** The namespace, the Service and both configurations: a list for `kubectl apply -f -`. */
export function webhookObjects(settings: WebhookSettings): unknown {
  const api = 'admissionregistration.k8s.io/v1';
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: NAMESPACE, name: SERVICE },
        spec: { type: 'ExternalName', externalName: 'localhost' },
      },
      {
        apiVersion: api,
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'vramgate' },
        webhooks: [{ ...entry(MUTATING, '/mutate', settings), reinvocationPolicy: 'IfNeeded' }],
      },
      {
        apiVersion: api,
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'vramgate' },
        webhooks: [entry(VALIDATING, '/validate', settings)],
      },
    ],
  };
}
