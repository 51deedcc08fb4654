import { FINDINGS, type Finding, type FindingCode, type FindingKind, kindOf } from '../findings.ts';
import type { Mode, Policy } from './types.ts';

/** What each finding does under the policy in force. */
export interface Ruling {
  /** By the rules alone: something refuses, whatever the mode. */
  readonly isRefused: boolean;
  /** After the mode: the webhook denies. */
  readonly isDenied: boolean;
  readonly status: 403 | 422 | null;
  /** Findings that refuse under mode enforce; the ones of a refusal's message. */
  readonly denying: readonly Finding[];
  /** Findings that a person is told as a warning. */
  readonly warning: readonly Finding[];
  readonly mode: Mode;
}

const STRICTNESS: Readonly<Record<Mode, number>> = { audit: 0, warn: 1, enforce: 2 };

export function isMode(text: string): text is Mode {
  return Object.hasOwn(STRICTNESS, text);
}

/** Global mode, or the namespace's own label, never laxer than `minimumMode` (contract §5). */
export function effectiveMode(policy: Policy, namespaceMode: Mode | null): Mode {
  if (namespaceMode === null) return policy.mode;
  const { minimumMode } = policy;
  return minimumMode !== null && STRICTNESS[namespaceMode] < STRICTNESS[minimumMode]
    ? minimumMode
    : namespaceMode;
}

/** By the rules alone, whatever the mode: what `isRefused` of a ruling says. */
export function isRefusedBy(findings: readonly Finding[], policy: Policy): boolean {
  return findings.some((one) => refuses(one.code, policy));
}

export function ruleOn(findings: readonly Finding[], policy: Policy, namespaceMode: Mode | null): Ruling {
  const mode = effectiveMode(policy, namespaceMode);
  const refusing = findings.filter((one) => refuses(one.code, policy));
  const modeOf = (code: FindingCode): Mode => codeMode(code, policy, mode);
  const denying = refusing.filter((one) => modeOf(one.code) === 'enforce');
  const told = findings.filter(
    (one) => !denying.includes(one) && modeOf(one.code) !== 'audit' && warns(one.code, policy),
  );
  return {
    isRefused: refusing.length > 0,
    isDenied: denying.length > 0,
    status: statusOf(denying),
    denying,
    warning: told,
    mode,
  };
}

function codeMode(code: FindingCode, policy: Policy, mode: Mode): Mode {
  const own = policy.codeModes.get(code);
  if (own !== undefined) return own;
  const isLenient = code === 'flag-missing' && policy.missingFlag === 'warn' && mode === 'enforce';
  return isLenient ? 'warn' : mode;
}

function refuses(code: FindingCode, policy: Policy): boolean {
  const kind = kindOf(code);
  if (kind === 'malformed') return true;
  if (kind === 'fit') return code !== 'flag-missing' || policy.missingFlag === 'deny';
  if (kind === 'unknown') return policy.unknown === 'deny';
  return kind === 'capacity' && policy.capacity === 'deny' && policy.inventory === 'complete';
}

/** Silenced by policy: recorded, but nobody is told. */
function warns(code: FindingCode, policy: Policy): boolean {
  const kind: FindingKind = FINDINGS[code].kind;
  if (kind === 'info') return false;
  if (kind === 'unknown') return policy.unknown !== 'allow';
  if (kind === 'capacity') return policy.capacity !== 'ignore';
  if (kind === 'unannotated') return policy.unannotated !== 'ignore';
  return true;
}

/** 422 where every refusing finding is about a malformed value, 403 as soon as one is about fit or policy. */
function statusOf(denying: readonly Finding[]): 403 | 422 | null {
  if (denying.length === 0) return null;
  return denying.every((one) => kindOf(one.code) === 'malformed') ? 422 : 403;
}
