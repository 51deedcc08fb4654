import { findGpus } from '../catalog/resolve.ts';
import type { Catalog } from '../catalog/types.ts';
import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { formatGib } from '../units.ts';
import { planFlags } from './flags.ts';
import { gpusOf, parallelOptions, parallelProblems, runningParallel } from './options.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import { placeUnit } from './place.ts';
import { namedProducts, sizable, vendorOfImage, vendorOfResource, wholeGpus } from './products.ts';
import { compareRanked } from './rank.ts';
import { type Reachable, reachableClasses } from './reach.ts';
import { subjectText } from './texts.ts';
import type { Edit, Inventory, Judged, NodeClass, Policy } from './types.ts';
import { podsOf, type Unit } from './unit.ts';

/** One way to run: on this device, in this shape, with this many GPUs in each pod. */
interface Way {
  readonly parallel: Parallel;
  readonly perPod: number;
  readonly judged: Judged;
}

interface ClassWay extends Way {
  readonly reach: Reachable;
}

/** GPUs that a node of a product not seen in this cluster has: the catalog's largest typical count, 8 at most. */
const MAX_TYPICAL = 8;

/** The author gave no GPU count: the smallest valid one on the best shape, or a refusal that gives the counts. */
export function planMissing(unit: Unit, inventory: Inventory, catalog: Catalog, policy: Policy): Outcome {
  const problems = flagProblems(unit);
  if (problems.length > 0)
    return {
      findings: problems,
      judged: unit.sizer.judge(runningParallel(unit.intent, null), null, 1),
      plan: null,
      edits: [],
    };
  if (inventory.state === 'known') return chooseKnown(unit, inventory, catalog, policy);
  return chooseNamed(unit, catalog, policy);
}

function flagProblems(unit: Unit): readonly Finding[] {
  if (unit.intent.workload === 'training') return [];
  const { tensorParallel, pipelineParallel } = unit.intent;
  if (tensorParallel === null && pipelineParallel === null) return [];
  const path = unit.reading?.flagSites.get('tensor-parallel')?.path ?? containerPath(unit);
  return parallelProblems(unit.intent, runningParallel(unit.intent, null)).map((text) =>
    finding('invalid-parallelism', path, text),
  );
}

function containerPath(unit: Unit): JsonPath {
  return unit.members[0].container.path;
}

// --- the cluster's own shapes ------------------------------------------------------------------------------------

function chooseKnown(
  unit: Unit,
  inventory: Extract<Inventory, { state: 'known' }>,
  catalog: Catalog,
  policy: Policy,
): Outcome {
  const ways = inventory.classes.flatMap((nodeClass) => wayOnClass(unit, nodeClass, policy));
  const ordered = ways.toSorted((one, other) =>
    compareRanked(policy)(
      { nodeClass: one.reach.nodeClass, gpus: one.perPod * podsOf(unit) },
      { nodeClass: other.reach.nodeClass, gpus: other.perPod * podsOf(unit) },
    ),
  );
  const [best] = ordered;
  if (best === undefined) return noCount(unit, inventory.classes, catalog);
  return onClass(unit, best, inventory.classes, policy);
}

function wayOnClass(unit: Unit, nodeClass: NodeClass, policy: Policy): readonly ClassWay[] {
  const { device, sharing } = nodeClass;
  if (device === null || sharing !== 'none' || !isAccepted(unit, device)) return [];
  if (!isWholeGpu(nodeClass.resource)) return [];
  const [reach] = reachableClasses([nodeClass], unit.members[0].template.spec, nodeClass.resource, 1, policy);
  if (reach === undefined) return [];
  const way = smallestWay(unit, device, nodeClass.gpusPerNode);
  return way === null ? [] : [{ ...way, reach }];
}

/** Slices and shares have resource names of their own; a count of them is never what we would choose. */
function isWholeGpu(resource: string): boolean {
  return resource === 'nvidia.com/gpu' || resource === 'amd.com/gpu' || resource === 'habana.ai/gaudi';
}

