import type { Toleration } from '../workload/types.ts';
import { parseInteger } from './node-affinity.ts';

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

/** Whether a pod with these tolerations may be scheduled to a node with these taints. */
export function toleratesTaints(taints: readonly Taint[], tolerations: readonly Toleration[]): boolean {
  return taints.every((taint) => !isHard(taint) || isTolerated(taint, tolerations));
}

/** The taints that keep such a pod away, in the node's order. */
export function untoleratedTaints(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
): readonly Taint[] {
  return taints.filter((taint) => isHard(taint) && !isTolerated(taint, tolerations));
}

/** PreferNoSchedule costs a node points, no more (DoNotScheduleTaintsFilterFunc of the scheduler). */
function isHard(taint: Taint): boolean {
  return taint.effect === 'NoSchedule' || taint.effect === 'NoExecute';
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some((toleration) => tolerates(toleration, taint));
}

/** Toleration.ToleratesTaint of kubernetes/api `core/v1/toleration.go`: an empty effect or key matches every one. */
function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect !== null && effect !== taint.effect) return false;
  if (key !== null && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  if (operator === 'Equal') return value === taint.value;
  return isBeyond(operator, taint.value, value);
}

/** Gt: the taint's number is greater than the toleration's. */
function isBeyond(operator: 'Gt' | 'Lt', taintValue: string, value: string): boolean {
  const [taint, own] = [parseInteger(taintValue), parseInteger(value)];
  if (taint === null || own === null) return false;
  return operator === 'Gt' ? taint > own : taint < own;
}
