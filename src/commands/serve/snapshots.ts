import type { Config } from '../../config/file.ts';
import type { InventoryStatus } from '../../observe/metrics.ts';
import type { Facts } from '../../pipeline/types.ts';
import type { Inventory, Mode } from '../../plan/types.ts';

/**
 * What reviews are judged by: immutable snapshots, each swapped whole by whoever keeps it fresh (the configuration
 * file, the node watch, the namespace watch). A review reads them once, so all it sees is of one moment.
 */

/** The `vramgate.io/mode` label by namespace. A namespace that is not in it has the global mode. */
export type NamespaceModes = ReadonlyMap<string, Mode>;

/** What one configuration gives: the policy, the catalog with the operator's own rows, and declared shapes. */
export type Rules = Pick<Config, 'policy' | 'catalog' | 'shapes'>;

/** Nodes under a configuration. Asked again when that changes. */
export type InventoryOf = (rules: Rules) => Inventory;

export interface Snapshots {
  /** The facts for one review. `namespace` is that of the request; null for cluster-wide objects. */
  readonly factsFor: (namespace: string | null) => Facts;
  readonly swapRules: (rules: Rules) => void;
  /** `asOf` tells when the inventory was last known to be true; left out: now, and at each `confirmInventory`. */
  readonly swapInventory: (inventoryOf: InventoryOf, asOf?: AsOf) => void;
  readonly swapNamespaceModes: (modes: NamespaceModes) => void;
  /** The inventory in use was found to be still true. */
  readonly confirmInventory: () => void;
  readonly inventoryStatus: () => InventoryStatus;
}

type AsOf = () => Date | null;

const NO_MODES: NamespaceModes = new Map();

function justNow(): AsOf {
  const now = new Date();
  return () => now;
}

export function createSnapshots(rules: Rules, inventoryOf: InventoryOf): Snapshots {
  let modes = NO_MODES;
  let source = inventoryOf;
  let current = { rules, inventory: source(rules) };
  let asOf = justNow();
  return {
    factsFor: (namespace) => ({
      policy: current.rules.policy,
      catalog: current.rules.catalog,
      inventory: aged(current.inventory, asOf()),
      namespaceMode: namespace === null ? null : (modes.get(namespace) ?? null),
    }),
    swapRules: (next) => {
      current = { rules: next, inventory: source(next) };
    },
    swapInventory: (next, nextAsOf = justNow()) => {
      current = { ...current, inventory: next(current.rules) };
      source = next;
      asOf = nextAsOf;
    },
    swapNamespaceModes: (next) => {
      modes = next;
    },
    confirmInventory: () => {
      asOf = justNow();
    },
    inventoryStatus: () => statusOf(current.inventory, asOf()),
  };
}

/** For the record only: no decision depends on it, so that a reinvocation gets the same answer. */
function aged(inventory: Inventory, asOf: Date | null): Inventory {
  if (inventory.state === 'unknown' || asOf === null) return inventory;
  return { ...inventory, ageSeconds: Math.max(0, Math.round((Date.now() - asOf.getTime()) / 1000)) };
}

function statusOf(inventory: Inventory, asOf: Date | null): InventoryStatus {
  if (inventory.state === 'unknown') return { classes: 0, nodes: 0, asOf: null };
  // A node of several resources (slices of several profiles, a claim and a plain request) is in several classes.
  const nodes = new Set(inventory.classes.flatMap(({ nodeNames }) => [...nodeNames]));
  const unnamed = inventory.classes.reduce((sum, one) => sum + (one.nodeNames.size === 0 ? one.nodes : 0), 0);
  return { classes: inventory.classes.length, nodes: nodes.size + unnamed, asOf };
}
