import type { Labels } from './fields.ts';
import { AMD, GFD, GKE } from './keys.ts';
import type { Vendor } from './products.ts';

const MIG_PREFIX = 'nvidia.com/mig-';
const SHARED_RESOURCE = '.shared';
const SHARED_PRODUCT = '-SHARED';
const MIG_PRODUCT = '-MIG-';
/** The product suffix of a node whose MIG layout GFD could not make sense of. */
export const INVALID_PROFILE = 'INVALID';

const AMD_PARTITION = /^amd\.com\/([a-z]+_nps\d+)$/;
/** One partition that is the whole device. */
const AMD_WHOLE = 'spx_nps1';

/** `gpu.intel.com/i915_monitoring` and the like are not GPUs. */
const INTEL_RESOURCE = /^(?:habana\.ai\/gaudi|gpu\.intel\.com\/(?:i915|xe))$/;
const NVIDIA_RESOURCE = /^nvidia\.com\/(?:gpu|gpu\.shared|mig-[0-9a-z.+-]+)$/;

/** The vendor of an extended resource that stands for GPUs; null for every other resource. */
export function vendorOf(resource: string): Vendor | null {
  if (NVIDIA_RESOURCE.test(resource)) return 'nvidia';
  if (resource === 'amd.com/gpu' || AMD_PARTITION.test(resource)) return 'amd';
  return INTEL_RESOURCE.test(resource) ? 'intel' : null;
}

/** Renamed by `renameByDefault`: replicas of a shared device. */
export function isRenamedShare(resource: string): boolean {
  return resource.endsWith(SHARED_RESOURCE);
}

/** Start of GFD's label keys for the devices of this resource: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`. */
export function labelStem(resource: string): string {
  return isRenamedShare(resource) ? resource.slice(0, -SHARED_RESOURCE.length) : resource;
}

export function isSharedProduct(product: string): boolean {
  return product.endsWith(SHARED_PRODUCT);
}

/** The driver's name of the device or slice that this resource hands out, sharing suffix removed. */
export function driverProduct(labels: Labels, resource: string): string | null {
  if (!resource.startsWith('nvidia.com/')) return labels.get(AMD.product) ?? null;
  const product = labels.get(`${labelStem(resource)}.product`) ?? labels.get(GFD.product) ?? null;
  if (product === null || product === '') return null;
  return isSharedProduct(product) ? product.slice(0, -SHARED_PRODUCT.length) : product;
}

function profileOfProduct(product: string | null): string | null {
  const at = product?.indexOf(MIG_PRODUCT) ?? -1;
  return product === null || at < 0 ? null : product.slice(at + MIG_PRODUCT.length);
}

/**
 * MIG profile of what this resource hands out; null for whole GPUs. Mixed strategy: the resource says it. Single
 * strategy: the product's suffix. GKE: its own label, because it has no GFD (gpu-catalog.md §2, §3.1).
 */
export function migProfile(labels: Labels, resource: string): string | null {
  if (resource.startsWith(MIG_PREFIX)) return labelStem(resource).slice(MIG_PREFIX.length);
  if (vendorOf(resource) !== 'nvidia') return null;
  return profileOfProduct(driverProduct(labels, resource)) ?? labels.get(GKE.partition) ?? null;
}

/** The product of the board that a slice is cut from. */
export function boardProduct(product: string): string {
  const at = product.indexOf(MIG_PRODUCT);
  return at < 0 ? product : product.slice(0, at);
}

export function sliceProduct(board: string, profile: string): string {
  return `${boardProduct(board)}${MIG_PRODUCT}${profile}`;
}

/**
 * AMD partitions (CPX, NPS4 …): by resource under the mixed naming, by label under the single one, where
 * `amd.com/gpu: 64` means an eighth of a GPU each (gpu-catalog.md §5).
 */
export function isAmdPartition(labels: Labels, resource: string): boolean {
  if (vendorOf(resource) !== 'amd') return false;
  const mode = AMD_PARTITION.exec(resource)?.[1] ?? labels.get(AMD.partition)?.toLowerCase() ?? AMD_WHOLE;
  return mode !== AMD_WHOLE;
}
