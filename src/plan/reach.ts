import { matchesNode } from '../placement/node-affinity.ts';
import { untoleratedTaints } from '../placement/taints.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import type { StringMap } from '../workload/types.ts';
import type { NodeClass, PlanFacts, Policy, Taint } from './types.ts';
import type { Member, PlannedSpec, Unit } from './unit.ts';

/** A class of nodes that the pod can reach, with the taints that stand between them. */
export interface Reachable {
  readonly nodeClass: NodeClass;
  /** GPU taints that the author does not tolerate and that we may (contract §4); empty: reachable as written. */
  readonly taintsToTolerate: readonly Taint[];
}

const NO_SELECTOR: StringMap = new Map();

/** What a pod asks of a node. */
export interface Wanted {
  readonly resource: string;
  readonly count: number;
}

/** Classes that are known; none where the inventory is not. */
export function knownClasses({ inventory }: PlanFacts): readonly NodeClass[] {
  return inventory.state === 'known' ? inventory.classes : [];
}

/** Classes that offer what is wanted, match the author's placement, and stand behind no foreign taint. */
export function reachableClasses(
  classes: readonly NodeClass[],
  spec: PlannedSpec,
  { resource, count }: Wanted,
  policy: Policy,
): readonly Reachable[] {
  const reached: Reachable[] = [];
  for (const nodeClass of classes) {
    if (nodeClass.resource !== resource || nodeClass.gpusPerNode < count) continue;
    if (!matchesClass(nodeClass, spec)) continue;
    const taints = untoleratedTaints(nodeClass.taints, spec.tolerations);
    if (taints.every((taint) => isGpuTaint(taint, resource, policy))) {
      reached.push({ nodeClass, taintsToTolerate: taints });
    }
  }
  return reached;
}

function matchesClass(nodeClass: NodeClass, spec: PlannedSpec): boolean {
  const labels = { fixed: nodeClass.labels, varying: nodeClass.varyingLabels };
  return matchesNode(labels, spec, nodeClass.nodeNames);
}

/**
 * Only taints that say "GPU" and nothing else: never spot, team or reservation taints. Where ExtendedResourceToleration
 * is on (GKE, AKS, EKS) a pod tolerates the resource's own name anyway (gpu-catalog.md §3.3); whether it is, no object of
 * the cluster says, and the same toleration twice is one.
 */
export function isGpuTaint(taint: Taint, resource: string, policy: Policy): boolean {
  if (taint.key === resource || isDeviceOf(taint.key, resource)) return true;
  return policy.gpuTaints.some(
    (one) => one.key === taint.key && (one.value === null || one.value === taint.value),
  );
}

/**
 * A slice stands behind the taint of the whole GPU: `nvidia.com/gpu` keeps `nvidia.com/mig-3g.40gb` away, and what comes
 * by the DeviceClass `gpu.nvidia.com`.
 */
function isDeviceOf(key: string, resource: string): boolean {
  const domain = deviceClassOf(resource)?.replace(/^[a-z]+\./, '') ?? resource.split('/')[0] ?? '';
  return key === `${domain}/gpu`;
}

/** Tolerates everything. */
const ANY_TAINT: PlannedSpec['tolerations'] = [{ key: null, operator: 'Exists', value: '', effect: null }];

/**
 * What the scheduler will go by for these pods. Kueue sets selectors and tolerations of the flavor that it chooses,
 * so the pod's own say nothing yet (engine-facts.md §8); a pod bound by name is past scheduling.
 */
export function schedulingOf({ placementOwner }: Pick<Unit, 'placementOwner'>, member: Member): PlannedSpec {
  const { spec } = member.template;
  if (placementOwner?.owner === 'kueue') return { ...withoutPlacement(spec), tolerations: ANY_TAINT };
  if (placementOwner?.owner !== 'node-name') return spec;
  const named = { key: 'metadata.name', operator: 'In' as const, values: [placementOwner.detail] };
  return {
    ...withoutPlacement(spec),
    requiredNodeAffinity: [{ matchExpressions: [], matchFields: [named] }],
    tolerations: ANY_TAINT,
  };
}

export function hasOwnPlacement(spec: PlannedSpec): boolean {
  return spec.nodeSelector.size > 0 || spec.requiredNodeAffinity !== null;
}

/** The same pod without the author's own placement: what the cluster would offer. */
export function withoutPlacement(spec: PlannedSpec): PlannedSpec {
  return { ...spec, nodeSelector: NO_SELECTOR, requiredNodeAffinity: null };
}
