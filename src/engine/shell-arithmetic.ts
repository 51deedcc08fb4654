/** `$((A * 2 + 1))` on literals: whole numbers, + - * / % and brackets. Anything else is not known. */

const MAX_LENGTH = 256;
const MAX_DEPTH = 16;
const TOKEN = /\s*(?:(\d{1,15})|\$?\{?([A-Za-z_][A-Za-z0-9_]*)\}?|([-+*/%()]))/y;

const NUMBER = /^-?\d{1,15}$/;

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

/**
 * @param lookUp the text of a variable, or null when it is not known
 * @returns null when the value cannot be told
 */
export function evaluateArithmetic(text: string, lookUp: (name: string) => string | null): number | null {
  if (text.length > MAX_LENGTH) return null;
  const tokens = arithmeticTokens(text.trim(), lookUp);
  if (tokens === null) return null;
  const reader: Reader = { tokens, at: 0 };
  const value = sum(reader, 0);
  return value !== null && reader.at === tokens.length && Number.isSafeInteger(value) ? value : null;
}

function arithmeticTokens(text: string, lookUp: (name: string) => string | null): readonly string[] | null {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) return null;
    const [number, name, operator] = match.slice(1);
    const value = name === undefined ? (number ?? operator ?? '') : lookUp(name);
    if (value === null || (name !== undefined && !NUMBER.test(value))) return null;
    tokens.push(value);
  }
  return tokens;
}

function sum(reader: Reader, depth: number): number | null {
  let value = product(reader, depth);
  while (value !== null && (reader.tokens[reader.at] === '+' || reader.tokens[reader.at] === '-')) {
    const isPlus = reader.tokens[reader.at] === '+';
    reader.at += 1;
    const right = product(reader, depth);
    if (right === null) return null;
    value = isPlus ? value + right : value - right;
  }
  return value;
}

function product(reader: Reader, depth: number): number | null {
  let value = factor(reader, depth);
  while (value !== null && '*/%'.includes(reader.tokens[reader.at] ?? ' ')) {
    const operator = reader.tokens[reader.at];
    reader.at += 1;
    const right = factor(reader, depth);
    value = right === null ? null : combine(value, operator, right);
  }
  return value;
}

function combine(left: number, operator: string | undefined, right: number): number | null {
  if (operator === '*') return left * right;
  if (right === 0) return null;
  return operator === '/' ? Math.trunc(left / right) : left % right;
}

function factor(reader: Reader, depth: number): number | null {
  const token = reader.tokens[reader.at];
  if (token === undefined || depth > MAX_DEPTH) return null;
  reader.at += 1;
  if (token === '-') {
    const value = factor(reader, depth + 1);
    return value === null ? null : -value;
  }
  if (token === '(') return bracketed(reader, depth + 1);
  return NUMBER.test(token) ? Number(token) : null;
}

function bracketed(reader: Reader, depth: number): number | null {
  const value = sum(reader, depth);
  if (reader.tokens[reader.at] !== ')') return null;
  reader.at += 1;
  return value;
}
