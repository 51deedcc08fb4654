import type { JsonPath } from '../findings.ts';
import { newBudget } from './environment.ts';
import { expandWord, type ShellState } from './shell-expansion.ts';
import { tokenize } from './shell-tokens.ts';
import { makeWord, type Word } from './words.ts';

/**
 * Words of a text that is split as a shell splits it, but in which nothing is set: the value of an annotation or of
 * a variable that holds flags. `path` is where the text stands.
 */
export function splitWords(text: string, path: JsonPath): readonly Word[] {
  const budget = newBudget();
  const state: ShellState = {
    variables: new Map(),
    outer: new Map(),
    exported: null,
    positional: null,
    hasUnseen: true,
    budget,
  };
  return tokenize(text, budget).flatMap((token) => {
    if (token.kind !== 'word') return [];
    return expandWord(token, state).map((marked) =>
      makeWord(marked, { raw: token.raw, path, isElement: false }),
    );
  });
}
