import type { JsonPath } from '../../findings.ts';
import { PREFIX } from '../../intent/keys.ts';
import { plain } from '../../plan/message.ts';
import { type Io, UsageError } from '../io.ts';
import { manifestFiles, readRegularFile } from './files.ts';
import { offsetOf, parseYaml, readDocument, type YamlDocument, type YamlText } from './yaml-text.ts';

/** One Kubernetes object, and where it stands. */
export interface ManifestObject {
  readonly file: string;
  /** 1-based line of its first key. */
  readonly line: number;
  readonly object: unknown;
  readonly document: YamlDocument;
  /** Path of the object in its document: not empty in a List. */
  readonly at: JsonPath;
  /** Line of what a path into the object names, or of the nearest thing around it. */
  readonly lineOf: (path: JsonPath) => number;
}

/** A document, or a file, that cannot be read. */
export interface Unreadable {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

export interface Manifest {
  readonly file: string;
  readonly yaml: YamlText | null;
  readonly objects: readonly ManifestObject[];
  readonly unreadable: readonly Unreadable[];
}

// Contract §7: the largest request body, and so the most that one document may have.
const MAX_DOCUMENT = 7 * 1024 * 1024;
// A whole cluster's workloads in one stream; single documents have a limit of their own.
const MAX_FILE = 64 * 1024 * 1024;

/**
 * Everything that the names of a command line stand for, in their order. `-` is standard input.
 * @param onlyAnnotated passes over files without `vramgate.io/`: no manifests, some of them, or of somebody else.
 */
export async function readManifests(
  names: readonly string[],
  io: Io,
  { onlyAnnotated = false } = {},
): Promise<readonly Manifest[]> {
  if (names.length === 0) throw new UsageError('-f FILE is needed; - reads standard input');
  const manifests: Manifest[] = [];
  for (const name of names) {
    if (name === '-') manifests.push(readText('-', await io.stdin()));
    else for (const file of await manifestFiles(name)) manifests.push(await readFile(file));
  }
  const wanted = onlyAnnotated ? manifests.filter(isAnnotated) : manifests;
  const isEmpty = wanted.every(({ objects, unreadable }) => objects.length + unreadable.length === 0);
  if (isEmpty && !onlyAnnotated) throw new UsageError(`${names.join(', ')}: no Kubernetes object in it`);
  return wanted;
}

/** Only an escape inside of a key could hide it. A file that could not be opened counts as annotated: nobody knows. */
function isAnnotated({ yaml }: Manifest): boolean {
  return yaml === null || yaml.text.includes(PREFIX);
}

/** One file that cannot be read does not keep the others from being judged. */
async function readFile(file: string): Promise<Manifest> {
  try {
    return readText(file, await readRegularFile(file, MAX_FILE));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const message = error.message.replace(`${file}: `, '').replace(`${file} `, '');
    return { file, yaml: null, objects: [], unreadable: [{ file, line: null, message }] };
  }
}

/** The objects of a text: several documents, JSON, and lists as kubectl and Helm write them. */
export function readText(file: string, text: string): Manifest {
  if (text.length > MAX_FILE) {
    return { file, yaml: null, objects: [], unreadable: [{ file, line: null, message: 'larger than 64 MiB' }] };
  }
  const yaml = parseYaml(text);
  const objects: ManifestObject[] = [];
  const unreadable: Unreadable[] = [];
  for (const document of yaml.documents) {
    const reading = readDocument(document, MAX_DOCUMENT);
    if ('problem' in reading) {
      const { offset, message } = reading.problem;
      unreadable.push({ file, line: yaml.lineAt(offset), message });
      continue;
    }
    for (const { object, at } of expandList(reading.value, [])) {
      const lineOf = (path: JsonPath): number => yaml.lineAt(offsetOf(document, [...at, ...path]));
      const line = lineOf([]);
      if (isKubernetesObject(object)) objects.push({ file, line, object, document, at, lineOf });
      else unreadable.push({ file, line, message: 'no Kubernetes object: it needs apiVersion and kind' });
    }
  }
  return { file, yaml, objects, unreadable };
}

interface Located {
  readonly object: unknown;
  readonly at: JsonPath;
}

/** `kind: List` holds objects, as `kubectl get` and `helm template` write it. An empty document holds none. */
function expandList(value: unknown, at: JsonPath): readonly Located[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [{ object: value, at }];
  const { kind, items }: { kind?: unknown; items?: unknown } = value;
  const isList = typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items);
  if (!isList) return [{ object: value, at }];
  return items.flatMap((item: unknown, index) => expandList(item, [...at, 'items', index]));
}

function isKubernetesObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { apiVersion, kind }: { apiVersion?: unknown; kind?: unknown } = value;
  return typeof apiVersion === 'string' && apiVersion !== '' && typeof kind === 'string' && kind !== '';
}

export function tellUnreadable(unreadable: readonly Unreadable[], io: Io): void {
  for (const { file, line, message } of unreadable) {
    const source = line === null ? file : `${file}:${line}`;
    io.err(`vramgate: ${plain(`${source}: ${message}`)}\n`);
  }
}
