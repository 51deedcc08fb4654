import { type PatchOperation, patchOrThrow } from '../admission/json-patch.ts';
import { type Finding, type Severity, severityOf } from '../findings.ts';
import { decide } from '../pipeline/decide.ts';
import type { Decided, DecideInput, Facts } from '../pipeline/types.ts';
import type { Decision } from '../plan/types.ts';
import { ruleOn } from '../plan/verdict.ts';
import { memberOf } from '../workload/json-value.ts';
import type { ManifestObject, Unreadable } from './manifests/manifests.ts';

/** One object, decided as the webhook decides a CREATE of it. */
export interface Judged {
  readonly object: unknown;
  readonly kind: string;
  readonly namespace: string | null;
  /** Its generateName where it has no name. */
  readonly name: string | null;
  readonly decision: Decided;
  /** On the object as given. */
  readonly patch: readonly PatchOperation[];
}

/** One object of a file. */
export interface Checked extends Judged {
  readonly manifest: ManifestObject;
}

/** All that one call of `check` found; what the printed forms are made from. */
export interface CheckReport {
  readonly checked: readonly Checked[];
  readonly unreadable: readonly Unreadable[];
  /** Warnings and unknowns count as refusals. */
  readonly isStrict: boolean;
}

export function inputOf(object: unknown): DecideInput {
  const namespace = textAt(memberOf(object, 'metadata'), 'namespace');
  return { operation: 'CREATE', object, oldObject: null, namespace, user: null };
}

export function judge(manifest: ManifestObject, facts: Facts): Checked {
  return { manifest, ...judgeObject(manifest.object, facts) };
}

export function judgeObject(object: unknown, facts: Facts): Judged {
  const decision = decide(inputOf(object), facts);
  const metadata = memberOf(object, 'metadata');
  return {
    object,
    kind: textAt(object, 'kind') ?? '',
    namespace: textAt(metadata, 'namespace'),
    name: textAt(metadata, 'name') ?? textAt(metadata, 'generateName'),
    decision,
    patch: decision.allowed ? patchOrThrow(object, decision.edits) : [],
  };
}

export function textAt(value: unknown, name: string): string | null {
  const member = memberOf(value, name);
  return typeof member === 'string' && member !== '' ? member : null;
}

/** The webhook would deny it; with --strict, also whatever it would warn about or cannot tell. */
export function isRefused({ decision }: Judged, isStrict: boolean): boolean {
  return !decision.allowed || (isStrict && isDoubtful(decision));
}

function isDoubtful({ verdict, findings }: Decision): boolean {
  return verdict !== 'ignore' && findings.some((one) => severityOf(one.code) !== 'info');
}

/** `Deployment ml/scout`. */
export function nameOf({ kind, namespace, name }: Omit<Judged, 'decision' | 'object' | 'patch'>): string {
  return `${kind} ${namespace === null ? '' : `${namespace}/`}${name ?? '(no name)'}`;
}

/**
 * What a finding does here: an error is what refuses under this policy and mode. A misfit in mode warn is a warning,
 * and an unknown model where policy denies unknowns is an error.
 */
export function effectOf(one: Finding, { decision }: Judged, facts: Facts): Severity {
  const severity = severityOf(one.code);
  if (decision.allowed) return severity === 'error' ? 'warning' : severity;
  const { denying } = ruleOn(decision.findings, facts.policy, facts.namespaceMode);
  if (denying.includes(one)) return 'error';
  return severity === 'error' ? 'warning' : severity;
}
