import { compareText, type Draft, sortTaints } from './classes.ts';
import type { Labels } from './fields.ts';
import { isPerNodeKey, SHAPE_KEYS } from './keys.ts';
import type { NodeFacts } from './node.ts';
import { ValueBag } from './value-bag.ts';

/**
 * A key with fewer than two nodes per value, on enough nodes to tell, names nodes and not kinds of nodes; a key
 * with very many values would make as many classes. Either way its values are kept as varying ones.
 */
const NAMING_VALUES = 16;
const MANY_VALUES = 64;

interface KeyUse {
  readonly bag: ValueBag;
  carriers: number;
}

interface Group {
  /** Same text, same class; independent of the order and the names of the nodes. */
  readonly identity: string;
  /** Labels equal on all nodes, by sorted key. */
  readonly fixed: Labels;
  /** Keys that all nodes carry with values of their own, sorted, and those values. */
  readonly varying: ReadonlyMap<string, ValueBag>;
  readonly names: Set<string>;
  draft: Draft | null;
}

/** Where a node stands. Its labels are the group's fixed ones and `own`, in the order of the group's varying keys. */
interface Place {
  group: Group;
  own: readonly string[];
}

type Entries = readonly (readonly [string, string])[];

interface Split {
  readonly identity: string;
  readonly fixed: Entries;
  readonly varying: Entries;
}

/** Everything but labels that two nodes of a class share. Equal labels lead to one device, with one order of members. */
export function shapeKey(facts: NodeFacts): string {
  const { device, resource, gpus, sharing, provider, vagueKeys, taints } = facts;
  return JSON.stringify([device, resource, gpus, sharing, provider, vagueKeys, sortTaints(taints)]);
}

function namesNodes({ bag, carriers }: KeyUse): boolean {
  const { size } = bag.values;
  return size > MANY_VALUES || (size >= NAMING_VALUES && size * 2 > carriers);
}

/** Whether a key's values decide if it names nodes; of the others it is known beforehand. */
function isOpen(key: string): boolean {
  return !SHAPE_KEYS.has(key) && !isPerNodeKey(key);
}

function sortedEntries(labels: Labels): Entries {
  return [...labels].sort(([a], [b]) => compareText(a, b));
}

function labelsOf({ group, own }: Place): Labels {
  return new Map([
    ...group.fixed,
    ...[...group.varying.keys()].map((key, at) => [key, own[at] ?? ''] as const),
  ]);
}

function draftOf(group: Group, { taints, ...sample }: NodeFacts): Draft {
  const { device, resource, gpus, sharing, provider, vagueKeys } = sample;
  const common: (readonly [string, string])[] = [];
  const varyingLabels = new Map<string, ReadonlySet<string>>();
  for (const [name, { values }] of group.varying) {
    const [first = ''] = values;
    // One value on all nodes of the class is theirs in common, however the key behaves elsewhere.
    if (values.size === 1) common.push([name, first]);
    else varyingLabels.set(name, values);
  }
  return {
    device,
    resource,
    gpusPerNode: gpus,
    nodes: group.names.size,
    labels: new Map(sortedEntries(new Map([...group.fixed, ...common]))),
    varyingLabels,
    nodeNames: group.names,
    taints: sortTaints(taints),
    sharing,
    source: 'node',
    provider,
    vagueKeys,
    name: null,
    identity: group.identity,
  };
}

/**
 * The nodes of one shape (same device, count, sharing, taints), grouped by the labels that a selector could ask for.
 * Adding or removing a node costs its own labels, whatever the number of nodes; only a label key that begins or
 * ceases to name single nodes makes the shape group anew.
 */
export class ShapeGroups {
  readonly key: string;
  readonly #sample: NodeFacts;
  readonly #uses = new Map<string, KeyUse>();
  readonly #naming = new Set<string>();
  readonly #groups = new Map<string, Group>();
  readonly #places = new Map<string, Place>();

