import { countAt, type JsonNode, reportAt, requiredNodeAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES, templatesAt } from '../kind.ts';
import type { PodTemplate } from '../types.ts';

export const group = 'leaderworkerset.x-k8s.io';
export const version = 'v1';
export const kind = 'LeaderWorkerSet';
export const resource = 'leaderworkersets';

/** One engine replica is one group: `size` pods, the leader included (kubernetes-sigs/lws@060ab4da17ee). */
export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  const group = spec === null ? null : requiredNodeAt(spec, 'leaderWorkerTemplate');
  if (spec === null || group === null) return NO_TEMPLATES;
  const groupSize = readSize(group);
  return {
    ...NO_TEMPLATES,
    replicas: countAt(spec, 'replicas', 1),
    groupSize,
    templates: readTemplates(group, groupSize),
  };
}

function readSize(group: JsonNode): number {
  const size = countAt(group, 'size', 1);
  if (size > 0) return size;
  reportAt(group, 'size', 'malformed-object', 'A group has at least 1 pod, the leader.');
  return 1;
}

/** `leaderTemplate` defaults to `workerTemplate`: then one template makes every pod of the group. */
function readTemplates(group: JsonNode, size: number): readonly PodTemplate[] {
  const hasLeader = (group.record['leaderTemplate'] ?? null) !== null;
  if (!hasLeader) {
    return templatesAt(group, 'workerTemplate', { role: 'leader-and-worker', podsPerReplica: size });
  }
  return [
    ...templatesAt(group, 'leaderTemplate', { role: 'leader', podsPerReplica: 1 }),
    ...templatesAt(group, 'workerTemplate', { role: 'worker', podsPerReplica: size - 1 }),
  ];
}
