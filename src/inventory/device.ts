import type { GpuEntry } from '../catalog/types.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { firstLabel, type Labels, labelInteger } from './fields.ts';
import { AMD, GFD, INSTANCE_TYPE_KEYS, MODEL_KEYS } from './keys.ts';
import { agrees, asRead, isReadingOf, type MemoryReading, readMemory, readMib, sizesOf } from './memory.ts';
import { findByInstanceType, findByName, type GpuIndex, type Vendor } from './products.ts';
import type { ServedDevice } from './resource-slice.ts';
import {
  boardProduct,
  driverProduct,
  INVALID_PROFILE,
  isAmdPartition,
  labelStem,
  migProfile,
  sliceProduct,
} from './resources.ts';

interface Subject {
  readonly labels: Labels;
  readonly resource: string;
  readonly vendor: Vendor;
  readonly index: GpuIndex;
  /** What the driver publishes of the device, where that is known by more than labels. */
  readonly memory?: MemoryReading;
}

function isBoard(entry: GpuEntry): boolean {
  return entry.mig === null;
}

function ofVendor(entries: readonly GpuEntry[], vendor: Vendor): readonly GpuEntry[] {
  return entries.filter((entry) => entry.vendor === vendor);
}

// AMD's product name may be missing or generic; the PCI id is the most reliable key (gpu-catalog.md §5).
function byDriver({ labels, resource, vendor, index }: Subject): readonly GpuEntry[] {
  const names = [driverProduct(labels, resource), vendor === 'amd' ? labels.get(AMD.deviceId) : null];
  for (const name of names) {
    const found = name === null || name === undefined ? [] : ofVendor(findByName(index, name), vendor);
    if (found.length > 0) return found;
  }
  return [];
}

/** GPUs that the platform's labels may mean, in the order of gpu-catalog.md §8: instance type, then model name. */
function byPlatform({ labels, vendor, index }: Subject): readonly GpuEntry[] {
  for (const key of INSTANCE_TYPE_KEYS) {
    const found = ofVendor(findByInstanceType(index, labels.get(key) ?? ''), vendor);
    if (found.length > 0) return found;
  }
  for (const key of MODEL_KEYS) {
    const found = ofVendor(findByName(index, labels.get(key) ?? ''), vendor).filter(isBoard);
    if (found.length > 0) return found;
  }
  return [];
}

function usable(entry: GpuEntry): number {
  return entry.device?.usableBytes ?? Number.POSITIVE_INFINITY;
}

// One name, several boards (`H100`): the smallest decides, and the worse link, as for the `gpu` annotation.
function smallest(entries: readonly GpuEntry[]): GpuEntry | null {
  const [first] = [...entries].sort(
    (a, b) =>
      usable(a) - usable(b) ||
      a.nvlinkDomain - b.nvlinkDomain ||
      (a.product < b.product ? -1 : Number(a.product > b.product)),
  );
  return first ?? null;
}

function pick(entries: readonly GpuEntry[], memory: MemoryReading | null): GpuEntry | null {
  if (memory === null) return smallest(entries);
  const close = entries.filter(({ device }) => device !== null && agrees(device.totalBytes, memory.bytes));
  const matching = entries.filter(({ device }) => device !== null && isReadingOf(memory, device));
  return smallest(close) ?? smallest(matching) ?? smallest(entries);
}

function capability(labels: Labels, vendor: Vendor): string | null {
  if (vendor !== 'nvidia') return null;
  const major = labelInteger(labels, GFD.major);
  const minor = labelInteger(labels, GFD.minor);
  return major === null || minor === null ? null : `${major}.${minor}`;
}

/** What is known of a device beside its memory, from its catalog row where there is one. */
interface Traits {
  readonly entry: GpuEntry | null;
  /** Name where no row has one. */
  readonly name: string;
  readonly isSlice: boolean;
}

function traitsOf(
  traits: Traits,
  { labels, vendor }: Subject,
): Omit<DeviceShape, 'totalBytes' | 'usableBytes'> {
  const { entry, isSlice } = traits;
  return {
    product: isSlice ? traits.name : (entry?.product ?? traits.name),
    vendor,
    computeCapability: capability(labels, vendor) ?? entry?.computeCapability ?? 'unknown',
    // Not known to be linked: assume that it is not. Slices have no peer access at all (gpu-catalog.md §2).
    nvlinkDomain: isSlice ? 1 : (entry?.nvlinkDomain ?? 1),
    arch: entry?.arch ?? labels.get(GFD.family) ?? 'unknown',
  };
}

function fromReading(memory: MemoryReading | null, traits: Traits, subject: Subject): DeviceShape | null {
  const sizes = memory === null ? null : sizesOf(memory, subject.vendor);
  return sizes === null ? null : { ...traitsOf(traits, subject), ...sizes };
}

function fromCatalog(device: DeviceShape, memory: MemoryReading | null, subject: Subject): DeviceShape {
  const read = memory === null ? device : asRead(device, memory);
  const computeCapability = capability(subject.labels, subject.vendor) ?? device.computeCapability;
  return computeCapability === read.computeCapability ? read : { ...read, computeCapability };
}

/**
 * The row of a whole GPU. What the driver calls it comes first; a platform's word for a board that the driver
 * names otherwise is believed only where the memory agrees.
 */
function boardEntry(subject: Subject, memory: MemoryReading | null): GpuEntry | null {
  const named = pick(byDriver(subject), memory);
  if (named !== null) return named;
  const guessed = pick(byPlatform(subject), memory);
  if (guessed === null || driverProduct(subject.labels, subject.resource) === null) return guessed;
  const isConfirmed = memory !== null && guessed.device !== null && isReadingOf(memory, guessed.device);
  return isConfirmed ? guessed : null;
}

