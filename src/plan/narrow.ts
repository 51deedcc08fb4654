import type { JsonPath } from '../findings.ts';
import type { Edit, NodeClass, Policy } from './types.ts';
import type { PlannedSpec } from './unit.ts';

/** Classes that the pod may land on. `best` is one of `fitting`. */
export interface Choice {
  readonly best: NodeClass;
  readonly fitting: readonly NodeClass[];
  readonly unfitting: readonly NodeClass[];
}

/**
 * Narrowing the author's placement so that only classes that fit remain, by a label that the fitting nodes really
 * carry and no unfitting one shares. null when nothing separates them without contradicting the author.
 */
export function narrowPlacement(
  spec: PlannedSpec,
  { best, fitting, unfitting }: Choice,
  policy: Policy,
): readonly Edit[] | null {
  if (unfitting.length === 0) return [];
  if (policy.placement === 'affinity') {
    const affinity = narrowByAffinity(spec.path, fitting, unfitting);
    if (affinity !== null) return [affinity];
  }
  return narrowBySelector(spec, best, unfitting);
}

function separates(key: string, value: string, unfitting: readonly NodeClass[]): readonly NodeClass[] {
  return unfitting.filter((other) => mayCarry(other, key, value));
}

function mayCarry(nodeClass: NodeClass, key: string, value: string): boolean {
  return nodeClass.labels.get(key) === value || (nodeClass.varyingLabels.get(key)?.has(value) ?? false);
}

/** False for a class that this edit of the placement keeps the pod away from. */
export function isWithin(nodeClass: NodeClass, edit: Edit): boolean {
  if (edit.kind === 'set-node-selector') return mayCarry(nodeClass, edit.key, edit.value);
  if (edit.kind !== 'add-node-affinity') return true;
  const isNamed = edit.values.some((value) => mayCarry(nodeClass, edit.key, value));
  return edit.operator === 'In' ? isNamed : !isNamed;
}

function narrowBySelector(
  spec: PlannedSpec,
  best: NodeClass,
  unfitting: readonly NodeClass[],
): readonly Edit[] | null {
  const usable: { readonly key: string; readonly value: string }[] = [];
  for (const key of best.placementKeys) {
    const value = best.labels.get(key);
    if (value === undefined || spec.nodeSelector.has(key)) continue;
    if (separates(key, value, unfitting).length === 0) return [selectorEdit(spec.path, { key, value })];
    usable.push({ key, value });
  }
  for (const first of usable) {
    const left = separates(first.key, first.value, unfitting);
    const second = usable.find((one) => one !== first && separates(one.key, one.value, left).length === 0);
    if (second !== undefined) return [selectorEdit(spec.path, first), selectorEdit(spec.path, second)];
  }
  return null;
}

function selectorEdit(podSpec: JsonPath, label: { readonly key: string; readonly value: string }): Edit {
  return { kind: 'set-node-selector', podSpec, key: label.key, value: label.value };
}

function narrowByAffinity(
  podSpec: JsonPath,
  fitting: readonly NodeClass[],
  unfitting: readonly NodeClass[],
): Edit | null {
  const keys = new Set(fitting.flatMap((one) => one.placementKeys));
  for (const key of keys) {
    const values = fitting.map((one) => one.labels.get(key));
    const known = values.filter((value) => value !== undefined);
    if (known.length < values.length) continue;
    const isClean = known.every((value) => separates(key, value, unfitting).length === 0);
    if (isClean) {
      return { kind: 'add-node-affinity', podSpec, key, operator: 'In', values: [...new Set(known)].sort() };
    }
  }
  return null;
}
