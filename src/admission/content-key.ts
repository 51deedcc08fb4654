import { PREFIX } from '../intent/keys.ts';
import type { Facts } from '../pipeline/types.ts';
import type { Arrival } from './handle.ts';
import { memberWritten, type Outline, type Piece } from './json-scan.ts';

/** Of the metadata: what identifies a request and not what it asks for; no decision reads it. */
export const IDENTITY: ReadonlySet<string> = new Set([
  'name',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
]);

const EXEMPT_KEY = `${PREFIX}exempt`;

/** A larger object is rarer than it is worth remembering. */
const MAX_CONTENT = 65_536;

/** What of a review's objects a decision depends on. */
export interface Content {
  /** As it came: equal texts, equal objects but for status and identity. */
  readonly text: string;
  /** 32 bits of the same bytes: another content mostly has another, and a number is found quicker than a long text. */
  readonly hash: number;
}

/** A body as bytes, and as the text between two of them. */
export interface BodyText {
  readonly bytes: Uint8Array;
  readonly between: (start: number, end: number) => string;
}

/** Cut out of the body, so that nothing is written anew. null where it is not worth keeping. */
export function contentOf(objects: readonly (Outline | undefined)[], body: BodyText): Content | null {
  const { bytes } = body;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [text, hash] = ['', 0];
  for (const object of objects) {
    const pieces = object === undefined ? [] : piecesOf(object, bytes);
    if (pieces.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_CONTENT) return null;
    for (const { start, end } of pieces) {
      text += body.between(start, end);
      hash = hashOf(view, start, end, hash);
    }
    text += ' ';
  }
  return { text, hash };
}

/** What stands between the values that are left out. */
function piecesOf(object: Outline, bytes: Uint8Array): readonly Piece[] {
  const pieces: Piece[] = [];
  let start = object.start;
  for (const cut of leftOut(object, bytes)) {
    pieces.push({ start, end: cut.start });
    start = cut.end;
  }
  return [...pieces, { start, end: object.end }];
}

const WORD = 4;

/** Multiplier and shift of MurmurHash3's fmix32 (public domain). Each step is a bijection: one word changed is seen. */
function hashOf(bytes: DataView, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  for (; at + WORD <= end; at += WORD) hash = mixed(hash, bytes.getUint32(at, true));
  for (; at < end; at += 1) hash = mixed(hash, bytes.getUint8(at));
  return hash;
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x85ebca6b);
  return product ^ (product >>> 13);
}

/** What `kubectl apply` leaves: the whole object once more, as text, its name in it. No decision reads it. */
const LAST_APPLIED = new TextEncoder().encode('kubectl.kubernetes.io/last-applied-configuration');

const QUOTE = 0x22;

/** Values that are left out, in the order in which they stand. */
function leftOut({ members }: Outline, bytes: Uint8Array): readonly Piece[] {
  const cuts: Piece[] = [];
  for (const [name, member] of members) {
    if (name === 'status') cuts.push(member);
    for (const [inner, value] of member.members) {
      if (IDENTITY.has(inner)) cuts.push(value);
      if (inner !== 'annotations') continue;
      const applied = memberWritten(bytes, value, LAST_APPLIED);
      // What is no text is malformed, and looked at.
      if (applied !== null && bytes[applied.start] === QUOTE) cuts.push(applied);
    }
  }
  return cuts;
}

/** What is asked. `place` is short; of two questions with one place the contents may still differ. */
export interface Question {
  readonly place: string;
  readonly content: string;
}

/** Equal questions, equal decisions. null where the answer is not worth keeping. Only an exemption asks who the user is. */
export function questionOf({ review, webhook }: Arrival, { namespaceMode }: Facts): Question | null {
  const { content, operation, subResource, namespace, user } = review;
  if (content === null) return null;
  const { text, hash } = content;
  const who = mayExempt(text) ? user : null;
  return {
    place: JSON.stringify([hash, webhook, operation, subResource, namespace, namespaceMode, who]),
    content: text,
  };
}

/**
 * Also where letters or slashes are escaped: the annotation may then be spelled in any way. To look for it makes one text
 * of the pieces that were cut out, which holds nothing of the rest of the body any more.
 */
function mayExempt(content: string): boolean {
  return content.includes(EXEMPT_KEY) || content.includes('\\u') || content.includes('\\/');
}
