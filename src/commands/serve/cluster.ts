import type { Connection } from '../../cluster/connect.ts';
import { isInPod } from '../../cluster/in-pod.ts';
import type { Config } from '../../config/file.ts';
import type { ServeOptions } from '../../config/serve-options.ts';
import { UsageError } from '../io.ts';
import { messageOf, type Running } from './running.ts';

/** Contract §7: what is not listed after so long stays unknown until it is. */
const SETTLE_MS = 10_000;

/** How to reach the cluster: the kubeconfig that was named, or the pod's service account; null: there is none. */
export async function findCluster({ kubeconfig, kubeContext }: ServeOptions): Promise<Connection | null> {
  if (kubeconfig === null && !isInPod()) return null;
  // Loaded only here: outside a cluster nothing pays for client-node.
  const { findConnection } = await import('../../cluster/connect.ts');
  try {
    return findConnection({ kubeconfig, context: kubeContext, isInteractive: false });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

export interface Watching {
  readonly config: Config;
  readonly connection: Connection;
  /** Off where an inventory file stands for the nodes. */
  readonly watchesNodes: boolean;
}

export interface ClusterWatch {
  /** When nodes and namespaces were listed once, were refused, or time is up: readiness waits for this. */
  readonly settled: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Keeps nodes and namespaces in step from now on; the lists are on their way when it resolves. */
export async function watchCluster(watching: Watching, running: Running): Promise<ClusterWatch> {
  const { config, connection, watchesNodes } = watching;
  const { log, metrics, snapshots } = running;
  const [{ createApi }, { TIMING }, { ClusterView }] = await Promise.all([
    import('../../cluster/api.ts'),
    import('../../cluster/timing.ts'),
    import('../../cluster/view.ts'),
  ]);
  let { catalog } = config;
  const view = new ClusterView({
    api: createApi(connection),
    catalog,
    timing: TIMING,
    watchesNodes,
    watchesPods: config.cluster.pods,
    events: {
      onInventory: () => swap(),
      onModes: snapshots.swapNamespaceModes,
      onStrangeMode: (namespace, value) =>
        log.warn('a mode label is no mode; the global one holds', { namespace, value: value.slice(0, 63) }),
      onPhase: (resource, { phase, detail }) => {
        // An API that the cluster does not have is nothing to be alerted of.
        if (phase !== 'absent') metrics.watched(resource, phase === 'current');
        const isGood = phase === 'current' || phase === 'absent';
        log[isGood ? 'info' : 'warn']('cluster watch', { resource, phase, detail });
      },
    },
  });

  function swap(): void {
    snapshots.swapInventory(
      (rules) => {
        if (rules.catalog !== catalog) view.useCatalog(rules.catalog);
        catalog = rules.catalog;
        return view.inventory(rules.shapes);
      },
      () => view.heardAt(),
    );
  }

  if (watchesNodes) swap();
  view.start();
  return { settled: () => view.settled(SETTLE_MS), stop: () => view.stop() };
}
