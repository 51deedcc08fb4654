import { findKind, parseApiVersion } from './registry.ts';
import type { OwnerReference, PodSpec, PodTemplate, StringMap, Workload } from './types.ts';

/**
 * True where the controller is of a kind that we register: it was judged itself, and must be able to replace
 * its pods. Any version counts, since controllers write the one they know.
 */
export function isOwnedByRegisteredKind(controller: OwnerReference | null): boolean {
  if (controller === null) return false;
  const groupVersion = parseApiVersion(controller.apiVersion);
  return groupVersion !== null && findKind(groupVersion.group, controller.kind) !== null;
}

/** Who decides where a pod runs, if not the default scheduler by the pod's own selector. */
export interface PlacementOwner {
  readonly owner: 'kueue' | 'dra' | 'scheduler' | 'node-name';
  /** What says so: a label, a gate, a scheduler's name. */
  readonly detail: string;
}

/** null: the placement is the author's, and may be narrowed. A pod bound by name is past all the others. */
export function placementOwner(workload: Workload, template: PodTemplate): PlacementOwner | null {
  const { spec } = template;
  if (spec.nodeName !== null) return { owner: 'node-name', detail: spec.nodeName };
  const kueue = kueueMark(workload, template);
  if (kueue !== null) return { owner: 'kueue', detail: kueue };
  if (hasClaims(spec)) return { owner: 'dra', detail: 'resourceClaims' };
  return isDefaultScheduler(spec.schedulerName)
    ? null
    : { owner: 'scheduler', detail: spec.schedulerName ?? '' };
}

function isDefaultScheduler(name: string | null): boolean {
  return name === null || name === 'default-scheduler';
}

function hasClaims(spec: PodSpec): boolean {
  if (spec.resourceClaims > 0) return true;
  return spec.containers.some(({ hasClaims: claims }) => claims);
}

const KUEUE = 'kueue.x-k8s.io/';

/** On the workload or its template: the queue, or a pod group (kubernetes-sigs/kueue@ff69552e79ad). */
const QUEUE_LABELS = [`${KUEUE}queue-name`, `${KUEUE}pod-group-name`];

/** On pods also what Kueue sets at admission, or copies from a suspended parent. */
const POD_LABELS = [
  ...QUEUE_LABELS,
  `${KUEUE}cluster-queue-name`,
  `${KUEUE}local-queue-name`,
  `${KUEUE}podset`,
];
const PARENT_ANNOTATION = `${KUEUE}pod-suspending-parent`;
const MANAGED_LABEL = `${KUEUE}managed`;

/** The first mark of Kueue. Its gate may come after us on CREATE, so labels are looked at first (engine-facts §8). */
function kueueMark(workload: Workload, { labels, annotations, spec }: PodTemplate): string | null {
  const label = firstKey(workload.labels, QUEUE_LABELS) ?? firstKey(labels, POD_LABELS);
  if (label !== null) return `label ${label}`;
  if (labels.get(MANAGED_LABEL) === 'true') return `label ${MANAGED_LABEL}`;
  const gate = spec.schedulingGates.find((name) => name.startsWith(KUEUE));
  if (gate !== undefined) return `scheduling gate ${gate}`;
  return annotations.has(PARENT_ANNOTATION) ? `annotation ${PARENT_ANNOTATION}` : null;
}

/** An empty queue name is no queue. */
function firstKey(labels: StringMap, keys: readonly string[]): string | null {
  if (labels.size === 0) return null;
  return keys.find((key) => (labels.get(key) ?? '') !== '') ?? null;
}
