import { readJobSpec } from '../job-template.ts';
import { type JsonNode, requiredNodeAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES } from '../kind.ts';

export const group = 'batch';
export const version = 'v1';
export const kind = 'CronJob';
export const resource = 'cronjobs';

/** One run at a time is judged; its template may change, and the next run uses it. */
export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  const jobTemplate = spec === null ? null : requiredNodeAt(spec, 'jobTemplate');
  const jobSpec = jobTemplate === null ? null : requiredNodeAt(jobTemplate, 'spec');
  if (jobSpec === null) return NO_TEMPLATES;
  return { ...NO_TEMPLATES, templates: readJobSpec(jobSpec, { role: 'pod', jobs: 1 }) };
}
