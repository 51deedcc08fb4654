import type { Finding, FindingCode, JsonPath } from '../findings.ts';
import { isRecord, type JsonRecord } from './json-value.ts';
import type { StringMap } from './types.ts';

/** A JSON object while it is read: where it is, and where its problems are collected. */
export interface JsonNode {
  readonly record: JsonRecord;
  readonly path: JsonPath;
  readonly findings: Finding[];
}

/** One list that we read (arguments, variables, volumes, …); the longest in 289 surveyed pods has 60 entries. */
export const MAX_ITEMS = 1024;

/** Nobody reads more, and a body of 7 MiB could hold a million wrong values. */
export const MAX_FINDINGS = 100;

/** Absent and null are the same to the API server: Go decodes both to the zero value. */
function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

export function report(node: JsonNode, found: Finding): void {
  if (node.findings.length < MAX_FINDINGS) node.findings.push(found);
}

export function reportAt(node: JsonNode, key: string | number, code: FindingCode, message: string): void {
  report(node, { code, path: [...node.path, key], message });
}

function reportType(node: JsonNode, key: string | number, want: string, value: unknown): void {
  reportAt(node, key, 'malformed-object', `This field must be ${want}, but it is ${typeName(value)}.`);
}

export function reportMissing(node: JsonNode, key: string): void {
  reportAt(node, key, 'malformed-object', 'This field is required, but it is missing.');
}

export function textAt(node: JsonNode, key: string): string | null {
  const value = node.record[key];
  if (typeof value === 'string') return value;
  if (!isAbsent(value)) reportType(node, key, 'a string', value);
  return null;
}

/** A string that the API server requires; '' where it is missing, so that reading can go on. */
export function requiredTextAt(node: JsonNode, key: string): string {
  const value = node.record[key];
  if (isAbsent(value)) reportMissing(node, key);
  return textAt(node, key) ?? '';
}

export function isTrueAt(node: JsonNode, key: string): boolean {
  const value = node.record[key];
  if (typeof value === 'boolean') return value;
  if (!isAbsent(value)) reportType(node, key, 'true or false', value);
  return false;
}

export function countAt(node: JsonNode, key: string, fallback: number): number {
  const value = node.record[key];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (isAbsent(value)) return fallback;
  const given = typeof value === 'number' ? `${value}` : typeName(value);
  reportAt(
    node,
    key,
    'malformed-object',
    `This field must be a whole number of 0 or more, but it is ${given}.`,
  );
  return fallback;
}

export function nodeAt(node: JsonNode, key: string): JsonNode | null {
  const value = node.record[key];
  if (isRecord(value)) return { record: value, path: [...node.path, key], findings: node.findings };
  if (!isAbsent(value)) reportType(node, key, 'an object', value);
  return null;
}

export function requiredNodeAt(node: JsonNode, key: string): JsonNode | null {
  if (isAbsent(node.record[key])) reportMissing(node, key);
  return nodeAt(node, key);
}

/** A list of anything, cut at `limit` entries. */
export function itemsAt(node: JsonNode, key: string, limit = MAX_ITEMS): readonly unknown[] {
  const value = node.record[key];
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) {
    reportType(node, key, 'a list', value);
    return [];
  }
  if (value.length <= limit) return value;
  reportLength(node, key, limit, value.length);
  return value.slice(0, limit);
}

function reportLength(node: JsonNode, key: string, limit: number, length: number): void {
  reportAt(node, key, 'analysis-limit', `Only the first ${limit} of ${length} entries were analysed.`);
}

/** A list of objects; entries of another type are reported and left out. */
export function nodesAt(node: JsonNode, key: string, limit = MAX_ITEMS): readonly JsonNode[] {
  const items = itemsAt(node, key, limit);
  if (items.length === 0) return NONE;
  const nodes: JsonNode[] = [];
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    if (isRecord(item))
      nodes.push({ record: item, path: [...node.path, key, index], findings: node.findings });
    else reportType(inside(node, key), index, 'an object', item);
  }
  return nodes;
}

const NONE: readonly JsonNode[] = [];

/** The list or map at `key`, to report one of its entries. */
export function inside(node: JsonNode, key: string): JsonNode {
  return { record: {}, path: [...node.path, key], findings: node.findings };
}

/** A list of strings. Entries keep their index (patches name it), so a wrong one is read as its text. */
export function textsAt(node: JsonNode, key: string): readonly string[] {
  const items = itemsAt(node, key);
  if (items.length === 0) return [];
  return items.map((item, index) => {
    if (typeof item === 'string') return item;
    reportType(inside(node, key), index, 'a string', item);
    return typeof item === 'number' || typeof item === 'boolean' ? `${item}` : '';
  });
}

const EMPTY: ReadonlyMap<string, never> = new Map<string, never>();

/** A map with keys of the user's choice, its values as they are. */
export function valuesAt(node: JsonNode, key: string): ReadonlyMap<string, unknown> {
  const child = nodeAt(node, key);
  if (child === null) return EMPTY;
  const values = new Map<string, unknown>();
  for (const name of keysOf(node, key, child.record)) values.set(name, child.record[name]);
  return values;
}

/** A map of strings, as labels and selectors are; other values are reported and left out. */
export function textMapAt(node: JsonNode, key: string): StringMap {
  const child = nodeAt(node, key);
  if (child === null) return EMPTY;
  const texts = new Map<string, string>();
  for (const name of keysOf(node, key, child.record)) {
    const value = child.record[name];
    if (typeof value === 'string') texts.set(name, value);
    else reportType(child, name, 'a string', value);
  }
  return texts;
}

function keysOf(node: JsonNode, key: string, record: JsonRecord): readonly string[] {
  const keys = Object.keys(record);
  if (keys.length <= MAX_ITEMS) return keys;
  reportLength(node, key, MAX_ITEMS, keys.length);
  return keys.slice(0, MAX_ITEMS);
}
