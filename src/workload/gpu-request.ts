import { type Finding, finding, type JsonPath } from '../findings.ts';
import { parseCount, parseQuantity } from './quantity.ts';
import type { Container } from './types.ts';

/**
 * `gpu`: whole, exclusive devices. `mig`: slices of one, each with its own memory. `shared`: time slices or MPS
 * under their own name. `hami`: part of a device, in MiB or per cent (no count of devices).
 * `other-accelerator`: anything whose memory no GPU catalog knows.
 */
export type GpuForm = 'gpu' | 'mig' | 'shared' | 'hami' | 'other-accelerator';

export interface GpuRequest {
  readonly resource: string;
  /** 0 where the author wrote 0, which is not the same as no request; a fraction counts as the next whole one. */
  readonly count: number;
  readonly path: JsonPath;
  readonly form: GpuForm;
}

/** Every DeviceClass can be asked for as an extended resource of this domain, by its name (KEP-5004). */
const DEVICE_CLASS = 'deviceclass.resource.kubernetes.io/';

/** The resource by which devices of a DeviceClass can be asked for without a claim. */
export function deviceClassResource(deviceClass: string): string {
  return `${DEVICE_CLASS}${deviceClass}`;
}

/** The DeviceClass that a resource stands for by its name; null for every other resource. */
export function deviceClassOf(resource: string): string | null {
  return resource.startsWith(DEVICE_CLASS) ? resource.slice(DEVICE_CLASS.length) : null;
}

/** Names by their owners' documents: gpu-catalog §2 and §5, engine-flags §3. */
const NAMES: ReadonlyMap<string, GpuForm> = new Map([
  ['nvidia.com/gpu', 'gpu'],
  ['amd.com/gpu', 'gpu'],
  ['habana.ai/gaudi', 'gpu'],
  ['gpu.intel.com/i915', 'gpu'],
  ['gpu.intel.com/xe', 'gpu'],
  [deviceClassResource('gpu.nvidia.com'), 'gpu'],
  [deviceClassResource('mig.nvidia.com'), 'mig'],
  [deviceClassResource('gpu.amd.com'), 'gpu'],
  ['nvidia.com/gpumem', 'hami'],
  ['nvidia.com/gpumem-percentage', 'hami'],
  ['nvidia.com/gpucores', 'hami'],
  // Other schedulers' shares of a device: Volcano, Alibaba's gpushare, Tencent's gpu-manager, Koordinator.
  ['volcano.sh/vgpu-number', 'hami'],
  ['volcano.sh/vgpu-memory', 'hami'],
  ['volcano.sh/vgpu-cores', 'hami'],
  ['volcano.sh/gpu-memory', 'hami'],
  ['aliyun.com/gpu-mem', 'hami'],
  ['aliyun.com/gpu-core.percentage', 'hami'],
  ['tencent.com/vcuda-core', 'hami'],
  ['tencent.com/vcuda-memory', 'hami'],
  ['koordinator.sh/gpu', 'hami'],
  ['koordinator.sh/gpu.shared', 'hami'],
  ['koordinator.sh/gpu-core', 'hami'],
  ['koordinator.sh/gpu-memory', 'hami'],
  ['koordinator.sh/gpu-memory-ratio', 'hami'],
  ['google.com/tpu', 'other-accelerator'],
  ['aws.amazon.com/neuron', 'other-accelerator'],
  ['aws.amazon.com/neuroncore', 'other-accelerator'],
  ['aws.amazon.com/neurondevice', 'other-accelerator'],
]);

/** `amd.com/cpx_nps4`: compute partition and memory mode, of the AMD plugin's mixed naming. */
const AMD_PARTITION = /^amd\.com\/(?:spx|dpx|tpx|qpx|cpx)_nps\d$/;

