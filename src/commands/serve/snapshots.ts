import type { Catalog } from '../../catalog/types.ts';
import type { InventoryStatus } from '../../observe/metrics.ts';
import type { Facts } from '../../pipeline/types.ts';
import type { Inventory, Mode, Policy } from '../../plan/types.ts';

/**
 * What reviews are judged by: immutable snapshots, each swapped whole by whoever keeps it fresh (the configuration
 * file, the node watch, the namespace watch). A review reads them once, so all it sees is of one moment.
 */

/** The `vramgate.io/mode` label by namespace. A namespace that is not in it has the global mode. */
export type NamespaceModes = ReadonlyMap<string, Mode>;

/** Nodes under a catalog. Pure: it is asked again when the catalog changes. */
export type InventoryOf = (catalog: Catalog) => Inventory;

/** What one configuration gives: the policy, and the catalog with the operator's own rows. */
export interface Rules {
  readonly policy: Policy;
  readonly catalog: Catalog;
}

export interface Snapshots {
  /** The facts for one review. `namespace` is that of the request; null for cluster-wide objects. */
  readonly factsFor: (namespace: string | null) => Facts;
  readonly swapRules: (rules: Rules) => void;
  readonly swapInventory: (inventoryOf: InventoryOf) => void;
  readonly swapNamespaceModes: (modes: NamespaceModes) => void;
  /** The inventory in use was found to be still true. */
  readonly confirmInventory: () => void;
  readonly inventoryStatus: () => InventoryStatus;
}

const NO_MODES: NamespaceModes = new Map();

export function createSnapshots({ policy, catalog }: Rules, inventoryOf: InventoryOf): Snapshots {
  let modes = NO_MODES;
  let source = inventoryOf;
  let current = { policy, catalog, inventory: source(catalog) };
  let asOf = new Date();
  return {
    factsFor: (namespace) => ({
      ...current,
      namespaceMode: namespace === null ? null : (modes.get(namespace) ?? null),
    }),
    swapRules: (next) => {
      current = { policy: next.policy, catalog: next.catalog, inventory: source(next.catalog) };
    },
    swapInventory: (next) => {
      current = { ...current, inventory: next(current.catalog) };
      source = next;
      asOf = new Date();
    },
    swapNamespaceModes: (next) => {
      modes = next;
    },
    confirmInventory: () => {
      asOf = new Date();
    },
    inventoryStatus: () => statusOf(current.inventory, asOf),
  };
}

function statusOf(inventory: Inventory, asOf: Date): InventoryStatus {
  if (inventory.state === 'unknown') return { classes: 0, nodes: 0, asOf: null };
  const nodes = inventory.classes.reduce((sum, one) => sum + one.nodes, 0);
  return { classes: inventory.classes.length, nodes, asOf };
}
