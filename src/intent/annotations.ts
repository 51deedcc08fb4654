import { nearest } from '../catalog/resolve.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { ANNOTATION_KEYS, type AnnotationKey, APPLIED_KEY, isAnnotationKey, PREFIX } from './keys.ts';

/** Longest annotation value that is read; a context or a model id needs less than a tenth of it. */
const MAX_VALUE = 4096;

export interface AnnotationValue {
  readonly text: string;
  readonly path: JsonPath;
}

export interface Annotations {
  readonly values: ReadonlyMap<AnnotationKey, AnnotationValue>;
  /** True when any vramgate.io/ key stands on the object or its template: the author asks to be judged. */
  readonly isOurs: boolean;
  /** True when a value is unreadable: the rest is still judged, but never as if the key were absent. */
  readonly findings: readonly Finding[];
}

/** One place where annotations may stand, with the path of its `annotations` member. */
export interface AnnotationSite {
  readonly entries: ReadonlyMap<string, unknown>;
  readonly path: JsonPath;
}

/**
 * Annotations of one pod template together with its workload's own. Present in both and different is a finding on
 * both paths, and the value of neither is used.
 */
export function readAnnotations(sites: readonly AnnotationSite[]): Annotations {
  const values = new Map<AnnotationKey, AnnotationValue>();
  const conflicting: AnnotationKey[] = [];
  const findings: Finding[] = [];
  let isOurs = false;
  for (const site of sites) {
    for (const [key, value] of site.entries) {
      if (!key.startsWith(PREFIX)) continue;
      isOurs = true;
      readOne(key, value, [...site.path, key], { values, conflicting, findings });
    }
  }
  for (const key of conflicting) values.delete(key);
  return { values, isOurs, findings };
}

interface Collected {
  readonly values: Map<AnnotationKey, AnnotationValue>;
  readonly conflicting: AnnotationKey[];
  readonly findings: Finding[];
}

function readOne(key: string, value: unknown, path: JsonPath, into: Collected): void {
  if (key === APPLIED_KEY) return;
  const name = key.slice(PREFIX.length);
  if (!isAnnotationKey(name)) {
    into.findings.push(unknownKey(name, path));
    return;
  }
  if (typeof value !== 'string') {
    into.findings.push(
      finding('malformed-annotation', path, `${key} must be a string; put the value in quotes`),
    );
    return;
  }
  if (value.length > MAX_VALUE) {
    const message = `${key} has ${value.length} characters; at most ${MAX_VALUE} are read`;
    into.findings.push(finding('malformed-annotation', path, message));
    return;
  }
  const text = value.trim();
  const before = into.values.get(name);
  if (before === undefined) into.values.set(name, { text, path });
  else if (before.text !== text) addConflict(name, before, { text, path }, into);
}

function addConflict(
  name: AnnotationKey,
  first: AnnotationValue,
  second: AnnotationValue,
  into: Collected,
): void {
  into.conflicting.push(name);
  const message = (other: AnnotationValue): string =>
    `${PREFIX}${name} also stands at ${formatPath(other.path)} with another value; keep one of them`;
  into.findings.push(finding('annotation-conflict', first.path, message(second)));
  into.findings.push(finding('annotation-conflict', second.path, message(first)));
}

function unknownKey(name: string, path: JsonPath): Finding {
  const close = nearest(ANNOTATION_KEYS, name.slice(0, 64), 1);
  const hint = close.length > 0 ? `; did you mean ${PREFIX}${close.join('')}?` : '';
  return finding('unknown-key', path, `not a key that vramgate knows${hint}`);
}
