import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type ParsedNode,
  parseAllDocuments,
  type Tags,
} from 'yaml';
import type { JsonPath } from '../../findings.ts';

/** YAML as kubectl reads it, with limits. JSON is YAML. */

export type YamlDocument = Document.Parsed;
type YamlPair = Pair<ParsedNode, ParsedNode | null>;

export interface YamlText {
  readonly text: string;
  readonly documents: readonly YamlDocument[];
  /** 1-based line of an offset into `text`. */
  readonly lineAt: (offset: number) => number;
}

/** Why a document cannot be used, and where. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

/** Contract §7, and the two levels that a List adds. */
const MAX_DEPTH = 64 + 2;
/** Uses of one anchor, those inside other anchors multiplied: a page of aliases must not become gigabytes. */
const MAX_ALIASES = 100;
/** Values of a document once its aliases are written out: four times what is analysed of one object. */
const MAX_VALUES = 400_000;

/**
 * kubectl reads YAML 1.1 through go-yaml v2: merge keys, `yes` and `on` are booleans, `010` is octal and `1_000` a
 * number. Unlike the 1.1 of the specification it has no base-60 numbers, and dates stay text.
 */
const NOT_IN_GO_YAML = /:(?:timestamp|binary|omap|pairs|set)$/;

function goYamlTags(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === 'string') return true;
    return !NOT_IN_GO_YAML.test(tag.tag) && !('format' in tag && tag.format === 'TIME');
  });
}

export function parseYaml(text: string): YamlText {
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: '1.1',
    customTags: goYamlTags,
    lineCounter: counter,
    prettyErrors: false,
    // Checked below: the package compares every key with every other one.
    uniqueKeys: false,
  });
  return {
    text,
    documents: Array.isArray(documents) ? documents : [],
    lineAt: (offset) => counter.linePos(offset).line,
  };
}

export type YamlReading = { readonly value: unknown } | { readonly problem: YamlProblem };

/** The value of a document, or the first thing in its text that makes it unusable. */
export function readDocument(document: YamlDocument, maxLength: number): YamlReading {
  const { offset, message, hasAliases } = inspect(document, maxLength);
  if (message !== null) return { problem: { offset, message } };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { value: hasAliases ? unshared(value, { left: MAX_VALUES }) : value };
  } catch {
    // Thrown by the package for an alias without an anchor, and for aliases that multiply; by us where they do so in size.
    return { problem: { offset: document.range[0], message: 'its aliases cannot be resolved' } };
  }
}

/** The package gives every use of an anchor the same object: a change of one would be one of all. */
function unshared(value: unknown, budget: { left: number }): unknown {
  budget.left -= 1;
  if (budget.left < 0) throw new RangeError('aliases make the document too large');
  if (Array.isArray(value)) return value.map((item) => unshared(item, budget));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unshared(member, budget)]));
}

interface Inspection {
  readonly offset: number;
  /** null: nothing is wrong. */
  readonly message: string | null;
  readonly hasAliases: boolean;
}

function inspect(document: YamlDocument, maxLength: number): Inspection {
  const [error] = document.errors;
  if (error !== undefined) return fault(error.pos[0], problemText(error.message));
  const [start, , end] = document.range;
  if (end - start > maxLength) return fault(start, `larger than ${maxLength / (1024 * 1024)} MiB`);
  return inspectNodes(document.contents);
}

function fault(offset: number, message: string): Inspection {
  return { offset, message, hasAliases: false };
}

/** The package descends by recursion, and reports what exhausts its stack in the words of the runtime. */
const EXHAUSTED = /^Maximum call stack/;
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`;

function problemText(text: string): string {
  return EXHAUSTED.test(text) ? TOO_DEEP : text.split('\n', 1).join('');
}

/** Level by level, not by recursion: a page of brackets must not exhaust the stack. */
function inspectNodes(contents: ParsedNode | null): Inspection {
  let level: readonly ParsedNode[] = contents === null ? [] : [contents];
  let hasAliases = false;
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return fault(startOf(level[0]), TOO_DEEP);
    const next: ParsedNode[] = [];
    for (const node of level) {
      const problem = isMap(node) ? keyProblem(node.items) : null;
      if (problem !== null) return fault(problem.offset, problem.message);
      const children = isMap(node) ? node.items.map(({ value }) => value) : isSeq(node) ? node.items : [];
      for (const child of children) if (child !== null && !isScalar(child)) next.push(child);
      hasAliases ||= isAlias(node);
    }
    level = next;
  }
  return { offset: 0, message: null, hasAliases };
}

function keyProblem(pairs: readonly YamlPair[]): YamlProblem | null {
  const seen = new Set<string>();
  for (const { key } of pairs) {
    const name = keyName(key);
    if (name === null) {
      if (isMergeKey(key)) continue;
      return { offset: startOf(key), message: 'a key is not a plain value' };
    }
    if (seen.has(name)) return { offset: startOf(key), message: `the key ${JSON.stringify(name)} is given twice` };
    seen.add(name);
  }
  return null;
}

/** As it will be called in JSON; null for a merge key, a list or a mapping. */
export function keyName(key: unknown): string | null {
  if (!isScalar(key) || typeof key.value === 'symbol') return null;
  return String(key.value);
}

function isMergeKey(key: ParsedNode): boolean {
  return isScalar(key) && typeof key.value === 'symbol';
}

function startOf(node: ParsedNode | undefined): number {
  return node?.range[0] ?? 0;
}

/** Offset of what a path names, or of the nearest thing around it that the text has. */
export function offsetOf(document: YamlDocument, path: JsonPath): number {
  let node: unknown = document.contents;
  let offset = startOf(document.contents ?? undefined);
  let isElsewhere = false;
  for (const step of path) {
    if (isAlias(node)) {
      // What an alias stands for is written elsewhere; its use is what the path names.
      node = node.resolve(document);
      isElsewhere = true;
    }
    const found = childOf(node, step);
    if (found === null) return offset;
    if (!isElsewhere) offset = found.offset;
    node = found.node;
  }
  return offset;
}

function childOf(node: unknown, step: string | number): { node: unknown; offset: number } | null {
  if (isMap<ParsedNode, ParsedNode | null>(node)) {
    const pair = node.items.find(({ key }) => keyName(key) === String(step));
    return pair === undefined ? null : { node: pair.value, offset: startOf(pair.key) };
  }
  if (!isSeq<ParsedNode>(node) || typeof step !== 'number') return null;
  const item = node.items[step];
  return item === undefined ? null : { node: item, offset: startOf(item) };
}
