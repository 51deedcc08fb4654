import { type JsonNode, requiredNodeAt } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES, ONE_POD, templatesAt } from '../kind.ts';

export const group = 'apps';
export const version = 'v1';
export const kind = 'DaemonSet';
export const resource = 'daemonsets';

/** One replica per node that matches: how many is the cluster's business, so it counts as one. */
export function readShape(object: JsonNode): KindShape {
  const spec = requiredNodeAt(object, 'spec');
  if (spec === null) return NO_TEMPLATES;
  return { ...NO_TEMPLATES, templates: templatesAt(spec, 'template', ONE_POD) };
}
