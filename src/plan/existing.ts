import type { Catalog } from '../catalog/types.ts';
import { type Finding, finding, type JsonPath } from '../findings.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import type { DeviceShape, Parallel } from '../sizing/shapes.ts';
import { planFlags } from './flags.ts';
import { gpusOf, parallelProblems, runningParallel } from './options.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import { names, placeUnit } from './place.ts';
import {
  annotatedProducts,
  namedProducts,
  type Sizable,
  selectedProducts,
  sizable,
  slicesOf,
  vendorOfResource,
  wholeGpus,
} from './products.ts';
import { compareRanked } from './rank.ts';
import { hasOwnPlacement, type Reachable, reachableClasses, withoutPlacement } from './reach.ts';
import { refusalText } from './texts.ts';
import type { GpuAsk, Inventory, Judged, Policy } from './types.ts';
import { askedGpus, podsOf, type Unit } from './unit.ts';

interface Asked {
  readonly unit: Unit;
  readonly ask: GpuAsk;
  readonly parallel: Parallel;
  readonly catalog: Catalog;
  readonly policy: Policy;
}

interface JudgedClass {
  readonly reach: Reachable;
  readonly judged: Judged | null;
}

/** The author gave a GPU count: it is never changed; is it enough, wherever the pod may land? */
export function planExisting(
  unit: Unit,
  ask: GpuAsk,
  inventory: Inventory,
  catalog: Catalog,
  policy: Policy,
): Outcome {
  const gpus = askedGpus(unit) ?? ask.count;
  const parallel = runningParallel(unit.intent, gpus);
  const asked: Asked = { unit, ask, parallel, catalog, policy };
  const counted = countFindings(asked, gpus);
  const landed = inventory.state === 'known' ? landKnown(asked, inventory) : landUnknown(asked);
  const flags = planFlags(unit, parallel, false);
  return {
    ...landed,
    edits: [...landed.edits, ...flags.edits],
    findings: [...counted, ...landed.findings, ...flags.findings],
  };
}

function countFindings(asked: Asked, gpus: number): readonly Finding[] {
  const { unit, ask, parallel } = asked;
  if (unit.intent.workload === 'training') return [];
  const problems = parallelProblems(unit.intent, parallel).map((text) =>
    finding('invalid-parallelism', flagPath(unit), text),
  );
  if (problems.length > 0) return problems;
  const used = gpusOf(parallel);
  if (used > gpus) {
    const message = `the engine's parallel flags use ${used} GPUs, but ${gpus} ${gpus === 1 ? 'is' : 'are'} requested`;
    return [finding('gpu-count-too-small', ask.path, message)];
  }
  if (used < gpus) {
    const message = `${gpus} GPUs are requested, but the engine's parallel flags use ${used}`;
    return [finding('unused-gpus', ask.path, message)];
  }
  return [];
}

function flagPath(unit: Unit): JsonPath {
  const site = unit.reading?.flagSites.get('tensor-parallel');
  return site?.path ?? unit.members[0].container.path;
}

// --- a known inventory -------------------------------------------------------------------------------------------

function landKnown(asked: Asked, inventory: Extract<Inventory, { state: 'known' }>): Outcome {
  const { unit, ask, policy } = asked;
  const spec = unit.members[0].template.spec;
  const reached = reachableClasses(inventory.classes, spec, ask.resource, ask.scheduled, policy);
  const judged = reached.map((reach) => ({ reach, judged: judgeClass(asked, reach) }));
  const fitting = judged.filter((one) => isFitting(asked, one));
  if (fitting.length > 0)
    return landFitting(
      asked,
      fitting,
      judged.filter((one) => !fitting.includes(one)),
    );
  return landNowhere(asked, inventory, judged);
}

function judgeClass(asked: Asked, reach: Reachable): Judged | null {
  const device = reach.nodeClass.device;
  return device === null ? null : asked.unit.sizer.judge(asked.parallel, device, trainingGpus(asked));
}

function trainingGpus(asked: Asked): number {
  return asked.ask.count * asked.unit.trainingPods;
}

/** Refused is only what does not fit at the low end of the measured spread (contract §3). */
function isFitting(asked: Asked, one: JudgedClass): boolean {
  if (one.judged?.fit?.fitsAtLow !== true) return false;
  const { sharing, device } = one.reach.nodeClass;
  const accepted = asked.unit.intent.gpus;
  if (accepted !== null && !accepted.includes(device?.product ?? '')) return false;
  return sharing === 'none' || sharing === 'not-ready' || isSingleSlice(asked, sharing);
}

/** A MIG slice, an MPS share or a time slice can hold one rank, never several: slices cannot be joined. */
function isSingleSlice(asked: Asked, sharing: string): boolean {
  return asked.ask.count === 1 && (sharing === 'mig' || sharing === 'mps' || sharing === 'time-slicing');
}

