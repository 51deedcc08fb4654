import { countAt, type JsonNode, requiredNodeAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES, ONE_POD, templatesAt } from '../kind.ts';

export const group = 'apps';
export const version = 'v1';
export const kind = 'ReplicaSet';
export const resource = 'replicasets';

export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  if (spec === null) return NO_TEMPLATES;
  return {
    ...NO_TEMPLATES,
    replicas: countAt(spec, 'replicas', 1),
    templates: templatesAt(spec, 'template', ONE_POD),
  };
}
