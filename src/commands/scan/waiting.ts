import { readGpuPod } from '../../inventory/pod.ts';
import { memberOf } from '../../workload/json-value.ts';
import { textAt } from '../judge.ts';
import type { Found } from './collect.ts';

type Listed = Found['object'];

function keyOf(kind: string | null, namespace: string | null, name: string | null): string {
  return `${kind ?? ''} ${namespace ?? ''}/${name ?? ''}`;
}

function keyOfObject(object: Listed): string {
  const { metadata } = object;
  return keyOf(textAt(object, 'kind'), textAt(metadata, 'namespace'), textAt(metadata, 'name'));
}

/** Its controller's, in the same namespace. */
function controllerOf({ metadata }: Listed): string | null {
  const owners = memberOf(metadata, 'ownerReferences');
  const controller = Array.isArray(owners)
    ? owners.find((one: unknown) => memberOf(one, 'controller') === true)
    : undefined;
  if (controller === undefined) return null;
  return keyOf(textAt(controller, 'kind'), textAt(metadata, 'namespace'), textAt(controller, 'name'));
}

/** Held back on purpose (by Kueue, say): not even looking for a node. */
function isGated({ spec }: Listed): boolean {
  const gates = memberOf(spec, 'schedulingGates');
  return Array.isArray(gates) && gates.length > 0;
}

function looksForGpus(object: Listed): boolean {
  return textAt(object, 'kind') === 'Pod' && readGpuPod(object)?.node === null && !isGated(object);
}

/**
 * Which workloads have pods that look for a node. What runs already holds its own GPUs, and would be told that none are
 * free for it: so only these are told.
 */
export class Waiting {
  readonly #controllers = new Map<string, string>();
  readonly #pods: string[] = [];

  see({ object }: Found): void {
    const key = keyOfObject(object);
    const controller = controllerOf(object);
    if (controller !== null) this.#controllers.set(key, controller);
    if (looksForGpus(object)) this.#pods.push(key);
  }

  /** Those pods, what controls them, what controls that …: once everything was seen. */
  workloads(): (found: Found) => boolean {
    const waiting = new Set<string>();
    for (const pod of this.#pods) {
      let at: string | undefined = pod;
      while (at !== undefined && !waiting.has(at)) {
        waiting.add(at);
        at = this.#controllers.get(at);
      }
    }
    return ({ object }) => waiting.has(keyOfObject(object));
  }
}
