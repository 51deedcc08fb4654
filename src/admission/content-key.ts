import { PREFIX } from '../intent/keys.ts';
import type { Facts } from '../pipeline/types.ts';
import type { Arrival } from './handle.ts';
import type { Outline } from './json-scan.ts';

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

/** A larger object is rarer than it is worth remembering. */
const MAX_CONTENT = 65_536;

/** The text of a body between two of its bytes. */
export type TextBetween = (start: number, end: number) => string;

/**
 * What of an object a decision depends on, as it came: equal texts, equal objects but for status and identity. It is cut
 * out of the body, so that nothing is written anew. null where it is not worth keeping.
 */
export function contentOf(object: Outline | undefined, textBetween: TextBetween): string | null {
  if (object === undefined) return '';
  const cuts = identifying(object);
  const length = cuts.reduce((left, cut) => left - (cut.end - cut.start), object.end - object.start);
  if (length > MAX_CONTENT) return null;
  let text = '';
  let at = object.start;
  for (const cut of cuts) {
    text += textBetween(at, cut.start);
    at = cut.end;
  }
  return text + textBetween(at, object.end);
}

/** Values that are left out, in the order in which they stand. */
function identifying({ members }: Outline): readonly Outline[] {
  const cuts: Outline[] = [];
  for (const [name, member] of members) {
    if (name === 'status') cuts.push(member);
    for (const [inner, value] of member.members) if (IDENTITY.has(inner)) cuts.push(value);
  }
  return cuts;
}

/**
 * The content that a decision depends on, as one text: equal texts, equal decisions. null where the answer is not
 * worth keeping. Only an exemption asks who the user is.
 */
export function contentKey({ review, webhook }: Arrival, { namespaceMode }: Facts): string | null {
  const { content, operation, subResource, namespace, user } = review;
  if (content === null) return null;
  const asked = JSON.stringify([webhook, operation, subResource, namespace, namespaceMode]);
  return asked + (mayExempt(content) ? JSON.stringify(user) : '') + content;
}

/** Also where letters or slashes are escaped: the annotation may then be spelled in any way. */
function mayExempt(content: string): boolean {
  return [`${PREFIX}exempt`, '\\u', '\\/'].some((text) => content.includes(text));
}
