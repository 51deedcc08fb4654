import { isCollection, isMap, isSeq, type Pair, type ParsedNode, type YAMLMap, type YAMLSeq } from 'yaml';
import { afterKey, blockText, columnOf, flowText, quoteOf, type Style, setIn } from './style.ts';

/** Changes of one text, made where they are meant: every other byte stays. */

export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Page {
  readonly text: string;
  readonly style: Style;
}

export type MapNode = YAMLMap<ParsedNode, ParsedNode | null>;
export type SeqNode = YAMLSeq<ParsedNode>;
export type PairNode = Pair<ParsedNode, ParsedNode | null>;
type Member = readonly [key: string, value: unknown];

interface Placed {
  readonly range?: readonly [start: number, valueEnd: number, nodeEnd: number] | null | undefined;
}

function rangeOf(node: Placed | null | undefined): readonly [number, number] {
  if (!node?.range) throw new RangeError('a node of the text has no place in it');
  return [node.range[0], node.range[1]];
}

function isBlock(node: unknown): boolean {
  return isCollection(node) && node.flow !== true;
}

/** Where what a node says ends: comments and empty lines after it are not part of it. */
function contentEnd(node: ParsedNode): number {
  if (!isBlock(node)) return rangeOf(node)[1];
  if (isMap<ParsedNode, ParsedNode | null>(node)) return pairEnd(node.items.at(-1));
  const last = isSeq<ParsedNode>(node) ? node.items.at(-1) : undefined;
  return last === undefined ? rangeOf(node)[1] : contentEnd(last);
}

function pairEnd(pair: PairNode | undefined): number {
  return pair === undefined ? 0 : contentEnd(pair.value ?? pair.key);
}

/** New lines after the line on which something ends. A block scalar ends with its own line break. */
function linesAfter({ text, style: { eol } }: Page, end: number, lines: string): Splice {
  if (end > 0 && text[end - 1] === '\n') return { start: end, end, text: lines + eol };
  const feed = text.indexOf('\n', end);
  if (feed === -1) return { start: text.length, end: text.length, text: eol + lines };
  const start = text[feed - 1] === '\r' ? feed - 1 : feed;
  return { start, end: start, text: eol + lines };
}

/** Whole lines, with the line break of the last one. */
function linesOf({ text }: Page, start: number, end: number): Splice {
  const feed = text[end - 1] === '\n' ? end - 1 : text.indexOf('\n', end);
  return { start: start - columnOf(text, start), end: feed === -1 ? text.length : feed + 1, text: '' };
}

function isFirstOnLine({ text }: Page, offset: number): boolean {
  return text.slice(offset - columnOf(text, offset), offset).trim() === '';
}

// --- members of a mapping ----------------------------------------------------------------------------------------

/** After the pair `last` of the mapping, which stays. */
export function insertMembers(
  page: Page,
  map: MapNode,
  last: PairNode,
  members: readonly Member[],
): Splice {
  const { text, style } = page;
  const column = columnOf(text, rangeOf(last.key)[0]);
  if (map.flow === true) {
    const words = members.map((member) => flowMember(member, style));
    return insertInFlow(page, { end: pairEnd(last), start: rangeOf(last.key)[0], open: rangeOf(map)[0] }, words);
  }
  const lines = members.map(([key, value]) => blockText(key, style, null) + afterKey(value, style)).join('\n');
  return linesAfter(page, pairEnd(last), ' '.repeat(column) + setIn(lines, column, style.eol));
}

function flowMember([key, value]: Member, style: Style): string {
  if (!style.isJson) return flowText({ [key]: value }, style, null).slice(1, -1).trim();
  return `${JSON.stringify(key)}:${style.indent > 0 ? ' ' : ''}${flowText(value, style, null)}`;
}

interface FlowPlace {
  /** Start and end of what the new words follow. */
  readonly start: number;
  readonly end: number;
  /** Start of the collection. */
  readonly open: number;
}

