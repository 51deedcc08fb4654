import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import { isRunnable, parallelCandidates, runningParallel, usedGpus } from './options.ts';
import { isAcceptedProduct } from './products.ts';
import type { Judged, NodeClass } from './types.ts';
import { podsOf, type Unit } from './unit.ts';

/** One way to run: in this shape, with this many GPUs in each pod. */
export interface Way {
  readonly parallel: Parallel;
  readonly perPod: number;
}

/** GPUs that a node of a product not seen in this cluster has: the catalog's largest typical count, 8 at most. */
export const MAX_TYPICAL = 8;

/** Slices and shares have resource names of their own; a count of them is never what we would choose. */
export function isWholeGpu(resource: string): boolean {
  return resource === 'nvidia.com/gpu' || resource === 'amd.com/gpu' || resource === 'habana.ai/gaudi';
}

/** Whole GPUs of a node, by whatever name they are asked for. */
export function isBoard(resource: string): boolean {
  const deviceClass = deviceClassOf(resource);
  return isWholeGpu(resource) || deviceClass === 'gpu.nvidia.com' || deviceClass === 'gpu.amd.com';
}

/** The smallest valid count that fits at the high end: what we choose must hold (contract §3). */
export function smallestWay(unit: Unit, device: DeviceShape, gpusPerNode: number): Way | null {
  if (unit.intent.workload === 'training') return smallestSharding(unit, device, gpusPerNode);
  const pods = podsOf(unit);
  for (const parallel of parallelCandidates(unit.intent, pods)) {
    if (!isRunnable(unit.intent, parallel, gpusPerNode * pods, pods)) continue;
    const perPod = usedGpus(unit.intent, parallel, pods) / pods;
    if (!Number.isInteger(perPod) || perPod > gpusPerNode) continue;
    const way = { parallel, perPod };
    if (isEnough(unit, way, device)) return way;
  }
  return null;
}

/** Sharded training takes any number of GPUs; the state is spread over all of them. */
function smallestSharding(unit: Unit, device: DeviceShape, gpusPerNode: number): Way | null {
  const parallel = runningParallel(unit.intent, null);
  for (let perPod = 1; perPod <= gpusPerNode; perPod += 1) {
    const way = { parallel, perPod };
    if (isEnough(unit, way, device)) return way;
  }
  return null;
}

/** True where the way fits on this device at the high end of the measured spread. */
export function isEnough(unit: Unit, { parallel, perPod }: Way, device: DeviceShape): boolean {
  return unit.sizer.surelyFits(parallel, device, perPod * unit.trainingPods);
}

/** The bill of the way on this device. */
export function judgeWay(unit: Unit, { parallel, perPod }: Way, device: DeviceShape | null): Judged {
  return unit.sizer.judge(parallel, device, perPod * unit.trainingPods);
}

/**
 * True where a node of one of these classes would hold the replica with another GPU count or other parallel flags: then
 * it is the author's count or flags that are too small.
 */
export function holdsOtherwise(unit: Unit, classes: readonly NodeClass[]): boolean {
  return classes.some(({ device, sharing, resource, gpusPerNode }) => {
    if (device === null || sharing !== 'none' || !isBoard(resource)) return false;
    return isAcceptedProduct(unit.intent, device.product) && holdsOnNode(unit, device, gpusPerNode);
  });
}

/** True where some count of these GPUs on one node would hold it, whatever the flags say now. */
export function holdsOnNode(unit: Unit, device: DeviceShape, gpusPerNode: number): boolean {
  const intent = { ...unit.intent, tensorParallel: null, pipelineParallel: null };
  return smallestWay({ ...unit, intent }, device, gpusPerNode) !== null;
}
