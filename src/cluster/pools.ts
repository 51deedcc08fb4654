import type { Catalog } from '../catalog/types.ts';
import type { Draft } from '../inventory/classes.ts';
import { readComputeClass } from '../inventory/compute-class.ts';
import { nameOf } from '../inventory/foreign.ts';
import { readNodePool } from '../inventory/node-pool.ts';
import type { PoolCatalog } from '../inventory/pool.ts';
import { indexGpus } from '../inventory/products.ts';
import { readResourceFlavor } from '../inventory/resource-flavor.ts';
import { resourcePath } from './paths.ts';
import type { ObjectSink } from './reflector.ts';
import type { Versions } from './served.ts';

/** One API whose objects promise nodes. A cluster has some of them or none; they may come later. */
export interface PoolKind {
  readonly resource: string;
  readonly paths: Versions;
  readonly read: (object: unknown, pools: PoolCatalog) => readonly Draft[];
}

export const POOL_KINDS: readonly PoolKind[] = [
  {
    resource: 'nodepools',
    paths: [resourcePath({ group: 'karpenter.sh', version: 'v1', resource: 'nodepools' })],
    read: readNodePool,
  },
  {
    resource: 'computeclasses',
    paths: [resourcePath({ group: 'cloud.google.com', version: 'v1', resource: 'computeclasses' })],
    read: readComputeClass,
  },
  {
    resource: 'resourceflavors',
    paths: [
      resourcePath({ group: 'kueue.x-k8s.io', version: 'v1beta2', resource: 'resourceflavors' }),
      resourcePath({ group: 'kueue.x-k8s.io', version: 'v1beta1', resource: 'resourceflavors' }),
    ],
    read: readResourceFlavor,
  },
];

/** The pools of one kind, by name. There are few, so each is kept whole. */
export class PoolSink implements ObjectSink {
  readonly #read: PoolKind['read'];
  readonly #onChange: () => void;
  #pools: PoolCatalog;
  #objects = new Map<string, unknown>();
  #fresh: Map<string, unknown> | null = null;

  constructor({ read }: PoolKind, catalog: Catalog, onChange: () => void) {
    this.#read = read;
    this.#onChange = onChange;
    this.#pools = { catalog, index: indexGpus(catalog) };
  }

  useCatalog(catalog: Catalog): void {
    this.#pools = { catalog, index: indexGpus(catalog) };
  }

  drafts(): readonly Draft[] {
    const names = [...this.#objects.keys()].sort();
    return names.flatMap((name) => this.#read(this.#objects.get(name), this.#pools));
  }

  put(object: unknown): void {
    (this.#fresh ?? this.#objects).set(nameOf(object), object);
    if (this.#fresh === null) this.#onChange();
  }

  remove(object: unknown): void {
    this.#objects.delete(nameOf(object));
    this.#onChange();
  }

  listing(): void {
    this.#fresh = new Map();
  }

  listed(): void {
    if (this.#fresh !== null) this.#objects = this.#fresh;
    this.#fresh = null;
    this.#onChange();
  }
}
