import { findModel } from '../catalog/resolve.ts';
import { readEngine } from '../engine/read.ts';
import { type Finding, finding } from '../findings.ts';
import { PREFIX } from '../intent/keys.ts';
import { refusalMessage, warningTexts } from '../plan/message.ts';
import type { Decision, Remedy, Verdict } from '../plan/types.ts';
import { effectiveMode, ruleOn } from '../plan/verdict.ts';
import { readWorkload } from '../workload/read-workload.ts';
import type { PodTemplate, Workload } from '../workload/types.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { readExemption } from './exemption.ts';
import { type Judgement, judgeObject } from './judgement.ts';
import { isOurs } from './ours.ts';
import { findRemedies } from './remedies.ts';
import type { Tried } from './remedy-candidates.ts';
import type { DecideInput, Facts } from './types.ts';
import { annotationsOf, isOwned } from './units.ts';

/**
 * THE SPINE. One object and the facts in, one decision out; pure and synchronous.
 *
 * 1. read the workload; what is no workload, not ours, terminating or owned by a judged kind is left alone
 * 2. an exemption with a usable reason ends it
 * 3. tell our earlier values from the author's (provenance), and plan on the author's side only
 * 4. judge: intent, bill, fit, plan, edits
 * 5. on UPDATE: compare with the old object (ratchet)
 * 6. modes and policy turn findings into a verdict; a refusal looks for ways out
 */
export function decide(input: DecideInput, facts: Facts): Decision {
  return decideOnce(input, facts, true);
}

function decideOnce(input: DecideInput, facts: Facts, withRemedies: boolean): Decision {
  const reading = readWorkload(input.object);
  if (reading.kind === 'other') return settle(facts, [], 'ignore');
  if (reading.kind === 'not-judged') return notJudged(input.object, reading.reason, facts);
  if (reading.kind === 'malformed') return settle(facts, reading.findings, null);
  const { workload } = reading;
  const old = oldWorkload(input);
  if (workload.isTerminating || isOwned(workload)) return settle(facts, [], 'ignore');
  if (!isOurs(workload) && !(old !== null && isOurs(old)))
    return unannotated(input, workload, facts, withRemedies);
  const exemption = exemptionOf(input, workload, old, facts);
  if (exemption.isExempt) return settle(facts, exemption.findings, 'allow');
  const judged = judgeObject(input, workload, old, facts);
  const all = { ...judged, findings: [...exemption.findings, ...reading.findings, ...judged.findings] };
  return conclude(input, workload, all, facts, withRemedies);
}

// --- what is not judged ------------------------------------------------------------------------------------------

function oldWorkload(input: DecideInput): Workload | null {
  if (input.operation !== 'UPDATE') return null;
  const reading = readWorkload(input.oldObject);
  return reading.kind === 'workload' ? reading.workload : null;
}

/** Objects whose controller makes the pods: said plainly, and by the policy for unknowns where the author asked. */
function notJudged(object: unknown, reason: string, facts: Facts): Decision {
  const found = [finding('not-judged', ['kind'], reason)];
  return settle(facts, found, hasOurAnnotation(object) ? null : 'ignore');
}

function hasOurAnnotation(object: unknown): boolean {
  const annotations = ownMember(ownMember(object, 'metadata'), 'annotations');
  return (
    typeof annotations === 'object' &&
    annotations !== null &&
    Object.keys(annotations).some((key) => key.startsWith(PREFIX))
  );
}

function ownMember(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function unannotated(input: DecideInput, workload: Workload, facts: Facts, withRemedies: boolean): Decision {
  const policy = facts.policy.unannotated;
  const template =
    policy === 'ignore' ? undefined : workload.templates.find((one) => servesKnownModel(one, facts));
  if (template === undefined) return settle(facts, [], 'ignore');
  if (policy === 'judge') {
    return conclude(input, workload, judgeObject(input, workload, null, facts), facts, withRemedies);
  }
  const message =
    'serves a model that vramgate can size; annotate it with vramgate.io/model to have it checked';
  return settle(facts, [finding('unannotated', template.path, message)], null);
}

function servesKnownModel(template: PodTemplate, facts: Facts): boolean {
  return template.spec.containers.some((container) => {
    const reading = readEngine(container, {
      wantedEngine: null,
      defaultEngine: null,
      initContainers: template.spec.initContainers,
      labels: template.labels,
      extraArgs: null,
      extraArgsPath: [],
    });
    return reading?.identities.some((one) => findModel(facts.catalog, one.text) !== null) ?? false;
  });
}

function exemptionOf(
  input: DecideInput,
  workload: Workload,
  old: Workload | null,
  facts: Facts,
): ReturnType<typeof readExemption> {
  const [template] = workload.templates;
  const [oldTemplate] = old?.templates ?? [];
  if (template === undefined) return { isExempt: false, findings: [] };
  const before = old === null || oldTemplate === undefined ? null : annotationsOf(old, oldTemplate);
  return readExemption(annotationsOf(workload, template), before, facts.policy, input.user, input.namespace);
}

// --- the verdict -------------------------------------------------------------------------------------------------

function conclude(
  input: DecideInput,
  workload: Workload,
  judgement: Judgement,
  facts: Facts,
  withRemedies: boolean,
): Decision {
  const { evaluation, findings } = judgement;
  const ruling = ruleOn(findings, facts.policy, facts.namespaceMode);
  const edits = ruling.isRefused ? [] : judgement.edits;
  const hasEdits = edits.some((edit) => edit.kind !== 'set-annotation');
  const remedies =
    ruling.isRefused && withRemedies ? remediesFor(input, workload, evaluation, findings, facts) : [];
  return {
    verdict: verdictOf(ruling.isRefused, hasEdits, ruling.warning.length > 0),
    allowed: !ruling.isDenied,
    mode: ruling.mode,
    status: ruling.status,
    findings,
    judged: evaluation.judged,
    plan: evaluation.plan,
    edits,
    remedies,
    message: ruling.isDenied ? refusalMessage(ruling.denying, remedies) : '',
    warnings: warningTexts(ruling.warning),
  };
}

function verdictOf(isRefused: boolean, hasEdits: boolean, hasWarnings: boolean): Verdict {
  if (isRefused) return 'deny';
  if (hasEdits) return 'patch';
  return hasWarnings ? 'warn' : 'allow';
}

function remediesFor(
  input: DecideInput,
  workload: Workload,
  evaluation: Evaluation,
  findings: readonly Finding[],
  facts: Facts,
): readonly Remedy[] {
  const attempt = (object: unknown): Tried => {
    const reading = readWorkload(object);
    const decision = decideOnce({ ...input, object }, facts, false);
    if (reading.kind !== 'workload')
      return { isAdmitted: false, workload: null, unit: null, judged: null, findings: [] };
    const again = evaluate(reading.workload, facts, true);
    return {
      isAdmitted: decision.verdict !== 'deny',
      workload: reading.workload,
      unit: again.units[0] ?? null,
      judged: decision.judged,
      findings: decision.findings,
    };
  };
  const refused: Tried = {
    isAdmitted: false,
    workload,
    unit: evaluation.units[0] ?? null,
    judged: evaluation.judged,
    findings,
  };
  return findRemedies(input.object, refused, facts, attempt);
}

/** A decision without a bill: not ours, exempt, malformed, or a kind that is not judged here. */
function settle(facts: Facts, findings: readonly Finding[], verdict: 'ignore' | 'allow' | null): Decision {
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
  };
}
