/**
 * Where values begin and end in the bytes of a JSON text, without building them. JSON.parse needs a microsecond for every new key,
 * so a body of 7 MiB can hold it for half a second; this walks the text once and only counts. It checks no more of the
 * grammar than it needs to find its way: what is kept is parsed afterwards, what is left out was never looked at.
 */

/** Values below one: members and items, and each container once more. Depth 0 is a scalar, 1 a flat object or list. */
export interface Extent {
  readonly values: number;
  readonly depth: number;
}

/** Bytes from one to before another. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

export interface Span extends Extent, Piece {}

/** Names of members to tell apart, each with those below it. */
export interface Shape extends ReadonlyMap<string, Shape> {}

export interface Outline extends Span {
  /** The wanted members that are there; empty where the value is no object. */
  readonly members: ReadonlyMap<string, Outline>;
  /** Of the members that nobody wanted. */
  readonly rest: Extent;
}

// The API server sends typed values where members are told apart: none has more than thirty.
const MAX_MEMBERS = 1024;
// No wanted name is as long, even with every letter escaped.
const MAX_NAME = 128;

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function broken(at: number): SyntaxError {
  return new SyntaxError(`no JSON at ${at}`);
}

/** JSON's own four: space, tab, line feed, carriage return. */
function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const code = bytes[at];
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return at;
    at += 1;
  }
}

/** @param start of the opening quote. @returns the place after the closing one. */
function stringEnd(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  for (let at = start + 1; at < length; at += 1) {
    const code = bytes[at];
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  throw broken(start);
}

/** Number, true, false or null: up to what separates values. */
function scalarEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const code = bytes[at];
    if (code === COMMA || code === CLOSE_OBJECT || code === CLOSE_LIST || (code ?? 0) <= SPACE) break;
  }
  if (at === start) throw broken(start);
  return at;
}

/** What was walked over, added up: a large map must not cost an object a member. */
interface Tally {
  values: number;
  depth: number;
}

/** @returns the place after the value. @throws SyntaxError where the text ends inside of it. */
function skipValue(bytes: Uint8Array, start: number, tally: Tally): number {
  const first = bytes[start];
  if (first === OPEN_OBJECT || first === OPEN_LIST) return skipNested(bytes, start, tally);
  tally.values += 1;
  return first === QUOTE ? stringEnd(bytes, start) : scalarEnd(bytes, start);
}

function skipNested(bytes: Uint8Array, start: number, tally: Tally): number {
  const { length } = bytes;
  let at = start;
  let [values, depth, deepest] = [0, 0, tally.depth];
  do {
    const code = bytes[at];
    at += 1;
    if (code === QUOTE) at = stringEnd(bytes, at - 1);
    else if (code === COMMA) values += 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      values += 1;
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth -= 1;
  } while (depth > 0 && at < length);
  if (depth > 0) throw broken(at);
  tally.values += values;
  tally.depth = deepest;
  return at;
}

const NO_MEMBERS: ReadonlyMap<string, Outline> = new Map();

/** '' for a name that cannot be a wanted one. */
function nameOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > MAX_NAME) return '';
  const name: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)));
  return typeof name === 'string' ? name : '';
}

/** The place of the value that belongs to the name that ends here. */
function valueStart(bytes: Uint8Array, nameEnd: number): number {
  const colon = skipSpace(bytes, nameEnd);
  if (bytes[colon] !== COLON) throw broken(colon);
  return skipSpace(bytes, colon + 1);
}

function leaf(bytes: Uint8Array, start: number): Outline {
  const tally = { values: 0, depth: 0 };
  const end = skipValue(bytes, start, tally);
  return { start, end, ...tally, members: NO_MEMBERS, rest: { values: 0, depth: 0 } };
}

/**
 * The value of the first member of an object whose name is written with these bytes; null where there is none. Names are
 * not decoded: keys of a user's choice may be thousands.
 * @throws SyntaxError where the text is no object.
 */
export function memberWritten(
  bytes: Uint8Array,
  { start }: Pick<Span, 'start'>,
  name: Uint8Array,
): Piece | null {
  if (bytes[start] !== OPEN_OBJECT) return null;
  const tally: Tally = { values: 0, depth: 0 };
  for (let at = skipSpace(bytes, start + 1); bytes[at] === QUOTE; ) {
    const nameEnd = stringEnd(bytes, at);
    const value = valueStart(bytes, nameEnd);
    const end = skipValue(bytes, value, tally);
    if (isWritten(bytes, { start: at + 1, end: nameEnd - 1 }, name)) return { start: value, end };
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return null;
}

function isWritten(bytes: Uint8Array, { start, end }: Piece, name: Uint8Array): boolean {
  return end - start === name.length && name.every((byte, index) => bytes[start + index] === byte);
}

/**
 * The value at `before` (spaces may come first), with its members as far as `shape` wants them; one walk.
 * @throws SyntaxError where it is not JSON, or where a wanted member comes twice: which one counts differs by parser.
 */
export function outline(bytes: Uint8Array, before: number, shape: Shape): Outline {
  const start = skipSpace(bytes, before);
  if (shape.size === 0 || bytes[start] !== OPEN_OBJECT) return leaf(bytes, start);
  const members = new Map<string, Outline>();
  const rest: Tally = { values: 0, depth: 0 };
  let at = skipSpace(bytes, start + 1);
  for (let count = 0; bytes[at] === QUOTE; count += 1) {
    if (count === MAX_MEMBERS) throw broken(at);
    const nameEnd = stringEnd(bytes, at);
    const name = nameOf(bytes, at, nameEnd);
    const inner = shape.get(name);
    if (inner === undefined) at = skipValue(bytes, valueStart(bytes, nameEnd), rest);
    else if (members.has(name)) throw broken(at);
    else {
      const member = outline(bytes, valueStart(bytes, nameEnd), inner);
      members.set(name, member);
      at = member.end;
    }
    at = skipSpace(bytes, at);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  if (bytes[at] !== CLOSE_OBJECT) throw broken(at);
  const all = [rest, ...members.values()];
  const values = all.reduce((sum, one) => sum + one.values, 1);
  const depth = Math.max(...all.map((one) => one.depth)) + 1;
  return { start, end: at + 1, values, depth, members, rest };
}