function boardDevice(subject: Subject): DeviceShape | null {
  const { labels, resource, vendor } = subject;
  const memory = subject.memory ?? readMemory(labels, vendor);
  const entry = boardEntry(subject, memory);
  const device = entry?.device ?? null;
  if (device !== null && (memory === null || isReadingOf(memory, device))) {
    return fromCatalog(device, memory, subject);
  }
  const name = driverProduct(labels, resource) ?? firstLabel(labels, MODEL_KEYS) ?? resource;
  return fromReading(memory, { entry, name, isSlice: false }, subject);
}

// Single strategy overwrites gpu.memory with the slice's; mixed has a label per profile. A platform's memory
// label is the board's and says nothing of a slice.
function sliceMemory({ labels, resource, memory }: Subject, board: string | null): MemoryReading | null {
  if (memory !== undefined) return memory;
  const stem = labelStem(resource);
  const isBoards = stem === 'nvidia.com/gpu' && board !== null && driverProduct(labels, resource) === board;
  const size = isBoards ? null : readMib(labels, `${stem}.memory`);
  return size === null ? null : { bytes: size, trust: 'driver' };
}

function sliceDevice(subject: Subject, profile: string): DeviceShape | null {
  const named = driverProduct(subject.labels, subject.resource);
  const board = named === null ? null : boardProduct(named);
  const boards = board === null ? byPlatform(subject) : ofVendor(findByName(subject.index, board), 'nvidia');
  const parent = smallest(boards.filter(isBoard));
  const name = sliceProduct(board ?? parent?.product ?? subject.resource, profile);
  const memory = sliceMemory(subject, board);
  const entry = findByName(subject.index, name).find((candidate) => candidate.mig !== null);
  const device = entry?.device ?? null;
  if (device !== null && (memory === null || isReadingOf(memory, device))) {
    return fromCatalog(device, memory, subject);
  }
  return fromReading(memory, { entry: parent, name, isSlice: true }, subject);
}

/**
 * One device of a node's resource: memory and traits. null: not known. A partition of an AMD device is not
 * known, because `vram` does not say whether it is the partition's (gpu-catalog.md §5).
 */
export function resolveDevice(subject: Subject): DeviceShape | null {
  const { labels, resource } = subject;
  if (isAmdPartition(labels, resource)) return null;
  const profile = migProfile(labels, resource);
  if (profile === null) return boardDevice(subject);
  return profile === INVALID_PROFILE ? null : sliceDevice(subject, profile);
}

/** GFD's rule for a product label (gpu-catalog.md §1.1). */
function asLabel(product: string): string {
  return product.replace(/[^A-Za-z0-9-_. ]/g, '').replace(/ +/g, '-');
}

/** The node's labels with what the driver says in their place. A board's memory is not a slice's. */
function servedLabels(served: ServedDevice, labels: Labels): Labels {
  const { vendor, product, deviceId, profile, capability } = served;
  const own = new Map(labels);
  if (profile !== null) own.delete(GFD.memory);
  own.delete(AMD.partition);
  const [major, minor] = capability?.split('.') ?? [];
  const board = product === null ? null : asLabel(product);
  const said: readonly (readonly [string, string | null | undefined])[] =
    vendor === 'nvidia'
      ? [
          [GFD.product, board === null || profile === null ? board : sliceProduct(board, profile)],
          [GFD.major, major],
          [GFD.minor, minor],
        ]
      : [
          [AMD.product, product],
          [AMD.deviceId, deviceId],
        ];
  for (const [key, value] of said) if (value !== null && value !== undefined) own.set(key, value);
  return own;
}

/** One device that a DRA driver publishes for a node with these labels. null: its memory is not known. */
export function resolveServed(served: ServedDevice, labels: Labels, index: GpuIndex): DeviceShape | null {
  const { vendor, kind, product, profile, memory } = served;
  const subject: Subject = {
    labels: servedLabels(served, labels),
    resource: `${vendor}.com/gpu`,
    vendor,
    index,
    ...(memory !== null && { memory: { bytes: memory, trust: 'driver' } }),
  };
  if (kind === 'gpu') return boardDevice(subject);
  if (vendor === 'nvidia') return profile === null ? null : sliceDevice(subject, profile);
  const entry = smallest(byDriver(subject));
  const name = `${entry?.product ?? product ?? subject.resource}-${profile ?? 'partition'}`;
  return fromReading(subject.memory ?? null, { entry, name, isSlice: true }, subject);
}

function isSmaller(entry: GpuEntry, device: DeviceShape): boolean {
  const total = entry.device?.totalBytes ?? device.totalBytes;
  return total < device.totalBytes && !agrees(total, device.totalBytes);
}

/**
 * Keys whose value could also choose a smaller device: Karpenter's `a100` is the board of 40 and of 80 GB
 * (gpu-catalog.md §3.1); AMD's product name may be a generic one.
 */
export function vagueKeys(labels: Labels, device: DeviceShape | null, index: GpuIndex): readonly string[] {
  if (device === null) return [];
  const vague: string[] = [];
  for (const key of MODEL_KEYS) {
    const named = ofVendor(findByName(index, labels.get(key) ?? ''), device.vendor).filter(isBoard);
    if (named.some((entry) => isSmaller(entry, device))) vague.push(key);
  }
  const product = labels.get(AMD.product);
  if (product !== undefined && findByName(index, product).length === 0) vague.push(AMD.product);
  return vague;
}
