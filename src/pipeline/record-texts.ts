/** Texts of a record that a user may have written: bounded, and outside `subject` and `inputs` of a closed alphabet. */

/** A Kubernetes name has at most 253 characters; a user name may have any number. */
const MAX_TEXT = 256;
const MAX_TOKEN = 512;

/** What names, label keys, paths and versions are made of. Quotes, braces, backslashes and controls are not. */
const OUTSIDE_ALPHABET = /[^A-Za-z0-9 _.,:;+\-/~*@#=()[\]]/;
const ALL_OUTSIDE = new RegExp(OUTSIDE_ALPHABET, 'g');

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).toWellFormed()}…`;
}

export function shortText(text: string): string {
  return cut(text.toWellFormed(), MAX_TEXT);
}

export function shortTextOrNull(text: string | null): string | null {
  return text === null ? null : shortText(text);
}

/** Every other character becomes a question mark. */
export function token(text: string): string {
  const short = text.slice(0, MAX_TOKEN);
  return OUTSIDE_ALPHABET.test(short) ? short.replace(ALL_OUTSIDE, '?') : short;
}

export function tokenOrNull(text: string | null): string | null {
  return text === null ? null : token(text);
}

/**
 * JSON escapes the C0 controls by itself. DEL and the C1 controls pass through it, and U+009B starts an escape sequence
 * on a terminal; separators break lines in some viewers, and bidirectional controls reorder what is shown.
 */
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same JSON, whose text cannot act on the terminal that shows it. */
export function escapedJson(json: string): string {
  return json.replace(UNSAFE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
