import { compareDrafts, type Draft } from './classes.ts';
import { type DeviceClassFacts, mappedClasses } from './device-classes.ts';
import { type Affected, DevicePools } from './device-pools.ts';
import type { NodeParts } from './node.ts';
import { NodeGroups } from './node-groups.ts';
import type { GpuIndex } from './products.ts';
import type { SliceFacts } from './resource-slice.ts';
import { factsOf } from './served.ts';

/**
 * Nodes with the devices that DRA drivers publish for them, in whatever order they come. Every change tells whether
 * some class of nodes is another one now.
 */
export class KnownNodes {
  readonly #groups = new NodeGroups();
  readonly #pools = new DevicePools();
  readonly #deviceClasses = new Map<string, DeviceClassFacts>();
  #mapped: ReadonlyMap<string, string> = new Map();
  #index: GpuIndex;

  constructor(index: GpuIndex) {
    this.#index = index;
  }

  /** Nodes are read by another catalog's names only when they are put again. */
  useIndex(index: GpuIndex): void {
    this.#index = index;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Nodes that have GPUs, or will. */
  get gpuNodes(): number {
    return this.#groups.gpuNodes;
  }

  /** Devices of a node that the kubelet counts; 0 where DRA serves them. */
  allocatable(name: string, resource: string): number {
    return this.#groups.allocatable(name, resource);
  }

  get version(): number {
    return this.#groups.version;
  }

  names(): Iterable<string> {
    return this.#groups.names();
  }

  sliceNames(): Iterable<string> {
    return this.#pools.names();
  }

  deviceClassNames(): Iterable<string> {
    return this.#deviceClasses.keys();
  }

  /** In a fixed order, whatever the order in which they came. */
  drafts(): readonly Draft[] {
    return [...this.#groups.drafts()].sort(compareDrafts);
  }

  put(parts: NodeParts): boolean {
    const devices = this.#pools.devicesOf(parts.name, parts.labels);
    return this.#groups.put(parts, factsOf(parts, this.#index, { devices, mapped: this.#mapped }));
  }

  remove(name: string): boolean {
    return this.#groups.remove(name);
  }

  putSlice(slice: SliceFacts): boolean {
    return this.#reread(this.#pools.put(slice));
  }

  removeSlice(name: string): boolean {
    return this.#reread(this.#pools.remove(name));
  }

  putDeviceClass(facts: DeviceClassFacts): boolean {
    this.#deviceClasses.set(facts.name, facts);
    return this.#remap();
  }

  removeDeviceClass(name: string): boolean {
    this.#deviceClasses.delete(name);
    return this.#remap();
  }

  #remap(): boolean {
    const before = JSON.stringify([...this.#mapped]);
    this.#mapped = mappedClasses(this.#deviceClasses.values());
    return JSON.stringify([...this.#mapped]) !== before && this.#reread('all');
  }

  #reread(affected: Affected): boolean {
    let hasChanged = false;
    for (const name of [...(affected === 'all' ? this.#groups.names() : affected)]) {
      const parts = this.#groups.parts(name);
      if (parts !== null && this.put(parts)) hasChanged = true;
    }
    return hasChanged;
  }
}
