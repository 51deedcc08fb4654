import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import { parallelOptions, runningParallel, usedGpus } from './options.ts';
import { isAcceptedProduct } from './products.ts';
import type { Judged, NodeClass } from './types.ts';
import { podsOf, type Unit } from './unit.ts';

/** One way to run: on this device, in this shape, with this many GPUs in each pod. */
export interface Way {
  readonly parallel: Parallel;
  readonly perPod: number;
  readonly judged: Judged;
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
  for (const { parallel, perPod } of shapesOf(unit, gpusPerNode)) {
    const gpus = perPod * unit.trainingPods;
    if (!unit.sizer.surelyFits(parallel, device, gpus)) continue;
    return { parallel, perPod, judged: unit.sizer.judge(parallel, device, gpus) };
  }
  return null;
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

interface Shape {
  readonly parallel: Parallel;
  readonly perPod: number;
}

function shapesOf(unit: Unit, gpusPerNode: number): readonly Shape[] {
  const pods = podsOf(unit);
  if (unit.intent.workload === 'training') return trainingShapes(unit, gpusPerNode);
  return parallelOptions(unit.intent, gpusPerNode * pods, pods).flatMap((parallel) => {
    const perPod = usedGpus(unit.intent, parallel, pods) / pods;
    return Number.isInteger(perPod) && perPod <= gpusPerNode ? [{ parallel, perPod }] : [];
  });
}

/** Sharded training takes any number of GPUs; the state is spread over all of them. */
function trainingShapes(unit: Unit, gpusPerNode: number): readonly Shape[] {
  const parallel = runningParallel(unit.intent, null);
  return Array.from({ length: gpusPerNode }, (_, index) => ({ parallel, perPod: index + 1 }));
}
