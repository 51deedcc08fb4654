import { settle } from '../pipeline/conclude.ts';
import type {
  Basis,
  Decided,
  DecideInput,
  DecisionRecord,
  Facts,
  RecordIdentity,
  WaysOutFor,
} from '../pipeline/types.ts';
import { freeFigures } from '../plan/free.ts';
import type { Decision } from '../plan/types.ts';
import { isSameJson } from '../workload/json-value.ts';
import { asWritten } from './as-written.ts';
import { questionOf } from './content-key.ts';
import { valueAt } from './document.ts';
import { type PatchOperation, patchOrThrow } from './json-patch.ts';
import { createMemory, type MemoryLimits } from './memory.ts';
import {
  type AdmissionReviewAnswer,
  allowedWithPatch,
  auditAnnotationsOf,
  verdictAnswer,
  withAuditAnnotations,
} from './respond.ts';
import { isMainWrite, type Review } from './review.ts';

/** The outcome table of the contract (§5): one review and one webhook in, one answer and one record out. */

export type Webhook = 'mutate' | 'validate';

/** The pipeline, as this room sees it. */
export interface Judge {
  readonly decide: (input: DecideInput, facts: Facts, waysOutFor: WaysOutFor) => Decided;
  readonly record: (
    decision: Decided,
    identity: RecordIdentity,
    facts: Facts,
    patchPaths: readonly string[],
  ) => DecisionRecord;
  /** The same decision about another request, made later. */
  readonly identify: (record: DecisionRecord, identity: RecordIdentity, facts: Facts) => DecisionRecord;
}

/** One review as it came in. */
export interface Arrival {
  readonly review: Review;
  readonly webhook: Webhook;
  /** RFC 3339: when it arrived. */
  readonly time: string;
}

export interface Outcome {
  readonly answer: AdmissionReviewAnswer;
  /** Its duration is 0: who measures it puts it in. */
  readonly record: DecisionRecord;
}

function isTerminating({ object, oldObject }: Review): boolean {
  const path = ['metadata', 'deletionTimestamp'];
  return valueAt(object, path) !== undefined || valueAt(oldObject, path) !== undefined;
}

/**
 * Deleting, connecting, scaling, evicting, status and finalizers are never judged and so never stopped: what lets
 * an object go must always pass.
 */
function inputOf(review: Review): DecideInput | null {
  if (!isMainWrite(review) || isTerminating(review)) return null;
  const { object, oldObject, namespace, user } = review;
  const operation = review.operation === 'UPDATE' ? 'UPDATE' : 'CREATE';
  return { operation, object, oldObject: operation === 'UPDATE' ? oldObject : null, namespace, user };
}

function decideAbout(review: Review, webhook: Webhook, facts: Facts, judge: Judge): Decided {
  const input = inputOf(review);
  if (input === null) return settle([], 'ignore', facts);
  // `/mutate` never refuses, and a warning has no room for ways out.
  const decision = judge.decide(input, facts, webhook === 'mutate' ? 'none' : 'denied');
  // What was not read whole must not be edited: the paths of a patch would be those of another object.
  if (review.isReduced) return { ...decision, edits: [] };
  return webhook === 'validate' ? asWritten(decision, facts.policy) : decision;
}

function generateNameOf(review: Review): string | null {
  const text = valueAt(review.object, ['metadata', 'generateName']);
  return typeof text === 'string' && text !== '' ? text : null;
}

function identityOf({ review, webhook, time }: Arrival): RecordIdentity {
  const { uid, operation, dryRun, namespace, name, kind, subResource, user } = review;
  return {
    uid,
    time,
    webhook,
    operation,
    dryRun,
    namespace,
    name,
    generateName: generateNameOf(review),
    kind: subResource === null ? kind.kind : `${kind.kind}/${subResource}`,
    user: user.username === '' ? null : user.username,
    durationMicroseconds: 0,
  };
}

/**
 * `/mutate` edits or leaves alone; it never refuses and never warns. Of an object that is refused only what we had left
 * beside a value of its author's is taken back.
 */
function operationsOf({ review, webhook }: Arrival, decision: Decision): readonly PatchOperation[] {
  if (webhook === 'validate') return [];
  return patchOrThrow(review.object, decision.edits);
}

/** Some hundred kinds of workload are more than most clusters run; one remembered answer takes about 10 KiB. */
const REMEMBERED: MemoryLimits = { entries: 512, characters: 4 * 1024 * 1024 };

/** Answers reviews, and remembers the answer to what comes again: an apply asks twice, a controller many times. */
export function createReviewer(judge: Judge): (arrival: Arrival, facts: Facts) => Outcome {
  const memory = createMemory<Reviewed>(REMEMBERED);
  return (arrival, facts) => {
    const question = questionOf(arrival, facts);
    const known = question === null ? undefined : memory.recall(facts, question);
    if (known !== undefined && isStillFree(known, facts)) return repeat(known.outcome, arrival, facts, judge);
    const reviewed = reviewOnce(arrival, facts, judge);
    if (question !== null) memory.keep(facts, question, reviewed);
    return reviewed.outcome;
  };
}

/** An outcome, and where it leads pods to. */
interface Reviewed {
  readonly outcome: Outcome;
  readonly landings: Basis['landings'];
}

/** Pods come and go without another inventory: only an answer that tells what is free grows old by it. */
function isStillFree({ outcome, landings }: Reviewed, { inventory }: Facts): boolean {
  return isSameJson(outcome.record.free, freeFigures(landings, inventory));
}

function repeat({ answer, record }: Outcome, arrival: Arrival, facts: Facts, judge: Judge): Outcome {
  const identified = judge.identify(record, identityOf(arrival), facts);
  const response = { ...answer.response, uid: arrival.review.uid };
  return {
    answer: withAuditAnnotations({ ...answer, response }, auditAnnotationsOf(identified)),
    record: identified,
  };
}

/** @throws Error on a fault of ours only; the caller answers 500 and the operator's failurePolicy decides. */
export function handleReview(arrival: Arrival, facts: Facts, judge: Judge): Outcome {
  return reviewOnce(arrival, facts, judge).outcome;
}

function reviewOnce(arrival: Arrival, facts: Facts, judge: Judge): Reviewed {
  const { review, webhook } = arrival;
  const decision = decideAbout(review, webhook, facts, judge);
  const operations = operationsOf(arrival, decision);
  const paths = operations.map((operation) => operation.path);
  const record = judge.record(decision, identityOf(arrival), facts, paths);
  const answer =
    webhook === 'mutate' ? allowedWithPatch(review.uid, operations) : verdictAnswer(review.uid, decision);
  const outcome = { answer: withAuditAnnotations(answer, auditAnnotationsOf(record)), record };
  return { outcome, landings: decision.basis.landings };
}
