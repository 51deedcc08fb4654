/**
 * Where values begin and end in a JSON text, without building them. JSON.parse needs a microsecond for every new key,
 * so a body of 7 MiB can hold it for half a second; this walks the text once and only counts. It checks no more of the
 * grammar than it needs to find its way: what is kept is parsed afterwards, what is left out was never looked at.
 */

/** Values below one: members and items, and each container once more. Depth 0 is a scalar, 1 a flat object or list. */
export interface Extent {
  readonly values: number;
  readonly depth: number;
}

export interface Span extends Extent {
  readonly start: number;
  readonly end: number;
}

/** Names of members to tell apart, each with those below it. */
export interface Shape extends ReadonlyMap<string, Shape> {}

export interface Outline extends Span {
  /** The wanted members that are there; empty where the value is no object. */
  readonly members: ReadonlyMap<string, Outline>;
  /** Of the members that nobody wanted. */
  readonly rest: Extent;
}

// No wanted name is as long, even with every letter escaped.
const MAX_NAME = 128;

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
function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return at;
    at += 1;
  }
}

/** @param start of the opening quote. @returns the place after the closing one. */
function stringEnd(text: string, start: number): number {
  const { length } = text;
  for (let at = start + 1; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  throw broken(start);
}

/** Number, true, false or null: up to what separates values. */
function scalarEnd(text: string, start: number): number {
  const match = /[\s,\]}]|$/g;
  match.lastIndex = start;
  const end = match.exec(text)?.index ?? text.length;
  if (end === start) throw broken(start);
  return end;
}

/** @throws SyntaxError where the text ends inside of it. */
function skipValue(text: string, start: number): Span {
  const first = text.charCodeAt(start);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return skipNested(text, start);
  const end = first === QUOTE ? stringEnd(text, start) : scalarEnd(text, start);
  return { start, end, values: 1, depth: 0 };
}

function skipNested(text: string, start: number): Span {
  const { length } = text;
  let at = start;
  let [values, depth, deepest] = [0, 0, 0];
  do {
    const code = text.charCodeAt(at);
    at += 1;
    if (code === QUOTE) at = stringEnd(text, at - 1);
    else if (code === COMMA) values += 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      values += 1;
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth -= 1;
  } while (depth > 0 && at < length);
  if (depth > 0) throw broken(at);
  return { start, end: at, values, depth: deepest };
}

const NOTHING: Extent = { values: 0, depth: 0 };
const NO_SHAPE: Shape = new Map();
const NO_MEMBERS: ReadonlyMap<string, Outline> = new Map();

function plus(one: Extent, { values, depth }: Extent): Extent {
  return { values: one.values + values, depth: Math.max(one.depth, depth) };
}

/** '' for a name that cannot be a wanted one. */
function nameOf(text: string, start: number, end: number): string {
  if (end - start > MAX_NAME) return '';
  const raw = text.slice(start, end);
  if (!raw.includes('\\')) return raw.slice(1, -1);
  const name: unknown = JSON.parse(raw);
  return typeof name === 'string' ? name : '';
}

/** The place of the value that belongs to the name that ends here. */
function valueStart(text: string, nameEnd: number): number {
  const colon = skipSpace(text, nameEnd);
  if (text.charCodeAt(colon) !== COLON) throw broken(colon);
  return skipSpace(text, colon + 1);
}

/**
 * The value at `start` (which may be preceded by space), with its members as far as `shape` wants them; one walk.
 * @throws SyntaxError where it is not JSON, or where a wanted member comes twice: which one counts differs by parser.
 */
export function outline(text: string, before: number, shape: Shape): Outline {
  const start = skipSpace(text, before);
  if (shape.size === 0 || text.charCodeAt(start) !== OPEN_OBJECT) {
    return { ...skipValue(text, start), members: NO_MEMBERS, rest: NOTHING };
  }
  const members = new Map<string, Outline>();
  let [all, rest] = [NOTHING, NOTHING];
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = stringEnd(text, at);
    const name = nameOf(text, at, nameEnd);
    const inner = shape.get(name);
    const value = outline(text, valueStart(text, nameEnd), inner ?? NO_SHAPE);
    if (inner === undefined) rest = plus(rest, value);
    else if (members.has(name)) throw broken(at);
    else members.set(name, value);
    all = plus(all, value);
    at = skipSpace(text, value.end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  if (text.charCodeAt(at) !== CLOSE_OBJECT) throw broken(at);
  return { start, end: at + 1, values: all.values + 1, depth: all.depth + 1, members, rest };
}
