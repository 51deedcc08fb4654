import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { applyPatch } from 'rfc6902';
import { parse, parseAllDocuments } from 'yaml';
import { at, isMembers, listAt, type Members } from './members.ts';

/**
 * manifests/examples with the decisions that `npm test` keeps of them (test/examples/golden), and the nodes that these
 * were decided for.
 */

const ROOT = new URL('../../../', import.meta.url);
const pathOf = (path: string) => fileURLToPath(new URL(path, ROOT));
const textOf = (path: string) => readFileSync(pathOf(path), 'utf8');

export interface ExampleObject {
  readonly object: Members;
  /** What `npm test` keeps: verdict, and for a registered kind both answers and the record. */
  readonly golden: Members;
  /** With the patch of the golden file. */
  readonly edited: unknown;
}

export interface Example {
  readonly name: string;
  readonly path: string;
  readonly objects: readonly ExampleObject[];
  /** What `mutate` prints, by the golden file; null where it prints nothing. */
  readonly mutated: readonly Members[] | null;
}

function objectsIn(text: string): readonly Members[] {
  const documents = parseAllDocuments(text).map((document): unknown => document.toJS());
  return documents
    .flatMap((one) => (at(one, 'kind') === 'List' ? listAt(one, 'items') : [one]))
    .filter(isMembers);
}

function edited(object: Members, golden: Members): unknown {
  const copy: unknown = structuredClone(object);
  const [failure] = applyPatch(copy, JSON.parse(JSON.stringify(listAt(golden, 'mutate', 'patch')))).filter(
    (one) => one !== null,
  );
  if (failure !== undefined) throw failure;
  return copy;
}

function exampleOf(name: string): Example {
  const path = `manifests/examples/${name}`;
  const decisions: unknown = JSON.parse(textOf(`test/examples/golden/${name}.decision.json`));
  const printed = textOf(`test/examples/golden/${name}.mutated.txt`);
  const objects = objectsIn(textOf(path)).map((object, index) => {
    const golden = listAt(decisions)[index];
    if (!isMembers(golden)) throw new Error(`${name}: no golden decision of object ${index}`);
    return { object, golden, edited: edited(object, golden) };
  });
  const mutated = printed.endsWith('# exit code 0\n') ? objectsIn(printed) : null;
  return { name, path: pathOf(path), objects, mutated };
}

export const EXAMPLES: readonly Example[] = readdirSync(pathOf('manifests/examples')).sort().map(exampleOf);

export const EXAMPLE_INVENTORY = pathOf('manifests/inventory.yaml');

/** Its nodes. */
export const EXAMPLE_NODES: readonly Members[] = listAt(
  parse(readFileSync(EXAMPLE_INVENTORY, 'utf8')),
  'items',
).filter(isMembers);

/** The golden files leave out digests: they change with what is counted among the author's inputs. */
export function withoutDigest(text: unknown): string {
  return String(text).replace(/\b[0-9a-f]{16}\b/g, '…');
}

function podSpecsIn(value: unknown): readonly Members[] {
  if (Array.isArray(value)) return value.flatMap(podSpecsIn);
  if (!isMembers(value)) return [];
  return Array.isArray(value['containers']) ? [value] : Object.values(value).flatMap(podSpecsIn);
}

const isGpu = (key: string) => /^(?:nvidia|amd)\.com\//.test(key);

/** Quantities as the API server writes them: texts. */
function gpusOf(container: unknown, which: 'limits' | 'requests'): unknown {
  const all = at(container, 'resources', which);
  const gpus = Object.entries(isMembers(all) ? all : {}).filter(([key]) => isGpu(key));
  return Object.fromEntries(gpus.map(([key, value]) => [key, String(value)]));
}

/** Every Pod is given two tolerations by the API server itself. */
function isDefaulted(toleration: unknown): boolean {
  return String(at(toleration, 'key')).startsWith('node.kubernetes.io/');
}

/** What we may write: of every pod template GPU counts, placement and command lines, and our own annotation. */
export function writtenOf(object: unknown): unknown {
  const applied = at(object, 'metadata', 'annotations', 'vramgate.io/applied');
  const isPod = at(object, 'kind') === 'Pod';
  return {
    applied: applied === undefined ? null : withoutDigest(applied),
    templates: podSpecsIn(at(object, 'spec')).map((spec) => ({
      nodeSelector: spec['nodeSelector'] ?? null,
      affinity: spec['affinity'] ?? null,
      tolerations: listAt(spec, 'tolerations').filter((one) => !isDefaulted(one)),
      containers: listAt(spec, 'containers').map((container) => ({
        name: at(container, 'name'),
        command: at(container, 'command') ?? null,
        args: at(container, 'args') ?? null,
        limits: gpusOf(container, 'limits'),
        // Of a Pod they are defaulted to the limits.
        requests: gpusOf(container, isPod ? 'limits' : 'requests'),
      })),
    })),
  };
}
