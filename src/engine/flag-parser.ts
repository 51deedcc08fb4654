import { type Finding, type FindingCode, finding } from '../findings.ts';
import { repeatFindings } from './flag-conflicts.ts';
import { indexNames, matchName, type NameIndex, type NameMatch } from './flag-names.ts';
import type { Concept, FlagSpec, Grammar, Occurrence, ParsedFlags } from './flags.ts';
import { makeWord, quote, restOf, UNKNOWN, type Word } from './words.ts';

interface Parse {
  readonly index: NameIndex;
  readonly words: readonly Word[];
  readonly occurrences: Map<Concept, Occurrence[]>;
  readonly positionals: Word[];
  readonly findings: Finding[];
  at: number;
  isOpaque: boolean;
}

/** Reads the words behind the program's name by an engine's grammar. */
export function parseFlags(words: readonly Word[], grammar: Grammar): ParsedFlags {
  const index = indexNames(grammar);
  const parse: Parse = {
    index,
    words,
    occurrences: new Map(),
    positionals: [],
    findings: [],
    at: 0,
    isOpaque: false,
  };
  while (parse.at < words.length) readNext(parse);
  const { occurrences, positionals, isOpaque } = parse;
  const findings = [...parse.findings, ...repeatFindings(occurrences, grammar)];
  return { occurrences, positionals, isOpaque, findings };
}

function report(parse: Parse, code: FindingCode, word: Word, message: string): void {
  parse.findings.push(finding(code, word.path, message));
}

const NEGATIVE_NUMBER = /^-\d/;

function isFlagLike(word: Word): boolean {
  return word.prefix.startsWith('-') && word.prefix !== '-' && !NEGATIVE_NUMBER.test(word.prefix);
}

function readNext(parse: Parse): void {
  const word = parse.words[parse.at];
  parse.at += 1;
  if (word === undefined) return;
  if (word.text === '--') return takeRest(parse);
  if (isFlagLike(word)) readFlag(parse, word);
  else readBare(parse, word);
}

function takeRest(parse: Parse): void {
  parse.positionals.push(...parse.words.slice(parse.at));
  parse.at = parse.words.length;
  // Flags that are appended after `--` would not be read as flags.
  parse.isOpaque = true;
}

/** A bare word: the model, or a word that may expand to anything. */
function readBare(parse: Parse, word: Word): void {
  const { maxPositionals } = parse.index.grammar;
  if (parse.positionals.length < maxPositionals) parse.positionals.push(word);
  else if (word.text === null) parse.isOpaque = true;
}

function readFlag(parse: Parse, word: Word): void {
  if (isSeveralWords(word)) return readSeveralWords(parse, word);
  const equals = word.prefix.indexOf('=');
  if (word.text === null && equals === -1) {
    parse.isOpaque = true;
    return;
  }
  const written = equals === -1 ? word.prefix : word.prefix.slice(0, equals);
  const joined = equals === -1 ? null : restOf(word, equals + 1);
  const attached = attachedMatch(parse, written);
  if (attached !== null) return readMatch(parse, { word, ...attached });
  const match = joinedMatch(parse, written, joined) ?? matchName(parse.index, written);
  readMatch(parse, { word, name: written, value: joined, match });
}

interface Found {
  readonly word: Word;
  readonly name: string;
  readonly value: Word | null;
  readonly match: NameMatch;
}

function readMatch(parse: Parse, found: Found): void {
  const { match, word, name, value } = found;
  const { title } = parse.index.grammar;
  if (match.kind === 'other') {
    if (value === null && match.takesValue) skipValue(parse);
    return;
  }
  if (match.kind === 'ambiguous') return readAmbiguous(parse, found, match.specs, match.names);
  if (match.kind === 'refused')
    report(parse, 'malformed-flag', word, `${title} refuses ${quote(word.raw)}; ${match.hint}`);
  const { spec } = match;
  const taken = value ?? takeValue(parse, word, name, spec);
  const isGiven = taken !== null && match.kind === 'known';
  const site = isGiven ? siteOf(word, name, value, parse.words[parse.at - 1]) : null;
  const path = value === null ? (taken?.path ?? word.path) : word.path;
  add(parse, {
    spec,
    flag: name,
    key: match.kind === 'known' ? match.key : null,
    isNegated: match.kind === 'known' && match.isNegated,
    value: unquoted(parse, taken, word),
    path,
    site,
  });
}

function add(parse: Parse, occurrence: Occurrence): void {
  const { concept } = occurrence.spec;
  const list = parse.occurrences.get(concept);
  if (list === undefined) parse.occurrences.set(concept, [occurrence]);
  else list.push(occurrence);
}

function siteOf(word: Word, flag: string, joined: Word | null, last: Word | undefined): Occurrence['site'] {
  if (joined !== null)
    return word.isElement ? { path: word.path, isJoined: true, flag, isVariable: false } : null;
  return last?.isElement === true ? { path: last.path, isJoined: false, flag, isVariable: false } : null;
}

