import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { Parallel } from '../sizing/shapes.ts';
import { acrossNodesText, spreadText } from './across-nodes.ts';
import { type Counted, chosenPlan, type Outcome } from './outcome.ts';
import { names } from './place.ts';
import {
  authorsProducts,
  isAcceptedProduct,
  type Sizable,
  sizable,
  slicesOf,
  vendorOfResource,
  wholeGpus,
} from './products.ts';
import type { Reachable } from './reach.ts';
import { refusalText } from './texts.ts';
import type { GpuAsk, Judged, PlanFacts } from './types.ts';
import { podsOf, type Unit } from './unit.ts';
import { holdsOnNode, MAX_TYPICAL } from './ways.ts';

export interface Asked {
  readonly unit: Unit;
  readonly ask: GpuAsk;
  readonly parallel: Parallel;
  readonly facts: PlanFacts;
}

export interface JudgedClass {
  readonly reach: Reachable;
  readonly judged: Judged | null;
}

/** What was asked for, for the plan that is printed. */
export function countedOf({ unit, ask }: Asked): Counted {
  return { resource: ask.resource, gpus: ask.count, pods: podsOf(unit) };
}

/** Fits at the low or middle of what overheads were measured to be, but not at the high end. */
export function closeCall(judged: Judged, path: JsonPath): readonly Finding[] {
  if (judged.fit === null || judged.fit.fitsAtHigh) return [];
  return [finding('close-call', path, `may not fit: ${refusalText(judged)}`)];
}

/** Catalog GPUs that the author accepts for this resource, smallest first. */
export function catalogDevices(asked: Asked): readonly Sizable[] {
  const profile = migProfile(asked.ask.resource);
  if (profile !== null) return slicesOf(asked.facts.catalog, profile);
  const spec = asked.unit.members[0].template.spec;
  const named = authorsProducts(asked.facts.catalog, asked.unit.intent, spec);
  return named === null
    ? wholeGpus(asked.facts.catalog, vendorOfResource(asked.ask.resource))
    : bySize(sizable(named));
}

export function bySize(devices: readonly Sizable[]): readonly Sizable[] {
  return devices.toSorted((one, other) => one.device.usableBytes - other.device.usableBytes);
}

/** `nvidia.com/mig-3g.40gb` → `3g.40gb`. */
export function migProfile(resource: string): string | null {
  const prefix = 'nvidia.com/mig-';
  return resource.startsWith(prefix) ? resource.slice(prefix.length) : null;
}

export function refused(asked: Asked, judged: Judged | null, classes: readonly JudgedClass[]): Outcome {
  const { ask, parallel } = asked;
  const plan = chosenPlan(countedOf(asked), null, parallel);
  if (judged === null) {
    const message = `the memory of a ${ask.resource} here is not known; name the product in vramgate.io/gpu`;
    return { findings: [finding('unknown-gpu', ask.path, message)], judged: null, plan, edits: [] };
  }
  const findings = [refusal(asked, judged, classes), ...acrossNodes(asked, judged, classes)];
  return { findings, judged, plan, edits: [] };
}

/** Where no count on one node is enough, what several nodes would do (contract §4). */
function acrossNodes(
  { unit, ask, facts }: Asked,
  judged: Judged,
  classes: readonly JudgedClass[],
): readonly Finding[] {
  const over = facts.inventory.state === 'known' ? knownNodes(unit, classes) : typicalNodes(unit, judged);
  if (over === null || unit.intent.spills) return [];
  const message = `no GPU count on one node is enough; over several nodes: ${over}`;
  return [finding('larger-than-a-node', ask.path, message)];
}

function knownNodes(unit: Unit, classes: readonly JudgedClass[]): string | null {
  return acrossNodesText(
    unit,
    classes.map((one) => one.reach.nodeClass),
  );
}

function typicalNodes(unit: Unit, { device }: Judged): string | null {
  if (device === null || podsOf(unit) > 1 || unit.intent.workload === 'training') return null;
  return holdsOnNode(unit, device, MAX_TYPICAL) ? null : spreadText(unit, device, MAX_TYPICAL);
}

function refusal(asked: Asked, judged: Judged, classes: readonly JudgedClass[]): Finding {
  const { unit, ask } = asked;
  if (unit.intent.spills) {
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
    const product = judged.device?.product ?? '';
    const ids = classes.length === 0 ? product : names(classes.map((one) => one.reach.nodeClass));
    if (!isAcceptedProduct(unit.intent, product)) {
      return finding('does-not-fit', ask.path, `${ids} is not among the GPUs that vramgate.io/gpu accepts`);
    }
    return finding('does-not-fit', ask.path, `${ids} cannot be used as ${ask.count} whole, exclusive GPUs`);
  }
  return finding('does-not-fit', ask.path, refusalText(judged));
}
