import type { Catalog } from '../../catalog/types.ts';
import { type ClusterApi, METADATA_ONLY } from '../../cluster/api.ts';
import { ApiError, isStatus } from '../../cluster/errors.ts';
import { NamespaceSink } from '../../cluster/namespaces.ts';
import { NodeSink } from '../../cluster/nodes.ts';
import { resourcePath } from '../../cluster/paths.ts';
import { POOL_KINDS, PoolSink } from '../../cluster/pools.ts';
import type { ObjectSink } from '../../cluster/reflector.ts';
import { type Draft, finishClasses } from '../../inventory/classes.ts';
import type { Inventory, Mode } from '../../plan/types.ts';
import { declaredInventory, type InventoryRules } from '../facts.ts';

/** What the cluster itself says beside the objects, once. */
export interface Surroundings {
  readonly inventory: Inventory;
  readonly modes: ReadonlyMap<string, Mode>;
  /** What may not be listed, one sentence each. */
  readonly unseen: readonly string[];
  /** The same of pools, without which a scan is whole all the same: no workload is passed over. */
  readonly notices: readonly string[];
}

interface Listing {
  readonly resource: string;
  readonly path: string;
  readonly sink: ObjectSink;
  readonly accept?: string;
}

const NODES = resourcePath({ group: '', version: 'v1', resource: 'nodes' });
const NAMESPACES = resourcePath({ group: '', version: 'v1', resource: 'namespaces' });

/** @returns why it may not be listed; null: it was, or the cluster does not have this API. */
async function listInto(api: ClusterApi, { resource, path, sink, accept }: Listing): Promise<string | null> {
  sink.listing();
  try {
    for await (const { items } of api.list(path, accept === undefined ? {} : { accept })) {
      for (const item of items) sink.put(item);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return isStatus(error, 404) ? null : `${resource} cannot be listed: ${error.message}`;
  }
  sink.listed();
  return null;
}

interface Promises {
  readonly drafts: readonly Draft[];
  readonly notices: readonly string[];
}

async function poolsOf(api: ClusterApi, catalog: Catalog): Promise<Promises> {
  const drafts: Draft[] = [];
  const notices: string[] = [];
  for (const kind of POOL_KINDS) {
    const sink = new PoolSink(kind, catalog, () => undefined);
    const problem = await listInto(api, { ...kind, sink });
    if (problem === null) drafts.push(...sink.drafts());
    else notices.push(problem);
  }
  return { drafts, notices };
}

async function nodesOf(api: ClusterApi, rules: InventoryRules): Promise<Omit<Surroundings, 'modes'>> {
  const sink = new NodeSink(rules.catalog, () => undefined);
  const problem = await listInto(api, { resource: 'nodes', path: NODES, sink });
  if (problem !== null) return { inventory: declaredInventory(rules), unseen: [problem], notices: [] };
  const pools = await poolsOf(api, rules.catalog);
  const classes = finishClasses([...sink.drafts(), ...pools.drafts, ...rules.shapes]);
  return { inventory: { state: 'known', classes, ageSeconds: 0 }, unseen: [], notices: pools.notices };
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
  const unlisted = await listInto(api, {
    resource: 'namespaces',
    path: NAMESPACES,
    sink: namespaces,
    accept: METADATA_ONLY.list,
  });
  const nodes = given === null ? await nodesOf(api, rules) : { inventory: given, unseen: [], notices: [] };
  return { ...nodes, modes, unseen: [...(unlisted === null ? [] : [unlisted]), ...nodes.unseen] };
}
