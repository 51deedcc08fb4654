import { readJobSpec } from '../job-template.ts';
import { isTrueAt, type JsonNode, requiredNodeAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES } from '../kind.ts';

export const group = 'batch';
export const version = 'v1';
export const kind = 'Job';
export const resource = 'jobs';

/** Scheduling directives of a suspended Job may change (KEP-2926); anything else of its template never. */
export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  if (spec === null) return NO_TEMPLATES;
  return {
    ...NO_TEMPLATES,
    isTemplateImmutable: !isTrueAt(spec, 'suspend'),
    templates: readJobSpec(spec, { role: 'pod', jobs: 1 }),
  };
}
