import * as z from 'zod';
import type { Content } from './content-key.ts';

/**
 * The envelope, read once. Only what we need is named and everything else is let through: a strict schema breaks
 * on the next Kubernetes minor (reference webhook-practice.md §2). v1 only: v1beta1 does not check our uid.
 */

export const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export interface ReviewUser {
  readonly username: string;
  readonly groups: readonly string[];
}

export interface Review {
  readonly uid: string;
  readonly operation: Operation;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subResource: string | null;
  /** null where the API server left it empty (generateName, seen by mutating webhooks). */
  readonly name: string | null;
  readonly namespace: string | null;
  readonly user: ReviewUser;
  readonly dryRun: boolean;
  readonly object: unknown;
  readonly oldObject: unknown;
  /** True where an object was beyond the limits of analysis: only its type and metadata are there. */
  readonly isReduced: boolean;
  /** Of both objects; null where the answer is not worth remembering. */
  readonly content: Content | null;
}

export type ReviewReading =
  | { readonly kind: 'review'; readonly review: Review }
  | { readonly kind: 'unreadable'; readonly message: string };

// A uid is a UUID in practice. It is echoed and logged at the top level, so it may be nothing but plain text.
const UID = /^[A-Za-z0-9._:-]{1,128}$/;
// Kubernetes names have at most 253 characters, names of kinds and resources 63; users are not limited.
const MAX_NAME = 253;
const MAX_USER = 1024;
const MAX_ISSUES = 5;

const name = z.string().max(MAX_NAME);
const optionalName = name.nullish();

const requestSchema = z.looseObject({
  uid: z.string().regex(UID),
  operation: z.enum(OPERATIONS),
  kind: z.looseObject({ group: name, version: name, kind: name.min(1) }),
  resource: z.looseObject({ group: name, version: name, resource: name.min(1) }),
  subResource: optionalName,
  name: optionalName,
  namespace: optionalName,
  userInfo: z
    .looseObject({ username: z.string().max(MAX_USER).nullish(), groups: z.array(z.string()).nullish() })
    .nullish(),
  dryRun: z.boolean().nullish(),
  object: z.unknown(),
  oldObject: z.unknown(),
});

const envelopeSchema = z.looseObject({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: requestSchema,
});

type WireRequest = z.infer<typeof requestSchema>;

function unreadable(message: string): ReviewReading {
  return { kind: 'unreadable', message };
}

function describe(error: z.ZodError): string {
  const issues = error.issues.slice(0, MAX_ISSUES);
  const lines = issues.map((issue) => `${issue.path.join('.') || 'the body'}: ${issue.message}`);
  return `not an AdmissionReview of admission.k8s.io/v1: ${lines.join('; ')}`;
}

/** An empty string is how Go writes "none". */
function textOrNull(text: string | null | undefined): string | null {
  return text === undefined || text === null || text === '' ? null : text;
}

function reviewOf(request: WireRequest): Review {
  const { uid, operation, kind, resource, userInfo } = request;
  return {
    uid,
    operation,
    kind: { group: kind.group, version: kind.version, kind: kind.kind },
    resource: { group: resource.group, version: resource.version, resource: resource.resource },
    subResource: textOrNull(request.subResource),
    name: textOrNull(request.name),
    namespace: textOrNull(request.namespace),
    user: { username: userInfo?.username ?? '', groups: userInfo?.groups ?? [] },
    dryRun: request.dryRun ?? false,
    object: request.object ?? null,
    oldObject: request.oldObject ?? null,
    isReduced: false,
    content: null,
  };
}

/** True where there is an object whose verdict could matter: a created or updated main resource. */
export function isMainWrite(review: Review): boolean {
  return review.subResource === null && (review.operation === 'CREATE' || review.operation === 'UPDATE');
}

function announcedApiVersion({ group, version }: GroupVersionKind): string {
  return group === '' ? version : `${group}/${version}`;
}

function typeOf(object: unknown): { readonly apiVersion: unknown; readonly kind: unknown } | null {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return null;
  return {
    apiVersion: 'apiVersion' in object ? object.apiVersion : undefined,
    kind: 'kind' in object ? object.kind : undefined,
  };
}

/**
 * An object of another kind than the announced one would be judged by the wrong rules. Subresources are left out:
 * an eviction, a binding or a scale is never judged, so it may not fail either.
 */
function mismatch(review: Review): string | null {
  if (!isMainWrite(review)) return null;
  const type = typeOf(review.object);
  if (type === null) return `request.object: missing on ${review.operation}`;
  const wantApiVersion = announcedApiVersion(review.kind);
  if (type.kind === review.kind.kind && type.apiVersion === wantApiVersion) return null;
  return 'request.object: its apiVersion and kind are not those that request.kind announces';
}

export function readReview(json: unknown): ReviewReading {
  const parsed = envelopeSchema.safeParse(json);
  if (!parsed.success) return unreadable(describe(parsed.error));
  const review = reviewOf(parsed.data.request);
  const fault = mismatch(review);
  return fault === null ? { kind: 'review', review } : unreadable(fault);
}
