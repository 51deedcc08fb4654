import { podKey, readGpuPod } from './pod.ts';

/** What one pod holds on its node. */
interface Held {
  readonly node: string;
  readonly devices: ReadonlyMap<string, number>;
}

/** Devices of one resource that pods held on a node, and hold now. */
export interface TakenChange {
  readonly before: number;
  readonly after: number;
}

type TakenListener = (node: string, resource: string, change: TakenChange) => void;

/** Kinds of request that are told apart; a cluster has some dozens. */
const MOST_SHARED = 4096;

/**
 * GPUs that pods hold, by node. Of a pod that holds some are kept its name, its node and what it holds; of all others
 * nothing. A change costs that pod, whatever the number of pods.
 */
export class KnownPods {
  readonly #pods = new Map<string, Held>();
  readonly #taken = new Map<string, Map<string, number>>();
  /** Thousands of pods ask for the same. */
  readonly #shared = new Map<string, ReadonlyMap<string, number>>();
  readonly #listeners: TakenListener[] = [];

  /** Tells of each change of what is held on a node. */
  onTaken(listener: TakenListener): void {
    this.#listeners.push(listener);
  }

  names(): Iterable<string> {
    return this.#pods.keys();
  }

  /** Devices of this resource that pods hold on this node. */
  taken(node: string, resource: string): number {
    return this.#taken.get(resource)?.get(node) ?? 0;
  }

  put(object: unknown): void {
    const key = podKey(object);
    const pod = readGpuPod(object);
    const held =
      pod === null || pod.node === null ? null : { node: pod.node, devices: this.#share(pod.devices) };
    const before = this.#pods.get(key);
    if (before?.node === held?.node && before?.devices === held?.devices) return;
    if (held === null) {
      this.remove(key);
      return;
    }
    if (before !== undefined) this.#count(before, -1);
    // Never out and in again: a Map that loses and gains entries is laid out anew now and then, whole.
    this.#pods.set(key, held);
    this.#count(held, 1);
  }

  /** By `podKey`. */
  remove(key: string): void {
    const held = this.#pods.get(key);
    if (held === undefined) return;
    this.#pods.delete(key);
    this.#count(held, -1);
  }

  #count({ node, devices }: Held, step: 1 | -1): void {
    for (const [resource, count] of devices) {
      const nodes = this.#taken.get(resource) ?? new Map<string, number>();
      this.#taken.set(resource, nodes);
      const before = nodes.get(node) ?? 0;
      const after = before + step * count;
      if (after === 0) nodes.delete(node);
      else nodes.set(node, after);
      for (const listener of this.#listeners) listener(node, resource, { before, after });
    }
  }

  #share(devices: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const text = JSON.stringify([...devices]);
    const shared = this.#shared.get(text) ?? devices;
    if (this.#shared.size >= MOST_SHARED) this.#shared.clear();
    this.#shared.set(text, shared);
    return shared;
  }
}
