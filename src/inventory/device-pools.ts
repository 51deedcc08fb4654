import { matchesNode } from '../placement/node-affinity.ts';
import type { Labels } from './fields.ts';
import type { Reach, ServedDevice, ServedGroup, SliceFacts } from './resource-slice.ts';

/** Nodes whose devices may have changed. */
export type Affected = ReadonlySet<string> | 'all';

/** Slices of one pool: one, almost always. */
type Pool = readonly SliceFacts[];

/** Lists of devices that are told apart; a fleet has some dozens. */
const MOST_SHARED = 4096;

const NONE: Affected = new Set();
const NO_LABELS: Labels = new Map();

function poolKey({ driver, pool }: SliceFacts): string {
  return `${driver}/${pool}`;
}

function together(one: Affected, other: Affected): Affected {
  return one === 'all' || other === 'all' ? 'all' : new Set([...one, ...other]);
}

function namesOf(groups: readonly ServedGroup[]): Affected {
  const names = new Set<string>();
  for (const { reach } of groups) {
    if (reach.by !== 'name') return 'all';
    names.add(reach.name);
  }
  return names;
}

function reachedBy(pool: Pool): Affected {
  return pool.map(({ groups }) => namesOf(groups)).reduce(together, NONE);
}

/**
 * Only the newest generation of a pool counts, and only when all its slices are there: the scheduler allocates nothing
 * from an incomplete pool (kubernetes/api resource/v1 ResourcePool).
 */
function currentGroups(pool: Pool): readonly ServedGroup[] {
  const newest = Math.max(...pool.map(({ generation }) => generation));
  const current = pool.filter(({ generation }) => generation === newest);
  return current[0] === undefined || current.length !== current[0].slices
    ? []
    : current.flatMap(({ groups }) => groups);
}

function reaches(reach: Reach, name: string, labels: Labels): boolean {
  if (reach.by === 'name') return reach.name === name;
  if (reach.by === 'all') return true;
  const spec = { nodeSelector: NO_LABELS, requiredNodeAffinity: reach.terms };
  return matchesNode({ fixed: labels, varying: new Map() }, spec, new Set([name]));
}

/**
 * The devices that DRA drivers publish, by node. A pool is a node's own almost always, so a change of a slice costs
 * that node; pools that several nodes reach concern all of them.
 */
export class DevicePools {
  readonly #pools = new Map<string, Pool>();
  readonly #slices = new Map<string, SliceFacts>();
  /** Pools that name the node. */
  readonly #byNode = new Map<string, readonly string[]>();
  /** Pools that choose nodes otherwise. */
  readonly #wide = new Set<string>();
  /** Thousands of nodes have the same devices; lists that nobody has any more are not kept for ever. */
  readonly #shared = new Map<string, readonly ServedDevice[]>();

  put(slice: SliceFacts): Affected {
    const before = this.remove(slice.name);
    const key = poolKey(slice);
    const kept = this.#compact(slice);
    const pool = [...(this.#pools.get(key) ?? []), kept];
    this.#slices.set(slice.name, kept);
    this.#setPool(key, pool);
    return together(before, reachedBy(pool));
  }

  remove(name: string): Affected {
    const slice = this.#slices.get(name);
    if (slice === undefined) return NONE;
    const key = poolKey(slice);
    const pool = this.#pools.get(key) ?? [];
    this.#unlink(key, pool);
    this.#slices.delete(name);
    this.#setPool(
      key,
      pool.filter((one) => one.name !== name),
    );
    return reachedBy(pool);
  }

  names(): Iterable<string> {
    return this.#slices.keys();
  }

  /** Devices that a pod on this node could claim. */
  devicesOf(name: string, labels: Labels): readonly ServedDevice[] {
    const keys = [...(this.#byNode.get(name) ?? []), ...this.#wide];
    return keys.flatMap((key) => {
      const groups = currentGroups(this.#pools.get(key) ?? []);
      return groups.flatMap(({ reach, devices }) => (reaches(reach, name, labels) ? devices : []));
    });
  }

  #setPool(key: string, pool: Pool): void {
    if (pool.length === 0) {
      this.#pools.delete(key);
      return;
    }
    this.#pools.set(key, pool);
    const reached = reachedBy(pool);
    if (reached === 'all') this.#wide.add(key);
    else
      for (const name of reached) {
        const keys = this.#byNode.get(name) ?? [];
        if (!keys.includes(key)) this.#byNode.set(name, [...keys, key]);
      }
  }

  #unlink(key: string, pool: Pool): void {
    this.#wide.delete(key);
    const reached = reachedBy(pool);
    for (const name of reached === 'all' ? [] : reached) {
      const keys = (this.#byNode.get(name) ?? []).filter((one) => one !== key);
      if (keys.length === 0) this.#byNode.delete(name);
      else this.#byNode.set(name, keys);
    }
  }

  /** Fifteen thousand slices that are much alike: what is equal is held once. */
  #compact(slice: SliceFacts): SliceFacts {
    const groups = slice.groups.map(({ reach, devices }) => {
      const text = JSON.stringify(devices);
      const shared = this.#shared.get(text) ?? devices;
      if (this.#shared.size >= MOST_SHARED) this.#shared.clear();
      this.#shared.set(text, shared);
      return { reach, devices: shared };
    });
    return { ...slice, groups };
  }
}
