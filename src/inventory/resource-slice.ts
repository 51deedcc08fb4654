import type { Bytes } from '../units.ts';
import type { NodeSelectorRequirement, NodeSelectorTerm } from '../workload/types.ts';
import type { Fields } from './fields.ts';
import { isFields } from './fields.ts';
import { fieldsAt, listAt, nameOf, stringsOf, textAt } from './foreign.ts';
import { readQuantity } from './memory.ts';

/**
 * DRA's ResourceSlice (resource.k8s.io v1, v1beta2, v1beta1): the devices that a driver publishes, as far as they are
 * GPUs that a pod can claim. Attributes by kubernetes-sigs/dra-driver-nvidia-gpu
 * site/content/docs/reference/resourceslice-attributes.md@20c35fe2d3e3 and ROCm/k8s-gpu-dra-driver
 * docs/driver-attributes.md@06dbe5833fa4.
 */

/** One kind of device, as its driver names it. */
export interface ServedDevice {
  readonly vendor: 'nvidia' | 'amd';
  /** `slice`: a MIG device or an AMD partition. */
  readonly kind: 'gpu' | 'slice';
  /** The driver's name: `NVIDIA H100 80GB HBM3`, `AMD_Instinct_MI300X_OAM`; of a slice, its board's. */
  readonly product: string | null;
  /** PCI id without `0x`. AMD only. */
  readonly deviceId: string | null;
  /** `1g.10gb`, `cpx_nps4`; null: none. */
  readonly profile: string | null;
  /** Of this device, as the driver reports it; null: it could not be read. */
  readonly memory: Bytes | null;
  /** `9.0`; null where the driver does not say. */
  readonly capability: string | null;
  /** Several pods may get one device at once. */
  readonly isShared: boolean;
}

/** Which nodes reach a device. */
export type Reach =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'selector'; readonly terms: readonly NodeSelectorTerm[] }
  | { readonly by: 'all' };

export interface ServedGroup {
  readonly reach: Reach;
  readonly devices: readonly ServedDevice[];
}

export interface SliceFacts {
  readonly name: string;
  readonly driver: string;
  readonly pool: string;
  readonly generation: number;
  /** Slices that the pool has in this generation: with fewer it is not whole. */
  readonly slices: number;
  readonly groups: readonly ServedGroup[];
}

const VENDORS: ReadonlyMap<string, ServedDevice['vendor']> = new Map([
  ['gpu.nvidia.com', 'nvidia'],
  ['gpu.amd.com', 'amd'],
]);

const DRIVERS: readonly string[] = [...VENDORS.keys()];

/** The drivers' word for each kind; `vfio` devices are handed to virtual machines. */
const KINDS: ReadonlyMap<string, ServedDevice['kind']> = new Map([
  ['gpu', 'gpu'],
  ['mig', 'slice'],
  ['amdgpu', 'gpu'],
  ['amdgpu-partition', 'slice'],
]);

/**
 * Older AMD drivers publish this where a partition's memory cannot be read (gpu-catalog.md §6,
 * cmd/gpu-kubeletplugin/discovery.go); newer ones publish 0.
 */
const AMD_UNREAD = 20 * 2 ** 30;

/** Set while another device of the node is in use in another memory mode; it goes by itself (driver-attributes.md). */
const PASSING_TAINT = 'gpu.amd.com/memory-partition-conflict';

function wholeAt(fields: Fields, key: string): number {
  const value = fields[key];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}

/** Names of the driver's own domain may stand with it or without (kubernetes/api resource/v1 QualifiedName). */
function ownAt(members: Fields, driver: string, name: string): Fields {
  const bare = fieldsAt(members, name);
  return Object.keys(bare).length > 0 ? bare : fieldsAt(members, `${driver}/${name}`);
}

function isPresent(taint: unknown): boolean {
  const effect = textAt(taint, 'effect');
  return (effect === 'NoSchedule' || effect === 'NoExecute') && textAt(taint, 'key') !== PASSING_TAINT;
}

function memoryOf(capacity: Fields, driver: string, kind: ServedDevice['kind']): Bytes | null {
  const size = readQuantity(ownAt(capacity, driver, 'memory')['value']);
  return kind === 'slice' && driver === 'gpu.amd.com' && size === AMD_UNREAD ? null : size;
}

/** `9.0.0` → `9.0`. */
function capabilityOf(version: string | null): string | null {
  return /^(\d+\.\d+)\.\d+/.exec(version ?? '')?.[1] ?? null;
}

