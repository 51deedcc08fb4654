import type { JsonNode } from '../json-node.ts';
import { type KindShape, NO_TEMPLATES, ONE_POD } from '../kind.ts';
import { readPodTemplate } from '../pod-template.ts';

export const group = '';
export const version = 'v1';
export const kind = 'Pod';
export const resource = 'pods';

/** A Pod is its own template; resources, arguments and (but for gates) placement cannot change once it exists. */
export function readShape(object: JsonNode): KindShape {
  const template = readPodTemplate(object, ONE_POD);
  return { ...NO_TEMPLATES, isTemplateImmutable: true, templates: template === null ? [] : [template] };
}
