import { type Budget, spend, type VariableLookup } from './environment.ts';
import { evaluateArithmetic } from './shell-arithmetic.ts';
import type { Part, ShellWord } from './shell-lexer.ts';
import { UNKNOWN } from './words.ts';

/** A shell variable: one text, or the items of an array. Texts hold UNKNOWN for what is not known. */
export interface ShellVariable {
  readonly items: readonly string[];
  readonly isArray: boolean;
  /** Whether programs that the script starts see it. */
  readonly isExported: boolean;
}

/** A list that grows at its head: a command keeps the head that it was started with, and nothing is copied. */
export interface Exported {
  readonly name: string;
  readonly value: string;
  readonly before: Exported | null;
}

export interface ShellState {
  /** What the script itself has set. */
  readonly variables: Map<string, ShellVariable>;
  /** What the script was started with. */
  readonly outer: VariableLookup;
  /** What the script has exported so far, the latest first. */
  exported: Exported | null;
  /** `$0` and after it `$1` …; null once `set --` or `shift` changed them. */
  positional: readonly string[] | null;
  /** Variables may be set that nobody sees here: by ConfigMaps. */
  readonly hasUnseen: boolean;
  readonly budget: Budget;
}

/** The fields that a word becomes: none for an empty unquoted one, several after field splitting. */
export function expandWord(word: ShellWord, state: ShellState): readonly string[] {
  const fields = new Fields(state.budget);
  for (const part of word.parts) expandPart(part, state, fields);
  return fields.finish();
}

/** The text of a word without field splitting: the right side of an assignment. */
export function expandText(parts: readonly Part[], state: ShellState): string {
  return expandWord({ parts: parts.map(asQuoted), raw: '' }, state).join(' ');
}

function asQuoted(part: Part): Part {
  return { ...part, isQuoted: true };
}

/** Collects the fields of one word. */
class Fields {
  readonly #done: string[] = [];
  readonly #budget: Budget;
  #current: string | null = null;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  add(text: string): void {
    this.#current = (this.#current ?? '') + (spend(this.#budget, text.length) ? text : UNKNOWN);
  }

  /** Unquoted text: blanks separate fields. */
  split(text: string): void {
    const pieces = spend(this.#budget, text.length) ? text.split(/[ \t\n]+/) : [UNKNOWN];
    pieces.forEach((piece, index) => {
      if (index > 0) this.end();
      if (piece !== '') this.#current = (this.#current ?? '') + piece;
    });
  }

  /** `"$@"`: each item is a field of its own, the first and last joined to what stands around. */
  list(items: readonly string[]): void {
    items.forEach((item, index) => {
      if (index > 0) this.end();
      this.add(item);
    });
  }

  end(): void {
    if (this.#current !== null) this.#done.push(this.#current);
    this.#current = null;
  }

  finish(): readonly string[] {
    this.end();
    return this.#done;
  }
}

function expandPart(part: Part, state: ShellState, fields: Fields): void {
  switch (part.kind) {
    case 'text':
      return fields.add(part.text);
    case 'unknown':
      return fields.add(UNKNOWN);
    case 'arithmetic':
      return fields.add(arithmeticText(part.text, state));
    case 'parameter':
      return expandParameter(part, state, fields);
  }
}

function arithmeticText(text: string, state: ShellState): string {
  const value = evaluateArithmetic(text, (name) => {
    const known = textOf(name, state);
    return known === null || known.includes(UNKNOWN) ? null : known.trim();
  });
  return value === null ? UNKNOWN : String(value);
}

type Parameter = Extract<Part, { kind: 'parameter' }>;

function expandParameter(part: Parameter, state: ShellState, fields: Fields): void {
  const list = listOf(part.name, state);
  if (list !== null && part.operator === '') return addList(list, part.isQuoted, fields);
  const text = list === null ? textOf(part.name, state) : list.join(' ');
  const chosen = chooseText(part, text, state);
  if (chosen.kind === 'text') return part.isQuoted ? fields.add(chosen.text) : fields.split(chosen.text);
  for (const piece of part.word) expandPart(piece, state, fields);
}

function addList(list: readonly string[], isQuoted: boolean, fields: Fields): void {
  if (isQuoted) return fields.list(list);
  list.forEach((item, index) => {
    if (index > 0) fields.end();
    fields.split(item);
  });
}

type Chosen = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'word' };

/**
 * `${X:-default}` and its kin. A variable that nothing in the pod sets may still be set by the image: a plain `$X` is
 * then unknown, but a default is what its author expects to run (engine-flags.md §5, case 20).
 */
function chooseText(part: Parameter, text: string | null, state: ShellState): Chosen {
  const operator = part.operator.replace(':', '');
  if (text === null && state.hasUnseen) return { kind: 'text', text: UNKNOWN };
  const isUsable = text !== null && !(part.operator.startsWith(':') && text === '');
  if (operator === '+') return isUsable ? { kind: 'word' } : { kind: 'text', text: '' };
  if (isUsable) return { kind: 'text', text };
  return operator === '-' || operator === '=' ? { kind: 'word' } : { kind: 'text', text: UNKNOWN };
}

function listOf(name: string, state: ShellState): readonly string[] | null {
  if (name === '@' || name === '*') return state.positional === null ? [UNKNOWN] : state.positional.slice(1);
  if (!name.endsWith(']')) return null;
  return variableOf(name.slice(0, -3), state)?.items ?? (state.hasUnseen ? [UNKNOWN] : []);
}

const POSITION = /^\d+$/;

/** The text of one parameter; null when nothing in the pod sets it. */
function textOf(name: string, state: ShellState): string | null {
  if (POSITION.test(name)) {
    if (state.positional === null) return UNKNOWN;
    return state.positional[Number(name)] ?? null;
  }
  return variableOf(name, state)?.items[0] ?? null;
}

export function variableOf(name: string, { variables, outer }: ShellState): ShellVariable | undefined {
  const own = variables.get(name);
  if (own !== undefined) return own;
  const given = outer.get(name);
  return given === undefined ? undefined : { items: [given.value], isArray: false, isExported: true };
}
