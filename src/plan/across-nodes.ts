import type { DeviceShape } from '../sizing/shapes.ts';
import { formatGib } from '../units.ts';
import { gpusOf, parallelOptions, usedGpus } from './options.ts';
import { isAcceptedProduct, vendorOfResource } from './products.ts';
import type { NodeClass } from './types.ts';
import { podsOf, type Unit } from './unit.ts';
import { holdsOtherwise, isBoard } from './ways.ts';

/** Most nodes that a suggestion goes to; beyond, the arithmetic says it is the wrong GPU. */
const MAX_NODES = 4;

/**
 * Pipeline parallelism over nodes, with worked numbers: what a LeaderWorkerSet would do with what no single node of
 * these classes holds. null where one node does hold it, where several do not either, or where it is a group already.
 */
export function acrossNodesText(unit: Unit, classes: readonly NodeClass[]): string | null {
  if (unit.intent.workload === 'training' || podsOf(unit) > 1 || holdsOtherwise(unit, classes)) return null;
  const whole = classes.flatMap(({ device, sharing, resource, gpusPerNode }) =>
    device === null || sharing !== 'none' || !isBoard(resource) ? [] : [{ device, gpusPerNode }],
  );
  const accepted = whole.filter(({ device }) => isAcceptedProduct(unit.intent, device.product));
  const [largest] = accepted.toSorted((one, other) => nodeBytes(other) - nodeBytes(one));
  return largest === undefined ? null : spreadText(unit, largest.device, largest.gpusPerNode);
}

interface Node {
  readonly device: DeviceShape;
  readonly gpusPerNode: number;
}

function nodeBytes({ device, gpusPerNode }: Node): number {
  return device.usableBytes * gpusPerNode;
}

/** @returns null where not even MAX_NODES nodes hold it. */
export function spreadText(unit: Unit, device: DeviceShape, gpusPerNode: number): string | null {
  if (vendorOfResource('nvidia.com/gpu') !== device.vendor) return null;
  for (let nodes = 2; nodes <= MAX_NODES; nodes += 1) {
    const intent = { ...unit.intent, tensorParallel: null, pipelineParallel: nodes };
    const option = parallelOptions(intent, gpusPerNode * nodes, nodes).at(-1);
    if (option === undefined) continue;
    const perPod = usedGpus(intent, option, nodes) / nodes;
    if (!Number.isInteger(perPod) || perPod > gpusPerNode) continue;
    const judged = unit.sizer.judge(option, device, gpusOf(option));
    if (judged.fit?.fitsAtHigh === true) {
      return (
        `a LeaderWorkerSet of size ${nodes} with ${perPod} x ${device.product} a pod, tensor parallel ${option.tensor} ` +
        `and pipeline parallel ${nodes}, needs ${formatGib(judged.perGpu.mid)} per GPU and fits`
      );
    }
  }
  return null;
}