/**
 * null: no GPU, out of order, or a slice that a partitionable board may be cut into: the board is counted, and taking
 * one takes the counters of the others.
 */
function deviceOf(device: Fields, driver: string, vendor: ServedDevice['vendor']): ServedDevice | null {
  const attributes = fieldsAt(device, 'attributes');
  const text = (name: string): string | null => textAt(ownAt(attributes, driver, name), 'string');
  const kind = KINDS.get(text('type') ?? '');
  if (kind === undefined || listAt(device, 'taints').some(isPresent)) return null;
  if (kind === 'slice' && listAt(device, 'consumesCounters').length > 0) return null;
  return {
    vendor,
    kind,
    product: text('productName'),
    deviceId: vendor === 'amd' ? (text('deviceID')?.replace(/^0x/, '') ?? null) : null,
    profile: kind === 'slice' ? (text('profile') ?? text('partitionProfile')) : null,
    memory: memoryOf(fieldsAt(device, 'capacity'), driver, kind),
    capability: capabilityOf(textAt(ownAt(attributes, driver, 'cudaComputeCapability'), 'version')),
    // AMD's whole boards are consumable as well, by a share of 1 (driver-attributes.md, auto-partition).
    isShared: vendor === 'nvidia' && device['allowMultipleAllocations'] === true,
  };
}

function requirementsAt(term: unknown, key: string): readonly NodeSelectorRequirement[] {
  return listAt(fieldsAt(term), key).flatMap((one) => {
    const [name, operator] = [textAt(one, 'key'), textAt(one, 'operator')];
    if (name === null || !isOperator(operator) || !isFields(one)) return [];
    return [{ key: name, operator, values: stringsOf(listAt(one, 'values')) }];
  });
}

const OPERATORS: ReadonlySet<unknown> = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']);

function isOperator(value: unknown): value is NodeSelectorRequirement['operator'] {
  return OPERATORS.has(value);
}

/** Of a slice, or of one of its devices where it leaves the choice to them; null: it says nothing. */
function reachOf(fields: Fields): Reach | null {
  const name = textAt(fields, 'nodeName');
  if (name !== null) return { by: 'name', name };
  if (fields['allNodes'] === true) return { by: 'all' };
  const selector = fields['nodeSelector'];
  if (!isFields(selector)) return null;
  const terms = listAt(selector, 'nodeSelectorTerms').map((term) => ({
    matchExpressions: requirementsAt(term, 'matchExpressions'),
    matchFields: requirementsAt(term, 'matchFields'),
  }));
  return { by: 'selector', terms };
}

interface Published {
  readonly reach: Reach;
  readonly device: ServedDevice;
}

function publishedBy(spec: Fields, driver: string, vendor: ServedDevice['vendor']): readonly Published[] {
  const shared = reachOf(spec);
  return listAt(spec, 'devices').flatMap((one) => {
    if (!isFields(one)) return [];
    // v1beta1 wraps what v1 has on the device itself.
    const fields = isFields(one['basic']) ? one['basic'] : one;
    const reach = spec['perDeviceNodeSelection'] === true ? reachOf(fields) : shared;
    const device = deviceOf(fields, driver, vendor);
    return reach === null || device === null ? [] : [{ reach, device }];
  });
}

function grouped(published: readonly Published[]): readonly ServedGroup[] {
  const groups = new Map<string, { readonly reach: Reach; readonly devices: ServedDevice[] }>();
  for (const { reach, device } of published) {
    const key = JSON.stringify(reach);
    const group = groups.get(key) ?? { reach, devices: [] };
    group.devices.push(device);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** null: another driver's, whose devices are no GPUs that are known here. One without devices may complete its pool. */
export function readResourceSlice(object: unknown): SliceFacts | null {
  const spec = fieldsAt(object, 'spec');
  const driver = DRIVERS.find((one) => one === spec['driver']);
  const vendor = VENDORS.get(driver ?? '');
  if (driver === undefined || vendor === undefined) return null;
  const pool = fieldsAt(spec, 'pool');
  return {
    name: nameOf(object),
    driver,
    pool: textAt(pool, 'name') ?? '',
    generation: wholeAt(pool, 'generation'),
    slices: wholeAt(pool, 'resourceSliceCount'),
    groups: grouped(publishedBy(spec, driver, vendor)),
  };
}
