import { isAlias, isMap, isPair, isSeq, type ParsedNode } from 'yaml';
import { memberAt, valueAt } from '../../admission/document.ts';
import { isRecord, isSameJson, type JsonRecord } from '../../workload/json-value.ts';
import type { JsonPath } from '../../findings.ts';
import {
  applySplices,
  insertItems,
  insertMembers,
  type MapNode,
  type PairNode,
  type Page,
  removeItem,
  removeMember,
  replaceValue,
  type SeqNode,
  type Splice,
} from './splices.ts';
import { flowText, styleOf } from './style.ts';
import { keyName, parseYaml, readDocument, type YamlDocument, type YamlText } from './yaml-text.ts';

/** One object of a text, as it is to be. */
export interface Rewrite {
  readonly document: YamlDocument;
  /** Path of the object in its document. */
  readonly at: JsonPath;
  readonly object: unknown;
}

/** What an alias stands for, and where that is written. */
interface Anchored {
  readonly node: ParsedNode;
  readonly path: JsonPath;
}

interface Scene {
  readonly page: Page;
  readonly document: YamlDocument;
  readonly before: unknown;
  readonly after: unknown;
  readonly splices: Splice[];
}

/**
 * The text with the new objects in it. Only what differs is written anew, in the author's own style: comments, order,
 * quotes, separators and every byte between them stay.
 * @throws RangeError where the layout of a document does not allow it: nothing is better than something else.
 */
export function rewrite(yaml: YamlText, rewrites: readonly Rewrite[]): string {
  const before = yaml.documents.map((document) => valueOf(document));
  const after = yaml.documents.map((document, index) =>
    rewrites
      .filter((one) => one.document === document)
      .reduce((value, { at, object }) => replacedAt(value, at, object), before[index]),
  );
  // First what goes and what changes, then what comes: a line is never put after one that is taken away.
  const kept = after.map((value, index) => withoutAdditions(before[index], value));
  return pass(pass(yaml, before, kept), kept, after).text;
}

function pass(yaml: YamlText, before: readonly unknown[], after: readonly unknown[]): YamlText {
  const splices = yaml.documents.flatMap((document, index) => {
    const [old, next] = [before[index], after[index]];
    if (isSameJson(old, next)) return [];
    return splicesOf({ page: pageOf(yaml.text, document), document, before: old, after: next, splices: [] });
  });
  if (splices.length === 0) return yaml;
  const written = parseYaml(applySplices(yaml.text, splices));
  verify(written, after);
  return written;
}

/** `after` with only those members and items that `before` has a place for. */
function withoutAdditions(before: unknown, after: unknown): unknown {
  if (isRecord(before) && isRecord(after)) {
    const stay = Object.entries(after).filter(([name]) => Object.hasOwn(before, name));
    return Object.fromEntries(stay.map(([name, value]) => [name, withoutAdditions(before[name], value)]));
  }
  if (!Array.isArray(before) || !Array.isArray(after)) return after;
  const { paired, tail } = align(before, after);
  const head = after.slice(0, paired).map((item, index) => withoutAdditions(before[index], item));
  return [...head, ...after.slice(after.length - tail)];
}

interface Alignment {
  /** Items at the start that belong to each other, changed or not. */
  readonly paired: number;
  /** Equal items at the end. */
  readonly tail: number;
}

function align(before: readonly unknown[], after: readonly unknown[]): Alignment {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && isSameJson(before[head], after[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && isSameJson(before.at(-1 - tail), after.at(-1 - tail))) tail += 1;
  return { paired: shorter - tail, tail };
}

function pageOf(text: string, document: YamlDocument): Page {
  return { text, style: styleOf(text, document) };
}

function valueOf(document: YamlDocument): unknown {
  const reading = readDocument(document, Number.POSITIVE_INFINITY);
  if ('value' in reading) return reading.value;
  throw new RangeError('a document of the text cannot be read');
}

/** A copy in which `value` stands at a path of list indices and member names. */
function replacedAt(root: unknown, path: JsonPath, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(root)) return root.map((item, index) => (index === step ? replacedAt(item, rest, value) : item));
  return isRecord(root) ? { ...root, [step]: replacedAt(root[step], rest, value) } : root;
}

/** The second opinion: what was written, read again, is what was meant. */
function verify({ documents }: YamlText, wanted: readonly unknown[]): void {
  const isMeant =
    documents.length === wanted.length &&
    documents.every(
      (document, index) => document.errors.length === 0 && isSameJson(valueOf(document), wanted[index]),
    );
  if (!isMeant) throw new RangeError('what was written is not what was meant');
}

function splicesOf(scene: Scene): readonly Splice[] {
  const { document, before, after } = scene;
  if (document.contents === null) throw new RangeError('an empty document has no object');
  changeValue(scene, { node: document.contents, owner: null, path: [] }, before, after);
  freeAliases(scene);
  return scene.splices;
}

// --- the walk ----------------------------------------------------------------------------------------------------

interface Place {
  readonly node: ParsedNode;
  /** The key of a block mapping that holds it. */
  readonly owner: ParsedNode | null;
  readonly path: JsonPath;
}

