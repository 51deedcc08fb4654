import { memberAt, valueAt } from '../../src/admission/document.ts';
import { findKind, parseApiVersion } from '../../src/workload/registry.ts';

function textAt(value: unknown, ...path: readonly string[]): string {
  const member = path.length === 1 ? memberAt(value, path[0] ?? '') : valueAt(value, path);
  return typeof member === 'string' ? member : '';
}

/** `Deployment ml-serving/scout`. */
export function objectName(object: unknown): string {
  const namespace = textAt(object, 'metadata', 'namespace');
  const name = textAt(object, 'metadata', 'name') || textAt(object, 'metadata', 'generateName');
  return `${textAt(object, 'kind')} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

/** Kinds that the webhook is registered for. */
export function isRegistered(object: unknown): boolean {
  const groupVersion = parseApiVersion(textAt(object, 'apiVersion'));
  return groupVersion !== null && findKind(groupVersion.group, textAt(object, 'kind')) !== null;
}

/** The body that the API server posts when somebody creates the object. */
export function createReview(object: unknown, uid: string): unknown {
  const { group, version } = parseApiVersion(textAt(object, 'apiVersion')) ?? { group: '', version: '' };
  const kind = textAt(object, 'kind');
  const resource = findKind(group, kind)?.resource ?? `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group, version, kind },
      resource: { group, version, resource },
      name: textAt(object, 'metadata', 'name'),
      namespace: textAt(object, 'metadata', 'namespace'),
      operation: 'CREATE',
      userInfo: { username: 'ml-engineer', groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
    },
  };
}