function landFitting(asked: Asked, fitting: readonly JudgedClass[], others: readonly JudgedClass[]): Outcome {
  const { unit, ask, policy, parallel } = asked;
  const ordered = fitting.toSorted(
    (one, other) =>
      Number(one.reach.taintsToTolerate.length > 0) - Number(other.reach.taintsToTolerate.length > 0) ||
      compareRanked(policy)(
        { nodeClass: one.reach.nodeClass, gpus: ask.count },
        { nodeClass: other.reach.nodeClass, gpus: ask.count },
      ),
  );
  const [best] = ordered;
  if (best === undefined) throw new RangeError('no fitting class to choose from');
  const placed = placeUnit(
    unit,
    best.reach,
    ordered.map((one) => one.reach),
    others.map((one) => one.reach),
    policy,
  );
  return {
    findings: [...placed.findings, ...closeFindings(asked, best), ...sharingFindings(asked, best)],
    judged: best.judged,
    plan: chosenPlan(ask.resource, ask.count, podsOf(unit), best.reach.nodeClass.id, parallel),
    edits: placed.edits,
  };
}

function closeFindings(asked: Asked, best: JudgedClass): readonly Finding[] {
  return best.judged === null ? [] : closeCall(best.judged, asked.ask.path);
}

/** Fits at the low or middle of what overheads were measured to be, but not at the high end. */
export function closeCall(judged: Judged, path: JsonPath): readonly Finding[] {
  if (judged.fit === null || judged.fit.fitsAtHigh) return [];
  return [finding('close-call', path, `may not fit: ${refusalText(judged)}`)];
}

function sharingFindings(asked: Asked, best: JudgedClass): readonly Finding[] {
  const { sharing, id } = best.reach.nodeClass;
  if (sharing !== 'time-slicing' && sharing !== 'mps') return [];
  const message = `${id} is shared by ${sharing}: its memory is not exclusive to this pod`;
  return [finding('shared-gpu', asked.ask.path, message)];
}

/** No class that the pod can reach holds it: is that the author's doing, or the cluster's? (contract §4) */
function landNowhere(
  asked: Asked,
  inventory: Extract<Inventory, { state: 'known' }>,
  judged: readonly JudgedClass[],
): Outcome {
  const { unit, ask } = asked;
  const sized = judged.flatMap((one) => (one.judged === null ? [] : [one.judged]));
  const largest = sized.toSorted((one, other) => deviceBytes(other) - deviceBytes(one))[0];
  if (largest !== undefined && isPinned(asked, inventory, judged)) return refused(asked, largest, judged);
  const possible = catalogDevices(asked).map((one) =>
    unit.sizer.judge(asked.parallel, one.device, trainingGpus(asked)),
  );
  const carried = possible.find((one) => one.fit?.fitsAtLow === true);
  if (carried === undefined) return refused(asked, largest ?? possible.at(-1) ?? null, judged);
  const known =
    judged.length === 0
      ? 'no node or pool that is known offers it'
      : `${names(judged.map((one) => one.reach.nodeClass))} cannot hold it`;
  const message = `${ask.count} x ${ask.resource}: ${known}; ${carried.device?.product ?? 'another GPU'} would`;
  return {
    findings: [finding('no-node-fits', ask.path, message)],
    judged: largest ?? carried,
    plan: chosenPlan(ask.resource, ask.count, podsOf(unit), null, asked.parallel),
    edits: [],
  };
}

function deviceBytes(judged: Judged): number {
  return judged.device?.usableBytes ?? 0;
}

/** The author's own selector or GPU annotation keeps the pod away from what would hold it. */
function isPinned(
  asked: Asked,
  inventory: Extract<Inventory, { state: 'known' }>,
  judged: readonly JudgedClass[],
): boolean {
  const { unit, ask, catalog, policy } = asked;
  const spec = unit.members[0].template.spec;
  if (unit.intent.gpus !== null || selectedProducts(catalog, spec) !== null) return true;
  if (!hasOwnPlacement(spec)) return false;
  const free = reachableClasses(
    inventory.classes,
    withoutPlacement(spec),
    ask.resource,
    ask.scheduled,
    policy,
  );
  return free.length > judged.length;
}

/** Catalog GPUs that the author accepts for this resource, smallest first. */
function catalogDevices(asked: Asked): readonly Sizable[] {
  const profile = migProfile(asked.ask.resource);
  if (profile !== null) return slicesOf(asked.catalog, profile);
  const spec = asked.unit.members[0].template.spec;
  const named = annotatedProducts(asked.catalog, asked.unit.intent) ?? selectedProducts(asked.catalog, spec);
  return named === null
    ? wholeGpus(asked.catalog, vendorOfResource(asked.ask.resource))
    : bySize(sizable(named));
}