/** The value in the words that follow; null for a switch and where there is none. */
function takeValue(parse: Parse, word: Word, name: string, spec: FlagSpec): Word | null {
  if (spec.arity === 'switch') return takeTruth(parse);
  const next = parse.words[parse.at];
  if (next !== undefined && (isValue(parse, next) || parse.index.grammar.takesDashedValues)) {
    parse.at += 1;
    if (spec.arity === 'many') skipValues(parse);
    return next;
  }
  if (spec.arity === 'one') report(parse, 'malformed-flag', word, `${quote(name)} needs a value`);
  return null;
}

/** Older vLLM took `--flag true`. */
function takeTruth(parse: Parse): Word | null {
  const next = parse.words[parse.at];
  if (!parse.index.grammar.hasNegation || !/^(?:true|false)$/i.test(next?.text ?? '')) return null;
  parse.at += 1;
  return next ?? null;
}

function isValue(parse: Parse, word: Word): boolean {
  return !isFlagLike(word) || (isSeveralWords(word) && parse.index.grammar.takesDashedValues);
}

function skipValue(parse: Parse): void {
  const next = parse.words[parse.at];
  if (next !== undefined && !isFlagLike(next)) parse.at += 1;
}

/** `--served-model-name a b c`: the first is kept, the others belong to it. */
function skipValues(parse: Parse): void {
  let next = parse.words[parse.at];
  while (next !== undefined && !isFlagLike(next)) {
    parse.at += 1;
    next = parse.words[parse.at];
  }
}

/** llama.cpp compares whole words: to it `--ctx-size=8192` is no flag. */
function joinedMatch(parse: Parse, name: string, value: Word | null): NameMatch | null {
  if (value === null || parse.index.grammar.takesJoined) return null;
  const match = matchName(parse.index, name);
  if (match.kind !== 'known') return null;
  return { kind: 'refused', spec: match.spec, hint: `write ${name} and the value as two words, without =` };
}

const ATTACHED = /^(-[a-z]{1,3})(\d+)$/;

/** `-tp8`: argparse knows values attached to one-letter flags only (engine-flags.md §6). */
function attachedMatch(parse: Parse, written: string): Omit<Found, 'word'> | null {
  if (written.startsWith('--')) return null;
  const [, name = '', digits = ''] = ATTACHED.exec(written) ?? [];
  const spec = parse.index.exact.get(name);
  if (spec === undefined || name.length < 3 || spec.arity !== 'one') return null;
  const word = parse.words[parse.at - 1];
  const value = word === undefined ? null : restOf(word, name.length);
  return { name, value, match: { kind: 'refused', spec, hint: `write ${name} ${digits}` } };
}

/** A beginning that several flags share: argparse refuses it, and releases differ in which flags they have. */
function readAmbiguous(
  parse: Parse,
  found: Found,
  specs: readonly FlagSpec[],
  names: readonly string[],
): void {
  const { word, name, value } = found;
  const { title } = parse.index.grammar;
  const message = `${quote(name)} is the beginning of several ${title} flags (${names.slice(0, 3).join(', ')}): spell it out`;
  report(parse, 'flag-conflict', word, message);
  const unknown = makeWord(UNKNOWN, { raw: (value ?? word).raw, path: word.path, isElement: false });
  if (value === null) skipValue(parse);
  for (const spec of specs) {
    add(parse, {
      spec,
      flag: name,
      key: null,
      isNegated: false,
      value: unknown,
      path: word.path,
      site: null,
    });
  }
}

const SEVERAL = /^(--?[A-Za-z][\w.-]*)[ \t\n]+(.*)$/s;

function isSeveralWords(word: Word): boolean {
  return word.isElement && SEVERAL.test(word.prefix);
}

/** `"--max-model-len 8192"` as one element: no shell splits it, so the engine sees one unknown word. */
function readSeveralWords(parse: Parse, word: Word): void {
  const [, name = '', rest = ''] = SEVERAL.exec(word.marked) ?? [];
  const match = matchName(parse.index, name);
  const message = `${quote(name)} and its value are one element; without a shell they must be two, or joined by =`;
  report(parse, 'malformed-flag', word, message);
  if (match.kind !== 'known') return;
  const value = makeWord(stripQuotes(rest.trim()), { raw: word.raw, path: word.path, isElement: false });
  add(parse, {
    spec: match.spec,
    flag: name,
    key: match.key,
    isNegated: match.isNegated,
    value,
    path: word.path,
    site: null,
  });
}

const QUOTED = /^(["'])(.*)\1$/s;

function stripQuotes(text: string): string {
  return QUOTED.exec(text)?.[2] ?? text;
}

/** Quotes that no shell takes away reach the engine as part of the value. */
function unquoted(parse: Parse, value: Word | null, word: Word): Word | null {
  const isBare = value !== null && (value.isElement || word.isElement);
  if (!isBare || value.text === null || !QUOTED.test(value.text)) return value;
  report(parse, 'malformed-flag', value, 'the quotes are part of the value: no shell takes them away');
  return makeWord(stripQuotes(value.text), { raw: value.raw, path: value.path, isElement: false });
}