function isAccepted(unit: Unit, device: DeviceShape): boolean {
  const { gpus } = unit.intent;
  if (gpus !== null) return gpus.includes(device.product);
  return device.vendor === vendorOfImage(unit.members[0].container.image);
}

/** The smallest valid count that fits at the high end: what we choose must hold (contract §3). */
function smallestWay(unit: Unit, device: DeviceShape, gpusPerNode: number): Way | null {
  for (const { parallel, perPod } of shapesOf(unit, gpusPerNode)) {
    const judged = unit.sizer.judge(parallel, device, perPod * unit.trainingPods);
    if (judged.fit?.fitsAtHigh === true) return { parallel, perPod, judged };
  }
  return null;
}

interface Shape {
  readonly parallel: Parallel;
  readonly perPod: number;
}

function shapesOf(unit: Unit, gpusPerNode: number): readonly Shape[] {
  const pods = podsOf(unit);
  if (unit.intent.workload === 'training') return trainingShapes(unit, gpusPerNode);
  return parallelOptions(unit.intent, gpusPerNode * pods, pods).flatMap((parallel) => {
    const perPod = gpusOf(parallel) / pods;
    return Number.isInteger(perPod) && perPod <= gpusPerNode ? [{ parallel, perPod }] : [];
  });
}

/** Sharded training takes any number of GPUs; the state is spread over all of them. */
function trainingShapes(unit: Unit, gpusPerNode: number): readonly Shape[] {
  const parallel = runningParallel(unit.intent, null);
  return Array.from({ length: gpusPerNode }, (_, index) => ({ parallel, perPod: index + 1 }));
}

function onClass(unit: Unit, best: ClassWay, classes: readonly NodeClass[], policy: Policy): Outcome {
  const { nodeClass } = best.reach;
  const spec = unit.members[0].template.spec;
  const reached = reachableClasses(classes, spec, nodeClass.resource, best.perPod, policy);
  const fitting = reached.filter((one) => holds(unit, one, best));
  const others = reached.filter((one) => !fitting.includes(one));
  const placed = placeUnit(unit, best.reach, fitting, others, policy);
  const counted = setCount(unit, nodeClass.resource, best);
  const flags = planFlags(unit, best.parallel, true);
  return {
    findings: [...counted.findings, ...placed.findings, ...flags.findings],
    judged: best.judged,
    plan: chosenPlan(nodeClass.resource, best.perPod, podsOf(unit), nodeClass.id, best.parallel),
    edits: [...counted.edits, ...placed.edits, ...flags.edits],
  };
}

function holds(unit: Unit, reach: Reachable, best: Way): boolean {
  const { device, sharing } = reach.nodeClass;
  if (device === null || (sharing !== 'none' && sharing !== 'not-ready') || !isAccepted(unit, device))
    return false;
  return unit.sizer.judge(best.parallel, device, best.perPod * unit.trainingPods).fit?.fitsAtHigh === true;
}

interface Counted {
  readonly edits: readonly Edit[];
  readonly findings: readonly Finding[];
}

function setCount(unit: Unit, resource: string, way: Way): Counted {
  const path = [...containerPath(unit), 'resources'];
  const text = `${way.perPod} x ${resource} (${subjectText(unit.intent)}: ${formatGib(way.judged.perGpu.mid)} per GPU)`;
  if (!unit.canEdit) {
    return {
      edits: [],
      findings: [finding('gpu-count-missing', path, `no GPU is requested here; set ${text}`)],
    };
  }
  const edits = unit.members
    .filter((member) => member.ask === null)
    .map(
      (member): Edit => ({
        kind: 'set-gpu-count',
        container: member.container.path,
        resource,
        count: way.perPod,
      }),
    );
  return { edits, findings: [finding('value-set', path, `GPU count set to ${text}`)] };
}

// --- no inventory ------------------------------------------------------------------------------------------------

