import { findGpus, nearest } from '../catalog/resolve.ts';
import type { Catalog, GpuEntry } from '../catalog/types.ts';
import type { JsonPath } from '../findings.ts';
import type { Taint } from '../plan/types.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import type { Bytes } from '../units.ts';
import type { Draft } from './classes.ts';
import {
  describeValue,
  type Fields,
  type InventoryFinding,
  isFields,
  type Labels,
  type Report,
  readFields,
  readItems,
  readLabels,
  reportInto,
} from './fields.ts';
import { asRead, isReadingOf, type MemoryReading, readQuantity, sizesOf } from './memory.ts';

const SHAPE_FIELDS: readonly string[] = [
  'product',
  'gpus',
  'nodes',
  'resource',
  'labels',
  'taints',
  'memory',
  'name',
];
const TAINT_FIELDS: readonly string[] = ['key', 'value', 'effect'];
const EFFECTS: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const SUGGESTIONS = 3;
/** A domain, a slash and a name: what Kubernetes asks of an extended resource. */
const EXTENDED_RESOURCE = /^[a-z0-9.-]+\/[A-Za-z0-9_.-]+$/;

export interface DeclaredDrafts {
  readonly drafts: readonly Draft[];
  readonly findings: readonly InventoryFinding[];
}

function quote(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function refuseUnknown(fields: Fields, known: readonly string[], path: JsonPath, report: Report): void {
  for (const key of Object.keys(fields)) {
    if (!known.includes(key)) report([...path, key], `is not a field here; known are ${known.join(', ')}`);
  }
}

function readWhole(value: unknown, least: number, path: JsonPath, report: Report): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  report(path, `must be a whole number of at least ${least}, not ${describeValue(value)}`);
  return least;
}

function readName(value: unknown, path: JsonPath, report: Report): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '') return value;
  report(path, 'must be a string that is not empty');
  return null;
}

function readMemory(value: unknown, path: JsonPath, report: Report): MemoryReading | null {
  if (value === undefined) return null;
  const size: Bytes | null = readQuantity(value);
  if (size !== null) return { bytes: size, trust: 'driver' };
  report(path, 'must be a quantity such as 81559Mi, or a number of GiB');
  return null;
}

function readTaint(value: unknown, path: JsonPath, report: Report): Taint {
  const fields = readFields(value, path, report);
  refuseUnknown(fields, TAINT_FIELDS, path, report);
  const { key, value: text = '', effect } = fields;
  const isEffect = typeof effect === 'string' && EFFECTS.includes(effect);
  if (!isEffect) report([...path, 'effect'], `must be one of ${EFFECTS.join(', ')}`);
  if (typeof text !== 'string') report([...path, 'value'], 'must be a string; quote it');
  return {
    key: readName(key ?? '', [...path, 'key'], report) ?? '',
    value: typeof text === 'string' ? text : '',
    effect: isEffect ? effect : '',
  };
}

// A family of several products is not a shape: a plan made for one of them could land on another.
function readProduct(value: unknown, catalog: Catalog, path: JsonPath, report: Report): GpuEntry | null {
  if (typeof value !== 'string' || value === '') {
    report(path, 'must name a GPU of the catalog');
    return null;
  }
  const found = findGpus(catalog, value);
  const [entry] = found;
  const exact = found.find(({ product }) => product === value);
  if (exact !== undefined) return exact;
  if (entry !== undefined && found.length === 1) return entry;
  const all = catalog.gpus.map(({ product }) => product);
  const names = entry === undefined ? nearest(all, value, SUGGESTIONS) : found.map(({ product }) => product);
  if (entry !== undefined) report(path, `names several products: ${quote(names)}; choose one`);
  else report(path, `is not in the catalog${names.length === 0 ? '' : `; near it are ${quote(names)}`}`);
  return null;
}

