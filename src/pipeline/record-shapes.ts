import { ANY_VALUE } from '../placement/node-affinity.ts';
import { compareText } from '../plan/products.ts';
import type { Inventory, NodeClass, Taint } from '../plan/types.ts';
import { createRecall, type Recall } from '../recall.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import type { NodeSelectorRequirement } from '../workload/types.ts';
import type { Label, RecordedUnit } from './record-units.ts';

/** What a record keeps of the inventory: the classes of nodes as far as this one decision can tell them apart. */

export interface RecordedShape {
  readonly id: string;
  /** Index into `devices`; null: a device whose memory is not known. */
  readonly device: number | null;
  readonly resource: string;
  readonly gpusPerNode: number;
  readonly nodes: number;
  readonly sharing: NodeClass['sharing'];
  readonly source: NodeClass['source'];
  /** Indices into `keys`, best first. */
  readonly placementKeys: readonly number[];
  /** Values of `keys`, in their order; null: no such label. */
  readonly labels: readonly (string | null)[];
  /** `key` is an index into `keys`. */
  readonly varyingLabels: readonly { readonly key: number; readonly values: readonly string[] }[];
  readonly nodeNames: readonly string[];
  /** Indices into `taints`. */
  readonly taints: readonly number[];
}

export type RecordedInventory =
  | { readonly state: 'unknown' }
  | {
      readonly state: 'known';
      /** How long ago the nodes were last known to be these; null: from a file. */
      readonly ageSeconds: number | null;
      readonly devices: readonly DeviceShape[];
      /** Labels that the pod's placement, or a placement key of some class, speaks of. */
      readonly keys: readonly string[];
      readonly taints: readonly Taint[];
      readonly shapes: readonly RecordedShape[];
    };

/** Stands for all the values and names that nothing in this decision mentions: no label has it by accident. */
const ANY_OTHER = '';

interface Mentioned {
  readonly keys: ReadonlySet<string>;
  /** Values of a label by its key; a key that is compared with Gt or Lt mentions every value. */
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
  readonly compared: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
}

/** What the pods of this decision mention by themselves. */
interface Wanted {
  readonly selected: readonly Label[];
  readonly expressions: readonly NodeSelectorRequirement[];
  readonly names: readonly string[];
}

function wantedBy(units: readonly RecordedUnit[]): Wanted {
  const selected: Label[] = [];
  const expressions: NodeSelectorRequirement[] = [];
  const names: string[] = [];
  for (const { members, placementOwner } of units) {
    for (const { nodeSelector, requiredNodeAffinity } of members) {
      selected.push(...nodeSelector);
      for (const term of requiredNodeAffinity ?? []) {
        expressions.push(...term.matchExpressions);
        for (const field of term.matchFields) names.push(...field.values);
      }
    }
    if (placementOwner?.owner === 'node-name') names.push(placementOwner.detail);
  }
  return { selected, expressions, names };
}

function mentionedBy({ selected, expressions, names }: Wanted, classes: readonly NodeClass[]): Mentioned {
  const placement = new Set(classes.flatMap((one) => one.placementKeys));
  const keys = new Set([...placement, ...expressions.map(keyOf), ...selected.map(keyOf)]);
  const values = new Map<string, Set<string>>([...keys].map((key) => [key, new Set<string>()]));
  for (const { key, value } of selected) values.get(key)?.add(value);
  for (const { key, values: some } of expressions) for (const one of some) values.get(key)?.add(one);
  for (const { labels } of classes) {
    for (const key of placement) values.get(key)?.add(labels.get(key) ?? ANY_OTHER);
  }
  return {
    keys,
    values,
    compared: new Set(expressions.filter(isComparison).map(keyOf)),
    names: new Set(names),
  };
}

function keyOf({ key }: { readonly key: string }): string {
  return key;
}

function isComparison({ operator }: NodeSelectorRequirement): boolean {
  return operator === 'Gt' || operator === 'Lt';
}

/** Those that are mentioned, and one for all the others. */
function told(seen: ReadonlySet<string>, mentioned: ReadonlySet<string>): readonly string[] {
  const named = [...seen].filter((one) => mentioned.has(one) || one === ANY_VALUE);
  return named.length === seen.size ? named : [...named, ANY_OTHER];
}

/**
 * Most pods mention nothing, and then all decisions on one snapshot record the same: it is kept with the snapshot, by
 * what is mentioned. A snapshot is swapped when its classes change; only the names of single nodes are live until then.
 */
const kept = new WeakMap<readonly NodeClass[], Recall<Shapes>>();
/** Ways to mention nodes that are kept for one snapshot. */
const MOST_KEPT = 64;

type Shapes = Omit<Known, 'state' | 'ageSeconds'>;

