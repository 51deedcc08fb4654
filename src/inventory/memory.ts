import type { DeviceShape } from '../sizing/shapes.ts';
import { type Bytes, bytes, GB, GIB, gibibytes, MIB } from '../units.ts';
import { type Labels, labelInteger } from './fields.ts';
import { AMD, CLOUD_MEMORY_GB, CLOUD_MEMORY_MIB, GFD } from './keys.ts';
import type { Vendor } from './products.ts';

/**
 * Memory of one device as a label gives it. `driver`: what the driver reports. `rounded`: the same, rounded to
 * whole GiB. `cloud`: what the cloud's API says, up to 7 % above the driver's figure. `thousands`: whole units that
 * are called GB and are as little as thousands of MiB.
 */
export interface MemoryReading {
  readonly bytes: Bytes;
  readonly trust: 'driver' | 'rounded' | 'cloud' | 'thousands';
}

/** Label and catalog mean the same board when they are this close: ECC and old drivers move more (gpu-catalog.md §1.3). */
const TOLERANCE = 0.03;

/** The driver keeps 0.4-1.1 GiB of what it reports for itself (gpu-catalog.md §1.3: `label_MiB/1024 - 1.1 GiB`). */
const NVIDIA_RESERVE = gibibytes(1.1);

/**
 * `192G` is rounded, so up to 0.5 GiB may be missing; and HIP was seen to report 0.3 GiB less than the board
 * has (191.69 of 191.98 GiB, gpus.csv MI300X).
 */
const AMD_RESERVE = gibibytes(0.8);

/** EC2's figure lies above the driver's for most parts; gpu-catalog.md §8 takes 98 % of it. */
const CLOUD_SHARE = 0.98;

/** Old GFD builds wrote bytes (NVIDIA/gpu-feature-discovery#26); no GPU has 2^20 MiB. KAI-Scheduler's guard. */
const BYTES_GUARD = 2 ** 20;

/** A MiB label that may hold bytes. 0 is what a MIG-INVALID node says: not a size. */
export function readMib(labels: Labels, key: string): Bytes | null {
  const value = labelInteger(labels, key);
  if (value === null || value === 0) return null;
  return bytes(value >= BYTES_GUARD ? value : value * MIB);
}

// `amd.com/gpu.vram=192G`; older labellers only count, under beta: `beta.amd.com/gpu.vram.192G=8`.
function readVram(labels: Labels): Bytes | null {
  for (const [key, value] of labels) {
    const text = key.endsWith(AMD.vram) ? value : key.split(`${AMD.vram}.`)[1];
    const gib = text === undefined ? null : /^(\d{1,6})G$/.exec(text)?.[1];
    if (gib !== undefined && gib !== null && Number(gib) > 0) return gibibytes(Number(gib));
  }
  return null;
}

function readCloudMemory(labels: Labels): MemoryReading | null {
  for (const key of CLOUD_MEMORY_MIB) {
    const size = readMib(labels, key);
    if (size !== null) return { bytes: size, trust: 'cloud' };
  }
  const gigabytes = labelInteger(labels, CLOUD_MEMORY_GB);
  return gigabytes === null || gigabytes === 0 ? null : { bytes: bytes(gigabytes * GB), trust: 'thousands' };
}

/** Memory of a whole device, by the most trusted label that is there (gpu-catalog.md §8). */
export function readMemory(labels: Labels, vendor: Vendor): MemoryReading | null {
  const driver = vendor === 'nvidia' ? readMib(labels, GFD.memory) : null;
  if (driver !== null) return { bytes: driver, trust: 'driver' };
  const rounded = vendor === 'amd' ? readVram(labels) : null;
  if (rounded !== null) return { bytes: rounded, trust: 'rounded' };
  return readCloudMemory(labels);
}

export function agrees(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(a, b);
}

/**
 * Whether a reading may be a reading of this device. A cloud's figure may also lie above it, not below. CoreWeave
 * documents `vram` as gigabytes (docs.coreweave.com/coreweave-kubernetes/label-selectors); the one value that was seen,
 * `81` on an H100, is neither that board's 85.5 GB nor its 79.6 GiB but 81559 MiB without the last three digits. So it
 * tells boards of one name apart by that, and sizes a board that no row has by the least that it can mean, decimal GB.
 */
export function isReadingOf(reading: MemoryReading, device: DeviceShape): boolean {
  if (agrees(reading.bytes, device.totalBytes)) return true;
  if (reading.trust === 'thousands') return Math.floor(device.totalBytes / MIB / 1000) === reading.bytes / GB;
  return reading.trust === 'cloud' && device.totalBytes < reading.bytes;
}

/**
 * A catalog device as this node's driver offers it. The reserve of the driver is an absolute amount, so a board
 * that reports less than the catalog's has that much less to use; more is not believed.
 */
export function asRead(device: DeviceShape, reading: MemoryReading): DeviceShape {
  if (reading.trust !== 'driver' || reading.bytes === device.totalBytes) return device;
  const missing = Math.max(0, device.totalBytes - reading.bytes);
  return { ...device, totalBytes: reading.bytes, usableBytes: bytes(device.usableBytes - missing) };
}

function isClouds({ trust }: MemoryReading): boolean {
  return trust === 'cloud' || trust === 'thousands';
}

/** Total and usable bytes from a reading alone; null where the driver's reserve would leave nothing. */
export function sizesOf(
  reading: MemoryReading,
  vendor: Vendor,
): Pick<DeviceShape, 'totalBytes' | 'usableBytes'> | null {
  const total = Math.floor(isClouds(reading) ? reading.bytes * CLOUD_SHARE : reading.bytes);
  const usable = total - (vendor === 'nvidia' ? NVIDIA_RESERVE : AMD_RESERVE);
  return usable > 0 ? { totalBytes: bytes(total), usableBytes: bytes(usable) } : null;
}

/** MPS holds every client to its share of the card (gpu-catalog.md §2). */
export function shareOf(device: DeviceShape, clients: number): DeviceShape {
  return {
    ...device,
    totalBytes: bytes(Math.floor(device.totalBytes / clients)),
    usableBytes: bytes(Math.floor(device.usableBytes / clients)),
  };
}

const QUANTITY = /^(\d{1,15})(?:\.(\d{1,6}))?(Ki|Mi|Gi|Ti|k|M|G|T)?$/;
const FACTORS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['Ki', 1024],
  ['Mi', MIB],
  ['Gi', GIB],
  ['Ti', 1024 * GIB],
  ['k', 1000],
  ['M', 1_000_000],
  ['G', GB],
  ['T', 1000 * GB],
]);

/** A Kubernetes quantity (`81559Mi`), or a number of GiB. null: neither, or not a positive size. */
export function readQuantity(value: unknown): Bytes | null {
  const text = typeof value === 'number' ? `${value}Gi` : value;
  const match = typeof text === 'string' ? QUANTITY.exec(text) : null;
  if (match === null) return null;
  const size = Math.round(Number(`${match[1]}.${match[2] ?? '0'}`) * (FACTORS.get(match[3] ?? '') ?? 1));
  return Number.isSafeInteger(size) && size > 0 ? bytes(size) : null;
}
