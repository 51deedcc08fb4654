/** One JSON log line in the form that a person reads on a terminal. Anything that is no JSON stays as it is. */

const HIDDEN: readonly string[] = ['level', 'time', 'msg', 'inputs'];
const PLAIN = /^[\w@%+=:,./-]+$/;

function parse(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** Quoted wherever it is not plainly one word: an escape sequence in a name must not reach the terminal. */
function show(value: unknown): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}

function isShown([key, value]: readonly [string, unknown]): boolean {
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  return !isEmpty && !HIDDEN.includes(key);
}

export function humanLine(line: string): string {
  const fields = parse(line);
  if (fields === null) return line;
  const time = String(fields['time'] ?? '').slice(11, 19);
  const level = String(fields['level'] ?? '')
    .toUpperCase()
    .padEnd(5);
  const rest = Object.entries(fields).filter(isShown);
  const pairs = rest.map(([key, value]) => `${key}=${show(value)}`);
  return `${[time, level, String(fields['msg'] ?? ''), ...pairs].join(' ').trim()}\n`;
}