  constructor(key: string, sample: NodeFacts) {
    this.key = key;
    // The labels of one node would be kept for the life of the shape.
    this.#sample = { ...sample, name: '', labels: new Map() };
  }

  get resource(): string {
    return this.#sample.resource;
  }

  get isEmpty(): boolean {
    return this.#places.size === 0;
  }

  add(name: string, labels: Labels): void {
    if (this.#count(labels, 1)) this.#regroup();
    this.#places.set(name, this.#enter(name, labels));
  }

  remove(name: string): void {
    const place = this.#places.get(name);
    if (place === undefined) return;
    const labels = labelsOf(place);
    this.#leave(name, place);
    this.#places.delete(name);
    if (this.#count(labels, -1)) this.#regroup();
  }

  /** Whether the node is here, with these labels. */
  has(name: string, labels: Labels): boolean {
    const place = this.#places.get(name);
    if (place === undefined) return false;
    const { identity, varying } = this.#split(labels);
    return identity === place.group.identity && varying.every(([, value], at) => value === place.own[at]);
  }

  /** Of a node that is here. */
  labelsOf(name: string): Labels | null {
    const place = this.#places.get(name);
    return place === undefined ? null : labelsOf(place);
  }

  drafts(): readonly Draft[] {
    return [...this.#groups.values()].map((group) => {
      group.draft ??= draftOf(group, this.#sample);
      return group.draft;
    });
  }

  #split(labels: Labels): Split {
    const entries = sortedEntries(labels);
    const isVarying = ([name]: readonly [string, string]) => this.#naming.has(name) || isPerNodeKey(name);
    const varying = entries.filter(isVarying);
    const fixed = entries.filter((entry) => !isVarying(entry));
    // A selector can ask for the presence of a varying key, so that counts.
    const identity = `${this.key}${JSON.stringify([fixed, varying.map(([name]) => name)])}`;
    return { identity, fixed, varying };
  }

  #groupOf({ identity, fixed, varying }: Split): Group {
    const known = this.#groups.get(identity);
    if (known !== undefined) return known;
    const bags = new Map(varying.map(([name]) => [name, new ValueBag()]));
    const made: Group = { identity, fixed: new Map(fixed), varying: bags, names: new Set(), draft: null };
    this.#groups.set(identity, made);
    return made;
  }

  #enter(name: string, labels: Labels): Place {
    const parts = this.#split(labels);
    const group = this.#groupOf(parts);
    for (const [label, value] of parts.varying) group.varying.get(label)?.add(value);
    group.names.add(name);
    group.draft = null;
    return { group, own: parts.varying.map(([, value]) => value) };
  }

  #leave(name: string, { group, own }: Place): void {
    [...group.varying.values()].forEach((bag, at) => {
      bag.remove(own[at] ?? '');
    });
    group.names.delete(name);
    group.draft = null;
    if (group.names.size === 0) this.#groups.delete(group.identity);
  }

  /** Counts a node's labels in or out; true where a key has begun or ceased to be one that names nodes. */
  #count(labels: Labels, step: 1 | -1): boolean {
    let hasTurned = false;
    for (const [label, value] of labels) {
      if (!isOpen(label)) continue;
      const use = this.#uses.get(label) ?? { bag: new ValueBag(), carriers: 0 };
      this.#uses.set(label, use);
      use.carriers += step;
      if (step === 1) use.bag.add(value);
      else use.bag.remove(value);
      if (use.carriers === 0) this.#uses.delete(label);
      if (namesNodes(use) === this.#naming.has(label)) continue;
      hasTurned = true;
      if (!this.#naming.delete(label)) this.#naming.add(label);
    }
    return hasTurned;
  }

  #regroup(): void {
    const all = [...this.#places].map(([name, place]) => ({ name, place, labels: labelsOf(place) }));
    this.#groups.clear();
    for (const { name, place, labels } of all) Object.assign(place, this.#enter(name, labels));
  }
}
