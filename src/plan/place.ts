import { type Finding, finding } from '../findings.ts';
import { isWithin, narrowPlacement } from './narrow.ts';
import type { Reachable } from './reach.ts';
import type { Edit, NodeClass, Policy, Taint } from './types.ts';
import type { Member, PlannedSpec, Unit } from './unit.ts';

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

/** Selector and tolerations, so that every node that the scheduler may choose for these pods fits (contract §4). */
export function placeMember(
  unit: Unit,
  member: Member,
  { best, fitting, unfitting }: Landing,
  policy: Policy,
): Placement {
  const { spec } = member.template;
  if (unit.placementOwner !== null) return leftAlone(unit, unfitting);
  const tolerated = best.taintsToTolerate;
  const rivals = unfitting
    .filter((one) => isCovered(one.taintsToTolerate, tolerated))
    .map((one) => one.nodeClass);
  const peers = fitting
    .filter((one) => isCovered(one.taintsToTolerate, tolerated))
    .map((one) => one.nodeClass);
  const narrowed = narrowPlacement(spec, { best: best.nodeClass, fitting: peers, unfitting: rivals }, policy);
  if (narrowed === null) return conflict(spec, best.nodeClass, rivals);
  if (!unit.canEdit) return asAdvice(spec, narrowed, rivals);
  return { edits: [...narrowed, ...tolerationEdits(spec, tolerated)], findings: [] };
}

/** What would be set, where nothing may be. */
function asAdvice(spec: PlannedSpec, narrowed: readonly Edit[], rivals: readonly NodeClass[]): Placement {
  const labels = narrowed.flatMap((edit) =>
    edit.kind === 'set-node-selector' ? [`${edit.key}: ${edit.value}`] : [],
  );
  if (narrowed.length === 0) return { edits: [], findings: [] };
  const set = labels.length === 0 ? 'narrow the node affinity' : `set nodeSelector ${labels.join(', ')}`;
  const message = `the scheduler may also choose ${names(rivals)}, which cannot hold it, and this object is not patched: ${set}`;
  return { edits: [], findings: [finding('placement-conflict', spec.path, message)] };
}

/** Where the scheduler may put the pods once the placement is set: a second pass finds the same. */
export function mayLand(one: Reachable, best: Reachable, { edits }: Placement): boolean {
  return (
    isCovered(one.taintsToTolerate, best.taintsToTolerate) &&
    edits.every((edit) => isWithin(one.nodeClass, edit))
  );
}

/** True where what `tolerated` names lets the pod pass these taints. */
function isCovered(taints: readonly Taint[], tolerated: readonly Taint[]): boolean {
  return taints.every((taint) =>
    tolerated.some((one) => one.key === taint.key && one.effect === taint.effect),
  );
}

function tolerationEdits({ path }: PlannedSpec, taints: readonly Taint[]): readonly Edit[] {
  return taints.map(({ key, effect }): Edit => ({ kind: 'add-toleration', podSpec: path, key, effect }));
}

function leftAlone(unit: Unit, unfitting: readonly Reachable[]): Placement {
  const path = unit.members[0].template.spec.path;
  const risk =
    unfitting.length > 0 ? `; ${names(unfitting.map((one) => one.nodeClass))} would not hold it` : '';
  const message = `placement belongs to ${unit.placementOwner?.detail ?? 'another owner'} and was left alone${risk}`;
  return { edits: [], findings: [finding('placement-left-alone', path, message)] };
}

function conflict(spec: PlannedSpec, best: NodeClass, rivals: readonly NodeClass[]): Placement {
  const message =
    `the scheduler may also choose ${names(rivals)}, which cannot hold it, and no label that ${best.id} carries ` +
    'tells them apart without contradicting the selector given';
  return { edits: [], findings: [finding('placement-conflict', spec.path, message)] };
}

/** Two templates of one group whose selectors lead to different nodes. */
export function elsewhere({ template: { spec } }: Member, best: NodeClass): Placement {
  const message = `these pods cannot run on ${best.id}, which the leader's selector leads to; give both templates the same placement`;
  return { edits: [], findings: [finding('placement-conflict', spec.path, message)] };
}

export function names(classes: readonly NodeClass[]): string {
  const ids = classes.map((one) => one.id);
  const shown = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}
