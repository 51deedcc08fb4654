import type { JsonPath } from '../findings.ts';

/**
 * Stands in a text for a part that cannot be known at admission. A noncharacter: a user who writes it makes only
 * a word of his own unreadable.
 */
export const UNKNOWN = '\uFFFF';

/** One word of an argv, after every expansion that we can do without running anything. */
export interface Word {
  /** null when any part of the word is not known. */
  readonly text: string | null;
  /** Text with UNKNOWN for what is not known. */
  readonly marked: string;
  /** What stands before the first unknown part; the whole text when all of it is known. */
  readonly prefix: string;
  /** As the author wrote it, for messages. */
  readonly raw: string;
  /** Path of the argv element: of the script, for a word of shell text. */
  readonly path: JsonPath;
  /** True when the word is exactly one element of `command` or `args`, so that it can be replaced. */
  readonly isElement: boolean;
}

export interface WordSource {
  readonly raw: string;
  readonly path: JsonPath;
  readonly isElement: boolean;
}

/** `marked`: text in which UNKNOWN stands for what is not known. */
export function makeWord(marked: string, source: WordSource): Word {
  const cut = marked.indexOf(UNKNOWN);
  const isKnown = cut === -1;
  return {
    text: isKnown ? marked : null,
    marked,
    prefix: isKnown ? marked : marked.slice(0, cut),
    ...source,
  };
}

/** A word cut after `length` characters, all of them known: the value of `--flag=value`. */
export function restOf(word: Word, length: number): Word {
  return makeWord(word.marked.slice(length), { raw: word.raw, path: word.path, isElement: false });
}

/** Last step of a path, without `.py`: `/opt/venv/bin/vllm` is `vllm`. */
export function programName(word: Word | undefined): string {
  const text = word?.text ?? '';
  return text.slice(text.lastIndexOf('/') + 1);
}

const MAX_QUOTED = 80;

/** User text for a message: one line, without control characters, shortened. */
export function quote(text: string): string {
  const plain = text.replace(/[\p{C}\s]+/gu, ' ');
  return `“${plain.length > MAX_QUOTED ? `${plain.slice(0, MAX_QUOTED)}…` : plain}”`;
}
