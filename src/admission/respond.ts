import { type Finding, formatPath } from '../findings.ts';
import type { DecisionRecord } from '../pipeline/types.ts';
import type { Decision } from '../plan/types.ts';
import { patchBase64 } from './base64.ts';
import type { PatchOperation } from './json-patch.ts';

/**
 * Every AdmissionReview that we answer, in one place. The uid is that of the request on every path; a refusal is
 * HTTP 200 with allowed: false, because any other status is a failed call that failurePolicy Ignore admits.
 */

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface Status {
  readonly status: 'Failure';
  readonly message: string;
  readonly reason: 'Forbidden' | 'BadRequest';
  readonly details: { readonly causes: readonly StatusCause[] };
  readonly code: 403 | 422;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: Status;
  readonly patchType?: 'JSONPatch';
  readonly patch?: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

export interface AdmissionReviewAnswer {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
}

export interface Denial {
  /** 403: policy. 422: the object is malformed. */
  readonly code: 403 | 422;
  readonly message: string;
  readonly findings: readonly Finding[];
}

// The API server drops a warning with a control character, and cuts all of them at 256 runes when together they
// exceed 4096 (apiserver pkg/endpoints/filters/warning.go at v0.36.3). Ten of 256 stay below that.
const MAX_WARNINGS = 10;
const MAX_WARNING_RUNES = 256;
// A refusal goes to the client whole; these only bound what a hostile object can make of it.
const MAX_MESSAGE_RUNES = 8192;
const MAX_CAUSES = 64;
const MAX_CAUSE_RUNES = 1024;

// C0 and C1 controls, DEL, and the line and paragraph separators.
const CONTROLS = /[\p{Cc}\u2028\u2029]+/gu;
const CONTROLS_BUT_NEWLINE = /[^\P{Cc}\n]|[\u2028\u2029]/gu;

function cut(text: string, maxRunes: number): string {
  if (text.length <= maxRunes) return text;
  // One rune is at most two units; one more shows that there is more.
  const runes = Array.from(text.slice(0, maxRunes * 2 + 1));
  return runes.length <= maxRunes ? runes.join('') : `${runes.slice(0, maxRunes - 1).join('')}…`;
}

function oneLine(text: string, maxRunes: number): string {
  return cut(text.toWellFormed().replace(CONTROLS, ' ').trim(), maxRunes);
}

/** Several lines are fine in a refusal; escape sequences for the reader's terminal are not. */
function paragraphs(text: string): string {
  return cut(text.toWellFormed().replace(CONTROLS_BUT_NEWLINE, ' ').trim(), MAX_MESSAGE_RUNES);
}

function answer(response: AdmissionResponse): AdmissionReviewAnswer {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

export function allowed(uid: string): AdmissionReviewAnswer {
  return answer({ uid, allowed: true });
}

/** An empty patch is left out: patchType and patch come both or not at all. */
export function allowedWithPatch(uid: string, operations: readonly PatchOperation[]): AdmissionReviewAnswer {
  if (operations.length === 0) return allowed(uid);
  return answer({ uid, allowed: true, patchType: 'JSONPatch', patch: patchBase64(operations) });
}

function causeOf({ code, message, path }: Finding): StatusCause {
  const cause = { reason: code, message: oneLine(message, MAX_CAUSE_RUNES) };
  return path.length === 0 ? cause : { ...cause, field: oneLine(formatPath(path), MAX_CAUSE_RUNES) };
}

/**
 * Not `Invalid` for 422: of that kubectl prints the causes in place of the message, so that the ways out are lost, and
 * `kubectl apply --force` deletes the object to make it again (k8s.io/kubectl v0.37.2 pkg/cmd/util/helpers.go and
 * pkg/cmd/apply/patcher.go; both seen in test/e2e).
 */
const REASONS = { 403: 'Forbidden', 422: 'BadRequest' } as const;

export function denied(uid: string, { code, message, findings }: Denial): AdmissionReviewAnswer {
  const status: Status = {
    status: 'Failure',
    message: paragraphs(message),
    reason: REASONS[code],
    details: { causes: findings.slice(0, MAX_CAUSES).map(causeOf) },
    code,
  };
  return answer({ uid, allowed: false, status });
}

/** One line each, each once, at most ten; the tenth says how many are missing. */
export function warningLines(texts: readonly string[]): readonly string[] {
  const lines = [...new Set(texts.map((text) => oneLine(text, MAX_WARNING_RUNES)))].filter(
    (line) => line !== '',
  );
  if (lines.length <= MAX_WARNINGS) return lines;
  const shown = lines.slice(0, MAX_WARNINGS - 1);
  return [...shown, `vramgate: ${lines.length - shown.length} more warnings are not shown`];
}

export function withWarnings(
  { response }: AdmissionReviewAnswer,
  texts: readonly string[],
): AdmissionReviewAnswer {
  const warnings = warningLines(texts);
  return answer(warnings.length === 0 ? response : { ...response, warnings });
}

export function withAuditAnnotations(
  { response }: AdmissionReviewAnswer,
  auditAnnotations: Readonly<Record<string, string>>,
): AdmissionReviewAnswer {
  return answer({ ...response, auditAnnotations });
}

/**
 * What the API server stores as `<webhook name>/<key>`. The keys are short fixed words (legal by construction), and
 * for a mutating webhook the values do not differ between the calls of one request: a second, different value for
 * a key is refused (webhook-practice.md §1, facts 12 and 13).
 */
export function auditAnnotationsOf(record: DecisionRecord): Readonly<Record<string, string>> {
  const both = { decision: record.decision, policy: record.policyHash, catalog: record.catalogVersion };
  if (record.webhook !== 'validate') return both;
  const codes = [...new Set(record.findings.map((one) => one.code))].sort();
  return { ...both, verdict: record.verdict, ...(codes.length > 0 && { codes: codes.join(',') }) };
}

/** The answer of the validating webhook. `status` is null only where the decision allows. */
export function verdictAnswer(uid: string, decision: Decision): AdmissionReviewAnswer {
  const { message, findings, status, warnings } = decision;
  const verdict = decision.allowed ? allowed(uid) : denied(uid, { code: status ?? 403, message, findings });
  return withWarnings(verdict, warnings);
}
