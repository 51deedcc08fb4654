import type { JsonPath } from '../findings.ts';
import type { Container, StringMap } from '../workload/types.ts';
import { type Environment, knownValue, variableState } from './environment.ts';
import { programStart, readLaunch } from './launch.ts';
import type { IdentityKind, ModelIdentity } from './types.ts';
import { programName } from './words.ts';

/** Strongest first (engine-flags.md §5, case 11). */
const ORDER: readonly IdentityKind[] = ['hub-id', 'path', 'storage-uri', 'image', 'label', 'served-name'];

export function sortIdentities(identities: readonly ModelIdentity[]): readonly ModelIdentity[] {
  if (identities.length < 2) return identities.filter(({ text }) => text !== '');
  const seen = new Set<string>();
  return identities
    .toSorted((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind))
    .filter(({ text }) => text !== '' && !seen.has(text) && seen.add(text) !== undefined);
}

const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*(?::[\w.-]+)?$/;
const BARE_NAME = /^[A-Za-z0-9][\w.-]*(?::[\w.-]+)?$/;
const GGUF_FILE = /\.gguf$/i;

/** What the value of a model flag names: an id of a hub, or a path. */
export function modelIdentities(text: string, path: JsonPath): readonly ModelIdentity[] {
  if (isHubId(text)) return [{ kind: 'hub-id', text, path }];
  const scheme = /^([a-z][a-z0-9+]*):\/\/(.*)$/is.exec(text);
  if (scheme !== null) return storageIdentities(text, path);
  return namesInPath(text).map((name) => ({ kind: 'path', text: name, path }));
}

function isHubId(text: string): boolean {
  if (GGUF_FILE.test(text) || text.includes('models--')) return false;
  const slash = text.indexOf('/');
  return slash === -1 ? BARE_NAME.test(text) : HUB_ID.test(text) && !isPlace(text.slice(0, slash));
}

/** `hf://org/name` is an id; of other stores the end of the path may be a name. */
export function storageIdentities(uri: string, path: JsonPath): readonly ModelIdentity[] {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+]*):\/\/(.*)$/is.exec(uri) ?? [];
  const isHub = scheme.toLowerCase() === 'hf' || scheme.toLowerCase() === 'huggingface';
  const names = isHub ? [rest.replace(/:[^/:]*$/, '')] : namesInPath(withoutTag(rest));
  return names.map((text) => ({ kind: 'storage-uri', text, path }));
}

function withoutTag(text: string): string {
  const colon = text.lastIndexOf(':');
  return colon > text.lastIndexOf('/') ? text.slice(0, colon) : text;
}

/** Directory names that hold any model: they are never its identity (engine-flags.md §5, case 10). */
const PLACES = new Set([
  ...[
    'models',
    'model',
    'mnt',
    'model-cache',
    'modelcache',
    'model_cache',
    'cache',
    'data',
    'gcs',
    's3',
    'pvc',
  ],
  ...[
    'weights',
    'checkpoint',
    'checkpoints',
    'snapshot',
    'snapshots',
    'hub',
    'huggingface',
    'hf',
    'hf-cache',
    '.cache',
  ],
  ...[
    'root',
    'home',
    'opt',
    'tmp',
    'var',
    'workspace',
    'app',
    'storage',
    'volume',
    'volumes',
    'shared',
    'nfs',
    'llm',
  ],
  ...[
    'llms',
    'latest',
    'main',
    'final',
    'fp8',
    'fp16',
    'bf16',
    'gguf',
    'default',
    'local',
    'disk',
    'ssd',
    'share',
  ],
]);
const REVISION = /^(?:[0-9a-f]{7,64}|\d+|v\d+)$/i;

/** Names that a path holds, strongest first: a decoded hub cache, the last two segments, the last one. */
function namesInPath(text: string): readonly string[] {
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  const cached = segments.findLast((segment) => segment.startsWith('models--'));
  if (cached !== undefined) return [cached.slice('models--'.length).replace('--', '/')];
  while (segments.length > 0 && isPlace(segments.at(-1))) segments.pop();
  const last = segments.at(-1);
  if (last === undefined || last.startsWith('models--')) return [];
  const name = withoutSplit(last);
  const parent = segments.at(-2);
  const pair = parent === undefined || isPlace(parent) ? [] : [`${parent}/${name}`];
  return [...pair, name];
}

function isPlace(segment: string | undefined): boolean {
  return segment === undefined || PLACES.has(segment.toLowerCase()) || REVISION.test(segment);
}

/** `X-00001-of-00005.gguf` is one part of X. */
function withoutSplit(file: string): string {
  return GGUF_FILE.test(file) ? file.slice(0, -5).replace(/-\d{5}-of-\d{5}$/, '') : file;
}

const LABELS = ['ai.gke.io/model', 'llm-d.ai/model', 'model.aibrix.ai/name'];

/** Init containers in which a download is looked for. */
const MAX_INIT_CONTAINERS = 8;

export interface IdentitySources {
  readonly container: Container;
  readonly environment: Environment;
  readonly initContainers: readonly Container[];
  readonly labels: StringMap;
}

/** What names the model outside of the engine's own flags: storage, downloads, labels. */
export function surroundingIdentities(sources: IdentitySources): readonly ModelIdentity[] {
  const found = [...storageVariable(sources.environment)];
  for (const one of sources.initContainers.slice(0, MAX_INIT_CONTAINERS)) found.push(...initIdentities(one));
  found.push(...labelIdentities(sources));
  return found;
}

function storageVariable(environment: Environment): readonly ModelIdentity[] {
  const found = variableState(environment, 'STORAGE_URI');
  return found.state === 'known' ? storageIdentities(found.text, found.path) : [];
}

/** The pod's labels stand three steps above a container: `spec.containers[0]`. */
function labelIdentities({ container, labels }: IdentitySources): readonly ModelIdentity[] {
  const found: ModelIdentity[] = [];
  for (const key of LABELS) {
    const text = labels.get(key);
    if (text === undefined) continue;
    const template = container.path.slice(0, -3);
    found.push({ kind: 'label', text, path: [...template, 'metadata', 'labels', key] });
  }
  return found;
}

const DOWNLOADERS = new Set(['huggingface-cli', 'hf']);

/** KServe's storage-initializer (source URI, then its target), and `huggingface-cli download X`. */
function initIdentities(container: Container): readonly ModelIdentity[] {
  const launch = readLaunch(container);
  const own = storageVariable(launch.environment);
  if (container.name === 'storage-initializer') {
    const uri = container.args[0];
    return uri === undefined ? own : storageIdentities(uri, [...container.path, 'args', 0]);
  }
  const downloads = launch.commands.flatMap(({ words }): readonly ModelIdentity[] => {
    const start = programStart(words);
    const isDownload = DOWNLOADERS.has(programName(words[start])) && words[start + 1]?.text === 'download';
    const id = isDownload ? words.slice(start + 2).find((word) => HUB_ID.test(word.text ?? '')) : undefined;
    return id === undefined ? [] : [{ kind: 'storage-uri', text: id.text ?? '', path: id.path }];
  });
  return [...own, ...downloads];
}

/** The name under which a model is served, which often is an alias: the weakest of all. */
export function servedIdentity(text: string | null, path: JsonPath): readonly ModelIdentity[] {
  return text === null ? [] : [{ kind: 'served-name', text, path }];
}

/** The id that a variable holds, when it can be read. */
export function variableIdentity(environment: Environment, name: string): readonly ModelIdentity[] {
  const text = knownValue(environment, name);
  const path = environment.variables.get(name)?.path ?? [];
  return text === null || text === '' ? [] : modelIdentities(text, path);
}
