import { type Finding, finding } from '../findings.ts';
import { type JsonNode, typeName } from './json-node.ts';
import { isRecord, type JsonRecord } from './json-value.ts';
import { NO_TEMPLATES, type WorkloadKind } from './kind.ts';
import { isWithinLimits } from './limits.ts';
import { readIdentity, readMetadata } from './metadata.ts';
import { reasonNotJudged } from './not-judged.ts';
import { findKind, type GroupVersion, parseApiVersion } from './registry.ts';
import type { Workload } from './types.ts';

/**
 * What an object is to us. `workload`: of a kind that we judge; where `findings` hold a malformed-object, its
 * templates may be fewer than its author meant, and beyond the limits of analysis there are none. `not-judged`: it serves models, but its controller makes the
 * pods. `other`: not our business. `malformed`: not even a Kubernetes object.
 */
export type WorkloadReading =
  | { readonly kind: 'workload'; readonly workload: Workload; readonly findings: readonly Finding[] }
  | {
      readonly kind: 'not-judged';
      readonly group: string;
      readonly version: string;
      readonly kindName: string;
      readonly namespace: string | null;
      readonly name: string | null;
      readonly reason: string;
    }
  | { readonly kind: 'other'; readonly group: string; readonly kindName: string }
  | { readonly kind: 'malformed'; readonly findings: readonly Finding[] };

/** Reads a Kubernetes object, as JSON.parse or a YAML parser leaves it. Never throws for what is in it. */
export function readWorkload(object: unknown): WorkloadReading {
  if (!isRecord(object))
    return malformed([], `A Kubernetes object is expected, but this is ${typeName(object)}.`);
  const { apiVersion, kind } = object;
  if (typeof kind !== 'string' || kind === '')
    return malformed(['kind'], 'The object does not name its kind.');
  const groupVersion = typeof apiVersion === 'string' ? parseApiVersion(apiVersion) : null;
  if (groupVersion === null) return malformed(['apiVersion'], 'The object does not name a valid apiVersion.');
  const known = findKind(groupVersion.group, kind);
  if (known !== null && known.version === groupVersion.version) return readKnown(object, known);
  return readUnknown(object, groupVersion, kind);
}

function malformed(path: readonly string[], message: string): WorkloadReading {
  return { kind: 'malformed', findings: [finding('malformed-object', path, message)] };
}

function readUnknown(
  object: JsonRecord,
  { group, version }: GroupVersion,
  kindName: string,
): WorkloadReading {
  const known = findKind(group, kindName);
  const reason =
    known === null
      ? reasonNotJudged(group, kindName)
      : `${kindName} is judged in version ${known.version} only; fields may mean something else in another version.`;
  if (reason === null) return { kind: 'other', group, kindName };
  return { kind: 'not-judged', group, version, kindName, ...readIdentity(object), reason };
}

function readKnown(record: JsonRecord, { group, version, kind, readShape }: WorkloadKind): WorkloadReading {
  const object: JsonNode = { record, path: [], findings: [] };
  const shape = isWithinLimits(object) ? readShape(object) : NO_TEMPLATES;
  const metadata = readMetadata(object);
  const workload: Workload = {
    group,
    version,
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    generateName: metadata.generateName,
    labels: metadata.labels,
    annotations: metadata.annotations,
    controller: metadata.controller,
    isTerminating: metadata.isTerminating,
    replicas: shape.replicas,
    groupSize: shape.groupSize,
    surge: shape.surge,
    isTemplateImmutable: shape.isTemplateImmutable,
    templates: shape.templates,
  };
  return { kind: 'workload', workload, findings: object.findings };
}
