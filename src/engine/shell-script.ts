import {
  type Exported,
  expandText,
  expandWord,
  type ShellState,
  type ShellVariable,
  variableOf,
} from './shell-expansion.ts';
import type { ShellWord, Token } from './shell-lexer.ts';
import { tokenize } from './shell-tokens.ts';
import { UNKNOWN } from './words.ts';

/** One word of a simple command, expanded; `raw` as written. */
export interface ScriptWord {
  readonly marked: string;
  readonly raw: string;
}

/** A simple command of a script, with the variables that it sees. */
export interface ScriptCommand {
  readonly words: readonly ScriptWord[];
  readonly exported: Exported | null;
}

/** `sh -c` in a script, `eval`: scripts in scripts. */
export const MAX_SCRIPTS = 4;

/** Commands that are kept of one script. The longest launch script seen has about 40. */
const MAX_COMMANDS = 256;

/** Items of an array that are followed. */
const MAX_ITEMS = 256;

interface Run {
  readonly state: ShellState;
  readonly commands: ScriptCommand[];
  readonly depth: number;
  /** Blocks that may or may not run: what they assign is not known afterwards. */
  blocks: number;
  /** The operator before this command, and whether the command before it was a test. */
  isAfterTest: boolean;
  isAfterOr: boolean;
}

/** The simple commands of a script in the order of the text, whichever of them would really run. */
export function readScript(text: string, state: ShellState, depth = 0): readonly ScriptCommand[] {
  const run: Run = { state, commands: [], depth, blocks: 0, isAfterTest: false, isAfterOr: false };
  let pending: Token[] = [];
  for (const token of tokenize(text, state.budget)) {
    if (token.kind !== 'operator') pending.push(token);
    else {
      runCommand(pending, token.text, run);
      pending = [];
    }
  }
  runCommand(pending, '\n', run);
  return run.commands;
}

function runCommand(tokens: readonly Token[], operator: string, run: Run): void {
  const rest = tokens.slice(skipReserved(tokens, run));
  const first = rest[0];
  if (first?.kind === 'array' || (first?.kind === 'word' && ASSIGNMENT.test(first.raw)))
    assignThenRun(rest, run);
  else runWords(rest, new Map(), run);
  // Blank lines and the bracket of a function definition separate nothing.
  if (rest.length > 0 || operator !== '\n') {
    run.isAfterTest = operator === '&&' && first?.kind === 'word' && TESTS.has(first.raw);
    run.isAfterOr = operator === '||';
  }
}

const TESTS = new Set(['[', '[[', 'test', '!']);
const OPENS = new Set(['if', 'while', 'until', 'for', 'case', 'select']);
const CLOSES = new Set(['fi', 'done', 'esac']);
const BETWEEN = new Set(['then', 'else', 'elif', 'do', '{', '}', '!', 'time']);

/** How many leading words are the shell's own; counts the blocks that open and close. */
function skipReserved(tokens: readonly Token[], run: Run): number {
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word') return index;
    const { raw } = token;
    if (OPENS.has(raw)) {
      run.blocks += 1;
      if (raw === 'for' || raw === 'case' || raw === 'select') return skipHead(tokens, run);
    } else if (CLOSES.has(raw)) run.blocks = Math.max(0, run.blocks - 1);
    else if (!BETWEEN.has(raw)) return index;
  }
  return tokens.length;
}

