import { type Finding, finding } from '../findings.ts';
import { narrowPlacement } from './narrow.ts';
import type { Reachable } from './reach.ts';
import type { Edit, NodeClass, Policy, Taint } from './types.ts';
import type { Unit } from './unit.ts';

export interface Placement {
  readonly edits: readonly Edit[];
  readonly findings: readonly Finding[];
}

/** Classes that the pod can reach. `best` was chosen and is one of `fitting`; `unfitting` cannot hold it. */
export interface Landing {
  readonly best: Reachable;
  readonly fitting: readonly Reachable[];
  readonly unfitting: readonly Reachable[];
}

/** Selector and tolerations, so that every node that the scheduler may choose fits (contract §4). */
export function placeUnit(unit: Unit, { best, fitting, unfitting }: Landing, policy: Policy): Placement {
  const spec = unit.members[0].template.spec;
  if (unit.placementOwner !== null) return leftAlone(unit, unfitting);
  const tolerated = best.taintsToTolerate;
  const rivals = unfitting
    .filter((one) => isCovered(one.taintsToTolerate, tolerated))
    .map((one) => one.nodeClass);
  const peers = fitting
    .filter((one) => isCovered(one.taintsToTolerate, tolerated))
    .map((one) => one.nodeClass);
  const narrowed = narrowPlacement(spec, { best: best.nodeClass, fitting: peers, unfitting: rivals }, policy);
  if (narrowed === null || (narrowed.length > 0 && !unit.canEdit))
    return conflict(unit, best.nodeClass, rivals);
  const tolerations = unit.canEdit ? tolerated : [];
  return { edits: [...forMembers(unit, narrowed), ...tolerationEdits(unit, tolerations)], findings: [] };
}

function isCovered(taints: readonly Taint[], tolerated: readonly Taint[]): boolean {
  return taints.every((taint) =>
    tolerated.some((one) => one.key === taint.key && one.effect === taint.effect),
  );
}

/** The same selector on every pod template of the group: its pods share the engine's ranks. */
function forMembers(unit: Unit, edits: readonly Edit[]): readonly Edit[] {
  return unit.members.flatMap((member) =>
    edits.map((edit) => ('podSpec' in edit ? { ...edit, podSpec: member.template.spec.path } : edit)),
  );
}

function tolerationEdits(unit: Unit, taints: readonly Taint[]): readonly Edit[] {
  return unit.members.flatMap((member) =>
    taints.map(
      (taint): Edit => ({
        kind: 'add-toleration',
        podSpec: member.template.spec.path,
        key: taint.key,
        effect: taint.effect,
      }),
    ),
  );
}

function leftAlone(unit: Unit, unfitting: readonly Reachable[]): Placement {
  const path = unit.members[0].template.spec.path;
  const risk =
    unfitting.length > 0 ? `; ${names(unfitting.map((one) => one.nodeClass))} would not hold it` : '';
  const message = `placement belongs to ${unit.placementOwner?.detail ?? 'another owner'} and was left alone${risk}`;
  return { edits: [], findings: [finding('placement-left-alone', path, message)] };
}

function conflict(unit: Unit, best: NodeClass, rivals: readonly NodeClass[]): Placement {
  const path = unit.members[0].template.spec.path;
  const message =
    `the scheduler may also choose ${names(rivals)}, which cannot hold it, and no label that ${best.id} carries ` +
    'tells them apart without contradicting the selector given';
  return { edits: [], findings: [finding('placement-conflict', path, message)] };
}

export function names(classes: readonly NodeClass[]): string {
  const ids = classes.map((one) => one.id);
  const shown = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}
