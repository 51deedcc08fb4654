import type { KnownPods } from '../inventory/known-pods.ts';
import { podKey } from '../inventory/pod.ts';
import { resourcePath } from './paths.ts';
import type { ObjectSink } from './reflector.ts';
import { RegisterSink } from './register-sink.ts';

/** Of all namespaces: a node does not ask whose its pods are. */
export const PODS = resourcePath({ group: '', version: 'v1', resource: 'pods' });

/** Pods that have ended run on no node any more. */
const LIVE = 'status.phase!=Succeeded,status.phase!=Failed';
/** A pod is some 8 KB, less than half of a node. */
const LIMIT = 50;

export const LIVE_PODS = { query: { fieldSelector: LIVE }, limit: LIMIT } as const;

/** The API server sends a pod that ends as one that is deleted, and one that is scheduled as one that is added. */
export const BOUND_PODS = { query: { fieldSelector: `spec.nodeName!=,${LIVE}` }, limit: LIMIT } as const;

/** Nobody is told of changes: what is free is looked up when it is asked for. */
export function podSink(known: KnownPods): ObjectSink {
  return new RegisterSink(
    {
      names: () => known.names(),
      put: (object) => {
        known.put(object);
        return false;
      },
      remove: (key) => {
        known.remove(key);
        return false;
      },
      keyOf: podKey,
    },
    () => undefined,
  );
}
