import type { Budget } from './environment.ts';
import { type Cursor, readWord, type ShellWord, skipNested, type Token } from './shell-lexer.ts';

interface Heredoc {
  readonly delimiter: string;
  /** `<<-`: leading tabs are stripped. */
  readonly stripsTabs: boolean;
}

interface Scan {
  readonly cursor: Cursor;
  readonly tokens: Token[];
  readonly heredocs: Heredoc[];
  readonly budget: Budget;
}

/**
 * Tokens of a script. Comments, redirections and here documents are left out; what is beyond the budget is too, and
 * the budget then says so.
 */
export function tokenize(text: string, budget: Budget): readonly Token[] {
  const scan: Scan = { cursor: { text, at: 0 }, tokens: [], heredocs: [], budget };
  while (scan.cursor.at < text.length && budget.tokens >= 0) readToken(scan);
  return scan.tokens;
}

function readToken(scan: Scan): void {
  const { cursor } = scan;
  const char = cursor.text.charAt(cursor.at);
  if (char === ' ' || char === '\t' || char === '\r') cursor.at += 1;
  else if (char === '\n') readNewline(scan);
  else if (char === '#') skipComment(cursor);
  else if (char === '\\' && cursor.text.charAt(cursor.at + 1) === '\n') cursor.at += 2;
  else if (isRedirection(cursor)) readRedirection(scan);
  else if (';&|()'.includes(char)) readOperator(scan, char);
  else readWordToken(scan);
}

function skipComment(cursor: Cursor): void {
  const end = cursor.text.indexOf('\n', cursor.at);
  cursor.at = end === -1 ? cursor.text.length : end;
}

function readNewline({ cursor, tokens, heredocs }: Scan): void {
  tokens.push({ kind: 'operator', text: '\n' });
  cursor.at += 1;
  for (const heredoc of heredocs.splice(0)) skipHeredoc(cursor, heredoc);
}

function skipHeredoc(cursor: Cursor, { delimiter, stripsTabs }: Heredoc): void {
  while (cursor.at < cursor.text.length) {
    const end = cursor.text.indexOf('\n', cursor.at);
    const stop = end === -1 ? cursor.text.length : end;
    const line = cursor.text.slice(cursor.at, stop);
    cursor.at = stop + 1;
    if ((stripsTabs ? line.replace(/^\t+/, '') : line) === delimiter) return;
  }
}

function isRedirection({ text, at }: Cursor): boolean {
  const char = text.charAt(at);
  return char === '<' || char === '>' || (char === '&' && text.charAt(at + 1) === '>');
}

const REDIRECTION_AT = /&>>?|<<<|<<-?|<>|[<>]&|>>|>\||[<>]/y;

function readRedirection(scan: Scan): void {
  const { cursor } = scan;
  REDIRECTION_AT.lastIndex = cursor.at;
  const operator = REDIRECTION_AT.exec(cursor.text)?.[0] ?? '<';
  if (operator.length === 1 && cursor.text.charAt(cursor.at + 1) === '(')
    return readProcessSubstitution(scan);
  cursor.at += operator.length;
  while (' \t'.includes(cursor.text.charAt(cursor.at)) && cursor.at < cursor.text.length) cursor.at += 1;
  const target = readWord(cursor);
  if (operator === '<<' || operator === '<<-') {
    scan.heredocs.push({ delimiter: plainText(target), stripsTabs: operator === '<<-' });
  }
}

function readProcessSubstitution({ cursor, tokens }: Scan): void {
  const start = cursor.at;
  cursor.at += 1;
  skipNested(cursor, '(', ')');
  const raw = cursor.text.slice(start, cursor.at);
  tokens.push({ kind: 'word', raw, parts: [{ kind: 'unknown', isQuoted: true }] });
}

function plainText(word: ShellWord): string {
  return word.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

function readOperator({ cursor, tokens, budget }: Scan, char: string): void {
  budget.tokens -= 1;
  const isDouble = char !== '(' && char !== ')' && cursor.text.charAt(cursor.at + 1) === char;
  const text = isDouble ? char + char : char;
  cursor.at += text.length;
  tokens.push({ kind: 'operator', text });
}

const ARRAY_HEAD = /^([A-Za-z_][A-Za-z0-9_]*)(\+?)=$/;
const DESCRIPTOR = /^\d$/;

function readWordToken(scan: Scan): void {
  const { cursor, tokens, budget } = scan;
  const word = readWord(cursor);
  budget.tokens -= 1;
  const next = cursor.text.charAt(cursor.at);
  const head = next === '(' ? ARRAY_HEAD.exec(word.raw) : null;
  if (head !== null) {
    tokens.push({ kind: 'array', name: head[1] ?? '', isAppend: head[2] === '+', items: readItems(scan) });
  } else if (!((next === '<' || next === '>') && DESCRIPTOR.test(word.raw))) {
    tokens.push({ kind: 'word', ...word });
  }
}

/** `(a "b c" …)` with newlines and comments between the items. */
function readItems({ cursor, budget }: Scan): readonly ShellWord[] {
  const items: ShellWord[] = [];
  cursor.at += 1;
  while (budget.tokens >= 0 && cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== ')') {
    const char = cursor.text.charAt(cursor.at);
    if (char === '#') skipComment(cursor);
    else if (char === '\\' && cursor.text.charAt(cursor.at + 1) === '\n') cursor.at += 2;
    else if (' \t\r\n;&|<>('.includes(char)) cursor.at += 1;
    else {
      items.push(readWord(cursor));
      budget.tokens -= 1;
    }
  }
  cursor.at += 1;
  return items;
}
