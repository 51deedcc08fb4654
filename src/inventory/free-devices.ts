import type { FreeCounts, FreeDevices, NodeClass } from '../plan/types.ts';
import type { KnownNodes } from './known-nodes.ts';
import type { KnownPods } from './known-pods.ts';

interface Counted {
  readonly version: string;
  readonly counts: FreeCounts | null;
}

/**
 * What pods leave free of the nodes that are known. The nodes of a class are counted when somebody asks, once for each
 * change of nodes or pods.
 */
export function freeDevices(nodes: KnownNodes, pods: KnownPods): FreeDevices {
  const counted = new WeakMap<NodeClass, Counted>();
  return (nodeClass) => {
    const version = `${nodes.version} ${pods.version}`;
    const known = counted.get(nodeClass);
    if (known?.version === version) return known.counts;
    const counts = countFree(nodeClass, nodes, pods);
    counted.set(nodeClass, { version, counts });
    return counts;
  };
}

/** null: DRA serves these devices. Claims are not read, and what they take no pod asks for by a count. */
function countFree(
  { nodeNames, resource, sharing }: NodeClass,
  nodes: KnownNodes,
  pods: KnownPods,
): FreeCounts | null {
  const counts = new Map<number, number>();
  for (const name of nodeNames) {
    const all = nodes.allocatable(name, resource);
    if (all === 0) return null;
    // Nothing is free on a node that takes no pods now, be it cordoned or not ready.
    const free = sharing === 'not-ready' ? 0 : Math.max(0, all - pods.taken(name, resource));
    counts.set(free, (counts.get(free) ?? 0) + 1);
  }
  return counts;
}
