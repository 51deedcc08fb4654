import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { names } from './place.ts';
import type { FreeCounts, FreeDevices, Inventory, NodeClass, Policy } from './types.ts';

/**
 * Whether GPUs are free now. It decides nothing: a pod that finds none waits, and that is the scheduler's matter. So it
 * is worked out after the plan, for the nodes that the plan leads to, and only told.
 */

/** Pods of one template, and the nodes that the plan may lead them to. */
export interface Landing {
  /** Where the author asks for the GPUs, or would. */
  readonly path: JsonPath;
  /** Path of the template: several servers of one pod wait together. */
  readonly pod: JsonPath;
  readonly resource: string;
  /** What the scheduler counts for one pod. */
  readonly gpus: number;
  /** Of one replica. */
  readonly pods: number;
  readonly classes: readonly NodeClass[];
}

/** What was free for the pods of one template, or of several that ask for the same: plain values, for the record. */
export interface FreeFigures {
  /** As Kubernetes prints paths. */
  readonly path: string;
  readonly resource: string;
  readonly gpus: number;
  readonly pods: number;
  /** That the plan may lead them to. */
  readonly nodes: number;
  /** Such pods that those nodes hold now, beside what is there. */
  readonly room: number;
  /** Most devices that are free on one of them. */
  readonly most: number;
}

/** More templates than any workload has that a person wrote; beyond, nothing is told. */
const MAX_LANDINGS = 64;

/** null: no pods are known, or the nodes are not the last word: claims take some of their devices, or more may come. */
export function freeFigures(
  landings: readonly Landing[],
  inventory: Inventory,
): readonly FreeFigures[] | null {
  if (inventory.state === 'unknown' || inventory.free === undefined) return null;
  const { free } = inventory;
  const together = merged(landings);
  if (together.length > MAX_LANDINGS) return null;
  const figures = together.flatMap((one) => figuresOf(one, free) ?? []);
  return figures.length === 0 ? null : figures;
}

/** The leader and the workers of a group ask for the same, almost always. */
function merged(landings: readonly Landing[]): readonly Landing[] {
  const together: Landing[] = [];
  for (const landing of landings) {
    if (together.some((one) => isSamePod(one, landing))) continue;
    const at = together.findIndex((one) => isAlike(one, landing));
    const like = together[at];
    if (like === undefined) together.push(landing);
    else together[at] = { ...like, pods: like.pods + landing.pods };
  }
  return together;
}

function isSamePod(one: Landing, other: Landing): boolean {
  return one.resource === other.resource && formatPath(one.pod) === formatPath(other.pod);
}

function isAlike(one: Landing, other: Landing): boolean {
  return (
    one.resource === other.resource &&
    one.gpus === other.gpus &&
    one.classes.length === other.classes.length &&
    one.classes.every((nodeClass) => other.classes.includes(nodeClass))
  );
}

function figuresOf({ path, resource, gpus, pods, classes }: Landing, free: FreeDevices): FreeFigures | null {
  if (gpus === 0 || classes.length === 0) return null;
  const counts = classes.map((one) => (one.source === 'node' ? free(one) : null));
  const known = counts.filter((one) => one !== null);
  if (known.length < counts.length) return null;
  return {
    path: formatPath(path),
    resource,
    gpus,
    pods,
    nodes: total(known, () => 1),
    room: total(known, (devices) => Math.floor(devices / gpus)),
    most: Math.max(0, ...known.flatMap((one) => [...one.keys()])),
  };
}

function total(counts: readonly FreeCounts[], of: (devices: number) => number): number {
  let sum = 0;
  for (const one of counts) for (const [devices, nodes] of one) sum += nodes * of(devices);
  return sum;
}

/** @param figures of these landings, found now or recorded then. */
export function freeFindings(
  landings: readonly Landing[],
  figures: readonly FreeFigures[],
  policy: Policy,
): readonly Finding[] {
  return merged(landings).flatMap((landing) => {
    const { path, resource, gpus, pods, classes } = landing;
    const found = figures.find((one) => one.path === formatPath(path) && one.resource === resource);
    if (found === undefined || found.gpus !== gpus || found.pods !== pods || found.room >= pods) return [];
    return [finding('no-free-gpus', path, textOf(found, classes, policy))];
  });
}

function textOf(
  { resource, gpus, pods, nodes, room, most }: FreeFigures,
  classes: readonly NodeClass[],
  { disclose }: Policy,
): string {
  const where = disclose ? ` of ${names(classes)}` : '';
  const asked = `${gpus} ${resource}`;
  const waits = 'it waits until some are freed, or a pool grows';
  if (room === 0) {
    const none = disclose ? `none of the ${nodes} node${nodes === 1 ? '' : 's'}${where}` : 'no node';
    const nearest = disclose ? ` (at most ${most} on one)` : '';
    return `${none} has ${asked} free now${nearest}: ${waits}`;
  }
  const held = disclose ? `room for ${room} of the ${pods} pods` : `no room for all ${pods} pods`;
  return `the nodes${where} have ${held} of a replica now, ${asked} each: ${waits}`;
}
