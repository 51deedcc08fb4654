import { isCollection, isPair, isScalar, isSeq, Scalar, stringify, visit } from 'yaml';
import type { YamlDocument } from './yaml-text.ts';

/** How the author of a document writes, so that what is added looks like the rest. */
export interface Style {
  readonly isJson: boolean;
  /** Columns of one level; 0 for JSON on one line. */
  readonly indent: number;
  /** Columns that a list is set in from its key. */
  readonly listStep: number;
  /** `{ a: 1 }`, not `{a: 1}`. */
  readonly hasFlowPadding: boolean;
  readonly eol: '\n' | '\r\n';
}

export type Quote = 'single' | 'double' | null;

export function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

function startOf(node: unknown): number | null {
  const isNode = isScalar(node) || isCollection(node);
  return isNode && node.range ? node.range[0] : null;
}

/** Columns that block collections are set in from the keys that hold them. */
function stepsOf(text: string, document: YamlDocument): { readonly maps: number[]; readonly lists: number[] } {
  const [maps, lists]: [number[], number[]] = [[], []];
  visit(document, {
    Pair(_, { key, value }) {
      const [keyStart, start] = [startOf(key), startOf(value)];
      if (keyStart === null || start === null || !isCollection(value) || value.flow === true) return;
      (isSeq(value) ? lists : maps).push(columnOf(text, start) - columnOf(text, keyStart));
    },
  });
  return { maps, lists };
}

function mostFrequent(values: readonly number[]): number | null {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [first] = [...counts].sort(([, one], [, other]) => other - one);
  return first?.[0] ?? null;
}

export function styleOf(text: string, document: YamlDocument): Style {
  const { maps, lists } = stepsOf(text, document);
  const [start, end] = document.contents?.range ?? [0, 0];
  const body = text.slice(start, end);
  const isJsonText = isJson(body);
  const indent = isJsonText ? jsonIndent(body) : (mostFrequent(maps.filter((step) => step > 0)) ?? 2);
  return {
    isJson: isJsonText,
    indent,
    listStep: mostFrequent(lists) ?? 0,
    hasFlowPadding: /[{,]\s*\{ |: \{ /.test(body),
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

function isJson(body: string): boolean {
  if (!body.startsWith('{') && !body.startsWith('[')) return false;
  try {
    JSON.parse(body);
    return true;
  } catch {
    return false;
  }
}

function jsonIndent(body: string): number {
  return /^[[{]\r?\n( +)/.exec(body)?.[1]?.length ?? 0;
}

/** The quotes of a value that stands where the new one comes, or beside it. */
export function quoteOf(node: unknown): Quote {
  if (isPair(node)) return quoteOf(node.value);
  if (!isScalar(node)) return null;
  if (node.type === Scalar.QUOTE_SINGLE) return 'single';
  return node.type === Scalar.QUOTE_DOUBLE ? 'double' : null;
}

// The numbers, booleans and nulls of YAML 1.1 are quoted too, so that kubectl reads the text that is meant.
const OPTIONS = {
  version: '1.1',
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY,
} as const;

/** A value for a place inside brackets: on one line, but for JSON that is spread over several. */
export function flowText(value: unknown, style: Style, quote: Quote): string {
  if (style.isJson) return JSON.stringify(value, null, style.indent);
  return stringify(value, {
    ...OPTIONS,
    ...quoting(value, quote),
    collectionStyle: 'flow',
    flowCollectionPadding: style.hasFlowPadding,
  }).trimEnd();
}

/** A value as lines without indentation; a collection that is not empty becomes a block. */
export function blockText(value: unknown, style: Style, quote: Quote): string {
  return stringify(value, {
    ...OPTIONS,
    ...quoting(value, quote),
    indent: style.indent,
    indentSeq: style.listStep > 0,
  }).trimEnd();
}

/** What comes after a key: a scalar on its line, a collection below it; all lines but the first are set in from the key. */
export function afterKey(value: unknown, style: Style): string {
  if (!isFilled(value)) return `: ${blockText(value, style, null)}`;
  const step = Array.isArray(value) ? style.listStep : style.indent;
  const lines = ' '.repeat(step) + setIn(blockText(value, style, null), step, '\n');
  return `:\n${lines}`;
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** Text of several lines is written on one, in double quotes, whatever stands beside it. */
function quoting(value: unknown, quote: Quote): object {
  if (/\\[nr]/.test(JSON.stringify(value))) {
    return { defaultStringType: Scalar.QUOTE_DOUBLE, defaultKeyType: Scalar.PLAIN };
  }
  const texts = Array.isArray(value) ? value : [value];
  if (quote === null || !texts.every((one) => typeof one === 'string')) return {};
  return { defaultStringType: quote === 'single' ? Scalar.QUOTE_SINGLE : Scalar.QUOTE_DOUBLE };
}

/** The lines of `text`, each after the first set in by `column`. */
export function setIn(text: string, column: number, eol: string): string {
  return text.replaceAll('\n', eol + ' '.repeat(column));
}
