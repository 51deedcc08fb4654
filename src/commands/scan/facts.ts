import { type ClusterApi, METADATA_ONLY } from '../../cluster/api.ts';
import { ApiError, isStatus } from '../../cluster/errors.ts';
import type { Query } from '../../cluster/exchange.ts';
import { NamespaceSink } from '../../cluster/namespaces.ts';
import { DRA_KINDS, NODE_PATHS, nodeSink } from '../../cluster/nodes.ts';
import { resourcePath } from '../../cluster/paths.ts';
import { POOL_APIS, poolSink } from '../../cluster/pools.ts';
import type { ObjectSink } from '../../cluster/reflector.ts';
import { onServed, type Versions } from '../../cluster/served.ts';
import { finishClasses } from '../../inventory/classes.ts';
import { KnownNodes } from '../../inventory/known-nodes.ts';
import { KnownPools } from '../../inventory/known-pools.ts';
import { indexGpus } from '../../inventory/products.ts';
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
  /** The nodes that were listed, for what pods leave free of them; null: a file stands for them. */
  readonly nodes: KnownNodes | null;
}

interface Listing {
  readonly resource: string;
  readonly paths: Versions;
  readonly sink: ObjectSink;
  readonly accept?: string;
  readonly query?: Query;
  readonly limit?: number;
}

const NAMESPACES = resourcePath({ group: '', version: 'v1', resource: 'namespaces' });

/** @returns why it may not be listed; null: it was, or the cluster does not have this API. */
export async function listInto(
  api: ClusterApi,
  { resource, paths, sink, ...options }: Listing,
): Promise<string | null> {
  try {
    await onServed(paths, async (path) => {
      sink.listing();
      for await (const { items } of api.list(path, options)) {
        for (const item of items) sink.put(item);
      }
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return isStatus(error, 404) ? null : `${resource} cannot be listed: ${error.message}`;
  }
  sink.listed();
  return null;
}

/** @returns what may not be listed. */
async function poolsInto(api: ClusterApi, known: KnownPools): Promise<readonly string[]> {
  const notices: string[] = [];
  for (const { kind, resource, paths } of POOL_APIS) {
    const sink = poolSink(known, kind, () => undefined);
    const problem = await listInto(api, { resource, paths, sink });
    if (problem !== null) notices.push(problem);
  }
  return notices;
}

/** What DRA drivers publish, of the nodes that are known. @returns what may not be listed. */
async function draInto(api: ClusterApi, known: KnownNodes): Promise<readonly string[]> {
  const notices: string[] = [];
  for (const { resource, paths, sink } of DRA_KINDS) {
    const problem = await listInto(api, { resource, paths, sink: sink(known, () => undefined) });
    if (problem !== null) notices.push(problem);
  }
  return notices;
}

async function nodesOf(api: ClusterApi, rules: InventoryRules): Promise<Omit<Surroundings, 'modes'>> {
  const known = new KnownNodes(indexGpus(rules.catalog));
  const sink = nodeSink(known, () => undefined);
  const problem = await listInto(api, { resource: 'nodes', paths: NODE_PATHS, sink });
  if (problem !== null) {
    return { inventory: declaredInventory(rules), unseen: [problem], notices: [], nodes: null };
  }
  const unserved = await draInto(api, known);
  const pools = new KnownPools(rules.catalog);
  const notices = [...unserved, ...(await poolsInto(api, pools))];
  const classes = finishClasses([...known.drafts(), ...pools.drafts(), ...rules.shapes]);
  return { inventory: { state: 'known', classes, ageSeconds: 0 }, unseen: [], notices, nodes: known };
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
    paths: [NAMESPACES],
    sink: namespaces,
    accept: METADATA_ONLY.list,
  });
  const nodes =
    given === null ? await nodesOf(api, rules) : { inventory: given, unseen: [], notices: [], nodes: null };
  return { ...nodes, modes, unseen: [...(unlisted === null ? [] : [unlisted]), ...nodes.unseen] };
}