function changeValue(scene: Scene, place: Place, before: unknown, after: unknown): void {
  const { node } = place;
  if (isSameJson(before, after) || (isAlias(node) && followsItsAnchor(scene, place, after))) return;
  // Nothing can be put beside what is not there, and what is taken away whole leaves a pair of brackets.
  const isWhole = isEmpty(before) || isEmpty(after);
  if (!isWhole && isMap<ParsedNode, ParsedNode | null>(node) && isRecord(before) && isRecord(after)) {
    changeMembers(scene, { ...place, node }, before, after);
  } else if (!isWhole && isSeq<ParsedNode>(node) && Array.isArray(before) && Array.isArray(after)) {
    changeItems(scene, { ...place, node }, before, after);
  } else {
    scene.splices.push(replaceValue(scene.page, node, after, place.owner));
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function changeMembers(
  scene: Scene,
  place: Place & { readonly node: MapNode },
  before: JsonRecord,
  after: JsonRecord,
): void {
  const { node: map, path } = place;
  const added = Object.entries(after).filter(([name]) => pairOf(map, name) === undefined);
  const isNew = ([name, value]: readonly [string, unknown]): boolean => !isSameJson(memberAt(before, name), value);
  const kept = map.items.filter(({ key }) => Object.hasOwn(after, keyName(key) ?? MERGE) || keyName(key) === null);
  const last = kept.at(-1);
  if (last === undefined) {
    scene.splices.push(replaceValue(scene.page, map, after, place.owner));
    return;
  }
  for (const name of Object.keys(before)) {
    const pair = pairOf(map, name);
    if (pair !== undefined && !kept.includes(pair)) scene.splices.push(removeMember(scene.page, map, pair));
    else if (pair === undefined && !Object.hasOwn(after, name)) throw new RangeError('a merge key brings it');
  }
  for (const { key, value } of kept) {
    const name = keyName(key);
    if (name === null || value === null) continue;
    const owner = map.flow === true ? null : key;
    changeValue(scene, { node: value, owner, path: [...path, name] }, before[name], after[name]);
  }
  // What a merge key brings is not written again; a key of the mapping's own goes before it.
  const written = added.filter(isNew);
  if (written.length > 0) scene.splices.push(insertMembers(scene.page, map, last, written));
}

function pairOf(map: MapNode, name: string): PairNode | undefined {
  return map.items.find(({ key }) => keyName(key) === name);
}

function changeItems(
  scene: Scene,
  { node: list, path }: Place & { readonly node: SeqNode },
  before: readonly unknown[],
  after: readonly unknown[],
): void {
  const { paired, tail } = align(before, after);
  list.items.slice(0, paired).forEach((node, index) => {
    if (!isPair(node)) changeValue(scene, { node, owner: null, path: [...path, index] }, before[index], after[index]);
  });
  for (let index = paired; index < before.length - tail; index += 1) {
    scene.splices.push(removeItem(scene.page, list, index));
  }
  const added = after.slice(paired, after.length - tail);
  if (added.length > 0) scene.splices.push(insertItems(scene.page, list, paired - 1, added));
}

// --- anchors and aliases -----------------------------------------------------------------------------------------

function followsItsAnchor(scene: Scene, { node }: Place, after: unknown): boolean {
  const anchored = isAlias(node) ? anchorOf(scene, node) : null;
  return anchored !== null && isSameJson(valueAt(scene.after, anchored.path), after);
}

function anchorOf({ document }: Scene, alias: unknown): Anchored | null {
  const node = isAlias(alias) ? alias.resolve(document) : undefined;
  return placesOf(document).find((one) => one.node === node) ?? null;
}

/** What an alias stands for was changed where it is written: uses that did not change with it get its old value. */
function freeAliases(scene: Scene): void {
  const aliases = placesOf(scene.document).filter(({ node }) => isAlias(node));
  for (const { node, path } of aliases) {
    const anchored = anchorOf(scene, node);
    if (anchored === null || scene.splices.some(({ start }) => start === node.range[0])) continue;
    const old = valueAt(scene.before, anchored.path);
    const next = valueAt(scene.after, anchored.path);
    const isMerged = path.includes(MERGE);
    const wanted = isMerged ? old : valueAt(scene.after, path);
    if (isSameJson(old, next) || isSameJson(wanted, next)) continue;
    const [start, end] = node.range;
    scene.splices.push({ start, end, text: flowText(wanted, scene.page.style, null) });
  }
}

/** Stands for a merge key in a path: what is under it has no place of its own in the value. */
const MERGE = '<<';

function placesOf(document: YamlDocument): readonly Anchored[] {
  const places: Anchored[] = [];
  const stack: Anchored[] = document.contents === null ? [] : [{ node: document.contents, path: [] }];
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    places.push(place);
    const { node, path } = place;
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      for (const { key, value } of node.items) {
        if (value !== null) stack.push({ node: value, path: [...path, keyName(key) ?? MERGE] });
      }
    }
    if (isSeq<ParsedNode>(node)) node.items.forEach((item, index) => stack.push({ node: item, path: [...path, index] }));
  }
  return places;
}
