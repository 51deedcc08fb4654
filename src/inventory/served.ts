import type { Sharing } from '../plan/types.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { deviceClassResource } from '../workload/gpu-request.ts';
import { resolveServed, vagueKeys } from './device.ts';
import { agrees } from './memory.ts';
import { type NodeFacts, type NodeParts, pluginFacts } from './node.ts';
import type { GpuIndex } from './products.ts';
import type { ServedDevice } from './resource-slice.ts';
import { isForVirtualMachines } from './sharing.ts';

/** What DRA adds to a node: the devices that are published for it, and what the cluster's DeviceClasses map. */
export interface Served {
  readonly devices: readonly ServedDevice[];
  /** DeviceClass by extended resource. */
  readonly mapped: ReadonlyMap<string, string>;
}

export const NOTHING_SERVED: Served = { devices: [], mapped: new Map() };

/** The drivers' own DeviceClasses. AMD has one for boards and partitions. */
function classOf({ vendor, kind }: ServedDevice): string {
  if (vendor === 'amd') return 'gpu.amd.com';
  return kind === 'gpu' ? 'gpu.nvidia.com' : 'mig.nvidia.com';
}

function isLike(one: ServedDevice, other: ServedDevice): boolean {
  if (one.kind !== other.kind || one.profile !== other.profile) return false;
  if (one.product !== other.product || one.deviceId !== other.deviceId) return false;
  return one.memory === null || other.memory === null || agrees(one.memory, other.memory);
}

interface Kind {
  readonly sample: ServedDevice;
  readonly count: number;
}

/** Devices of a kind; the smallest speaks for them, and any that is shared for all. */
function kindsOf(devices: readonly ServedDevice[]): readonly Kind[] {
  const kinds: Kind[] = [];
  for (const device of devices) {
    const at = kinds.findIndex(({ sample }) => isLike(sample, device));
    const kind = kinds[at];
    if (kind === undefined) kinds.push({ sample: device, count: 1 });
    else kinds[at] = { sample: smaller(kind.sample, device), count: kind.count + 1 };
  }
  return kinds;
}

function smaller(one: ServedDevice, other: ServedDevice): ServedDevice {
  const isShared = one.isShared || other.isShared;
  const least = (other.memory ?? 0) < (one.memory ?? 0) && other.memory !== null ? other : one;
  return least.isShared === isShared ? least : { ...least, isShared };
}

function sharingOf(parts: NodeParts, kinds: readonly Kind[]): Sharing {
  if (isForVirtualMachines(parts.labels)) return 'invalid';
  if (kinds.length > 1 && kinds.some(({ sample }) => sample.kind === 'gpu')) return 'mixed-models';
  if (kinds.some(({ sample }) => sample.isShared)) return 'time-slicing';
  if (!parts.isUsable) return 'not-ready';
  return kinds.some(({ sample }) => sample.kind === 'slice') ? 'mig' : 'none';
}

interface Offer {
  readonly gpus: number;
  readonly device: DeviceShape | null;
  readonly sharing: Sharing;
}

/** Of one DeviceClass: slices of several profiles are several offers, boards of several models one that nobody can size. */
function offersOf(parts: NodeParts, devices: readonly ServedDevice[], index: GpuIndex): readonly Offer[] {
  const kinds = kindsOf(devices);
  const sharing = sharingOf(parts, kinds);
  if (sharing === 'mixed-models') return [{ gpus: devices.length, device: null, sharing }];
  return kinds.map(({ sample, count }) => ({
    gpus: count,
    device: resolveServed(sample, parts.labels, index),
    sharing,
  }));
}

/** Claims by the implicit name; a plain request where the cluster maps one to this class, and no plugin serves it. */
function resourcesOf(deviceClass: string, parts: NodeParts, { mapped }: Served): readonly string[] {
  const plain = [...mapped].flatMap(([resource, name]) =>
    name === deviceClass && (parts.allocatable.get(resource) ?? 0) === 0 ? [resource] : [],
  );
  return [deviceClassResource(deviceClass), ...plain];
}

function servedFacts(parts: NodeParts, served: Served, index: GpuIndex): readonly NodeFacts[] {
  const byClass = Map.groupBy(served.devices, classOf);
  const { name, labels, taints, provider } = parts;
  return [...byClass].flatMap(([deviceClass, devices]) => {
    const resources = resourcesOf(deviceClass, parts, served);
    return offersOf(parts, devices, index).flatMap((offer) =>
      resources.map((resource) => ({
        name,
        labels,
        taints,
        resource,
        provider,
        ...offer,
        vagueKeys: vagueKeys(labels, offer.device, index),
      })),
    );
  });
}

/**
 * All that a node offers. What the kubelet counts is its plugin's; what DRA serves is not among it (gpu-catalog.md §6),
 * so a resource that is not there yet, going by the labels, is dropped where a driver has published devices.
 */
export function factsOf(parts: NodeParts, index: GpuIndex, served = NOTHING_SERVED): readonly NodeFacts[] {
  const plugin = pluginFacts(parts, index);
  if (served.devices.length === 0) return plugin;
  return [...plugin.filter(({ gpus }) => gpus > 0), ...servedFacts(parts, served, index)];
}