/** @returns null for resources that are no accelerators. */
export function gpuFormOf(resource: string): GpuForm | null {
  const form = NAMES.get(resource);
  if (form !== undefined) return form;
  // A renamed shared resource may be a slice as well (`nvidia.com/mig-1g.10gb.shared`).
  if (resource.startsWith('nvidia.com/')) {
    if (resource.endsWith('.shared')) return 'shared';
    return resource.startsWith('nvidia.com/mig-') ? 'mig' : null;
  }
  return AMD_PARTITION.test(resource) || resource.startsWith('gpu.intel.com/') ? 'other-accelerator' : null;
}

/** The accelerators that a container asks for: by its limits, and by its requests where there is no limit. */
export function gpuRequests(container: Container): readonly GpuRequest[] {
  const found: GpuRequest[] = [];
  for (const resource of container.limits.keys()) addRequest(found, container, resource);
  for (const resource of container.requests.keys()) {
    if (!container.limits.has(resource)) addRequest(found, container, resource);
  }
  return found;
}

function addRequest(found: GpuRequest[], container: Container, resource: string): void {
  const form = gpuFormOf(resource);
  if (form === null) return;
  const key = container.limits.has(resource) ? 'limits' : 'requests';
  const path = [...container.path, 'resources', key, resource];
  found.push({ resource, count: countOf(container, resource) ?? 0, path, form });
}

/** The text that counts: templates have no requests yet, the API server copies limits (engine-flags §4). */
function quantityOf(container: Asking, resource: string): string | undefined {
  return container.limits.get(resource) ?? container.requests.get(resource);
}

function countOf(container: Asking, resource: string): number | null {
  const text = quantityOf(container, resource);
  if (text === undefined) return null;
  const value = parseQuantity(text)?.value ?? 0;
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(value)));
}

/** What the API server will refuse about a container's accelerators. */
export function gpuRequestFindings(container: Container): readonly Finding[] {
  const findings: Finding[] = [];
  for (const request of gpuRequests(container)) {
    const text = quantityOf(container, request.resource) ?? '';
    if (parseCount(text) === null) {
      const message = 'Devices are counted in whole numbers of 0 or more; this quantity is not one.';
      findings.push(finding('malformed-object', request.path, message));
    }
    const difference = differenceOf(container, request);
    if (difference !== null) findings.push(difference);
  }
  return findings;
}

/** Extended resources cannot be overcommitted: request and limit must be equal where both are given. */
function differenceOf(container: Container, { resource }: GpuRequest): Finding | null {
  const limit = container.limits.get(resource);
  const request = container.requests.get(resource);
  if (limit === undefined || request === undefined || limit === request) return null;
  const [limitValue, requestValue] = [parseQuantity(limit)?.value, parseQuantity(request)?.value];
  if (limitValue === requestValue) return null;
  const message = `The request of ${requestValue} differs from the limit of ${limitValue}; for devices both must be equal.`;
  return finding('malformed-object', [...container.path, 'resources', 'requests', resource], message);
}

/** All of a container that its devices are counted by. */
export type Asking = Pick<Container, 'limits' | 'requests' | 'isSidecar'>;

export interface AskingSpec {
  readonly containers: readonly Asking[];
  readonly initContainers: readonly Asking[];
}

/**
 * Devices that the scheduler reserves for the pod, or null where no container names the resource:
 * max(every ordinary init container + the sidecars started before it, Σ containers + Σ sidecars), as
 * AggregateContainerRequests does it (kubernetes/component-helpers `resource/helpers.go`, KEP-753).
 */
export function effectiveGpuRequest(spec: AskingSpec, resource: string): number | null {
  let isNamed = false;
  const count = (container: Asking): number => {
    const own = countOf(container, resource);
    isNamed ||= own !== null;
    return own ?? 0;
  };
  let sidecars = 0;
  let peak = 0;
  for (const container of spec.initContainers) {
    const own = count(container);
    if (container.isSidecar) sidecars += own;
    peak = Math.max(peak, container.isSidecar ? sidecars : sidecars + own);
  }
  const running = spec.containers.reduce((sum, container) => sum + count(container), sidecars);
  return isNamed ? Math.max(peak, running) : null;
}
