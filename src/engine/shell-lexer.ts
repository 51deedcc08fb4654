/**
 * POSIX shell text to words and operators, with the bash additions that launch scripts use (arrays, `$'…'`, here
 * strings). Nothing is ever run: what only a running shell could know is a part of kind `unknown`.
 * Every character is read once; nested `${…}` at most MAX_NESTING times more.
 */

export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly isQuoted: boolean }
  | {
      readonly kind: 'parameter';
      /** `NAME`, `1`, `@`, `NAME[@]`. */
      readonly name: string;
      /** '' for a plain one; `-`, `:-`, `+`, `:+`, `=`, `:=`, `?`, `:?`. */
      readonly operator: string;
      readonly word: readonly Part[];
      readonly isQuoted: boolean;
    }
  | { readonly kind: 'arithmetic'; readonly text: string; readonly isQuoted: boolean }
  | { readonly kind: 'unknown'; readonly isQuoted: boolean };

export interface ShellWord {
  readonly parts: readonly Part[];
  readonly raw: string;
}

export type Token =
  | ({ readonly kind: 'word' } & ShellWord)
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly isAppend: boolean;
      readonly items: readonly ShellWord[];
    }
  | { readonly kind: 'operator'; readonly text: string };

/** Position in a text; moved along by the readers below. */
export interface Cursor {
  readonly text: string;
  at: number;
}

const MAX_NESTING = 8;

/** Characters that end an unquoted word. */
const WORD_END = ' \t\r\n;&|()<>';

/** Reads one word; stops before the character that ends it. */
export function readWord(cursor: Cursor): ShellWord {
  const start = cursor.at;
  const parts: Part[] = [];
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (WORD_END.includes(char)) break;
    readPiece(cursor, char, parts, 0);
  }
  return { parts, raw: cursor.text.slice(start, cursor.at) };
}

function readPiece(cursor: Cursor, char: string, parts: Part[], nesting: number): void {
  if (char === '\\') readEscape(cursor, parts);
  else if (char === "'") readSingleQuoted(cursor, parts);
  else if (char === '"') readDoubleQuoted(cursor, parts, nesting);
  else if (char === '$') parts.push(readDollar(cursor, false, nesting));
  else if (char === '`') parts.push(readBackticks(cursor, false));
  else readPlain(cursor, parts);
}

const PLAIN_END = new Set([...WORD_END, '\\', "'", '"', '$', '`']);

function readPlain(cursor: Cursor, parts: Part[]): void {
  const start = cursor.at;
  do cursor.at += 1;
  while (cursor.at < cursor.text.length && !PLAIN_END.has(cursor.text.charAt(cursor.at)));
  parts.push({ kind: 'text', text: cursor.text.slice(start, cursor.at), isQuoted: false });
}

function readEscape(cursor: Cursor, parts: Part[]): void {
  const escaped = cursor.text.charAt(cursor.at + 1);
  cursor.at += 2;
  if (escaped !== '\n') parts.push({ kind: 'text', text: escaped, isQuoted: true });
}

function readSingleQuoted(cursor: Cursor, parts: Part[]): void {
  const close = cursor.text.indexOf("'", cursor.at + 1);
  const end = close === -1 ? cursor.text.length : close;
  parts.push({ kind: 'text', text: cursor.text.slice(cursor.at + 1, end), isQuoted: true });
  cursor.at = end + 1;
}

/** Characters that a backslash escapes inside double quotes. */
const DOUBLE_ESCAPES = '$`"\\';

function readDoubleQuoted(cursor: Cursor, parts: Part[], nesting: number): void {
  cursor.at += 1;
  parts.push({ kind: 'text', text: '', isQuoted: true });
  while (cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== '"') {
    readDoubleQuotedPiece(cursor, parts, nesting);
  }
  cursor.at += 1;
}

function readDoubleQuotedPiece(cursor: Cursor, parts: Part[], nesting: number): void {
  const char = cursor.text.charAt(cursor.at);
  if (char === '$') parts.push(readDollar(cursor, true, nesting));
  else if (char === '`') parts.push(readBackticks(cursor, true));
  else if (char === '\\') readDoubleQuotedEscape(cursor, parts);
  else readDoubleQuotedText(cursor, parts);
}

function readDoubleQuotedEscape(cursor: Cursor, parts: Part[]): void {
  const escaped = cursor.text.charAt(cursor.at + 1);
  const keepsBackslash = escaped !== '\n' && !(escaped !== '' && DOUBLE_ESCAPES.includes(escaped));
  const text = escaped === '\n' ? '' : escaped;
  parts.push({ kind: 'text', text: keepsBackslash ? `\\${text}` : text, isQuoted: true });
  cursor.at += 2;
}