/** `for x in a b` and `case $x in`: nothing of them runs, and the loop variable takes values that are not followed. */
function skipHead(tokens: readonly Token[], run: Run): number {
  const name = tokens[1];
  if (name?.kind === 'word' && NAME.test(name.raw))
    setVariable(run.state, name.raw, unknownVariable(run.state, name.raw));
  return tokens.length;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/;

function unknownVariable(state: ShellState, name: string): ShellVariable {
  const before = variableOf(name, state);
  return { items: [UNKNOWN], isArray: before?.isArray ?? false, isExported: before?.isExported ?? false };
}

function setVariable(state: ShellState, name: string, variable: ShellVariable): void {
  state.variables.set(name, variable);
  if (variable.isExported) state.exported = { name, value: variable.items.join(' '), before: state.exported };
}

/** Leading assignments: for the command alone when there is one, for the script otherwise. */
function assignThenRun(tokens: readonly Token[], run: Run): void {
  const end = tokens.findIndex((token) => token.kind === 'word' && !ASSIGNMENT.test(token.raw));
  const assignments = end === -1 ? tokens : tokens.slice(0, end);
  if (end === -1) {
    for (const token of assignments) assign(token, run, false);
    return;
  }
  const own = new Map<string, string>();
  for (const token of assignments) {
    if (token.kind === 'word') {
      const { name, text } = splitAssignment(token, run.state);
      own.set(name, text);
    }
  }
  runWords(tokens.slice(end), own, run);
}

interface Assignment {
  readonly name: string;
  readonly isAppend: boolean;
  readonly text: string;
}

function splitAssignment(word: ShellWord, state: ShellState): Assignment {
  const head = ASSIGNMENT.exec(word.raw)?.[0] ?? '';
  const isAppend = head.endsWith('+=');
  const name = head.slice(0, isAppend ? -2 : -1);
  // The head is plain text, so it lies in the first part whole.
  const [first, ...others] = word.parts;
  const value = first?.kind === 'text' ? first.text.slice(head.length) : '';
  const text = expandText([{ kind: 'text', text: value, isQuoted: true }, ...others], state);
  return { name, isAppend, text };
}

function assign(token: Token, run: Run, isExported: boolean): void {
  if (token.kind === 'operator') return;
  const { state } = run;
  const { name, isAppend, items } =
    token.kind === 'array' ? arrayItems(token, state) : textItem(token, state);
  const before = variableOf(name, state);
  const isArray = token.kind === 'array' || before?.isArray === true;
  const added = isAppend ? joined(before, items, token.kind === 'array') : items;
  setVariable(state, name, {
    items: isUncertain(run) ? [UNKNOWN] : added,
    isArray,
    isExported: isExported || before?.isExported === true,
  });
}

/** What stands in a block, behind a test or behind `||` may not have run. */
function isUncertain(run: Run): boolean {
  return run.blocks > 0 || run.isAfterTest || run.isAfterOr;
}

interface Assigned {
  readonly name: string;
  readonly isAppend: boolean;
  readonly items: readonly string[];
}

function arrayItems(token: Extract<Token, { kind: 'array' }>, state: ShellState): Assigned {
  return { ...token, items: token.items.flatMap((item) => expandWord(item, state)) };
}

function textItem(token: ShellWord, state: ShellState): Assigned {
  const { name, isAppend, text } = splitAssignment(token, state);
  return { name, isAppend, items: [text] };
}

function joined(
  before: ShellVariable | undefined,
  items: readonly string[],
  isArray: boolean,
): readonly string[] {
  const own = before?.items ?? [];
  if (isArray) return own.length + items.length > MAX_ITEMS ? [UNKNOWN] : [...own, ...items];
  const [first = '', ...others] = own;
  return [first + items.join(' '), ...others];
}

const DECLARES = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh']);

function runWords(tokens: readonly Token[], own: ReadonlyMap<string, string>, run: Run): void {
  const first = tokens[0];
  if (first?.kind !== 'word') return;
  if (DECLARES.has(first.raw)) {
    for (const token of tokens.slice(1)) declare(token, run, first.raw === 'export');
    return;
  }
  const words = tokens.flatMap((token) => (token.kind === 'word' ? wordsOf(token, run.state) : []));
  const program = words[0]?.marked;
  if (program === 'set' || program === 'shift') return changePositional(words, run.state);
  if (program === 'read' || program === 'unset') return forget(words, run.state);
  if (program === 'eval')
    return runInner(
      words
        .slice(1)
        .map((word) => word.marked)
        .join(' '),
      run,
    );
  if (words.length > 0 && run.commands.length < MAX_COMMANDS) {
    run.commands.push({ words, exported: environmentOf(run.state, own) });
  }
}

function wordsOf(token: ShellWord, state: ShellState): readonly ScriptWord[] {
  return expandWord(token, state).map((marked) => ({ marked, raw: token.raw }));
}

/** The text of `eval` is read as a script of its own, not run. */
function runInner(text: string, run: Run): void {
  if (run.depth >= MAX_SCRIPTS) return;
  run.commands.push(...readScript(text, run.state, run.depth + 1));
}

function declare(token: Token, run: Run, isExport: boolean): void {
  if (token.kind === 'array' || (token.kind === 'word' && ASSIGNMENT.test(token.raw)))
    return assign(token, run, isExport);
  if (token.kind !== 'word' || !isExport) return;
  const variable = variableOf(token.raw, run.state);
  if (variable !== undefined) setVariable(run.state, token.raw, { ...variable, isExported: true });
}

function changePositional(words: readonly ScriptWord[], state: ShellState): void {
  const dashes = words.findIndex((word) => word.marked === '--');
  if (words[0]?.marked === 'shift') state.positional = null;
  else if (dashes !== -1) state.positional = ['', ...words.slice(dashes + 1).map((word) => word.marked)];
}

function forget(words: readonly ScriptWord[], state: ShellState): void {
  for (const { marked } of words.slice(1)) {
    if (NAME.test(marked)) setVariable(state, marked, unknownVariable(state, marked));
  }
}

function environmentOf(state: ShellState, own: ReadonlyMap<string, string>): Exported | null {
  let exported = state.exported;
  for (const [name, value] of own) exported = { name, value, before: exported };
  return exported;
}

/** The script and the positional parameters of a `sh -c …` argv; null when the argv is no such thing. */
export interface ShellCall {
  /** Index of the script in the argv; -1 for a script file, which cannot be read. */
  readonly script: number;
}

/** `bash -lc 'text' name args`: options may be combined, `-o` takes a word of its own. */
export function shellCall(program: string, texts: readonly (string | null)[]): ShellCall | null {
  if (!SHELLS.has(program)) return null;
  let hasCommand = false;
  let index = 1;
  for (; index < texts.length; index += 1) {
    const text = texts[index] ?? '';
    if (!/^[-+]./.test(text)) break;
    if (text === '--') {
      index += 1;
      break;
    }
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(text)) hasCommand = true;
    if (/^[-+][a-zA-Z]*[oO]$/.test(text)) index += 1;
  }
  return { script: hasCommand && index < texts.length ? index : -1 };
}
