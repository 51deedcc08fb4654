import { isTrueAt, type JsonNode, nodeAt, nodesAt, textAt, textMapAt, valuesAt } from './json-node.ts';
import { isRecord } from './json-value.ts';
import type { OwnerReference, StringMap } from './types.ts';

export interface Metadata {
  readonly namespace: string | null;
  readonly name: string | null;
  readonly generateName: string | null;
  readonly labels: StringMap;
  readonly annotations: ReadonlyMap<string, unknown>;
  readonly controller: OwnerReference | null;
  readonly isTerminating: boolean;
}

const NO_METADATA: Metadata = {
  namespace: null,
  name: null,
  generateName: null,
  labels: new Map(),
  annotations: new Map(),
  controller: null,
  isTerminating: false,
};

/** The metadata of an object; objects on a command line may have none. */
export function readMetadata(object: JsonNode): Metadata {
  const metadata = nodeAt(object, 'metadata');
  if (metadata === null) return NO_METADATA;
  return {
    namespace: nonEmpty(textAt(metadata, 'namespace')),
    name: nonEmpty(textAt(metadata, 'name')),
    generateName: nonEmpty(textAt(metadata, 'generateName')),
    labels: textMapAt(metadata, 'labels'),
    annotations: valuesAt(metadata, 'annotations'),
    controller: readController(metadata),
    isTerminating: nonEmpty(textAt(metadata, 'deletionTimestamp')) !== null,
  };
}

/** Name and namespace alone, for objects that are not read any further. */
export function readIdentity(
  record: Readonly<Record<string, unknown>>,
): Pick<Metadata, 'namespace' | 'name'> {
  const metadata = record['metadata'];
  if (!isRecord(metadata)) return { namespace: null, name: null };
  const { name, namespace } = metadata;
  return {
    namespace: typeof namespace === 'string' ? nonEmpty(namespace) : null,
    name: typeof name === 'string' ? nonEmpty(name) : null,
  };
}

export function nonEmpty(text: string | null): string | null {
  return text === '' ? null : text;
}

/** At most one owner is the controller: the API server refuses a second. */
function readController(metadata: JsonNode): OwnerReference | null {
  for (const owner of nodesAt(metadata, 'ownerReferences')) {
    if (!isTrueAt(owner, 'controller')) continue;
    return {
      apiVersion: textAt(owner, 'apiVersion') ?? '',
      kind: textAt(owner, 'kind') ?? '',
      name: textAt(owner, 'name') ?? '',
    };
  }
  return null;
}
