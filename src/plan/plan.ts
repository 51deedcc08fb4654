import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { Intent } from '../intent/types.ts';
import { planClaimed } from './claimed.ts';
import { planExisting } from './existing.ts';
import { planMissing } from './missing.ts';
import { nativeFindings } from './native.ts';
import { NOTHING, type Outcome } from './outcome.ts';
import { surgeFindings } from './surge.ts';
import type { GpuAsk, PlanFacts } from './types.ts';
import { askOf, type Unit } from './unit.ts';

/** The plan of one serving replica: what it asks for, or what it should ask for. */
export function planUnit(unit: Unit, facts: PlanFacts): Outcome {
  const ask = askOf(unit);
  const released = releaseFindings(unit.intent, unit.intent.model.origin.path);
  const outcome = planAsk(unit, ask, facts);
  const findings = [
    ...released,
    ...outcome.findings,
    ...nativeFindings(unit, outcome, facts.catalog),
    ...surgeFindings(unit, outcome, facts),
  ];
  return { ...outcome, findings };
}

function planAsk(unit: Unit, ask: GpuAsk | null, facts: PlanFacts): Outcome {
  if (ask === null)
    return unit.placementOwner?.owner === 'dra' ? planClaimed(unit, facts) : planMissing(unit, facts);
  if (ask.form === 'hami' || ask.form === 'other-accelerator') return unsized(ask);
  return planExisting(unit, ask, facts);
}

export function releaseFindings({ model }: Intent, path: JsonPath): readonly Finding[] {
  if (model.value.isReleased) return [];
  const message = `${model.value.name} was never released; the published estimates were used`;
  return [finding('unreleased-model', path, message)];
}

function unsized(ask: GpuAsk): Outcome {
  const message = `${ask.resource} is a share of a device or no GPU; vramgate sizes whole GPUs and MIG slices`;
  return { ...NOTHING, findings: [finding('unknown-gpu', ask.path, message)] };
}
