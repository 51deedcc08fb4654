/**
 * JSON escapes the C0 controls by itself. DEL and the C1 controls pass through it, and U+009B starts an escape sequence
 * on a terminal; separators break lines in some viewers, and bidirectional controls reorder what is shown.
 */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, whose text cannot act on the terminal that shows it. */
export function escapedLine(line: string): string {
  return line.replace(UNSAFE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
