import type { JsonPath } from '../findings.ts';
import type { Sharing, Taint } from '../plan/types.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { resolveDevice, vagueKeys } from './device.ts';
import {
  type Fields,
  firstLabel,
  type InventoryFinding,
  isFields,
  type Labels,
  labelInteger,
  type Report,
  readFields,
  readItems,
  readLabels,
  readText,
  reportInto,
} from './fields.ts';
import { AMD, GFD, GKE, INSTANCE_TYPE_KEYS } from './keys.ts';
import { shareOf } from './memory.ts';
import { findByInstanceType, type GpuIndex } from './products.ts';
import { vendorOf } from './resources.ts';
import { clientsPerDevice, sharingOf } from './sharing.ts';

/** What a decision needs to know of one GPU resource of one node. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
  /** Without the taints of a node that is coming or going: `sharing` says that. */
  readonly taints: readonly Taint[];
  readonly resource: string;
  /** Allocatable: 7 on a node with 8 boards of which one is ill. */
  readonly gpus: number;
  readonly device: DeviceShape | null;
  readonly sharing: Sharing;
  /** Scheme of the providerID: `gce`, `aws`, `azure`, `oci`; '' when there is none. */
  readonly provider: string;
  /** Label keys whose value could also choose a smaller device. */
  readonly vagueKeys: readonly string[];
}

export interface PartsReading {
  readonly name: string;
  /** null: it could not be read. */
  readonly parts: NodeParts | null;
  readonly findings: readonly InventoryFinding[];
}

/**
 * Taints that Kubernetes and its autoscalers set while a node comes, goes or is ill
 * (kubernetes/api core/v1 well_known_taints.go; kubernetes/autoscaler utils/taints/taints.go; Karpenter v1).
 * Some hold a timestamp as value, which would make every node a class of its own.
 */
const PASSING_TAINTS: ReadonlySet<string> = new Set([
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/unschedulable',
  'node.kubernetes.io/memory-pressure',
  'node.kubernetes.io/disk-pressure',
  'node.kubernetes.io/pid-pressure',
  'node.kubernetes.io/network-unavailable',
  'node.kubernetes.io/out-of-service',
  'node.cloudprovider.kubernetes.io/uninitialized',
  'node.cloudprovider.kubernetes.io/shutdown',
  'ToBeDeletedByClusterAutoscaler',
  'DeletionCandidateOfClusterAutoscaler',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'karpenter.sh/unregistered',
  'cloud.google.com/impending-node-termination',
]);
const PASSING_PREFIXES: readonly string[] = [
  'startup-taint.cluster-autoscaler.kubernetes.io/',
  'ignore-taint.cluster-autoscaler.kubernetes.io/',
];

function isPassing({ key }: Taint): boolean {
  return PASSING_TAINTS.has(key) || PASSING_PREFIXES.some((prefix) => key.startsWith(prefix));
}

function readTaint(value: unknown, path: JsonPath, report: Report): Taint {
  const { key, value: text, effect } = readFields(value, path, report);
  return {
    key: readText(key, [...path, 'key'], report),
    value: readText(text, [...path, 'value'], report),
    effect: readText(effect, [...path, 'effect'], report),
  };
}

// A file trimmed by hand has no conditions at all; a node that has some but no Ready is not ready.
function isReady(status: Fields, path: JsonPath, report: Report): boolean {
  const { conditions } = status;
  const items = readItems(conditions, [...path, 'status', 'conditions'], report).filter(isFields);
  if (items.length === 0) return true;
  return items.some(({ type, status: state }) => type === 'Ready' && state === 'True');
}

/** Counts of extended resources are integers; `1k` is how a quantity prints a thousand replicas. */
function readCount(value: unknown): number | null {
  const [, digits, thousands] = /^(\d{1,7})(k?)$/.exec(String(value)) ?? [];
  return digits === undefined ? null : Number(digits) * (thousands === 'k' ? 1000 : 1);
}

function readCounts(value: unknown, path: JsonPath, report: Report): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [resource, text] of Object.entries(readFields(value, path, report))) {
    if (vendorOf(resource) === null) continue;
    const count = readCount(text);
    if (count === null) report([...path, resource], 'must be a whole number of devices');
    else counts.set(resource, count);
  }
  return counts;
}

const NVIDIA_SIGNS: readonly string[] = [GFD.present, GFD.product, GKE.accelerator, 'nvidia.com/gpu'];
const AMD_SIGNS: readonly string[] = [AMD.deviceId, AMD.product, AMD.vram, 'amd.com/gpu'];

/** The resource that a node without one will have, going by its labels; null: a node without GPUs. */
function expectedResource(labels: Labels, index: GpuIndex): string | null {
  if (firstLabel(labels, NVIDIA_SIGNS) !== null) return 'nvidia.com/gpu';
  if (firstLabel(labels, AMD_SIGNS) !== null) return 'amd.com/gpu';
  const instanceType = firstLabel(labels, INSTANCE_TYPE_KEYS) ?? '';
  return findByInstanceType(index, instanceType)[0]?.resource ?? null;
}