export function recordedInventory(inventory: Inventory, units: readonly RecordedUnit[]): RecordedInventory {
  if (inventory.state === 'unknown') return { state: 'unknown' };
  const { classes, ageSeconds } = inventory;
  return { state: 'known', ageSeconds, ...shapesFor(classes, wantedBy(units)) };
}

function shapesFor(classes: readonly NodeClass[], wanted: Wanted): Shapes {
  let recall = kept.get(classes);
  if (recall === undefined) {
    recall = createRecall(MOST_KEPT);
    kept.set(classes, recall);
  }
  const isNothing = wanted.selected.length + wanted.expressions.length + wanted.names.length === 0;
  return recall(isNothing ? '' : JSON.stringify(wanted), () =>
    recordedShapes(classes, mentionedBy(wanted, classes)),
  );
}

function recordedShapes(classes: readonly NodeClass[], mentioned: Mentioned): Shapes {
  const tables: Tables = { devices: [], keys: [...mentioned.keys], taints: [] };
  const shapes = classes.map((one) => recordedShape(one, mentioned, tables));
  return { ...tables, shapes };
}

/** What many classes share is written once. */
interface Tables {
  readonly devices: DeviceShape[];
  readonly keys: readonly string[];
  readonly taints: Taint[];
}

function recordedShape(one: NodeClass, mentioned: Mentioned, tables: Tables): RecordedShape {
  const { id, device, resource, gpusPerNode, nodes, sharing, source } = one;
  const { values, compared, names } = mentioned;
  const { keys, devices, taints } = tables;
  const varying = [...one.varyingLabels].filter(([key]) => keys.includes(key));
  return {
    id,
    device: device === null ? null : indexIn(devices, device),
    resource,
    gpusPerNode,
    nodes,
    sharing,
    source,
    placementKeys: one.placementKeys.map((key) => keys.indexOf(key)),
    labels: keys.map((key) => one.labels.get(key) ?? null),
    varyingLabels: varying.map(([key, seen]) => ({
      key: keys.indexOf(key),
      values: compared.has(key) ? [...seen] : told(seen, values.get(key) ?? new Set()),
    })),
    nodeNames: names.size === 0 ? [] : told(one.nodeNames, names),
    taints: one.taints.map((taint) => indexIn(taints, taint)),
  };
}

function indexIn<T>(table: T[], entry: T): number {
  const text = JSON.stringify(entry);
  const found = table.findIndex((one) => JSON.stringify(one) === text);
  return found === -1 ? table.push(entry) - 1 : found;
}

/** Classes that this decision cannot tell apart become one: it comes out the same, in fewer bytes. */
export function mergedShapes(inventory: RecordedInventory): RecordedInventory {
  if (inventory.state === 'unknown') return inventory;
  const merged = new Map<string, RecordedShape>();
  for (const shape of inventory.shapes) {
    const { id, nodes, ...rest } = shape;
    const key = JSON.stringify([rest, nodes === 0]);
    const before = merged.get(key);
    merged.set(key, before === undefined ? shape : together(before, shape));
  }
  return { ...inventory, shapes: [...merged.values()] };
}

/** The first name stays: it is the one that ranking would have preferred. */
function together(one: RecordedShape, other: RecordedShape): RecordedShape {
  const first = compareText(one.id, other.id) <= 0 ? one : other;
  return { ...one, id: first.id, nodes: one.nodes + other.nodes };
}

export function inventoryFrom(recorded: RecordedInventory): Inventory {
  if (recorded.state === 'unknown') return { state: 'unknown', reason: 'it was not known' };
  return {
    state: 'known',
    ageSeconds: recorded.ageSeconds,
    classes: recorded.shapes.map((shape) => classFrom(shape, recorded)),
  };
}

type Known = Extract<RecordedInventory, { readonly state: 'known' }>;

/** An index that a table does not have names nothing. */
function entries<T>(table: readonly T[], indices: readonly number[]): readonly T[] {
  return indices.flatMap((index) => table[index] ?? []);
}

function classFrom(shape: RecordedShape, { devices, keys, taints }: Known): NodeClass {
  const { device, labels, varyingLabels, nodeNames, ...plain } = shape;
  const labelled = keys.map((key, index): Label => ({ key, value: labels[index] ?? '' }));
  return {
    ...plain,
    device: device === null ? null : (devices[device] ?? null),
    labels: new Map(
      labelled.filter((_, index) => typeof labels[index] === 'string').map(({ key, value }) => [key, value]),
    ),
    varyingLabels: new Map(varyingLabels.map(({ key, values }) => [keys[key] ?? '', new Set(values)])),
    nodeNames: new Set(nodeNames),
    placementKeys: entries(keys, shape.placementKeys),
    taints: entries(taints, shape.taints),
  };
}
