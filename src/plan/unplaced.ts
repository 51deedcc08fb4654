import { finding } from '../findings.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { type Asked, bySize, closeCall, countedOf, migProfile, refused } from './asked.ts';
import { chosenPlan, type Outcome } from './outcome.ts';
import {
  isAcceptedProduct,
  namedProducts,
  sizable,
  slicesOf,
  vendorOfResource,
  wholeGpus,
} from './products.ts';
import { trainingGpus } from './unit.ts';

/** No inventory: what the author or the policy names decides, else the largest GPU of the catalog. */
export function landUnknown(asked: Asked): Outcome {
  const { unit, ask, facts, parallel } = asked;
  const spec = unit.members[0].template.spec;
  const profile = migProfile(ask.resource);
  const named = profile === null ? namedProducts(facts, unit.intent, spec) : null;
  const devices =
    profile === null ? (named === null ? null : bySize(sizable(named))) : slicesOf(facts.catalog, profile);
  const [smallest] = devices ?? [];
  if (smallest !== undefined) return landNamed(asked, smallest.device);
  if (devices !== null) return refused(asked, null, []);
  const largest = wholeGpus(facts.catalog, vendorOfResource(ask.resource)).at(-1);
  if (largest === undefined) return refused(asked, null, []);
  const judged = unit.sizer.judge(parallel, largest.device, trainingGpus(unit));
  if (judged.fit?.fitsAtLow !== true) return refused(asked, judged, []);
  const message = `no GPU is named and no inventory is known; it needs ${largest.gpu.product} or another GPU with that room`;
  const unplaced = unit.sizer.judge(parallel, null, trainingGpus(unit));
  return {
    findings: [finding('inventory-unknown', ask.path, needsAtLeast(asked, message))],
    judged: unplaced,
    plan: chosenPlan(countedOf(asked), null, parallel),
    edits: [],
  };
}

function needsAtLeast(asked: Asked, fallback: string): string {
  const devices = wholeGpus(asked.facts.catalog, vendorOfResource(asked.ask.resource));
  const enough = devices.find(
    (one) => asked.unit.sizer.judge(asked.parallel, one.device, trainingGpus(asked.unit)).fit?.fitsAtHigh,
  );
  if (enough === undefined) return fallback;
  return `no GPU is named and no inventory is known: not checked where it will run; the smallest GPU that holds it is ${enough.gpu.product}`;
}

function landNamed(asked: Asked, device: DeviceShape): Outcome {
  const judged = asked.unit.sizer.judge(asked.parallel, device, trainingGpus(asked.unit));
  const isSlice = migProfile(asked.ask.resource) !== null;
  const isSliced = isSlice && asked.ask.count > 1;
  const isAccepted = isSlice || isAcceptedProduct(asked.unit.intent, device.product);
  if (judged.fit?.fitsAtLow !== true || isSliced || !isAccepted) return refused(asked, judged, []);
  const { ask, parallel } = asked;
  return {
    findings: closeCall(judged, ask.path),
    judged,
    plan: chosenPlan(countedOf(asked), device.product, parallel),
    edits: [],
  };
}
