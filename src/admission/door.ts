import { MAX_DEPTH, MAX_VALUES } from '../workload/limits.ts';
import { type BodyText, type Content, contentOf, IDENTITY } from './content-key.ts';
import { type Extent, type Outline, outline, type Shape } from './json-scan.ts';
import { type Review, type ReviewReading, readReview } from './review.ts';

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

// etcd takes requests of 1.5 MiB (--max-request-bytes), so what is longer as text could hardly be stored.
const MAX_OBJECT_LENGTH = 1.5 * 1024 * 1024;
// Of single values that are kept: all annotations of an object together have 256 KiB (apimachinery TotalAnnotationSizeLimitB).
const MAX_KEPT_LENGTH = 512 * 1024;

const LEAF: Shape = new Map();

function shapeOf(...names: readonly string[]): Shape {
  return new Map(names.map((name) => [name, LEAF]));
}

/** What is kept of an object beyond the limits: its type, and of its metadata these. */
const KEPT_OF_OBJECT = ['apiVersion', 'kind'];
const KEPT_OF_METADATA = [
  'name',
  'namespace',
  'generateName',
  'deletionTimestamp',
  'ownerReferences',
  'labels',
  'annotations',
];
const KEPT: ReadonlySet<string> = new Set([...KEPT_OF_OBJECT, ...KEPT_OF_METADATA]);

const METADATA = shapeOf(...KEPT_OF_METADATA, ...IDENTITY);
const OBJECT: Shape = new Map([...shapeOf(...KEPT_OF_OBJECT, 'status'), ['metadata', METADATA]]);
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

function isAnalysable(object: Outline): boolean {
  return isWithin(object, MAX_VALUES) && object.end - object.start <= MAX_OBJECT_LENGTH;
}

const OPEN_OBJECT = 0x7b;

// Bytes that are no UTF-8 are no JSON either.
const UTF8 = new TextDecoder('utf-8', { fatal: true });

function textOf(body: Uint8Array, start: number, end?: number): string {
  return UTF8.decode(body.subarray(start, end));
}

function kept(body: Uint8Array, { members }: Outline): string {
  const small = [...members].filter(
    ([name, value]) =>
      KEPT.has(name) && isWithin(value, MAX_KEPT_VALUES) && value.end - value.start <= MAX_KEPT_LENGTH,
  );
  return small
    .map(([name, { start, end }]) => `${JSON.stringify(name)}:${textOf(body, start, end)},`)
    .join('');
}

/** Type and metadata of an object, with a spec that nobody can read. */
function reduced(body: Uint8Array, object: Outline): string {
  if (body[object.start] !== OPEN_OBJECT) return 'null';
  const metadata = object.members.get('metadata');
  const inner = metadata === undefined ? '' : kept(body, metadata).slice(0, -1);
  return `{${kept(body, object)}"metadata":{${inner}},"spec":${UNREAD_SPEC}}`;
}

interface Readable extends Pick<Review, 'isReduced' | 'content'> {
  readonly text: string;
}

/** @returns the text to parse, or why there is none. @throws SyntaxError or TypeError where it is no JSON in UTF-8. */
function readableOf(body: Uint8Array): Readable | string {
  const review = outline(body, 0, REVIEW);
  const request = review.members.get('request');
  if (request === undefined || body[request.start] !== OPEN_OBJECT) return NO_REVIEW;
  const isSmall = isWithin(review.rest, MAX_ENVELOPE_VALUES) && isWithin(request.rest, MAX_ENVELOPE_VALUES);
  if (!isSmall) return TOO_MUCH;
  const beyond = [...request.members.values()].filter((object) => !isAnalysable(object));
  let [text, at] = ['', 0];
  for (const object of beyond) {
    text += textOf(body, at, object.start) + reduced(body, object);
    at = object.end;
  }
  text += textOf(body, at);
  return beyond.length > 0
    ? { text, isReduced: true, content: null }
    : { text, isReduced: false, content: contentIn(request, body, text) };
}

/** Of both objects; in plain ASCII a byte is a character, and nothing has to be decoded again. */
function contentIn({ members }: Outline, body: Uint8Array, text: string): Content | null {
  const isAscii = text.length === body.length;
  const between: BodyText['between'] = (start, end) =>
    isAscii ? text.slice(start, end) : textOf(body, start, end);
  return contentOf([members.get('object'), members.get('oldObject')], { bytes: body, between });
}

interface Parsed extends Pick<Review, 'isReduced' | 'content'> {
  readonly json: unknown;
}

/** @returns why there is nothing parsed. */
function parse(body: Uint8Array): Parsed | string {
  try {
    const readable = readableOf(body);
    if (typeof readable === 'string') return readable;
    const { text, isReduced, content } = readable;
    return { json: JSON.parse(text), isReduced, content };
  } catch (error) {
    // The decoder throws a TypeError.
    if (error instanceof SyntaxError || error instanceof TypeError) return NO_JSON;
    throw error;
  }
}

/** One AdmissionReview as it came over the wire. Never throws for what is in it. */
export function readBody(body: Uint8Array): ReviewReading {
  const parsed = parse(body);
  if (typeof parsed === 'string') return { kind: 'unreadable', message: parsed };
  const reading = readReview(parsed.json);
  if (reading.kind === 'unreadable') return reading;
  const { isReduced, content } = parsed;
  return { kind: 'review', review: { ...reading.review, isReduced, content } };
}
