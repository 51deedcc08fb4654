import type { Draft } from './classes.ts';
import type { NodeFacts } from './node.ts';
import { ShapeGroups, shapeKey } from './shape-groups.ts';

/**
 * All GPU nodes that are known, grouped as they come and go. Of a node are kept its name, the class that it is in
 * and the values of the labels that name single nodes; everything else is the class's.
 */
export class NodeGroups {
  readonly #shapes = new Map<string, ShapeGroups>();
  readonly #nodes = new Map<string, readonly ShapeGroups[]>();

  /** Adds a node or replaces what was known of it. @returns whether anything that counts has changed. */
  put(name: string, facts: readonly NodeFacts[]): boolean {
    const keyed = facts.map((one) => ({ key: shapeKey(one), facts: one }));
    if (this.#isKnown(name, keyed)) return false;
    this.remove(name);
    const shapes = keyed.map(({ key, facts: one }) => {
      const shape = this.#shapes.get(key) ?? new ShapeGroups(key, one);
      this.#shapes.set(key, shape);
      shape.add(name, one.labels);
      return shape;
    });
    if (shapes.length > 0) this.#nodes.set(name, shapes);
    return true;
  }

  /** @returns whether the node was known. */
  remove(name: string): boolean {
    for (const shape of this.#nodes.get(name) ?? []) {
      shape.remove(name);
      if (shape.isEmpty) this.#shapes.delete(shape.key);
    }
    return this.#nodes.delete(name);
  }

  /** Names of the nodes that have GPUs. */
  names(): Iterable<string> {
    return this.#nodes.keys();
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** One per class, in no order. Their sets of names and values are live: a later change shows in them. */
  drafts(): readonly Draft[] {
    return [...this.#shapes.values()].flatMap((shape) => shape.drafts());
  }

  #isKnown(name: string, keyed: readonly { readonly key: string; readonly facts: NodeFacts }[]): boolean {
    const shapes = this.#nodes.get(name) ?? [];
    return (
      shapes.length === keyed.length &&
      keyed.every(({ key, facts }) =>
        shapes.some((shape) => shape.key === key && shape.has(name, facts.labels)),
      )
    );
  }
}
