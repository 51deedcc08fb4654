import { MAX_DEPTH, MAX_VALUES } from '../workload/limits.ts';
import { type Extent, type Outline, outline, type Shape } from './json-scan.ts';
import { type ReviewReading, readReview } from './review.ts';

/**
 * The bytes of a request, read in bounded time (contract §7). A body within the limits is parsed whole. Of an object
 * beyond them only its type and metadata are: who sent it, what it is and whether it is going away still count, and
 * its spec is one that the limits of analysis refuse, so the policy for the unknown decides and nothing passes in silence.
 */

const NO_JSON = 'the body is not JSON in UTF-8';
const NO_REVIEW = 'not an AdmissionReview of admission.k8s.io/v1: the body is no object with a request in it';
const TOO_MUCH = 'the review holds too many values outside of its objects';

// The largest recorded envelope has 60 values around its objects; a user may be in thousands of groups.
const MAX_ENVELOPE_VALUES = 16_384;
// Of each member of the metadata that is kept: annotations of up to a thousand keys.
const MAX_KEPT_VALUES = 1024;

const LEAF: Shape = new Map();

function shapeOf(...names: readonly string[]): Shape {
  return new Map(names.map((name) => [name, LEAF]));
}

const METADATA = shapeOf(
  'name',
  'namespace',
  'generateName',
  'deletionTimestamp',
  'ownerReferences',
  'labels',
  'annotations',
);
const OBJECT: Shape = new Map([...shapeOf('apiVersion', 'kind'), ['metadata', METADATA]]);
const REQUEST: Shape = new Map([
  ['object', OBJECT],
  ['oldObject', OBJECT],
]);
const REVIEW: Shape = new Map([['request', REQUEST]]);

/** Deeper than the limit, and nothing else: a spec that stands for one which was not read. */
const UNREAD_SPEC = `${'['.repeat(MAX_DEPTH + 1)}${']'.repeat(MAX_DEPTH + 1)}`;

function isWithin({ values, depth }: Extent, maxValues: number): boolean {
  return values <= maxValues && depth <= MAX_DEPTH;
}

function kept(text: string, { members }: Outline): string {
  const small = [...members].filter(
    ([name, value]) => name !== 'metadata' && isWithin(value, MAX_KEPT_VALUES),
  );
  return small.map(([name, { start, end }]) => `${JSON.stringify(name)}:${text.slice(start, end)},`).join('');
}

/** Type and metadata of an object, with a spec that nobody can read. */
function reduced(text: string, object: Outline): string {
  if (text[object.start] !== '{') return 'null';
  const metadata = object.members.get('metadata');
  const inner = metadata === undefined ? '' : kept(text, metadata).slice(0, -1);
  return `{${kept(text, object)}"metadata":{${inner}},"spec":${UNREAD_SPEC}}`;
}

interface Readable {
  readonly text: string;
  readonly isReduced: boolean;
}

/** @returns the text to parse, or why there is none. @throws SyntaxError where it is no JSON. */
function readableOf(text: string): Readable | string {
  const review = outline(text, 0, REVIEW);
  const request = review.members.get('request');
  if (request === undefined || text[request.start] !== '{') return NO_REVIEW;
  const isSmall = isWithin(review.rest, MAX_ENVELOPE_VALUES) && isWithin(request.rest, MAX_ENVELOPE_VALUES);
  if (!isSmall) return TOO_MUCH;
  const beyond = [...request.members.values()].filter((object) => !isWithin(object, MAX_VALUES));
  let [result, at] = ['', 0];
  for (const object of beyond) {
    result += text.slice(at, object.start) + reduced(text, object);
    at = object.end;
  }
  return { text: result + text.slice(at), isReduced: beyond.length > 0 };
}

function decode(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function unreadable(message: string): ReviewReading {
  return { kind: 'unreadable', message };
}

/** One AdmissionReview as it came over the wire. Never throws for what is in it. */
export function readBody(body: Uint8Array): ReviewReading {
  const text = decode(body);
  if (text === null) return unreadable(NO_JSON);
  try {
    const readable = readableOf(text);
    if (typeof readable === 'string') return unreadable(readable);
    const reading = readReview(JSON.parse(readable.text));
    if (reading.kind === 'unreadable' || !readable.isReduced) return reading;
    return { kind: 'review', review: { ...reading.review, isReduced: true } };
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable(NO_JSON);
    throw error;
  }
}
