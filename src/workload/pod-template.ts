import { readContainer } from './container.ts';
import {
  isTrueAt,
  itemsAt,
  type JsonNode,
  nodeAt,
  nodesAt,
  reportMissing,
  requiredNodeAt,
  requiredTextAt,
  textAt,
  textMapAt,
  valuesAt,
} from './json-node.ts';
import { MAX_CONTAINERS } from './limits.ts';
import { nonEmpty } from './metadata.ts';
import { readRequiredNodeAffinity, readTolerations } from './scheduling.ts';
import type { Container, PodSpec, PodTemplate, Volume } from './types.ts';

export interface TemplateRole {
  readonly role: string;
  readonly podsPerReplica: number;
}

/** The template that `node` holds as `metadata` and `spec`; null, with a finding, where it has no spec. */
export function readPodTemplate(node: JsonNode, { role, podsPerReplica }: TemplateRole): PodTemplate | null {
  const spec = requiredNodeAt(node, 'spec');
  if (spec === null) return null;
  const metadata = nodeAt(node, 'metadata');
  return {
    path: node.path,
    role,
    labels: metadata === null ? new Map() : textMapAt(metadata, 'labels'),
    annotations: metadata === null ? new Map() : valuesAt(metadata, 'annotations'),
    spec: readPodSpec(spec),
    podsPerReplica,
  };
}

function readPodSpec(spec: JsonNode): PodSpec {
  const containers = readContainers(spec, 'containers', MAX_CONTAINERS);
  const given = spec.record['containers'] ?? [];
  if (Array.isArray(given) && given.length === 0) reportMissing(spec, 'containers');
  return {
    path: spec.path,
    containers,
    initContainers: readContainers(spec, 'initContainers', MAX_CONTAINERS - containers.length),
    nodeSelector: textMapAt(spec, 'nodeSelector'),
    requiredNodeAffinity: readRequiredNodeAffinity(spec),
    tolerations: readTolerations(spec),
    schedulerName: nonEmpty(textAt(spec, 'schedulerName')),
    schedulingGates: nodesAt(spec, 'schedulingGates').map((gate) => requiredTextAt(gate, 'name')),
    resourceClaims: itemsAt(spec, 'resourceClaims').length,
    nodeName: nonEmpty(textAt(spec, 'nodeName')),
    volumes: nodesAt(spec, 'volumes').map(readVolume),
    sharesHostIpc: isTrueAt(spec, 'hostIPC'),
  };
}

function readContainers(
  spec: JsonNode,
  key: 'containers' | 'initContainers',
  limit: number,
): readonly Container[] {
  return nodesAt(spec, key, limit).map((node) => readContainer(node, key === 'initContainers'));
}

/** A volume whose source is null or left out is a disk-backed emptyDir (SetDefaults_Volume of core/v1). */
function readVolume(node: JsonNode): Volume {
  const name = requiredTextAt(node, 'name');
  const emptyDir = nodeAt(node, 'emptyDir');
  if (emptyDir === null) {
    const isDefaulted = Object.values(node.record).every((value) => value === null || value === name);
    return { name, emptyDirMedium: isDefaulted ? '' : null, sizeLimit: null };
  }
  const limit = emptyDir.record['sizeLimit'];
  const sizeLimit = typeof limit === 'number' ? `${limit}` : textAt(emptyDir, 'sizeLimit');
  return { name, emptyDirMedium: textAt(emptyDir, 'medium') ?? '', sizeLimit };
}
