import type { ControlPlane } from './control-plane.ts';
import { putObject } from './objects.ts';

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
/** The entry of the chart that fails closed, where it has one. */
export const VALIDATING_ENFORCED = 'validate-enforced.vramgate.io';

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

const REGISTRATION = 'admissionregistration.k8s.io/v1';

/** The namespace, the Service and both configurations. */
export async function configureWebhooks(plane: ControlPlane, settings: WebhookSettings): Promise<void> {
  const namespace = `/api/v1/namespaces/${NAMESPACE}`;
  await putObject(plane, namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await putObject(plane, `${namespace}/services/${SERVICE}`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: SERVICE },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  const editing = { ...entry(MUTATING, '/mutate', settings), reinvocationPolicy: 'IfNeeded' };
  const configurations = [
    { kind: 'MutatingWebhookConfiguration', webhooks: [editing] },
    { kind: 'ValidatingWebhookConfiguration', webhooks: [entry(VALIDATING, '/validate', settings)] },
  ];
  for (const { kind, webhooks } of configurations) {
    const metadata = { name: 'vramgate' };
    const path = `/apis/${REGISTRATION}/${kind.toLowerCase()}s/${metadata.name}`;
    await putObject(plane, path, { apiVersion: REGISTRATION, kind, metadata, webhooks });
  }
}
