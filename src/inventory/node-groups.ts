import { compareText, type Draft } from './classes.ts';
import type { NodeFacts, NodeParts } from './node.ts';
import { ShapeGroups, shapeKey } from './shape-groups.ts';

/** All that is kept of a node beside its name and labels. Few nodes have one of their own. */
type Rest = Omit<NodeParts, 'name' | 'labels'>;

interface Held {
  readonly text: string;
  readonly rest: Rest;
  uses: number;
}

interface Known {
  readonly shapes: readonly ShapeGroups[];
  readonly held: Held;
}

/** Of a node without GPUs: it makes no class, but a driver may come and publish devices of it. */
const NO_RESOURCE = '';

function plainFacts({ name, labels, taints, provider }: NodeParts): NodeFacts {
  return {
    name,
    labels,
    taints,
    resource: NO_RESOURCE,
    gpus: 0,
    device: null,
    sharing: 'none',
    provider,
    vagueKeys: [],
  };
}

function restText({ taints, isUsable, provider, allocatable, capacity }: NodeParts): string {
  return JSON.stringify([taints, isUsable, provider, sorted(allocatable), sorted(capacity)]);
}

function sorted(counts: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...counts].sort(([a], [b]) => compareText(a, b));
}

/**
 * All nodes that are known, grouped as they come and go. Of a node are kept its name, the class that it is in and the
 * values of the labels that name single nodes; everything else is its class's, or shared with nodes like it.
 */
export class NodeGroups {
  readonly #shapes = new Map<string, ShapeGroups>();
  readonly #nodes = new Map<string, Known>();
  readonly #held = new Map<string, Held>();
  #version = 0;

  /** Adds a node or replaces what was known of it. @returns whether any class has changed. */
  put(parts: NodeParts, facts: readonly NodeFacts[]): boolean {
    const { name } = parts;
    const hadGpus = this.#hasGpus(name);
    const kept = facts.length > 0 ? facts : [plainFacts(parts)];
    const keyed = kept.map((one) => ({ key: shapeKey(one), facts: one }));
    const isSame = this.#isKnown(name, keyed);
    const held = this.#hold(parts);
    if (isSame && this.#nodes.get(name)?.held === held) {
      this.#release(held);
      return false;
    }
    this.remove(name);
    this.#version += 1;
    this.#nodes.set(name, { shapes: keyed.map((one) => this.#enter(name, one)), held });
    return !isSame && (hadGpus || facts.length > 0);
  }

  /** @returns whether any class has changed. */
  remove(name: string): boolean {
    const known = this.#nodes.get(name);
    if (known === undefined) return false;
    this.#version += 1;
    const hadGpus = this.#hasGpus(name);
    for (const shape of known.shapes) {
      shape.remove(name);
      if (shape.isEmpty) this.#shapes.delete(shape.key);
    }
    this.#release(known.held);
    this.#nodes.delete(name);
    return hadGpus;
  }

  /** A node as it was read; null where it is not known. */
  parts(name: string): NodeParts | null {
    const known = this.#nodes.get(name);
    const labels = known?.shapes[0]?.labelsOf(name) ?? null;
    return known === undefined || labels === null ? null : { name, labels, ...known.held.rest };
  }

  names(): Iterable<string> {
    return this.#nodes.keys();
  }

  get size(): number {
    return this.#nodes.size;
  }

  get gpuNodes(): number {
    return [...this.#nodes.keys()].filter((name) => this.#hasGpus(name)).length;
  }

  /** Devices that the kubelet counts: none where DRA serves them, or where the node is not known. */
  allocatable(name: string, resource: string): number {
    return this.#nodes.get(name)?.held.rest.allocatable.get(resource) ?? 0;
  }

  /** Another one after each change of what is known, be it of no consequence for the classes. */
  get version(): number {
    return this.#version;
  }

  /** One per class, in no order. Their sets of names and values are live: a later change shows in them. */
  drafts(): readonly Draft[] {
    return [...this.#shapes.values()].flatMap((shape) =>
      shape.resource === NO_RESOURCE ? [] : shape.drafts(),
    );
  }

  #hasGpus(name: string): boolean {
    return this.#nodes.get(name)?.shapes.some(({ resource }) => resource !== NO_RESOURCE) === true;
  }

  #enter(name: string, { key, facts }: { readonly key: string; readonly facts: NodeFacts }): ShapeGroups {
    const shape = this.#shapes.get(key) ?? new ShapeGroups(key, facts);
    this.#shapes.set(key, shape);
    shape.add(name, facts.labels);
    return shape;
  }

  #hold(parts: NodeParts): Held {
    const text = restText(parts);
    const { taints, isUsable, provider, allocatable, capacity } = parts;
    const rest = { taints, isUsable, provider, allocatable, capacity };
    const held = this.#held.get(text) ?? { text, rest, uses: 0 };
    held.uses += 1;
    this.#held.set(text, held);
    return held;
  }

  #release(held: Held): void {
    held.uses -= 1;
    if (held.uses === 0) this.#held.delete(held.text);
  }

  #isKnown(name: string, keyed: readonly { readonly key: string; readonly facts: NodeFacts }[]): boolean {
    const shapes = this.#nodes.get(name)?.shapes ?? [];
    return (
      shapes.length === keyed.length &&
      keyed.every(({ key, facts }) =>
        shapes.some((shape) => shape.key === key && shape.has(name, facts.labels)),
      )
    );
  }
}
