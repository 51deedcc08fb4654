import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiUnreachable, messageOf } from './errors.ts';
import { isInPod } from './in-pod.ts';

/** An API server and how to prove who asks; one context of a kubeconfig, or the pod's service account. */
export interface Connection {
  /** `https://10.96.0.1:443`, perhaps with a path. */
  readonly server: string;
  /** Namespace of the context, or of the pod; null where neither names one. */
  readonly namespace: string | null;
  /** Certificates, and headers with a token that is read anew when it rotates. @throws ApiUnreachable */
  readonly credentials: () => Promise<RequestOptions>;
  /** Whether `credentials` carries an agent that must be used (a proxy). */
  readonly hasProxy: boolean;
}

export interface ConnectionChoice {
  /** null: the pod's service account, or what `isInteractive` adds. */
  readonly kubeconfig: string | null;
  /** Name of a context; null: the current one. */
  readonly context: string | null;
  /** As kubectl does: KUBECONFIG, then ~/.kube/config, before the service account. */
  readonly isInteractive: boolean;
}

/** client-node's last resort when nothing is configured; nobody who forgot a kubeconfig means it. */
const LAST_RESORT = 'http://localhost:8080';

function load({ kubeconfig, isInteractive }: ConnectionChoice): KubeConfig | null {
  const config = new KubeConfig();
  if (kubeconfig !== null) config.loadFromFile(kubeconfig);
  else if (isInteractive) config.loadFromDefault();
  else if (isInPod()) config.loadFromCluster();
  else return null;
  return config.getCurrentCluster()?.server === LAST_RESORT && kubeconfig === null ? null : config;
}

function connectionOf(config: KubeConfig): Connection {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new ApiUnreachable(`no cluster in context "${config.getCurrentContext()}"`);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? null,
    hasProxy: cluster.proxyUrl !== undefined,
    credentials: async () => {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        throw new ApiUnreachable(`credentials cannot be used: ${messageOf(error)}`);
      }
      return options;
    },
  };
}

/**
 * How to reach the cluster; null where nothing says so, which is not an error outside a pod.
 * @throws ApiUnreachable when a kubeconfig or a context was named that cannot be used.
 */
export function findConnection(choice: ConnectionChoice): Connection | null {
  try {
    const config = load(choice);
    if (config === null) return null;
    if (choice.context !== null) {
      if (config.getContextObject(choice.context) === null)
        throw new Error(`it has no context "${choice.context}"`);
      config.setCurrentContext(choice.context);
    }
    return connectionOf(config);
  } catch (error) {
    const source = choice.kubeconfig ?? 'the kubeconfig';
    throw new ApiUnreachable(`${source} cannot be used: ${messageOf(error)}`);
  }
}
