import type { Catalog } from '../catalog/types.ts';
import { compareDrafts, type Draft } from '../inventory/classes.ts';
import { readNode } from '../inventory/node.ts';
import { NodeGroups } from '../inventory/node-groups.ts';
import { type GpuIndex, indexGpus } from '../inventory/products.ts';
import type { ObjectSink } from './reflector.ts';

/** GPU nodes as the API server reports them. Nothing of a node is kept but what its class does not say. */
export class NodeSink implements ObjectSink {
  readonly #groups = new NodeGroups();
  readonly #onChange: () => void;
  /** Nodes that could not be read, by name; the API server validates them, so there should be none. */
  readonly #unreadable = new Map<string, string>();
  #index: GpuIndex;
  /** Not seen again since the list began; null: no list is under way. */
  #unseen: Set<string> | null = null;

  constructor(catalog: Catalog, onChange: () => void) {
    this.#index = indexGpus(catalog);
    this.#onChange = onChange;
  }

  /** Nodes are read anew under another catalog only when they come again: list them after this. */
  useCatalog(catalog: Catalog): void {
    this.#index = indexGpus(catalog);
  }

  get size(): number {
    return this.#groups.size;
  }

  /** First thing that could not be read of each node that could not be. */
  get unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  drafts(): readonly Draft[] {
    return [...this.#groups.drafts()].sort(compareDrafts);
  }

  put(object: unknown): void {
    const { name, facts, findings } = readNode(object, this.#index);
    const [first] = findings;
    this.#unseen?.delete(name);
    if (first === undefined) this.#unreadable.delete(name);
    else this.#unreadable.set(name, `${first.path}: ${first.message}`);
    if (this.#groups.put(name, facts) && this.#unseen === null) this.#onChange();
  }

  remove(object: unknown): void {
    const { name } = readNode(object, this.#index);
    this.#unreadable.delete(name);
    if (this.#groups.remove(name)) this.#onChange();
  }

  listing(): void {
    this.#unseen = new Set([...this.#groups.names(), ...this.#unreadable.keys()]);
  }

  listed(): void {
    for (const name of this.#unseen ?? []) {
      this.#unreadable.delete(name);
      this.#groups.remove(name);
    }
    this.#unseen = null;
    this.#onChange();
  }
}
