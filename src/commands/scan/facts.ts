import { type ClusterApi, METADATA_ONLY } from '../../cluster/api.ts';
import { ApiError } from '../../cluster/errors.ts';
import { NamespaceSink } from '../../cluster/namespaces.ts';
import { NodeSink } from '../../cluster/nodes.ts';
import { resourcePath } from '../../cluster/paths.ts';
import type { ObjectSink } from '../../cluster/reflector.ts';
import { finishClasses } from '../../inventory/classes.ts';
import type { Inventory, Mode } from '../../plan/types.ts';
import { declaredInventory, type InventoryRules } from '../facts.ts';

/** What the cluster itself says beside the objects, once. */
export interface Surroundings {
  readonly inventory: Inventory;
  readonly modes: ReadonlyMap<string, Mode>;
  /** What may not be listed, one sentence each. */
  readonly unseen: readonly string[];
}

async function listInto(
  api: ClusterApi,
  resource: 'nodes' | 'namespaces',
  sink: ObjectSink,
): Promise<string | null> {
  const accept = resource === 'namespaces' ? { accept: METADATA_ONLY.list } : {};
  sink.listing();
  try {
    for await (const { items } of api.list(resourcePath({ group: '', version: 'v1', resource }), accept)) {
      for (const item of items) sink.put(item);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return `${resource} cannot be listed: ${error.message}`;
  }
  sink.listed();
  return null;
}

async function nodesOf(
  api: ClusterApi,
  rules: InventoryRules,
): Promise<{ readonly inventory: Inventory; readonly problem: string | null }> {
  const sink = new NodeSink(rules.catalog, () => undefined);
  const problem = await listInto(api, 'nodes', sink);
  if (problem !== null) return { inventory: declaredInventory(rules), problem };
  const classes = finishClasses([...sink.drafts(), ...rules.shapes]);
  return { inventory: { state: 'known', classes, ageSeconds: 0 }, problem: null };
}

/** @param given an inventory that stands for the nodes; null: they are listed. @throws ApiUnreachable */
export async function surroundings(
  api: ClusterApi,
  rules: InventoryRules,
  given: Inventory | null,
): Promise<Surroundings> {
  let modes: ReadonlyMap<string, Mode> = new Map();
  const namespaces = new NamespaceSink(
    (next) => {
      modes = next;
    },
    () => undefined,
  );
  const unlisted = await listInto(api, 'namespaces', namespaces);
  const nodes = given === null ? await nodesOf(api, rules) : { inventory: given, problem: null };
  return {
    inventory: nodes.inventory,
    modes,
    unseen: [unlisted, nodes.problem].filter((one) => one !== null),
  };
}