function bySize(devices: readonly Sizable[]): readonly Sizable[] {
  return devices.toSorted((one, other) => one.device.usableBytes - other.device.usableBytes);
}

/** `nvidia.com/mig-3g.40gb` → `3g.40gb`. */
function migProfile(resource: string): string | null {
  const prefix = 'nvidia.com/mig-';
  return resource.startsWith(prefix) ? resource.slice(prefix.length) : null;
}

function refused(asked: Asked, judged: Judged | null, classes: readonly JudgedClass[]): Outcome {
  const { unit, ask, parallel } = asked;
  const plan = chosenPlan(ask.resource, ask.count, podsOf(unit), null, parallel);
  if (judged === null) {
    const message = `the memory of a ${ask.resource} here is not known; name the product in vramgate.io/gpu`;
    return { findings: [finding('unknown-gpu', ask.path, message)], judged: null, plan, edits: [] };
  }
  return { findings: [refusal(asked, judged, classes)], judged, plan, edits: [] };
}

function refusal(asked: Asked, judged: Judged, classes: readonly JudgedClass[]): Finding {
  const { unit, ask } = asked;
  const isSpilling = engineProfile(unit.intent.engine, unit.intent.engineVersion)?.spills === true;
  if (isSpilling) {
    return finding(
      'spills-to-cpu',
      ask.path,
      `${refusalText(judged)}; the engine will run the rest on the CPU`,
    );
  }
  const isSliced =
    migProfile(ask.resource) !== null || classes.some((one) => one.reach.nodeClass.sharing === 'mig');
  if (isSliced) {
    return finding('mig-slice', ask.path, `${refusalText(judged)}; MIG slices cannot be joined`);
  }
  if (judged.fit?.fitsAtLow === true) {
    const ids = names(classes.map((one) => one.reach.nodeClass));
    return finding('does-not-fit', ask.path, `${ids} cannot be used as ${ask.count} whole, exclusive GPUs`);
  }
  return finding('does-not-fit', ask.path, refusalText(judged));
}

// --- an unknown inventory ----------------------------------------------------------------------------------------

function landUnknown(asked: Asked): Outcome {
  const { unit, ask, catalog, policy, parallel } = asked;
  const spec = unit.members[0].template.spec;
  const profile = migProfile(ask.resource);
  const named = profile === null ? namedProducts(catalog, unit.intent, spec, policy) : null;
  const devices =
    profile === null ? (named === null ? null : bySize(sizable(named))) : slicesOf(catalog, profile);
  const [smallest] = devices ?? [];
  if (smallest !== undefined) return landNamed(asked, smallest.device);
  if (devices !== null) return refused(asked, null, []);
  const largest = wholeGpus(catalog, vendorOfResource(ask.resource)).at(-1);
  if (largest === undefined) return refused(asked, null, []);
  const judged = unit.sizer.judge(parallel, largest.device, trainingGpus(asked));
  if (judged.fit?.fitsAtLow !== true) return refused(asked, judged, []);
  const message = `no GPU is named and no inventory is known; it needs ${largest.gpu.product} or another GPU with that room`;
  const unplaced = unit.sizer.judge(parallel, null, trainingGpus(asked));
  return {
    findings: [finding('inventory-unknown', ask.path, needsAtLeast(asked, message))],
    judged: unplaced,
    plan: chosenPlan(ask.resource, ask.count, podsOf(unit), null, parallel),
    edits: [],
  };
}

function needsAtLeast(asked: Asked, fallback: string): string {
  const devices = wholeGpus(asked.catalog, vendorOfResource(asked.ask.resource));
  const enough = devices.find(
    (one) => asked.unit.sizer.judge(asked.parallel, one.device, trainingGpus(asked)).fit?.fitsAtHigh,
  );
  if (enough === undefined) return fallback;
  return `no GPU is named and no inventory is known: not checked where it will run; the smallest GPU that holds it is ${enough.gpu.product}`;
}

function landNamed(asked: Asked, device: DeviceShape): Outcome {
  const judged = asked.unit.sizer.judge(asked.parallel, device, trainingGpus(asked));
  const isSliced = migProfile(asked.ask.resource) !== null && asked.ask.count > 1;
  if (judged.fit?.fitsAtLow !== true || isSliced) return refused(asked, judged, []);
  const { ask, unit, parallel } = asked;
  return {
    findings: closeCall(judged, ask.path),
    judged,
    plan: chosenPlan(ask.resource, ask.count, podsOf(unit), device.product, parallel),
    edits: [],
  };
}
