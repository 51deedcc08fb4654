import type { Catalog } from '../catalog/types.ts';
import { type Draft, finishClasses } from '../inventory/classes.ts';
import { freeDevices } from '../inventory/free-devices.ts';
import { KnownNodes } from '../inventory/known-nodes.ts';
import { KnownPods } from '../inventory/known-pods.ts';
import { KnownPools } from '../inventory/known-pools.ts';
import { indexGpus } from '../inventory/products.ts';
import type { FreeDevices, Inventory, Mode } from '../plan/types.ts';
import { type ClusterApi, METADATA_ONLY } from './api.ts';
import { NamespaceSink } from './namespaces.ts';
import { DRA_KINDS, NODE_PATHS, nodeSink } from './nodes.ts';
import { resourcePath } from './paths.ts';
import { BOUND_PODS, PODS, podSink } from './pods.ts';
import { POOL_APIS, poolSink } from './pools.ts';
import {
  type ObjectSink,
  Reflector,
  type ReflectorSettings,
  type ReflectorState,
  type Timing,
} from './reflector.ts';
import type { Versions } from './served.ts';

/** What the outside is told; each call comes from the event loop, never from within a call of the view's. */
export interface ClusterEvents {
  /** The inventory is another one: ask for it. */
  readonly onInventory: () => void;
  readonly onModes: (modes: ReadonlyMap<string, Mode>) => void;
  /** A namespace's mode label is no mode. */
  readonly onStrangeMode: (namespace: string, value: string) => void;
  readonly onPhase: (resource: string, state: ReflectorState) => void;
}

export interface ClusterSettings {
  readonly api: ClusterApi;
  readonly catalog: Catalog;
  readonly timing: Timing;
  readonly events: ClusterEvents;
  /** Off where an inventory file stands for the nodes. */
  readonly watchesNodes: boolean;
  /** Whether pods are watched as well, for the GPUs that they hold. They are many. */
  readonly watchesPods: boolean;
}

const NAMESPACES = resourcePath({ group: '', version: 'v1', resource: 'namespaces' });

/** How a collection is asked for. */
type Asking = Pick<ReflectorSettings, 'accept' | 'query' | 'limit'>;

const SETTLE_POLL_MS = 50;

function hasListed({ phase }: ReflectorState): boolean {
  return phase === 'current' || phase === 'behind';
}

function reasonOf({ phase, detail }: ReflectorState): string {
  if (phase === 'forbidden') return `the cluster's nodes may not be listed: ${detail}`;
  return detail === '' ? "the cluster's nodes are not listed yet" : `the cluster's nodes: ${detail}`;
}

/** The cluster's nodes, pools and namespaces as they are now, or as they were when the API server was last heard. */
export class ClusterView {
  readonly #settings: ClusterSettings;
  readonly #known: KnownNodes;
  readonly #nodes: Reflector;
  readonly #dra: readonly Reflector[];
  readonly #namespaces: Reflector;
  readonly #knownPools: KnownPools;
  readonly #pools: readonly Reflector[];
  readonly #pods: Reflector;
  readonly #free: FreeDevices;
  readonly #stop = new AbortController();
  #running: readonly Promise<void>[] = [];
  #isDue = false;

  constructor(settings: ClusterSettings) {
    const { catalog, events } = settings;
    this.#settings = settings;
    const announce = (): void => this.#announce();
    const known = new KnownNodes(indexGpus(catalog));
    this.#known = known;
    this.#nodes = this.#reflector('nodes', NODE_PATHS, nodeSink(known, announce));
    this.#dra = DRA_KINDS.map(({ resource, paths, sink }) =>
      this.#reflector(resource, paths, sink(known, announce)),
    );
    const pools = new KnownPools(catalog);
    this.#knownPools = pools;
    this.#pools = POOL_APIS.map(({ kind, resource, paths }) =>
      this.#reflector(resource, paths, poolSink(pools, kind, announce)),
    );
    const knownPods = new KnownPods();
    this.#pods = this.#reflector('pods', [PODS], podSink(knownPods), BOUND_PODS);
    const free = freeDevices(known, knownPods);
    // Without the first list, what is free is not known; with it, as it was when the API server was last heard.
    this.#free = (nodeClass) => (hasListed(this.#pods.state) ? free(nodeClass) : null);
    const namespaces = new NamespaceSink(events.onModes, events.onStrangeMode);
    this.#namespaces = this.#reflector('namespaces', [NAMESPACES], namespaces, { accept: METADATA_ONLY });
  }

  start(): void {
    const { signal } = this.#stop;
    const later = [...this.#dra, this.#pods];
    this.#running = this.#watched().map((one) =>
      later.includes(one) ? this.#afterNodes(one) : one.run(signal),
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    this.#settings.api.close();
  }

  /** Resolves when everything was listed or refused once, or after so long: then what is not known stays unknown. */
  async settled(mostMs: number): Promise<void> {
    const { timing } = this.#settings;
    const until = timing.now() + mostMs;
    // No verdict hangs on pods, and their list is long.
    const waiting = this.#watched().filter((one) => one !== this.#pods);
    while (waiting.some(({ state }) => state.phase === 'starting') && timing.now() < until) {
      if (this.#stop.signal.aborted) return;
      await timing.sleep(SETTLE_POLL_MS, this.#stop.signal);
    }
  }

  /** Devices are read by the new catalog as soon as the nodes are listed again; until then by the old one. */
  useCatalog(catalog: Catalog): void {
    this.#known.useIndex(indexGpus(catalog));
    this.#nodes.relist();
    this.#knownPools.useCatalog(catalog);
    this.#announce();
  }

  /** Nodes, pools and the operator's own shapes. Without a list of nodes it is those shapes alone, or unknown. */
  inventory(shapes: readonly Draft[]): Inventory {
    const isListed = hasListed(this.#nodes.state);
    if (!isListed && shapes.length === 0) return { state: 'unknown', reason: reasonOf(this.#nodes.state) };
    const drafts = isListed ? [...this.#known.drafts(), ...this.#knownPools.drafts(), ...shapes] : shapes;
    const free = this.#settings.watchesPods ? { free: this.#free } : {};
    return { state: 'known', classes: finishClasses(drafts), ageSeconds: null, ...free };
  }

  /** When the API server last said anything about nodes; null: never. */
  heardAt(): Date | null {
    const { heardAt } = this.#nodes.state;
    return heardAt === null ? null : new Date(heardAt);
  }

  /** Two long lists at once would leave twice the memory behind (`npm run bench cluster`). */
  async #afterNodes(one: Reflector): Promise<void> {
    const { signal } = this.#stop;
    while (this.#nodes.state.phase === 'starting' && !signal.aborted) {
      await this.#settings.timing.sleep(SETTLE_POLL_MS, signal);
    }
    await one.run(signal);
  }

  #watched(): readonly Reflector[] {
    if (!this.#settings.watchesNodes) return [this.#namespaces];
    const pods = this.#settings.watchesPods ? [this.#pods] : [];
    return [this.#nodes, this.#namespaces, ...this.#dra, ...this.#pools, ...pods];
  }

  #reflector(resource: string, paths: Versions, sink: ObjectSink, asking: Asking = {}): Reflector {
    const { api, timing, events } = this.#settings;
    const onPhase = (state: ReflectorState): void => {
      events.onPhase(resource, state);
      if (resource === 'nodes') this.#announce();
    };
    return new Reflector({ api, paths, sink, timing, onPhase, ...asking });
  }

  // Events come in bursts, one chunk of the stream at a time: told once per burst.
  #announce(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#settings.events.onInventory();
    });
  }
}
