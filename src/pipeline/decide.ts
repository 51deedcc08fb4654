import { findModel } from '../catalog/resolve.ts';
import { readServing } from '../engine/read.ts';
import { type Finding, type FindingCode, finding, kindOf } from '../findings.ts';
import { PREFIX } from '../intent/keys.ts';
import type { Intent } from '../intent/types.ts';
import { freeFigures } from '../plan/free.ts';
import type { Edit, Remedy } from '../plan/types.ts';
import { memberOf } from '../workload/json-value.ts';
import { readWorkload, type WorkloadReading } from '../workload/read-workload.ts';
import type { PodTemplate, Workload } from '../workload/types.ts';
import { conclude, settle, toldFree } from './conclude.ts';
import { evaluate } from './evaluate.ts';
import { NOT_EXEMPT, readExemption } from './exemption.ts';
import { authorsFindings, type Judgement, judgeObject } from './judgement.ts';
import { isOurs, isUnderRules } from './ours.ts';
import { ratchetGiven } from './ratchet.ts';
import { findRemedies } from './remedies/find.ts';
import type { Tried } from './remedies/scene.ts';
import type { Basis, Decided, DecideInput, Facts, WaysOutFor } from './types.ts';
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
 * 7. of pods that are to be made: what is free for them now, which changes nothing
 */
export function decide(input: DecideInput, facts: Facts, waysOutFor: WaysOutFor = 'refused'): Decided {
  const { decided } = decideOnce({ input, facts, waysOutFor });
  return toldFree(decided, freeFigures(decided.basis.landings, facts.inventory), facts);
}

/** What a decision starts from. */
interface Start {
  readonly input: DecideInput;
  readonly facts: Facts;
  readonly waysOutFor: WaysOutFor;
}

/** A decision, and what it judged: ways out are looked for in that. */
interface Step {
  readonly decided: Decided;
  readonly workload: Workload | null;
  readonly judgement: Judgement | null;
}

function unjudged(decided: Decided): Step {
  return { decided, workload: null, judgement: null };
}

function decideOnce(start: Start): Step {
  const { input, facts } = start;
  const reading = readWorkload(input.object);
  if (reading.kind === 'other') return unjudged(settle([], 'ignore', facts));
  if (reading.kind === 'not-judged') return unjudged(notJudged(input, reading.reason, facts));
  if (reading.kind === 'malformed') return unjudged(settle(reading.findings, null, facts));
  const { workload } = reading;
  const before = oldReading(input);
  const old = before?.workload ?? null;
  if (workload.isTerminating || isOwned(workload)) return unjudged(settle([], 'ignore', facts));
  const read = authorsFindings(input.object, reading, old);
  const found = foundSince(before, read, facts);
  if (!isOurs(workload) && !(old !== null && isOurs(old))) {
    const settled = isUnread(reading) ? settle(found, null, facts) : unannotated(workload, facts);
    if (settled !== null) return unjudged(settled);
  }
  const exemption = exemptionOf(input, workload, old, facts);
  if (exemption.isExempt) return unjudged(settle(exemption.findings, 'allow', facts));
  const judgement = judgeObject(input, workload, old, facts);
  const edits = read.findings.some(isUnpatchable) ? [] : judgement.edits;
  const given = [...exemption.findings, ...found];
  return judgedDecision(start, { workload, old, given, mends: read.mends }, { ...judgement, edits });
}

/** Where a field is not what its kind promises, or was not read, a patch of it may not apply. */
function isUnpatchable({ code }: Finding): boolean {
  return kindOf(code) === 'malformed' || code === 'analysis-limit';
}

/** Findings of reading the object, less what an update is not refused for. */
function foundSince(before: Read | null, now: Pick<Read, 'findings'>, { policy }: Facts): readonly Finding[] {
  if (before === null || !(isUnderRules(before.workload, policy) || isUnread(before))) return now.findings;
  return ratchetGiven(before.findings, now.findings, policy);
}

interface Judging {
  readonly workload: Workload;
  readonly old: Workload | null;
  /** What was found before anything was judged. */
  readonly given: readonly Finding[];
  /** Made even where it is refused. */
  readonly mends: readonly Edit[];
}

// --- what is not judged ------------------------------------------------------------------------------------------

type Read = Extract<WorkloadReading, { readonly kind: 'workload' }>;

function oldReading(input: DecideInput): Read | null {
  if (input.operation !== 'UPDATE') return null;
  const reading = readWorkload(input.oldObject);
  return reading.kind === 'workload' ? reading : null;
}

/**
 * Beyond the limits, or where annotations are no map: whose it is stands in what was not read, so it is not passed over
 * in silence.
 */
function isUnread({ workload, findings }: Read): boolean {
  return (
    (workload.templates.length === 0 && findings.some(({ code }) => code === 'analysis-limit')) ||
    findings.some(hidesAnnotations)
  );
}

const HOLDERS: ReadonlySet<unknown> = new Set(['metadata', 'annotations']);

function hidesAnnotations({ code, path }: Finding): boolean {
  return code === 'malformed-object' && HOLDERS.has(path.at(-1));
}

/** Objects whose controller makes the pods: said plainly, and by the policy for unknowns where the author asked. */
function notJudged({ object, oldObject, operation }: DecideInput, reason: string, facts: Facts): Decided {
  const found = [finding('not-judged', ['kind'], reason)];
  const wasOurs = operation === 'UPDATE' && hasOurAnnotation(oldObject);
  return settle(
    wasOurs ? ratchetGiven(found, found, facts.policy) : found,
    hasOurAnnotation(object) ? null : 'ignore',
    facts,
  );
}

