import type { Sharing } from '../plan/types.ts';
import { type Labels, labelInteger } from './fields.ts';
import { AMD, GFD, GKE } from './keys.ts';
import {
  driverProduct,
  INVALID_PROFILE,
  isAmdPartition,
  isRenamedShare,
  isSharedProduct,
  labelStem,
  migProfile,
  vendorOf,
} from './resources.ts';

export interface SharingSubject {
  readonly labels: Labels;
  readonly resource: string;
  readonly allocatable: number;
  readonly capacity: number;
  /** Ready, not cordoned, not being drained or prepared. */
  readonly isUsable: boolean;
}

const WHOLE = 'nvidia.com/gpu';

// GPUs handed to virtual machines never reach a pod; GFD labels them too, with compute capability -1.
export function isForVirtualMachines(labels: Labels): boolean {
  const workload = labels.get(GFD.workload) ?? 'container';
  const mode = labels.get(AMD.mode) ?? 'container';
  return workload !== 'container' || mode !== 'container' || labels.get(GFD.major) === '-1';
}

function isInvalid({ labels, resource }: SharingSubject): boolean {
  if (migProfile(labels, resource) === INVALID_PROFILE) return true;
  return labels.get(GFD.migState) === 'failed' || isForVirtualMachines(labels);
}

/** Clients per device, 1 unshared; null where nothing says. GFD's figure is per GPU, not a total (gpu-catalog.md §2). */
export function clientsPerDevice(labels: Labels, resource: string): number | null {
  const stem = labelStem(resource);
  const clients = labelInteger(labels, `${stem}.replicas`);
  if (clients !== null && clients > 0) return clients;
  return stem === WHOLE ? labelInteger(labels, GKE.clients) : null;
}

/** GKE writes `time-sharing`, its documents also `TIME_SHARING`. */
function strategyLabel(labels: Labels, resource: string): string {
  const stem = labelStem(resource);
  const text = labels.get(`${stem}.sharing-strategy`) ?? labels.get(`${WHOLE}.sharing-strategy`);
  return (text ?? labels.get(GKE.sharing) ?? 'none').toLowerCase().replaceAll('_', '-');
}

function sharedAs({ labels, resource }: SharingSubject): 'none' | 'time-slicing' | 'mps' {
  if (vendorOf(resource) !== 'nvidia') return 'none';
  const clients = clientsPerDevice(labels, resource);
  const strategy = strategyLabel(labels, resource);
  const isMarked =
    isRenamedShare(resource) || isSharedProduct(labels.get(`${labelStem(resource)}.product`) ?? '');
  // The strategy is the node's; exactly one replica says that this resource is not part of it.
  const isShared = isMarked || (clients ?? 0) > 1 || (strategy !== 'none' && clients !== 1);
  if (!isShared) return 'none';
  return strategy === 'mps' ? 'mps' : 'time-slicing';
}

// GFD counts one model, the device plugin counts all: more devices than the model has means several models.
// Fewer is a degraded node, or one that is partly cut into slices.
function hasSeveralNvidiaModels({ labels, resource, allocatable, capacity }: SharingSubject): boolean {
  const count = labelInteger(labels, GFD.count) ?? 0;
  if (labelStem(resource) !== WHOLE || count === 0) return false;
  return Math.max(allocatable, capacity) > count * (clientsPerDevice(labels, resource) ?? 1);
}

const AMD_VARIANT = /amd\.com\/gpu\.(device-id|product-name|vram)\.(.+)$/;

// Where devices differ, AMD's labeller counts each value: `amd.com/gpu.vram.192G=4`, `amd.com/gpu.vram.256G=4`.
// Old ones count even a single value, so it takes two.
function hasSeveralAmdModels(labels: Labels): boolean {
  const seen = new Map<string, string>();
  for (const key of labels.keys()) {
    const [, kind, value] = AMD_VARIANT.exec(key) ?? [];
    if (kind === undefined || value === undefined) continue;
    if ((seen.get(kind) ?? value) !== value) return true;
    seen.set(kind, value);
  }
  return false;
}

function hasSeveralModels(subject: SharingSubject): boolean {
  const vendor = vendorOf(subject.resource);
  if (vendor === 'nvidia') return hasSeveralNvidiaModels(subject);
  return vendor === 'amd' && hasSeveralAmdModels(subject.labels);
}

// `gpu.present` comes before the driver does. Where GFD is to run, its product label is the sign that it did.
function isUnlabelled({ labels, resource }: SharingSubject): boolean {
  if (vendorOf(resource) !== 'nvidia' || labels.get(GFD.present) !== 'true') return false;
  return labels.get(GFD.deployDiscovery) === 'true' && driverProduct(labels, resource) === null;
}

function isNotReady(subject: SharingSubject): boolean {
  if (!subject.isUsable || subject.allocatable === 0 || isUnlabelled(subject)) return true;
  // `pending`, `rebooting`: the layout is about to change.
  return (subject.labels.get(GFD.migState) ?? 'success') !== 'success';
}

/**
 * Why the devices of a resource are not whole and exclusive. What cannot change without an operator comes before
 * what passes by itself: a cordoned node comes back as what it is.
 */
export function sharingOf(subject: SharingSubject): Sharing {
  if (isInvalid(subject)) return 'invalid';
  if (hasSeveralModels(subject)) return 'mixed-models';
  const shared = sharedAs(subject);
  if (shared !== 'none') return shared;
  if (isNotReady(subject)) return 'not-ready';
  const { labels, resource } = subject;
  return migProfile(labels, resource) !== null || isAmdPartition(labels, resource) ? 'mig' : 'none';
}