/** After an entry, on a line of its own where that one has one. */
function insertInFlow({ text, style }: Page, { start, end, open }: FlowPlace, words: readonly string[]): Splice {
  const column = columnOf(text, start);
  const isSpread = text.slice(start - column, start).trim() === '' && text.slice(open, start).includes('\n');
  const line = style.eol + ' '.repeat(column);
  const space = style.isJson && style.indent === 0 && !/[:,] /.test(text.slice(open, end)) ? '' : ' ';
  const gap = isSpread ? line : space;
  return { start: end, end, text: words.map((word) => `,${gap}${setIn(word, column, style.eol)}`).join('') };
}

export function removeMember(page: Page, map: MapNode, key: PairNode): Splice {
  const index = map.items.indexOf(key);
  const [start] = rangeOf(key.key);
  const next = map.items[index + 1];
  const before = map.items[index - 1];
  const isJoined = map.flow === true || !isFirstOnLine(page, start);
  if (isJoined && next !== undefined) return { start, end: rangeOf(next.key)[0], text: '' };
  if (map.flow !== true) return linesOf(page, start, pairEnd(key));
  return { start: before === undefined ? start : pairEnd(before), end: pairEnd(key), text: '' };
}

// --- items of a list ---------------------------------------------------------------------------------------------

/** After the item of this index, which exists. */
export function insertItems(page: Page, list: SeqNode, index: number, items: readonly unknown[]): Splice {
  const before = list.items[index];
  if (before === undefined) throw new RangeError('an empty list is replaced as a whole');
  const { text, style } = page;
  const quote = quoteOf(before);
  const [start] = rangeOf(before);
  if (list.flow === true) {
    const words = items.map((item) => flowText(item, style, quote));
    return insertInFlow(page, { end: rangeOf(before)[1], start, open: rangeOf(list)[0] }, words);
  }
  const column = columnOf(text, rangeOf(list)[0]);
  const lines = blockText(items, style, quote);
  return linesAfter(page, contentEnd(before), ' '.repeat(column) + setIn(lines, column, style.eol));
}

export function removeItem(page: Page, list: SeqNode, index: number): Splice {
  const item = list.items[index];
  const [start, end] = rangeOf(item);
  const next = list.items[index + 1];
  const before = list.items[index - 1];
  if (list.flow !== true) {
    const dash = page.text.lastIndexOf('-', start - 1);
    if (!isFirstOnLine(page, dash) && next !== undefined) return { start, end: rangeOf(next)[0], text: '' };
    return linesOf(page, dash, item === undefined ? end : contentEnd(item));
  }
  if (next !== undefined) return { start, end: rangeOf(next)[0], text: '' };
  return { start: before === undefined ? start : rangeOf(before)[1], end, text: '' };
}

// --- whole values ------------------------------------------------------------------------------------------------

/** @param owner the key of a block mapping, under which a collection may take lines of its own. */
export function replaceValue(page: Page, node: Placed, value: unknown, owner: ParsedNode | null): Splice {
  const { text, style } = page;
  const [start, nodeEnd] = rangeOf(node);
  const end = start + text.slice(start, nodeEnd).trimEnd().length;
  if (owner !== null && typeof value === 'object' && value !== null) {
    const [keyStart, keyEnd] = rangeOf(owner);
    const feed = text.indexOf('\n', end);
    const isAlone = text.slice(end, feed === -1 ? text.length : feed).trim() === '';
    if (isAlone && /^\s*:\s*$/.test(text.slice(keyEnd, start))) {
      return { start: keyEnd, end, text: setIn(afterKey(value, style), columnOf(text, keyStart), style.eol) };
    }
  }
  const space = end === start && text[start - 1] === ':' ? ' ' : '';
  return { start, end, text: space + setIn(flowText(value, style, quoteOf(node)), lineIndent(text, start), style.eol) };
}

function lineIndent(text: string, offset: number): number {
  const line = text.slice(offset - columnOf(text, offset), offset);
  return line.length - line.trimStart().length;
}

/** @throws RangeError where two changes overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  const ordered = splices.toSorted((one, other) => one.start - other.start || one.end - other.end);
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, text: replacement } of ordered) {
    if (start < at) throw new RangeError('two changes of one text overlap');
    parts.push(text.slice(at, start), replacement);
    at = end;
  }
  return parts.join('') + text.slice(at);
}
