import { findGpus } from '../catalog/resolve.ts';
import type { Catalog, GpuEntry } from '../catalog/types.ts';
import type { Intent } from '../intent/types.ts';
import { createRecall } from '../recall.ts';
import type { DeviceShape } from '../sizing/shapes.ts';
import { deviceClassOf } from '../workload/gpu-request.ts';
import type { PlanFacts } from './types.ts';
import type { PlannedSpec } from './unit.ts';

/** A catalog GPU that can be sized. */
export interface Sizable {
  readonly gpu: GpuEntry;
  readonly device: DeviceShape;
}

/**
 * Labels whose value names a GPU product, as clouds and GFD write them (reference gpu-catalog.md §3.1). Read from the
 * author's own placement, so that a pinned product is judged as that product.
 */
const PRODUCT_LABELS: readonly string[] = [
  'nvidia.com/gpu.product',
  'amd.com/gpu.product-name',
  'cloud.google.com/gke-accelerator',
  'karpenter.k8s.aws/instance-gpu-name',
  'eks.amazonaws.com/instance-gpu-name',
  'gpu.nvidia.com/class',
  'gpu.nvidia.com/model',
  'karpenter.azure.com/sku-gpu-name',
  'nebius.com/gpu-name',
  'crusoe.ai/accelerator',
];

export function isProductLabel(key: string): boolean {
  return PRODUCT_LABELS.includes(key);
}

export function sizable(gpus: readonly GpuEntry[]): readonly Sizable[] {
  return gpus.flatMap((gpu) => (gpu.device === null ? [] : [{ gpu, device: gpu.device }]));
}

/** Catalog products of the `gpu` annotation; null when there is none. */
function annotatedProducts(catalog: Catalog, intent: Intent): readonly GpuEntry[] | null {
  if (intent.gpus === null) return null;
  const wanted = new Set(intent.gpus);
  return catalog.gpus.filter((gpu) => wanted.has(gpu.product));
}

/** Products that the author's own nodeSelector or required affinity names; null when it names none. */
function selectedProducts(catalog: Catalog, spec: PlannedSpec): readonly GpuEntry[] | null {
  const values = PRODUCT_LABELS.flatMap((label) => valuesOf(spec, label));
  const found = new Set(values.flatMap((value) => findGpus(catalog, value)));
  return found.size === 0 ? null : [...found];
}

function valuesOf(spec: PlannedSpec, label: string): readonly string[] {
  const selected = spec.nodeSelector.get(label);
  const terms = spec.requiredNodeAffinity ?? [];
  const affine = terms
    .flatMap((term) => term.matchExpressions)
    .filter((one) => one.key === label && one.operator === 'In')
    .flatMap((one) => one.values);
  return selected === undefined ? affine : [selected, ...affine];
}

/**
 * Products that the author names: those of the selector that the annotation accepts as well. Where it accepts none of
 * them the pod lands on the selector's all the same.
 */
export function authorsProducts(
  catalog: Catalog,
  intent: Intent,
  spec: PlannedSpec,
): readonly GpuEntry[] | null {
  const annotated = annotatedProducts(catalog, intent);
  const selected = selectedProducts(catalog, spec);
  if (annotated === null || selected === null) return annotated ?? selected;
  const both = selected.filter((gpu) => annotated.includes(gpu));
  return both.length > 0 ? both : selected;
}

/** False for a product that the `gpu` annotation leaves out. */
export function isAcceptedProduct({ gpus }: Intent, product: string): boolean {
  return gpus === null || gpus.includes(product);
}

/** What names the GPU where no inventory does: the author, then the policy. */
export function namedProducts(
  { catalog, policy }: PlanFacts,
  intent: Intent,
  spec: PlannedSpec,
): readonly GpuEntry[] | null {
  const named = authorsProducts(catalog, intent, spec);
  if (named !== null) return named;
  return policy.defaultGpu === null ? null : findGpus(catalog, policy.defaultGpu);
}

/** Whole GPUs of a vendor, smallest memory first. */
export function wholeGpus(catalog: Catalog, vendor: DeviceShape['vendor']): readonly Sizable[] {
  return sizable(catalog.gpus.filter((gpu) => gpu.mig === null && gpu.vendor === vendor)).toSorted(
    (one, other) =>
      one.device.usableBytes - other.device.usableBytes || compareText(one.gpu.product, other.gpu.product),
  );
}

/** MIG slices with this profile, smallest first: `nvidia.com/mig-3g.40gb` names the profile, not the board. */
export function slicesOf(catalog: Catalog, profile: string): readonly Sizable[] {
  return sizable(catalog.gpus.filter((gpu) => gpu.mig === profile)).toSorted(
    (one, other) => one.device.usableBytes - other.device.usableBytes,
  );
}

export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/**
 * GPU vendor that an image was built for. Images say so in their name when it is not NVIDIA
 * (`rocm/vllm`, `vault.habana.ai/gaudi-docker/…`); a CUDA image on an AMD node would never start.
 */
export function vendorOfImage(image: string | null): DeviceShape['vendor'] {
  const name = (image ?? '').slice(0, 512);
  return vendors(name, () => vendorNamedIn(name.toLowerCase()));
}

/** References in one cluster are some hundreds, and every class of nodes asks about the same one. */
const vendors = createRecall<DeviceShape['vendor']>(256);

function vendorNamedIn(name: string): DeviceShape['vendor'] {
  if (name.includes('rocm') || name.includes('amd-')) return 'amd';
  if (name.includes('gaudi') || name.includes('habana') || name.includes('hpu')) return 'intel';
  return 'nvidia';
}

export function vendorOfResource(resource: string): DeviceShape['vendor'] {
  const domain = deviceClassOf(resource) ?? resource.split('/')[0] ?? '';
  if (domain.endsWith('amd.com')) return 'amd';
  return domain.endsWith('nvidia.com') ? 'nvidia' : 'intel';
}
