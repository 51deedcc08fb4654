import type { Catalog } from '../catalog/types.ts';
import type { Draft } from './classes.ts';
import { readComputeClass } from './compute-class.ts';
import { nameOf } from './foreign.ts';
import { NODE_CLASS_GROUPS, type NodeClassFacts, type NodeClassKind, readNodeClass } from './node-class.ts';
import { readNodePool } from './node-pool.ts';
import type { PoolCatalog } from './pool.ts';
import { indexGpus } from './products.ts';
import { readResourceFlavor } from './resource-flavor.ts';

type PoolReader = (object: unknown, pools: PoolCatalog) => readonly Draft[];

/** Kinds whose objects promise nodes, in the order in which their classes are listed. */
const READERS = {
  NodePool: readNodePool,
  ComputeClass: readComputeClass,
  ResourceFlavor: readResourceFlavor,
} as const satisfies Record<string, PoolReader>;

type PromisingKind = keyof typeof READERS;
const PROMISING: readonly PromisingKind[] = ['NodePool', 'ComputeClass', 'ResourceFlavor'];

/** A class of nodes narrows what its NodePools promise. */
export type PoolKind = PromisingKind | NodeClassKind;

export const POOL_KINDS: readonly PoolKind[] = [...PROMISING, 'EC2NodeClass', 'NodeClass'];

function isNodeClass(kind: PoolKind): kind is NodeClassKind {
  return Object.hasOwn(NODE_CLASS_GROUPS, kind);
}

export function isPoolKind(kind: string): kind is PoolKind {
  return POOL_KINDS.some((one) => one === kind);
}

/** Pools and what narrows them. There are few, so each is kept whole. */
export class KnownPools {
  readonly #objects: ReadonlyMap<PromisingKind, Map<string, unknown>>;
  readonly #nodeClasses = new Map<string, Map<string, NodeClassFacts>>(
    Object.values(NODE_CLASS_GROUPS).map((group) => [group, new Map()]),
  );
  #pools: PoolCatalog;

  constructor(catalog: Catalog) {
    this.#objects = new Map(PROMISING.map((kind) => [kind, new Map<string, unknown>()]));
    this.#pools = { catalog, index: indexGpus(catalog), nodeClasses: this.#nodeClasses };
  }

  useCatalog(catalog: Catalog): void {
    this.#pools = { catalog, index: indexGpus(catalog), nodeClasses: this.#nodeClasses };
  }

  names(kind: PoolKind): Iterable<string> {
    return this.#of(kind).keys();
  }

  put(kind: PoolKind, object: unknown): void {
    const name = nameOf(object);
    this.#of(kind).set(name, isNodeClass(kind) ? readNodeClass(object, kind) : object);
  }

  /** @returns whether it was known. */
  remove(kind: PoolKind, name: string): boolean {
    return this.#of(kind).delete(name);
  }

  drafts(): readonly Draft[] {
    return PROMISING.flatMap((kind) => {
      const objects = this.#of(kind);
      return [...objects.keys()].sort().flatMap((name) => READERS[kind](objects.get(name), this.#pools));
    });
  }

  #of(kind: PoolKind): Map<string, unknown> {
    const known = isNodeClass(kind)
      ? this.#nodeClasses.get(NODE_CLASS_GROUPS[kind])
      : this.#objects.get(kind);
    return known ?? new Map();
  }
}
