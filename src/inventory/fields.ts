import { formatPath, type JsonPath } from '../findings.ts';

/** A mapping as YAML or JSON gave it: nothing is known about its members yet. */
export type Fields = Readonly<Record<string, unknown>>;

export type Labels = ReadonlyMap<string, string>;

/** Something in an inventory file or a Node that cannot be read. `path` is printed as Kubernetes prints paths. */
export interface InventoryFinding {
  readonly path: string;
  readonly message: string;
}

/** Collects what is wrong with one document, so that everything is said at once. */
export type Report = (path: JsonPath, message: string) => void;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A report that appends to `findings`. */
export function reportInto(findings: InventoryFinding[]): Report {
  return (path, message) => {
    findings.push({ path: formatPath(path), message });
  };
}

/** What was found instead, for a message. Never the value itself: it may be long. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

/** A mapping that may be absent. Anything else is reported and read as empty. */
export function readFields(value: unknown, path: JsonPath, report: Report): Fields {
  if (isFields(value)) return value;
  if (value !== undefined && value !== null) report(path, `must be a mapping, not ${describeValue(value)}`);
  return {};
}

/** A list that may be absent. Anything else is reported and read as empty. */
export function readItems(value: unknown, path: JsonPath, report: Report): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value !== undefined && value !== null) report(path, `must be a list, not ${describeValue(value)}`);
  return [];
}

/** Text that may be absent (''). */
export function readText(value: unknown, path: JsonPath, report: Report): string {
  if (typeof value === 'string') return value;
  if (value !== undefined && value !== null) report(path, `must be a string, not ${describeValue(value)}`);
  return '';
}

/** Labels are strings to Kubernetes; an unquoted `8` or `true` in a file is not one. */
export function readLabels(value: unknown, path: JsonPath, report: Report): Labels {
  const labels = new Map<string, string>();
  for (const [key, text] of Object.entries(readFields(value, path, report))) {
    if (typeof text === 'string') labels.set(key, text);
    else report([...path, key], `must be a string, not ${describeValue(text)}; quote it`);
  }
  return labels;
}

/** A label that must be a plain number: null when absent or anything else (`192G`, `-1`). */
export function labelInteger(labels: Labels, key: string): number | null {
  const text = labels.get(key);
  if (text === undefined || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}

/** First label of `keys` that is present and not empty. */
export function firstLabel(labels: Labels, keys: readonly string[]): string | null {
  for (const key of keys) {
    const value = labels.get(key);
    if (value !== undefined && value !== '') return value;
  }
  return null;
}
