import { type JsonNode, requiredNodeAt } from './json-node.ts';
import { readPodTemplate, type TemplateRole } from './pod-template.ts';
import type { PodTemplate, Workload } from './types.ts';

/** What one kind knows and the shared reader does not. */
export type KindShape = Pick<
  Workload,
  'replicas' | 'groupSize' | 'surge' | 'isTemplateImmutable' | 'templates'
>;

/** The exports of every file in kinds/. */
export interface WorkloadKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural name, as webhook rules and RBAC spell it. */
  readonly resource: string;
  readonly readShape: (object: JsonNode) => KindShape;
}

/** An object whose spec cannot be read: the findings say why. */
export const NO_TEMPLATES: KindShape = {
  replicas: 1,
  groupSize: 1,
  surge: null,
  isTemplateImmutable: false,
  templates: [],
};

export const ONE_POD: TemplateRole = { role: 'pod', podsPerReplica: 1 };

/** The template at `key` as a list: of none, with a finding, where it is missing. */
export function templatesAt(parent: JsonNode, key: string, role: TemplateRole): readonly PodTemplate[] {
  const node = requiredNodeAt(parent, key);
  const template = node === null ? null : readPodTemplate(node, role);
  return template === null ? [] : [template];
}