/**
 * A resource of 0 says nothing where another one of the node has devices: all boards are sliced
 * (`nvidia.com/gpu: 0`), or a layout is gone. Where it is all there is, the node has GPUs that are not there yet.
 */
function offered(
  counts: ReadonlyMap<string, number>,
  labels: Labels,
  index: GpuIndex,
): ReadonlyMap<string, number> {
  const positive = new Map([...counts].filter(([, count]) => count > 0));
  if (positive.size > 0) return positive;
  if (counts.size > 0) return counts;
  const expected = expectedResource(labels, index);
  return expected === null ? counts : new Map([[expected, 0]]);
}

/** What is read of a Node. */
export interface NodeParts {
  readonly name: string;
  readonly labels: Labels;
  /** Without those of a node that is coming or going: `isUsable` says that. */
  readonly taints: readonly Taint[];
  /** Ready, not cordoned, not being drained or prepared. */
  readonly isUsable: boolean;
  readonly provider: string;
  /** GPU resources only. */
  readonly allocatable: ReadonlyMap<string, number>;
  readonly capacity: ReadonlyMap<string, number>;
}

/** `gce://project/zone/name` → `gce`. OCI's ids (`ocid1.instance.…`) have no scheme: they name the node, not its kind. */
function schemeOf(providerId: string): string {
  const at = providerId.indexOf('://');
  return at < 0 ? '' : providerId.slice(0, at);
}

function readParts(node: Fields, path: JsonPath, report: Report): NodeParts {
  const metadata = readFields(node['metadata'], [...path, 'metadata'], report);
  const spec = readFields(node['spec'], [...path, 'spec'], report);
  const status = readFields(node['status'], [...path, 'status'], report);
  const taints = readItems(spec['taints'], [...path, 'spec', 'taints'], report).map((taint, index) =>
    readTaint(taint, [...path, 'spec', 'taints', index], report),
  );
  const isLeaving = metadata['deletionTimestamp'] !== undefined || spec['unschedulable'] === true;
  const isHeldBack = taints.some((taint) => isPassing(taint) && taint.effect !== 'PreferNoSchedule');
  const providerId = readText(spec['providerID'], [...path, 'spec', 'providerID'], report);
  return {
    name: readText(metadata['name'], [...path, 'metadata', 'name'], report),
    labels: readLabels(metadata['labels'], [...path, 'metadata', 'labels'], report),
    taints: taints.filter((taint) => !isPassing(taint)),
    isUsable: isReady(status, path, report) && !isLeaving && !isHeldBack,
    provider: schemeOf(providerId),
    allocatable: readCounts(status['allocatable'], [...path, 'status', 'allocatable'], report),
    capacity: readCounts(status['capacity'], [...path, 'status', 'capacity'], report),
  };
}

function deviceFor(
  parts: NodeParts,
  resource: string,
  sharing: Sharing,
  index: GpuIndex,
): DeviceShape | null {
  const vendor = vendorOf(resource);
  // With several models on a node the labels are one of them at random (gpu-catalog.md §2).
  if (vendor === null || sharing === 'mixed-models') return null;
  const { labels } = parts;
  const device = resolveDevice({ labels, resource, vendor, index });
  if (device === null || sharing !== 'mps') return device;
  const boards = labelInteger(labels, GFD.count) ?? 0;
  const clients = clientsPerDevice(labels, resource) ?? (parts.allocatable.get(resource) ?? 0) / boards;
  return Number.isSafeInteger(clients) && clients > 0 ? shareOf(device, clients) : null;
}

function factsFor(parts: NodeParts, resource: string, gpus: number, index: GpuIndex): NodeFacts {
  const { name, labels, taints, provider, isUsable } = parts;
  const capacity = parts.capacity.get(resource) ?? gpus;
  const sharing = sharingOf({ labels, resource, allocatable: gpus, capacity, isUsable });
  const device = deviceFor(parts, resource, sharing, index);
  return {
    name,
    labels,
    taints,
    resource,
    gpus,
    device,
    sharing,
    provider,
    vagueKeys: vagueKeys(labels, device, index),
  };
}

/** Reads one Kubernetes Node. `path` is where it stands in its document, for findings. */
export function readNode(object: unknown, path: JsonPath = []): PartsReading {
  const findings: InventoryFinding[] = [];
  const report = reportInto(findings);
  if (!isFields(object)) report(path, 'must be a Node');
  const node = isFields(object) ? object : {};
  const kind = node['kind'] ?? 'Node';
  if (kind !== 'Node') report([...path, 'kind'], 'must be Node');
  const parts = readParts(node, path, report);
  if (parts.name === '' && findings.length === 0) report([...path, 'metadata', 'name'], 'must be set');
  return { name: parts.name, parts: findings.length > 0 ? null : parts, findings };
}

/** What a node offers through the kubelet: one for each GPU resource; none for a node without GPUs. */
export function pluginFacts(parts: NodeParts, index: GpuIndex): readonly NodeFacts[] {
  return [...offered(parts.allocatable, parts.labels, index)].map(([resource, gpus]) =>
    factsFor(parts, resource, gpus, index),
  );
}