function hasOurAnnotation(object: unknown): boolean {
  const annotations = memberOf(memberOf(object, 'metadata'), 'annotations');
  return (
    typeof annotations === 'object' &&
    annotations !== null &&
    Object.keys(annotations).some((key) => key.startsWith(PREFIX))
  );
}

/** By the policy for what nobody annotated; null where it is judged like any other. */
function unannotated(workload: Workload, facts: Facts): Decided | null {
  const policy = facts.policy.unannotated;
  const template =
    policy === 'ignore' ? undefined : workload.templates.find((one) => servesKnownModel(one, facts));
  if (template === undefined) return settle([], 'ignore', facts);
  if (policy === 'judge') return null;
  const message =
    'serves a model that vramgate can size; annotate it with vramgate.io/model to have it checked';
  return settle([finding('unannotated', template.path, message)], null, facts);
}

/** Only the container that serves is read: a pod of 64 must not cost as much as 64 servers. */
function servesKnownModel({ spec, labels }: PodTemplate, facts: Facts): boolean {
  const reading = readServing(spec, labels);
  return reading?.identities.some((one) => findModel(facts.catalog, one.text) !== null) ?? false;
}

function exemptionOf(
  input: DecideInput,
  workload: Workload,
  old: Workload | null,
  facts: Facts,
): ReturnType<typeof readExemption> {
  if (!mayBeExempt(workload)) return NOT_EXEMPT;
  const before = old === null ? null : annotationsThatExempt(old);
  return readExemption(annotationsThatExempt(workload), before, facts.policy, input);
}

const EXEMPT_KEY = `${PREFIX}exempt`;

/** Few are, and all annotations are read again to judge an exemption. */
function mayBeExempt({ annotations, templates }: Workload): boolean {
  return annotations.has(EXEMPT_KEY) || templates[0]?.annotations.has(EXEMPT_KEY) === true;
}

/** Beyond the limits of analysis no template was read: then what stands on the object itself exempts it. */
function annotationsThatExempt(workload: Workload): ReturnType<typeof annotationsOf> {
  return annotationsOf(workload, ...workload.templates.slice(0, 1));
}

// --- the verdict -------------------------------------------------------------------------------------------------

/** No change of GPUs mends these, and what was not read whole cannot be tried. */
const UNTRIED: ReadonlySet<FindingCode> = new Set(['malformed-object', 'analysis-limit']);

function judgedDecision(start: Start, { workload, old, given, mends }: Judging, judgement: Judgement): Step {
  const { evaluation } = judgement;
  const all = { ...judgement, findings: [...given, ...judgement.findings], mends };
  const mayTry = !given.some(({ code }) => UNTRIED.has(code));
  const isWanted = (isDenied: boolean): boolean =>
    start.waysOutFor === 'refused' || (start.waysOutFor === 'denied' && isDenied);
  const decision = conclude(all, start.facts, (isDenied) =>
    mayTry && isWanted(isDenied) ? remediesFor(start, workload, all) : [],
  );
  const basis: Basis = {
    given: [...given, ...judgement.given],
    settled: null,
    readings: evaluation.readings,
    old: old !== null && isUnderRules(old, start.facts.policy) ? old : null,
    earlier: judgement.earlier,
    isPardoned: judgement.isPardoned,
    replicas: workload.replicas,
    landings: areMadeNow(start, workload) && decision.verdict !== 'deny' ? evaluation.landings : [],
    free: null,
  };
  return { decided: { ...decision, basis }, workload, judgement };
}

/** An update may make no pod at all, or in the place of one that holds its GPUs still. */
function areMadeNow({ input }: Start, { replicas }: Workload): boolean {
  return input.operation === 'CREATE' && replicas > 0;
}

/** Admitted, but not as something that surely runs. */
const UNSURE: ReadonlySet<FindingCode> = new Set([
  'no-node-fits',
  'spills-to-cpu',
  'close-call',
  'still-undersized',
]);

/** Only what fits, at the high end of the measured spread, is offered as a way out (contract §3). */
function isWayOut({ verdict, findings }: Decided): boolean {
  // Nothing is judged of an object that has lost the last of our annotations.
  return verdict !== 'deny' && verdict !== 'ignore' && !findings.some((one) => UNSURE.has(one.code));
}

/**
 * What ways out are made for: the object as given. Where earlier edits of ours were set aside or put back, another
 * object was judged, and its paths are not those of this one.
 */
function unitOf(
  workload: Workload,
  { earlier, evaluation }: Judgement,
  facts: Facts,
): Pick<Tried, 'unit' | 'draft'> {
  const { units, readings, judged } = earlier === null ? evaluation : evaluate(workload, facts, true);
  // Of several servers the one that the verdict hangs on.
  const decisive = (intent: Intent): boolean => intent === judged?.intent;
  const drafts = readings.flatMap((one) => one.unit ?? []);
  return {
    unit: units.find((one) => decisive(one.intent)) ?? units[0] ?? null,
    draft: drafts.find((one) => decisive(one.intent)) ?? drafts[0] ?? null,
  };
}

function remediesFor({ input, facts }: Start, workload: Workload, judgement: Judgement): readonly Remedy[] {
  const attempt = (object: unknown): Tried => {
    const step = decideOnce({ input: { ...input, object }, facts, waysOutFor: 'none' });
    return {
      isAdmitted: isWayOut(step.decided),
      workload: step.workload,
      ...(step.workload === null || step.judgement === null
        ? { unit: null, draft: null }
        : unitOf(step.workload, step.judgement, facts)),
      judged: step.decided.judged,
      findings: step.decided.findings,
    };
  };
  const refused: Tried = {
    isAdmitted: false,
    workload,
    ...unitOf(workload, judgement, facts),
    judged: judgement.evaluation.judged,
    findings: judgement.findings,
  };
  return findRemedies(input.object, refused, facts, attempt);
}
