import type { Catalog } from '../catalog/types.ts';
import { type Draft, finishClasses } from '../inventory/classes.ts';
import { KnownNodes } from '../inventory/known-nodes.ts';
import { KnownPools } from '../inventory/known-pools.ts';
import { indexGpus } from '../inventory/products.ts';
import type { Inventory, Mode } from '../plan/types.ts';
import { type ClusterApi, METADATA_ONLY } from './api.ts';
import { NamespaceSink } from './namespaces.ts';
import { DRA_KINDS, NODE_PATHS, nodeSink } from './nodes.ts';
import { resourcePath } from './paths.ts';
import { POOL_APIS, poolSink } from './pools.ts';
import { type ObjectSink, Reflector, type ReflectorState, type Timing } from './reflector.ts';
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
}

const NAMESPACES = resourcePath({ group: '', version: 'v1', resource: 'namespaces' });

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
    const namespaces = new NamespaceSink(events.onModes, events.onStrangeMode);
    this.#namespaces = this.#reflector('namespaces', [NAMESPACES], namespaces, METADATA_ONLY);
  }

  start(): void {
    const { signal } = this.#stop;
    this.#running = this.#watched().map((one) =>
      this.#dra.includes(one) ? this.#afterNodes(one) : one.run(signal),
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
    const waiting = this.#watched();
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
    return { state: 'known', classes: finishClasses(drafts), ageSeconds: null };
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
    return [this.#nodes, this.#namespaces, ...this.#dra, ...this.#pools];
  }

  #reflector(resource: string, paths: Versions, sink: ObjectSink, accept?: typeof METADATA_ONLY): Reflector {
    const { api, timing, events } = this.#settings;
    const onPhase = (state: ReflectorState): void => {
      events.onPhase(resource, state);
      if (resource === 'nodes') this.#announce();
    };
    return new Reflector({ api, paths, sink, timing, onPhase, ...(accept && { accept }) });
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
