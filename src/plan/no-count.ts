import { findGpus } from '../catalog/resolve.ts';
import type { Catalog } from '../catalog/types.ts';
import { finding } from '../findings.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import { acrossNodesText, spreadText } from './across-nodes.ts';
import { gpusOf, parallelOptions, runningParallel } from './options.ts';
import type { Outcome } from './outcome.ts';
import { vendorOfImage, wholeGpus } from './products.ts';
import { knownClasses } from './reach.ts';
import { subjectText } from './texts.ts';
import type { NodeClass, PlanFacts } from './types.ts';
import { podsOf, type Unit } from './unit.ts';
import { isBoard, MAX_TYPICAL, smallestWay } from './ways.ts';

/** GPUs that most clusters that serve such models have: what a refusal without an inventory gives counts for. */
export const COMMON_GPUS: readonly string[] = [
  'NVIDIA-H100-80GB-HBM3',
  'NVIDIA-H200',
  'NVIDIA-A100-SXM4-80GB',
  'NVIDIA-L40S',
];

export function noCount(unit: Unit, facts: PlanFacts): Outcome {
  const { catalog } = facts;
  const classes = facts.policy.disclose ? knownClasses(facts) : [];
  const path = [...unit.members[0].container.path, 'resources'];
  const largest = largestDevice(unit, classes, catalog);
  const parallel = largestShape(unit);
  const judged = unit.sizer.judge(parallel, largest, gpusOf(parallel));
  const counts = countsFor(unit, classes, catalog);
  const hasCount = counts.some((text) => !text.startsWith('more than'));
  const several = hasCount ? null : severalNodes(unit, classes, largest);
  const code = several !== null && classes.length > 0 ? 'larger-than-a-node' : 'gpu-count-missing';
  const ways = counts.length > 0 ? `; it takes ${counts.join(', ')}` : '';
  const nodes = several === null ? '' : `; over several nodes: ${several}`;
  const served = isServedByClaim(classes)
    ? '; the nodes that are known hand them out by DRA resource claims'
    : '';
  const { visibleGpus } = unit.intent;
  const hidden =
    visibleGpus === null
      ? ''
      : `; ${visibleGpus.variable} lets the engine see ${visibleGpus.count} in each pod`;
  const message = `no GPU is requested, and none of the GPUs that are known gives a count to fill in for ${subjectText(unit.intent)}${ways}${nodes}${served}${hidden}`;
  return { findings: [finding(code, path, message)], judged, plan: null, edits: [] };
}

/** A count would be of a resource that no node has. */
function isServedByClaim(classes: readonly NodeClass[]): boolean {
  const boards = classes.filter(({ resource }) => isBoard(resource));
  return boards.length > 0 && boards.every(({ resource }) => deviceClassOf(resource) !== null);
}

function largestShape(unit: Unit): Parallel {
  const options = parallelOptions(unit.intent, MAX_TYPICAL * podsOf(unit), podsOf(unit));
  return options.at(-1) ?? runningParallel(unit.intent, null);
}

function largestDevice(unit: Unit, classes: readonly NodeClass[], catalog: Catalog): DeviceShape | null {
  const own = classes.flatMap((one) => (one.device === null || one.sharing !== 'none' ? [] : [one.device]));
  const [largest] = own.toSorted((one, other) => other.usableBytes - one.usableBytes);
  if (largest !== undefined) return largest;
  return wholeGpus(catalog, vendorOfImage(unit.members[0].container.image)).at(-1)?.device ?? null;
}

/** Counts on this cluster's GPUs, or on the common ones when none are known. */
function countsFor(unit: Unit, classes: readonly NodeClass[], catalog: Catalog): readonly string[] {
  const own = new Map<string, { device: DeviceShape; most: number }>();
  for (const one of classes) {
    if (one.device !== null && one.sharing === 'none' && isBoard(one.resource)) {
      const most = Math.max(one.gpusPerNode, own.get(one.device.product)?.most ?? 0);
      own.set(one.device.product, { device: one.device, most });
    }
  }
  const shown = own.size > 0 ? [...own.values()] : commonDevices(catalog);
  return shown.slice(0, 4).map(({ device, most }) => {
    const way = smallestWay(unit, device, most);
    return way === null ? `more than ${most} x ${device.product}` : `${way.perPod} x ${device.product}`;
  });
}

function commonDevices(catalog: Catalog): readonly { readonly device: DeviceShape; readonly most: number }[] {
  return COMMON_GPUS.flatMap((product) => {
    const device = findGpus(catalog, product)[0]?.device ?? null;
    return device === null ? [] : [{ device, most: MAX_TYPICAL }];
  });
}

/** By this cluster's own nodes where they are known, else by nodes of the size that such GPUs come in. */
function severalNodes(unit: Unit, classes: readonly NodeClass[], largest: DeviceShape | null): string | null {
  if (classes.length > 0) return acrossNodesText(unit, classes);
  const isSingle = unit.intent.workload === 'inference' && podsOf(unit) === 1;
  return largest === null || !isSingle ? null : spreadText(unit, largest, MAX_TYPICAL);
}
