import { type Finding, finding } from '../findings.ts';
import { APPLIED_KEY } from '../intent/keys.ts';
import { applyEdits } from '../plan/apply-edits.ts';
import type { RemovalEdit } from '../plan/remove-edits.ts';
import type { Edit, Policy } from '../plan/types.ts';
import { isRefusedBy } from '../plan/verdict.ts';
import { isSameJson, memberOf } from '../workload/json-value.ts';
import { placementOwner } from '../workload/ownership.ts';
import { readWorkload } from '../workload/read-workload.ts';
import type { Workload } from '../workload/types.ts';
import {
  type Applied,
  type AppliedEdit,
  belongsTo,
  formatApplied,
  isAppliedEdit,
  parseApplied,
} from './applied.ts';
import { authorInputs } from './author-inputs.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { isUnderRules } from './ours.ts';
import { notRefused, ratchet } from './ratchet.ts';
import { inverseOf, stripApplied } from './strip.ts';
import type { DecideInput, Earlier, Facts } from './types.ts';

/** One object judged, with the edits that its plan makes. */
export interface Judgement {
  readonly evaluation: Evaluation;
  readonly findings: readonly Finding[];
  readonly edits: readonly Edit[];
  /** Found on the object beside the evaluation. */
  readonly given: readonly Finding[];
  readonly earlier: Earlier | null;
  /** Nothing refuses it and nothing is edited: Kueue starts it. */
  readonly isPardoned: boolean;
}

/** One request, with the old object read. */
interface Scene {
  readonly input: DecideInput;
  readonly old: Workload | null;
  readonly facts: Facts;
}

/** Tells our earlier values from the author's, then judges; on UPDATE compares with the old object. */
export function judgeObject(
  input: DecideInput,
  workload: Workload,
  old: Workload | null,
  facts: Facts,
): Judgement {
  const judged = judgeFresh(input, workload, old, facts);
  if (old === null || !isStartedByKueue(workload, old)) return judged;
  return { ...judged, findings: pardoned(judged.findings), edits: [], isPardoned: true };
}

export function pardoned(findings: readonly Finding[]): readonly Finding[] {
  return notRefused(findings, 'Kueue starts it');
}

/**
 * A queued Job or JobSet is let go, with the selectors of the flavor that Kueue chose. It was judged when it was
 * queued, and a refusal now would leave its quota taken and itself never started.
 */
function isStartedByKueue(workload: Workload, old: Workload): boolean {
  const isStarted = workload.isTemplateImmutable && !old.isTemplateImmutable;
  return isStarted && workload.templates.some((one) => placementOwner(workload, one)?.owner === 'kueue');
}

function judgeFresh(input: DecideInput, workload: Workload, old: Workload | null, facts: Facts): Judgement {
  const own = authorsSide(input.object, workload, old);
  return own === null ? judgeAuthors(input, workload, old, facts) : judgeOurs({ input, old, facts }, own);
}

/** An object that carries edits of ours, without them. */
interface AuthorsSide {
  readonly object: unknown;
  readonly workload: Workload;
  readonly findings: readonly Finding[];
  readonly applied: Applied;
}

/** null where nothing is ours, or where the author's side cannot be read. */
function authorsSide(object: unknown, workload: Workload, old: Workload | null): AuthorsSide | null {
  const applied = parseApplied(workload.annotations) ?? (old === null ? null : parseApplied(old.annotations));
  if (applied === null || !belongsTo(applied, workload)) return null;
  const view = stripApplied(object, applied);
  const reading = readWorkload(view);
  if (reading.kind !== 'workload') return null;
  return { object: view, workload: reading.workload, findings: reading.findings, applied };
}

/** What is wrong with what the author wrote, and what of ours has to go whatever is decided. */
export interface AuthorsFindings {
  readonly findings: readonly Finding[];
  readonly mends: readonly Edit[];
}

/**
 * Our request beside another limit of the author's is no fault of the author's. It is taken back even from what is
 * refused: the API server looks at the object before /validate does, and knows no mode.
 */
export function authorsFindings(
  object: unknown,
  { workload, findings }: { readonly workload: Workload; readonly findings: readonly Finding[] },
  old: Workload | null,
): AuthorsFindings {
  const own = findings.length === 0 ? null : authorsSide(object, workload, old);
  if (own === null || own.findings.length === findings.length) {
    return { findings: own?.findings ?? findings, mends: [] };
  }
  const ours = own.applied.set.filter((edit) => edit.kind === 'set-gpu-count').map(inverseOf);
  return { findings: own.findings, mends: ours.filter((edit) => !leavesNone(object, edit)) };
}

/** True where an edit takes the last GPU limit of its container: the count is ours as a whole, and stands. */
function leavesNone(object: unknown, edit: RemovalEdit): boolean {
  if (edit.kind !== 'remove-gpu-count') return true;
  const container = [...edit.container, 'resources', 'limits'].reduce<unknown>(
    (value, step) => memberOf(value, step),
    applyEdits(object, [edit]),
  );
  return memberOf(container, edit.resource) === undefined;
}

