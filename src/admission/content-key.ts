import { PREFIX } from '../intent/keys.ts';
import type { Facts } from '../pipeline/types.ts';
import { isRecord } from '../workload/json-value.ts';
import type { Arrival } from './handle.ts';

/** What identifies a request and not what it asks for; no decision reads it. */
const IDENTITY: ReadonlySet<string> = new Set([
  'name',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
]);

/** A larger object is rarer than it is worth remembering. */
const MAX_KEY = 65_536;

/**
 * The content that a decision depends on, as one text: equal texts, equal decisions. null where the answer is not
 * worth keeping. Only an exemption asks who the user is.
 */
export function contentKey({ review, webhook }: Arrival, facts: Facts): string | null {
  if (review.isReduced) return null;
  const { object, oldObject, operation, subResource, namespace, user } = review;
  const content = JSON.stringify([
    webhook,
    operation,
    subResource,
    namespace,
    facts.namespaceMode,
    essence(object),
    essence(oldObject),
  ]);
  if (content.length > MAX_KEY) return null;
  return content.includes(`${PREFIX}exempt`) ? `${content}${JSON.stringify(user)}` : content;
}

/** Members in pairs, of the object and then of its metadata. */
function essence(object: unknown): unknown {
  if (!isRecord(object)) return object;
  const content: unknown[] = [];
  for (const key of Object.keys(object)) {
    if (key !== 'status' && key !== 'metadata') content.push(key, object[key]);
  }
  const { metadata } = object;
  if (!isRecord(metadata)) return [content, metadata];
  const described: unknown[] = [];
  for (const key of Object.keys(metadata)) {
    if (key === 'annotations') described.push(key, noted(metadata[key]));
    else if (!IDENTITY.has(key)) described.push(key, metadata[key]);
  }
  return [content, described];
}

/** What `kubectl apply` leaves: the whole object once more, as text. No decision reads it. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function noted(annotations: unknown): unknown {
  if (!isRecord(annotations) || typeof annotations[LAST_APPLIED] !== 'string') return annotations;
  return { ...annotations, [LAST_APPLIED]: '' };
}
