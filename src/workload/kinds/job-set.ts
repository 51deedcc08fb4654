import { readJobSpec } from '../job-template.ts';
import {
  countAt,
  isTrueAt,
  type JsonNode,
  nodesAt,
  reportMissing,
  requiredNodeAt,
  requiredTextAt,
} from '../json-node.ts';
import { type KindShape, NO_TEMPLATES } from '../kind.ts';
import type { PodTemplate } from '../types.ts';

export const group = 'jobset.x-k8s.io';
export const version = 'v1alpha2';
export const kind = 'JobSet';
export const resource = 'jobsets';

/** Templates read of one set; published examples have up to 6 roles. */
const MAX_JOBS = 64;

/** The whole set is one replica; pods of a role are its replicas × parallelism (kubernetes-sigs/jobset@08dfbdfd6827). */
export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  if (spec === null) return NO_TEMPLATES;
  const jobs = nodesAt(spec, 'replicatedJobs', MAX_JOBS);
  if (jobs.length === 0) reportMissing(spec, 'replicatedJobs');
  return {
    ...NO_TEMPLATES,
    isTemplateImmutable: !isTrueAt(spec, 'suspend'),
    templates: jobs.flatMap(readReplicatedJob),
  };
}

function readReplicatedJob(job: JsonNode): readonly PodTemplate[] {
  const template = requiredNodeAt(job, 'template');
  const jobSpec = template === null ? null : requiredNodeAt(template, 'spec');
  if (jobSpec === null) return [];
  return readJobSpec(jobSpec, { role: requiredTextAt(job, 'name'), jobs: countAt(job, 'replicas', 1) });
}
