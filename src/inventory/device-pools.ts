import { matchesNode } from '../placement/node-affinity.ts';
import type { Labels } from './fields.ts';
import type { Reach, ServedDevice, ServedGroup, SliceFacts } from './resource-slice.ts';

/** Nodes whose devices may have changed. */
export type Affected = ReadonlySet<string> | 'all';

interface Pool {
  readonly slices: Map<string, SliceFacts>;
}

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

/**
 * Only the newest generation of a pool counts, and only when all its slices are there: the scheduler allocates nothing
 * from an incomplete pool (kubernetes/api resource/v1 ResourcePool).
 */
function currentGroups({ slices }: Pool): readonly ServedGroup[] {
  const all = [...slices.values()];
  const newest = Math.max(...all.map(({ generation }) => generation));
  const current = all.filter(({ generation }) => generation === newest);
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
  readonly #byNode = new Map<string, Set<string>>();
  /** Pools that choose nodes otherwise. */
  readonly #wide = new Set<string>();
  /** Thousands of nodes have the same devices. */
  readonly #shared = new Map<string, readonly ServedDevice[]>();

  put(slice: SliceFacts): Affected {
    const before = this.remove(slice.name);
    const key = poolKey(slice);
    const pool = this.#pools.get(key) ?? { slices: new Map() };
    this.#pools.set(key, pool);
    const kept = { ...slice, groups: slice.groups.map((group) => this.#intern(group)) };
    pool.slices.set(slice.name, kept);
    this.#slices.set(slice.name, kept);
    this.#link(key, pool);
    return together(before, this.#reached(pool));
  }

  remove(name: string): Affected {
    const slice = this.#slices.get(name);
    const pool = slice === undefined ? undefined : this.#pools.get(poolKey(slice));
    if (slice === undefined || pool === undefined) return NONE;
    const key = poolKey(slice);
    const affected = this.#reached(pool);
    this.#unlink(key, pool);
    this.#slices.delete(name);
    pool.slices.delete(name);
    if (pool.slices.size === 0) this.#pools.delete(key);
    else this.#link(key, pool);
    return affected;
  }

  names(): Iterable<string> {
    return this.#slices.keys();
  }

  /** Devices that a pod on this node could claim. */
  devicesOf(name: string, labels: Labels): readonly ServedDevice[] {
    const keys = [...(this.#byNode.get(name) ?? []), ...this.#wide];
    return keys.flatMap((key) => {
      const pool = this.#pools.get(key);
      const groups = pool === undefined ? [] : currentGroups(pool);
      return groups.flatMap(({ reach, devices }) => (reaches(reach, name, labels) ? devices : []));
    });
  }

  #reached({ slices }: Pool): Affected {
    return [...slices.values()].map(({ groups }) => namesOf(groups)).reduce(together, NONE);
  }

  #link(key: string, pool: Pool): void {
    const reached = this.#reached(pool);
    if (reached === 'all') this.#wide.add(key);
    else
      for (const name of reached)
        this.#byNode.set(name, (this.#byNode.get(name) ?? new Set<string>()).add(key));
  }

  #unlink(key: string, pool: Pool): void {
    this.#wide.delete(key);
    const reached = this.#reached(pool);
    for (const name of reached === 'all' ? [] : reached) {
      const keys = this.#byNode.get(name);
      keys?.delete(key);
      if (keys?.size === 0) this.#byNode.delete(name);
    }
  }

  #intern({ reach, devices }: ServedGroup): ServedGroup {
    const text = JSON.stringify(devices);
    const shared = this.#shared.get(text) ?? devices;
    this.#shared.set(text, shared);
    return { reach, devices: shared };
  }
}