function chooseNamed(unit: Unit, catalog: Catalog, policy: Policy): Outcome {
  const named = namedProducts(catalog, unit.intent, unit.members[0].template.spec, policy);
  if (named === null) return noCount(unit, [], catalog);
  const devices = sizable(named.filter((gpu) => gpu.mig === null));
  const [smallest] = devices.toSorted((one, other) => one.device.usableBytes - other.device.usableBytes);
  if (smallest === undefined) return noCount(unit, [], catalog);
  const most = Math.min(MAX_TYPICAL, Math.max(1, ...smallest.gpu.typicalPerNode));
  const way = smallestWay(unit, smallest.device, most);
  if (way === null) return noCount(unit, [], catalog);
  const counted = setCount(unit, smallest.gpu.resource, way);
  const flags = planFlags(unit, way.parallel, true);
  const message = `no inventory: the count is for ${smallest.gpu.product}, and no placement was set`;
  return {
    findings: [
      ...counted.findings,
      finding('inventory-unknown', containerPath(unit), message),
      ...flags.findings,
    ],
    judged: way.judged,
    plan: chosenPlan(smallest.gpu.resource, way.perPod, podsOf(unit), smallest.gpu.product, way.parallel),
    edits: [...counted.edits, ...flags.edits],
  };
}

// --- no count ----------------------------------------------------------------------------------------------------

/** GPUs that most clusters that serve such models have: what a refusal without an inventory gives counts for. */
export const COMMON_GPUS: readonly string[] = [
  'NVIDIA-H100-80GB-HBM3',
  'NVIDIA-H200',
  'NVIDIA-A100-SXM4-80GB',
  'NVIDIA-L40S',
];

function noCount(unit: Unit, classes: readonly NodeClass[], catalog: Catalog): Outcome {
  const path = [...containerPath(unit), 'resources'];
  const largest = largestDevice(unit, classes, catalog);
  const parallel = largestShape(unit);
  const judged = unit.sizer.judge(parallel, largest, gpusOf(parallel));
  const counts = countsFor(unit, classes, catalog);
  const hasCount = counts.some((text) => !text.startsWith('more than'));
  const several = largest === null || hasCount ? null : severalNodes(unit, largest);
  const code = several !== null && classes.length > 0 ? 'larger-than-a-node' : 'gpu-count-missing';
  const ways = counts.length > 0 ? `; it takes ${counts.join(', ')}` : '';
  const nodes = several === null ? '' : `; over several nodes: ${several}`;
  const message = `no GPU is requested, and none of the GPUs that are known gives a count to fill in for ${subjectText(unit.intent)}${ways}${nodes}`;
  return { findings: [finding(code, path, message)], judged, plan: null, edits: [] };
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
    if (one.device !== null && one.sharing === 'none' && isWholeGpu(one.resource)) {
      own.set(one.device.product, { device: one.device, most: one.gpusPerNode });
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

/** Most nodes that a suggestion goes to; beyond, the arithmetic says it is the wrong GPU. */
const MAX_NODES = 4;

/** Pipeline parallelism over nodes, with worked numbers: what a LeaderWorkerSet of this size would do. */
function severalNodes(unit: Unit, device: DeviceShape): string | null {
  if (
    unit.intent.workload === 'training' ||
    podsOf(unit) > 1 ||
    vendorOfResource('nvidia.com/gpu') !== device.vendor
  )
    return null;
  for (let nodes = 2; nodes <= MAX_NODES; nodes += 1) {
    const [option] = parallelOptions(
      { ...unit.intent, pipelineParallel: nodes },
      MAX_TYPICAL * nodes,
      nodes,
    ).slice(-1);
    if (option === undefined) continue;
    const judged = unit.sizer.judge(option, device, gpusOf(option));
    if (judged.fit?.fitsAtHigh === true) {
      return (
        `a LeaderWorkerSet of size ${nodes} with ${option.tensor} x ${device.product} a pod, tensor parallel ${option.tensor} ` +
        `and pipeline parallel ${nodes}, needs ${formatGib(judged.perGpu.mid)} per GPU and fits`
      );
    }
  }
  return null;
}
