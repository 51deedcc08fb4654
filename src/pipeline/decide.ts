import { findModel } from '../catalog/resolve.ts';
import { readEngine } from '../engine/read.ts';
import { type Finding, finding, severityOf } from '../findings.ts';
import { APPLIED_KEY, PREFIX } from '../intent/keys.ts';
import { applyEdits } from '../plan/apply-edits.ts';
import { refusalMessage, warningTexts } from '../plan/message.ts';
import type { Decision, Edit, Remedy, Verdict } from '../plan/types.ts';
import { effectiveMode, ruleOn } from '../plan/verdict.ts';
import { readWorkload } from '../workload/read-workload.ts';
import type { PodTemplate, Workload } from '../workload/types.ts';
import { type Applied, authorInputs, formatApplied, isAppliedEdit, parseApplied } from './applied.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { readExemption } from './exemption.ts';
import { ratchet } from './ratchet.ts';
import { findRemedies, type Tried } from './remedies.ts';
import { stripApplied } from './strip.ts';
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

function isOurs(workload: Workload): boolean {
  return hasOurKey(workload.annotations) || workload.templates.some((one) => hasOurKey(one.annotations));
}

function hasOurKey(annotations: ReadonlyMap<string, unknown>): boolean {
  for (const key of annotations.keys()) if (key.startsWith(PREFIX)) return true;
  return false;
}

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

// --- what is judged ----------------------------------------------------------------------------------------------

interface Judgement {
  readonly evaluation: Evaluation;
  readonly findings: readonly Finding[];
  readonly edits: readonly Edit[];
}

function judgeObject(input: DecideInput, workload: Workload, old: Workload | null, facts: Facts): Judgement {
  const applied = parseApplied(workload.annotations) ?? (old === null ? null : parseApplied(old.annotations));
  if (applied !== null) {
    const own = stripped(input.object, applied);
    if (own !== null) return judgeOurs(input, own, applied, old, facts);
  }
  return judgeAuthors(input, workload, old, facts);
}

/** The author's side of an object that carries edits of ours; null when it cannot be read without them. */
function stripped(
  object: unknown,
  applied: Applied,
): { readonly object: unknown; readonly workload: Workload } | null {
  const view = stripApplied(object, applied);
  const reading = readWorkload(view);
  return reading.kind === 'workload' ? { object: view, workload: reading.workload } : null;
}

/** Sticky: equal author-side inputs get exactly the recorded values back, whatever is known now (contract §4). */
function judgeOurs(
  input: DecideInput,
  own: { readonly object: unknown; readonly workload: Workload },
  applied: Applied,
  old: Workload | null,
  facts: Facts,
): Judgement {
  if (authorInputs(own.workload) !== applied.from) return replan(input, own.workload, applied, old, facts);
  const standing = readWorkload(applyEdits(own.object, applied.set));
  if (standing.kind !== 'workload') return judgeAuthors(input, own.workload, old, facts);
  const evaluation = evaluate(standing.workload, facts, false);
  const isFrozen = input.operation === 'UPDATE' && standing.workload.isTemplateImmutable;
  const edits = isFrozen ? [] : changing(input.object, [...applied.set, recordEdit(applied)]);
  return { evaluation, findings: compareOld(stalePlacement(evaluation), old, facts), edits };
}

function recordEdit(applied: Applied): Edit {
  return { kind: 'set-annotation', metadata: ['metadata'], key: APPLIED_KEY, value: formatApplied(applied) };
}

/** Edits that the object does not hold already. */
function changing(object: unknown, edits: readonly Edit[]): readonly Edit[] {
  const before = JSON.stringify(object);
  return edits.filter((edit) => JSON.stringify(applyEdits(object, [edit])) !== before);
}

/** What would be refused for placement alone, on an object that carries our edits, is a warning. */
function stalePlacement(evaluation: Evaluation): Evaluation {
  const findings = evaluation.findings.map((one) =>
    one.code === 'placement-conflict' || one.code === 'no-node-fits'
      ? finding('placement-stale', one.path, one.message)
      : one,
  );
  const isRefused = evaluation.isRefused && findings.some((one) => severityOf(one.code) === 'error');
  return { ...evaluation, findings, isRefused };
}

/** The author changed an input: what still stands of ours counts as absent and is planned anew, downwards too. */
function replan(
  input: DecideInput,
  own: Workload,
  applied: Applied,
  old: Workload | null,
  facts: Facts,
): Judgement {
  const judged = judgeAuthors(input, own, old, facts);
  const isPlanned = judged.edits.some((edit) => edit.kind !== 'set-annotation');
  const gone = applied.set.flatMap((edit) => removalOf(edit, judged.edits));
  const record: readonly Edit[] = isPlanned
    ? []
    : [{ kind: 'set-annotation', metadata: ['metadata'], key: APPLIED_KEY, value: null }];
  const isFrozen = input.operation === 'UPDATE' && own.isTemplateImmutable;
  return isFrozen ? judged : { ...judged, edits: [...gone, ...record, ...judged.edits] };
}

/**
 * Takes back one of our earlier values, unless the new plan sets it again. Counts are always planned anew, and a
 * toleration or an affinity of ours that is left over only lets the pod reach what it could reach before.
 */
function removalOf(edit: Applied['set'][number], planned: readonly Edit[]): readonly Edit[] {
  const text = JSON.stringify(edit);
  if (planned.some((one) => JSON.stringify(one) === text)) return [];
  if (edit.kind === 'set-node-selector') {
    return [{ kind: 'remove-node-selector', podSpec: edit.podSpec, key: edit.key }];
  }
  return edit.kind === 'append-args' ? [{ kind: 'remove-args', list: edit.list, args: edit.args }] : [];
}

function judgeAuthors(input: DecideInput, workload: Workload, old: Workload | null, facts: Facts): Judgement {
  const mayEdit = old === null || isOurChange(workload, old);
  const evaluation = evaluate(workload, facts, mayEdit);
  const set = evaluation.edits.filter(isAppliedEdit);
  const applied: Applied = { set, from: authorInputs(workload) };
  const edits = set.length === 0 ? [] : [...set, recordEdit(applied)];
  const frozen = frozenFindings(input, workload, old);
  return { evaluation, findings: [...compareOld(evaluation, old, facts), ...frozen], edits };
}

/** On UPDATE a template is touched only when the change is about it, and only where the API server allows it. */
function isOurChange(workload: Workload, old: Workload): boolean {
  return !workload.isTemplateImmutable && authorInputs(workload) !== authorInputs(old);
}

function frozenFindings(input: DecideInput, workload: Workload, old: Workload | null): readonly Finding[] {
  if (input.operation !== 'UPDATE' || old === null || !workload.isTemplateImmutable) return [];
  return [
    finding(
      'immutable-template',
      ['spec'],
      'the pod template cannot be changed any more; nothing was patched',
    ),
  ];
}

function compareOld(evaluation: Evaluation, old: Workload | null, facts: Facts): readonly Finding[] {
  if (old === null || !evaluation.isRefused || !isOurs(old)) return evaluation.findings;
  return ratchet(evaluate(old, facts, false), evaluation);
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