/** Sticky: equal author-side inputs get exactly the recorded values back, whatever is known now (contract §4). */
function judgeOurs(scene: Scene, own: AuthorsSide): Judgement {
  const { input, old, facts } = scene;
  const { applied } = own;
  if (authorInputs(own.workload) !== applied.from) return replan(scene, own.workload, applied);
  const standing = readWorkload(applyEdits(own.object, applied.set));
  if (standing.kind !== 'workload') return judgeAuthors(input, own.workload, old, facts);
  const evaluation = evaluate(standing.workload, facts, false);
  const restored = changing(input.object, [...applied.set, recordEdit(applied)]);
  const isFrozen = input.operation === 'UPDATE' && standing.workload.isTemplateImmutable;
  const edits = isFrozen ? standingIn(old, input.oldObject, applied, restored) : restored;
  const findings = compareOld(stalePlacement(evaluation, facts.policy), old, facts);
  const earlier: Earlier = { kind: 'standing', edits: edits.filter(isAppliedEdit) };
  return { evaluation, findings, edits, given: [], earlier, isPardoned: false };
}

function recordEdit(applied: Applied): Edit {
  return { kind: 'set-annotation', metadata: ['metadata'], key: APPLIED_KEY, value: formatApplied(applied) };
}

/** Edits that the object does not hold already. */
function changing(object: unknown, edits: readonly Edit[]): readonly Edit[] {
  return edits.filter((edit) => !isSameJson(applyEdits(object, [edit]), object));
}

/**
 * Of the edits those that the stored object holds. An applied file lacks them, and without them the API server would
 * see a change of a template that cannot change, and refuse a file that it has taken before.
 */
function standingIn(
  old: Workload | null,
  oldObject: unknown,
  applied: Applied,
  edits: readonly Edit[],
): readonly Edit[] {
  if (old === null || !belongsTo(applied, old)) return [];
  return edits.filter((edit) => changing(oldObject, [edit]).length === 0);
}

/** What would be refused for placement alone, on an object that carries our edits, is a warning. */
export function stalePlacement(evaluation: Evaluation, policy: Policy): Evaluation {
  const findings = evaluation.findings.map((one) =>
    one.code === 'placement-conflict' || one.code === 'no-node-fits'
      ? finding('placement-stale', one.path, one.message)
      : one,
  );
  return { ...evaluation, findings, isRefused: isRefusedBy(findings, policy) };
}

/** The author changed an input: what still stands of ours counts as absent and is planned anew, downwards too. */
function replan({ input, old, facts }: Scene, own: Workload, applied: Applied): Judgement {
  const judged = judgeAuthors(input, own, old, facts);
  const isPlanned = judged.edits.some((edit) => edit.kind !== 'set-annotation');
  const gone = removals(applied.set, judged.edits);
  const record: readonly Edit[] = isPlanned
    ? []
    : [{ kind: 'set-annotation', metadata: ['metadata'], key: APPLIED_KEY, value: null }];
  const isFrozen = input.operation === 'UPDATE' && own.isTemplateImmutable;
  if (isFrozen) return judged;
  const earlier: Earlier = { kind: 'replanned', edits: applied.set };
  return { ...judged, edits: [...gone, ...record, ...judged.edits], earlier };
}

/** What a new plan takes back of our earlier values. */
export function removals(earlier: readonly AppliedEdit[], planned: readonly Edit[]): readonly Edit[] {
  return earlier.flatMap((edit) => removalOf(edit, planned));
}

/** Takes back one of our earlier values, unless the new plan sets it again, or another value in its place. */
function removalOf(edit: AppliedEdit, planned: readonly Edit[]): readonly Edit[] {
  return planned.some((one) => isSameSlot(one, edit)) ? [] : [inverseOf(edit)];
}

/** True where setting `planned` leaves nothing of `earlier`. */
function isSameSlot(planned: Edit, earlier: AppliedEdit): boolean {
  const [one, other] = [slotOf(planned), slotOf(earlier)];
  return one !== null && one === other;
}

function slotOf(edit: Edit): string | null {
  if (edit.kind === 'set-gpu-count') return JSON.stringify([edit.kind, edit.container, edit.resource]);
  if (edit.kind === 'set-node-selector') return JSON.stringify([edit.kind, edit.podSpec, edit.key]);
  if (edit.kind === 'set-env') return JSON.stringify([edit.kind, edit.container, edit.name]);
  return isAppliedEdit(edit) ? JSON.stringify(edit) : null;
}

function judgeAuthors(input: DecideInput, workload: Workload, old: Workload | null, facts: Facts): Judgement {
  const mayEdit = old === null || isOurChange(workload, old);
  const evaluation = evaluate(workload, facts, mayEdit);
  const set = evaluation.edits.filter(isAppliedEdit);
  const edits = set.length === 0 ? [] : [...set, recordEdit({ set, from: authorInputs(workload) })];
  const given = frozenFindings(input, workload, old);
  const findings = [...compareOld(evaluation, old, facts), ...given];
  return { evaluation, findings, edits, given, earlier: null, isPardoned: false };
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
  if (old === null || !evaluation.isRefused || !isUnderRules(old, facts.policy)) return evaluation.findings;
  return ratchet(evaluate(old, facts, false), evaluation);
}
