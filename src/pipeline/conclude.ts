import type { Finding } from '../findings.ts';
import { type FreeFigures, freeFindings } from '../plan/free.ts';
import { refusalMessage, warningTexts } from '../plan/message.ts';
import type { Decision, Edit, Remedy, Verdict } from '../plan/types.ts';
import { effectiveMode, ruleOn } from '../plan/verdict.ts';
import { undisclosed } from './disclosure.ts';
import type { Evaluation } from './evaluate.ts';
import type { Decided, Facts } from './types.ts';

/** The last step of a decision and of its replay: modes and policy turn findings into a verdict. */

export interface Concluded {
  readonly evaluation: Pick<Evaluation, 'judged' | 'plan'>;
  readonly findings: readonly Finding[];
  readonly edits: readonly Edit[];
  /** Edits that are made even where it is refused. */
  readonly mends?: readonly Edit[];
}

/** @param findRemedies asked only where the object is refused; `isDenied`: the mode refuses it as well. */
export function conclude(
  { evaluation, findings, edits, mends = [] }: Concluded,
  facts: Facts,
  findRemedies: (isDenied: boolean) => readonly Remedy[],
): Decision {
  const ruled = ruleOn(findings, facts.policy, facts.namespaceMode);
  const { isRefused } = ruled;
  const made = isRefused ? mends : edits;
  const hasEdits = made.some((edit) => edit.kind !== 'set-annotation');
  const said = undisclosed({ findings, remedies: isRefused ? findRemedies(ruled.isDenied) : [] }, facts);
  const isSame = said.findings === findings;
  const ruling = isSame ? ruled : ruleOn(said.findings, facts.policy, facts.namespaceMode);
  return {
    verdict: verdictOf(ruling.isRefused, hasEdits, ruling.warning.length > 0),
    allowed: !ruling.isDenied,
    mode: ruling.mode,
    status: ruling.status,
    findings: said.findings,
    judged: evaluation.judged,
    plan: evaluation.plan,
    edits: made,
    remedies: said.remedies,
    message: ruling.isDenied ? refusalMessage(ruling.denying, said.remedies) : '',
    warnings: warningTexts(ruling.warning),
  };
}

function verdictOf(isRefused: boolean, hasEdits: boolean, hasWarnings: boolean): Verdict {
  if (isRefused) return 'deny';
  if (hasEdits) return 'patch';
  return hasWarnings ? 'warn' : 'allow';
}

/** A decision without a bill: not ours, exempt, malformed, or a kind that is not judged here. */
export function settle(
  findings: readonly Finding[],
  verdict: 'ignore' | 'allow' | null,
  facts: Facts,
): Decided {
  const ruling = ruleOn(findings, facts.policy, facts.namespaceMode);
  const isLeftAlone = verdict !== null;
  return {
    verdict: verdict ?? verdictOf(ruling.isRefused, false, ruling.warning.length > 0),
    allowed: isLeftAlone || !ruling.isDenied,
    mode: effectiveMode(facts.policy, facts.namespaceMode),
    status: isLeftAlone ? null : ruling.status,
    findings,
    judged: null,
    plan: null,
    edits: [],
    remedies: [],
    message: isLeftAlone ? '' : refusalMessage(ruling.denying, []),
    warnings: isLeftAlone ? [] : warningTexts(ruling.warning),
    basis: {
      given: findings,
      settled: { verdict },
      readings: [],
      old: null,
      earlier: null,
      isPardoned: false,
      replicas: null,
      landings: [],
      free: null,
    },
  };
}

/** The decision, with what is free now: by what is known, or as a record has it. Information only. */
export function toldFree(
  decided: Decided,
  free: readonly FreeFigures[] | null,
  { policy }: Pick<Facts, 'policy'>,
): Decided {
  const { basis, findings } = decided;
  if (free === null) return decided;
  const told = freeFindings(basis.landings, free, policy);
  return { ...decided, findings: [...findings, ...told], basis: { ...basis, free } };
}
