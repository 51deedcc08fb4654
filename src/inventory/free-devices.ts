import type { FreeDevices, NodeClass } from '../plan/types.ts';
import type { KnownNodes } from './known-nodes.ts';
import type { KnownPods } from './known-pods.ts';

interface Counted {
  readonly resource: string;
  /** Nodes by devices that are free; null: not known. */
  readonly counts: Map<number, number> | null;
}

/**
 * What pods leave free of the nodes that are known. The nodes of a class are counted when somebody asks, once for each
 * change of nodes; a pod that comes or goes then moves its own node.
 */
export function freeDevices(nodes: KnownNodes, pods: KnownPods): FreeDevices {
  // By the names of its nodes: these are one set for as long as the class lives, while the class is made anew.
  const counted = new Map<ReadonlySet<string>, Counted>();
  let { version } = nodes;

  pods.onTaken((node, resource, { before, after }) => {
    if (version !== nodes.version) counted.clear();
    for (const [names, { counts, ...one }] of counted) {
      if (counts === null || one.resource !== resource || !names.has(node)) continue;
      const all = nodes.allocatable(node, resource);
      add(counts, left(all, before), -1);
      add(counts, left(all, after), 1);
    }
  });

  return (nodeClass) => {
    // Nothing is free on nodes that take no pods now, be they cordoned or not ready.
    if (nodeClass.sharing === 'not-ready') return new Map([[0, nodeClass.nodes]]);
    if (version !== nodes.version) counted.clear();
    ({ version } = nodes);
    const known = counted.get(nodeClass.nodeNames) ?? {
      resource: nodeClass.resource,
      counts: countFree(nodeClass, nodes, pods),
    };
    counted.set(nodeClass.nodeNames, known);
    return known.counts;
  };
}

function left(all: number, taken: number): number {
  return Math.max(0, all - taken);
}

function add(counts: Map<number, number>, devices: number, nodes: number): void {
  const sum = (counts.get(devices) ?? 0) + nodes;
  if (sum === 0) counts.delete(devices);
  else counts.set(devices, sum);
}

/** null: DRA serves these devices. Claims are not read, and what they take no pod asks for by a count. */
function countFree(
  { nodeNames, resource }: NodeClass,
  nodes: KnownNodes,
  pods: KnownPods,
): Map<number, number> | null {
  const counts = new Map<number, number>();
  for (const name of nodeNames) {
    const all = nodes.allocatable(name, resource);
    if (all === 0) return null;
    add(counts, left(all, pods.taken(name, resource)), 1);
  }
  return counts;
}
