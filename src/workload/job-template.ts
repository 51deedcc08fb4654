import { countAt, type JsonNode } from './json-node.ts';
import { templatesAt } from './kind.ts';
import type { PodTemplate } from './types.ts';

export interface JobRole {
  readonly role: string;
  /** Jobs that run side by side with this spec. */
  readonly jobs: number;
}

/** The pod template of a batch/v1 JobSpec; `parallelism` pods of it run at once, 1 by default. */
export function readJobSpec(spec: JsonNode, { role, jobs }: JobRole): readonly PodTemplate[] {
  const podsPerReplica = jobs * countAt(spec, 'parallelism', 1);
  return templatesAt(spec, 'template', { role, podsPerReplica });
}
