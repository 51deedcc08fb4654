import { matchesNode } from '../placement/node-affinity.ts';
import type { Labels } from './fields.ts';
import type { Reach, ServedDevice, SliceFacts } from './resource-slice.ts';

/** Nodes whose devices may have changed. */
export type Affected = ReadonlySet<string> | 'all';

/** `own`: the node that the pool is named after, as the drivers of both vendors name theirs. */
type PoolReach = Reach | { readonly by: 'own' };

interface Group {
  readonly reach: PoolReach;
  readonly devices: readonly ServedDevice[];
}

/** A slice as it is kept: what is alike on thousands of nodes is held once. */
interface Kept extends Omit<SliceFacts, 'groups'> {
  readonly groups: readonly Group[];
}

/** Slices of one pool: one, almost always. */
type Pool = readonly Kept[];

type PoolName = Pick<SliceFacts, 'driver' | 'pool'>;

/** Lists of devices that are held; a fleet has some dozens. */
const MOST_SHARED = 4096;

const NONE: Affected = new Set();
const NO_LABELS: Labels = new Map();
const NO_SLICES: Pool = [];
const OWN: PoolReach = { by: 'own' };

function keyOf({ driver, pool }: PoolName): string {
  return `${driver}/${pool}`;
}

function together(one: Affected, other: Affected): Affected {
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other]);
}

function namesOf({ pool, groups }: Kept): Affected {
  const names = new Set<string>();
  for (const { reach } of groups) {
    if (reach.by === 'own') names.add(pool);
    else if (reach.by === 'name') names.add(reach.name);
    else return 'all';
  }
  return names;
}

function reachedBy(pool: Pool): Affected {
  return pool.map(namesOf).reduce(together, NONE);
}

/**
 * Only the newest generation of a pool counts, and only when all its slices are there: the scheduler allocates nothing
 * from an incomplete pool (kubernetes/api resource/v1 ResourcePool).
 */
function currentGroups(pool: Pool): readonly Group[] {
  const newest = Math.max(...pool.map(({ generation }) => generation));
  const current = pool.filter(({ generation }) => generation === newest);
  return current[0] === undefined || current.length !== current[0].slices
    ? []
    : current.flatMap(({ groups }) => groups);
}

interface AskedNode {
  readonly name: string;
  readonly labels: Labels;
}

function reaches(reach: PoolReach, pool: string, { name, labels }: AskedNode): boolean {
  if (reach.by === 'own') return pool === name;
  if (reach.by === 'name') return reach.name === name;
  if (reach.by === 'all') return true;
  const spec = { nodeSelector: NO_LABELS, requiredNodeAffinity: reach.terms };
  return matchesNode({ fixed: labels, varying: new Map() }, spec, new Set([name]));
}

function devicesFrom(pool: Pool, node: AskedNode): readonly ServedDevice[] {
  const [first] = pool;
  if (first === undefined) return [];
  return currentGroups(pool).flatMap(({ reach, devices }) =>
    reaches(reach, first.pool, node) ? devices : [],
  );
}

function add<K, V>(table: Map<K, Map<string, V>>, at: K, key: string, value: V): void {
  const inner = table.get(at) ?? new Map<string, V>();
  table.set(at, inner.set(key, value));
}

function drop<K>(table: Map<K, Map<string, unknown>>, at: K, key: string): void {
  const inner = table.get(at);
  inner?.delete(key);
  if (inner?.size === 0) table.delete(at);
}

/** The value that is held already where it is equal. What nobody has any more is not kept for ever. */
function sharedIn<T>(held: Map<string, T>, value: T): T {
  const text = JSON.stringify(value);
  const shared = held.get(text) ?? value;
  if (held.size >= MOST_SHARED) held.clear();
  held.set(text, shared);
  return shared;
}

/**
 * The devices that DRA drivers publish, by node. A pool is a node's own almost always, so a change of a slice costs
 * that node; pools that several nodes reach concern all of them.
 */
export class DevicePools {
  /** By driver, then by the pool's name. */
  readonly #pools = new Map<string, Map<string, Pool>>();
  readonly #slices = new Map<string, Kept>();
  /** Pools that name the node and are not called after it. */
  readonly #byNode = new Map<string, Map<string, PoolName>>();
  /** Pools that choose nodes otherwise. */
  readonly #wide = new Map<string, PoolName>();
  /** Thousands of nodes have the same devices. */
  readonly #devices = new Map<string, readonly ServedDevice[]>();
  readonly #groups = new Map<string, readonly Group[]>();

  put(slice: SliceFacts): Affected {
    const before = this.remove(slice.name);
    const kept = this.#compact(slice);
    const pool = [...this.#poolOf(kept), kept];
    this.#slices.set(kept.name, kept);
    this.#setPool(kept, pool);
    return together(before, reachedBy(pool));
  }

  remove(name: string): Affected {
    const slice = this.#slices.get(name);
    if (slice === undefined) return NONE;
    const pool = this.#poolOf(slice);
    this.#unlink(slice, pool);
    this.#slices.delete(name);
    this.#setPool(
      slice,
      pool.filter((one) => one.name !== name),
    );
    return reachedBy(pool);
  }

  names(): Iterable<string> {
    return this.#slices.keys();
  }

  /** Devices that a pod on this node could claim. */
  devicesOf(name: string, labels: Labels): readonly ServedDevice[] {
    const named = [...(this.#byNode.get(name)?.values() ?? []), ...this.#wide.values()];
    const pools = new Set(named.map((one) => this.#poolOf(one)));
    for (const byName of this.#pools.values()) pools.add(byName.get(name) ?? NO_SLICES);
    return [...pools].flatMap((pool) => devicesFrom(pool, { name, labels }));
  }

  #poolOf({ driver, pool }: PoolName): Pool {
    return this.#pools.get(driver)?.get(pool) ?? NO_SLICES;
  }

  #setPool({ driver, pool: name }: PoolName, pool: Pool): void {
    if (pool.length === 0) {
      drop(this.#pools, driver, name);
      return;
    }
    add(this.#pools, driver, name, pool);
    const named = { driver, pool: name };
    const reached = reachedBy(pool);
    if (reached === 'all') this.#wide.set(keyOf(named), named);
    else for (const node of reached) if (node !== name) add(this.#byNode, node, keyOf(named), named);
  }

  #unlink({ driver, pool: name }: PoolName, pool: Pool): void {
    const reached = reachedBy(pool);
    if (reached === 'all') this.#wide.delete(keyOf({ driver, pool: name }));
    else
      for (const node of reached) if (node !== name) drop(this.#byNode, node, keyOf({ driver, pool: name }));
  }

  /** Fifteen thousand slices that are much alike: what is equal is held once. */
  #compact({ groups, ...slice }: SliceFacts): Kept {
    const kept = groups.map(({ reach, devices }): Group => {
      const isOwn = reach.by === 'name' && reach.name === slice.pool;
      return { reach: isOwn ? OWN : reach, devices: sharedIn(this.#devices, devices) };
    });
    const isAlike = kept.every(({ reach }) => reach === OWN);
    return { ...slice, groups: isAlike ? sharedIn(this.#groups, kept) : kept };
  }
}
