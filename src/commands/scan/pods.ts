import type { ClusterApi } from '../../cluster/api.ts';
import { BOUND_PODS, PODS, podSink } from '../../cluster/pods.ts';
import { freeDevices } from '../../inventory/free-devices.ts';
import type { KnownNodes } from '../../inventory/known-nodes.ts';
import { KnownPods } from '../../inventory/known-pods.ts';
import type { FreeDevices } from '../../plan/types.ts';
import type { Found } from './collect.ts';
import { listInto } from './facts.ts';

/** What pods leave free; null: not known, and why. */
export interface Left {
  readonly free: FreeDevices | null;
  readonly notices: readonly string[];
}

/**
 * The pods of the whole cluster. A scan of all namespaces sees them anyway; one of a single namespace lists those of
 * the others only where something waits.
 */
export class ScanPods {
  readonly #known = new KnownPods();
  readonly #namespace: string | null;
  #areMissed = false;

  /** @param namespace the one that is scanned; null: all. */
  constructor(namespace: string | null) {
    this.#namespace = namespace;
  }

  see({ object }: Found): void {
    if (this.#namespace === null && object['kind'] === 'Pod') this.#known.put(object);
  }

  /** They may not be listed. */
  miss(): void {
    this.#areMissed = true;
  }

  /** @throws ApiUnreachable */
  async leave(api: ClusterApi, nodes: KnownNodes): Promise<Left> {
    if (this.#areMissed) return { free: null, notices: [] };
    const listing = {
      resource: 'pods of all namespaces',
      paths: [PODS] as const,
      sink: podSink(this.#known),
    };
    const problem = this.#namespace === null ? null : await listInto(api, { ...listing, ...BOUND_PODS });
    if (problem !== null) return { free: null, notices: [`${problem}; what is free now is not told`] };
    return { free: freeDevices(nodes, this.#known), notices: [] };
  }
}