const DOUBLE_END = new Set(['"', '$', '`', '\\']);

function readDoubleQuotedText(cursor: Cursor, parts: Part[]): void {
  const start = cursor.at;
  do cursor.at += 1;
  while (cursor.at < cursor.text.length && !DOUBLE_END.has(cursor.text.charAt(cursor.at)));
  parts.push({ kind: 'text', text: cursor.text.slice(start, cursor.at), isQuoted: true });
}

function readBackticks(cursor: Cursor, isQuoted: boolean): Part {
  cursor.at += 1;
  while (cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== '`') {
    cursor.at += cursor.text.charAt(cursor.at) === '\\' ? 2 : 1;
  }
  cursor.at += 1;
  return { kind: 'unknown', isQuoted };
}

/** A name at one place of a text; sticky, so that nothing is copied and nothing before or after is read. */
const NAME_AT = /[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]/y;

function readDollar(cursor: Cursor, isQuoted: boolean, nesting: number): Part {
  const { text, at } = cursor;
  const next = text.charAt(at + 1);
  if (next === '{') return readBraces(cursor, isQuoted, nesting);
  if (next === '(') return readParentheses(cursor, isQuoted);
  if (next === "'" && !isQuoted) return readAnsiQuoted(cursor);
  NAME_AT.lastIndex = at + 1;
  const name = NAME_AT.exec(text)?.[0];
  cursor.at = at + 1 + (name?.length ?? 0);
  if (name === undefined) return { kind: 'text', text: '$', isQuoted };
  return { kind: 'parameter', name, operator: '', word: [], isQuoted };
}

/** `$'…'`: its escapes are not read; without any it is a single-quoted text. */
function readAnsiQuoted(cursor: Cursor): Part {
  const start = cursor.at + 2;
  cursor.at = start;
  while (cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== "'") {
    cursor.at += cursor.text.charAt(cursor.at) === '\\' ? 2 : 1;
  }
  const text = cursor.text.slice(start, cursor.at);
  cursor.at += 1;
  return text.includes('\\') ? { kind: 'unknown', isQuoted: true } : { kind: 'text', text, isQuoted: true };
}

/** `$(command)` is not run; `$((…))` is kept for the arithmetic reader. */
function readParentheses(cursor: Cursor, isQuoted: boolean): Part {
  const start = cursor.at + 1;
  cursor.at = start;
  skipNested(cursor, '(', ')');
  const inner = cursor.text.slice(start, cursor.at);
  const isArithmetic = inner.startsWith('((') && inner.endsWith('))');
  return isArithmetic
    ? { kind: 'arithmetic', text: inner.slice(2, -2), isQuoted }
    : { kind: 'unknown', isQuoted };
}

/** Moves past the bracket that closes the one at the cursor; quotes and backslashes hide brackets. */
export function skipNested(cursor: Cursor, open: string, close: string): void {
  let depth = 0;
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (char === "'") skipQuoted(cursor);
    else if (char === '\\') cursor.at += 1;
    else if (char === open) depth += 1;
    else if (char === close) depth -= 1;
    cursor.at += 1;
    if (depth === 0) return;
  }
}

function skipQuoted(cursor: Cursor): void {
  const close = cursor.text.indexOf("'", cursor.at + 1);
  // An apostrophe that nothing closes (a comment, a double-quoted text) hides nothing.
  if (close !== -1) cursor.at = close;
}

const BRACES = /^([A-Za-z_][A-Za-z0-9_]*(?:\[[@*]\])?|[0-9@*]|[1-9][0-9]{1,3})(?:(:?[-+=?])(.*))?$/s;

function readBraces(cursor: Cursor, isQuoted: boolean, nesting: number): Part {
  const start = cursor.at + 2;
  cursor.at += 1;
  skipNested(cursor, '{', '}');
  if (nesting >= MAX_NESTING) return { kind: 'unknown', isQuoted };
  const match = BRACES.exec(cursor.text.slice(start, cursor.at - 1));
  if (match === null) return { kind: 'unknown', isQuoted };
  const [name = '', operator = '', rest = ''] = match.slice(1);
  return { kind: 'parameter', name, operator, word: readDefault(rest, isQuoted, nesting + 1), isQuoted };
}

function readDefault(text: string, isQuoted: boolean, nesting: number): readonly Part[] {
  const parts: Part[] = [];
  const cursor: Cursor = { text, at: 0 };
  while (cursor.at < text.length) {
    const char = text.charAt(cursor.at);
    if (isQuoted && char !== '"') readDoubleQuotedPiece(cursor, parts, nesting);
    else readPiece(cursor, char, parts, nesting);
  }
  return parts;
}