function deviceOf(entry: GpuEntry, memory: MemoryReading | null): DeviceShape | null {
  const { device, vendor } = entry;
  if (memory === null) return device;
  if (device !== null && isReadingOf(memory, device)) return asRead(device, memory);
  const sizes = sizesOf(memory, vendor);
  if (sizes === null) return null;
  const { product, computeCapability, nvlinkDomain, arch } = entry;
  return { product, vendor, computeCapability, nvlinkDomain, arch, ...sizes };
}

function readResource(value: unknown, entry: GpuEntry, path: JsonPath, report: Report): string {
  if (value === undefined) return entry.resource;
  if (typeof value === 'string' && EXTENDED_RESOURCE.test(value)) return value;
  report(path, 'must be an extended resource such as nvidia.com/gpu');
  return entry.resource;
}

interface Placed {
  readonly labels: Labels;
  readonly taints: readonly Taint[];
}

function readPlaced(shape: Fields, path: JsonPath, report: Report): Placed {
  const { labels, taints } = shape;
  const items = readItems(taints, [...path, 'taints'], report);
  return {
    labels: readLabels(labels, [...path, 'labels'], report),
    taints: items.map((taint, at) => readTaint(taint, [...path, 'taints', at], report)),
  };
}

function readShape(value: unknown, catalog: Catalog, path: JsonPath, report: Report): Draft | null {
  if (!isFields(value)) {
    report(path, `must be a mapping with product and gpus, not ${describeValue(value)}`);
    return null;
  }
  refuseUnknown(value, SHAPE_FIELDS, path, report);
  const entry = readProduct(value['product'], catalog, [...path, 'product'], report);
  const gpusPerNode = readWhole(value['gpus'], 1, [...path, 'gpus'], report);
  const nodes = readWhole(value['nodes'] ?? 0, 0, [...path, 'nodes'], report);
  const memory = readMemory(value['memory'], [...path, 'memory'], report);
  const name = readName(value['name'], [...path, 'name'], report);
  const placed = readPlaced(value, path, report);
  if (entry === null) return null;
  const device = deviceOf(entry, memory);
  if (device === null)
    report([...path, 'memory'], `must be given: the memory of ${entry.product} is not known`);
  return {
    name,
    device,
    resource: readResource(value['resource'], entry, [...path, 'resource'], report),
    gpusPerNode,
    nodes,
    ...placed,
    varyingLabels: new Map(),
    nodeNames: new Set(),
    sharing: entry.mig === null ? 'none' : 'mig',
    source: 'declared',
    provider: '',
    vagueKeys: [],
    // Two shapes without names may look alike (spot and on demand): then their place in the list tells them apart.
    identity: String(Number(path.at(-1)) + 1),
  };
}

function refuseDoubles(drafts: readonly Draft[], path: JsonPath, report: Report): void {
  const names = drafts.map(({ name }) => name);
  names.forEach((name, at) => {
    if (name !== null && names.indexOf(name) < at)
      report([...path, at, 'name'], 'is the name of an earlier shape');
  });
}

function shapeList(
  value: unknown,
  path: JsonPath,
  report: Report,
): { items: readonly unknown[]; at: JsonPath } {
  if (!isFields(value)) return { items: readItems(value, path, report), at: path };
  refuseUnknown(value, ['shapes'], path, report);
  const { shapes } = value;
  if (!Array.isArray(shapes)) report([...path, 'shapes'], `must be a list, not ${describeValue(shapes)}`);
  return { items: Array.isArray(shapes) ? shapes : [], at: [...path, 'shapes'] };
}

/** Reads shapes that an operator declares: a list of them, or a mapping with `shapes`. All or nothing. */
export function readDeclaredDrafts(value: unknown, catalog: Catalog, path: JsonPath = []): DeclaredDrafts {
  const findings: InventoryFinding[] = [];
  const report = reportInto(findings);
  const { items, at } = shapeList(value, path, report);
  const drafts = items.flatMap((item, index) => readShape(item, catalog, [...at, index], report) ?? []);
  refuseDoubles(drafts, at, report);
  return { drafts: findings.length > 0 ? [] : drafts, findings };
}
