import type { Catalog, GpuEntry } from '../catalog/types.ts';

export type Vendor = GpuEntry['vendor'];

/**
 * The catalog's GPUs by every name that a node may use for them. Built once per catalog and passed to each
 * reading: 15,000 nodes ask it several times each.
 */
export interface GpuIndex {
  readonly byName: ReadonlyMap<string, readonly GpuEntry[]>;
  readonly byInstanceType: ReadonlyMap<string, readonly GpuEntry[]>;
}

// Platforms write `H100_NVLINK_80GB`, `H100-NVLINK-80GB` and `NVIDIA H100` for one thing; `+` in a MIG profile
// becomes `.` in a label (gpu-catalog.md §2).
function nameKey(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function add(index: Map<string, GpuEntry[]>, key: string, entry: GpuEntry): void {
  const entries = index.get(key);
  if (entries === undefined) index.set(key, [entry]);
  else if (!entries.includes(entry)) entries.push(entry);
}

// An exact name must not be widened by somebody else's family name, so families fill only the gaps.
function indexNames(gpus: readonly GpuEntry[]): Map<string, GpuEntry[]> {
  const exact = new Map<string, GpuEntry[]>();
  const families = new Map<string, GpuEntry[]>();
  for (const entry of gpus) {
    for (const name of [entry.product, ...entry.aliases]) add(exact, nameKey(name), entry);
    for (const family of entry.families) add(families, nameKey(family), entry);
  }
  for (const [key, entries] of families) {
    if (!exact.has(key)) exact.set(key, entries);
  }
  return exact;
}

export function indexGpus(catalog: Catalog): GpuIndex {
  const byName = indexNames(catalog.gpus);
  const byProduct = new Map(catalog.gpus.map((entry) => [entry.product, entry]));
  const byInstanceType = new Map<string, readonly GpuEntry[]>();
  for (const { name, product } of catalog.instanceTypes) {
    const entry = byProduct.get(product);
    // Azure's SKU names are case-insensitive (gpu-catalog.md §4).
    if (entry !== undefined) byInstanceType.set(name.toLowerCase(), [entry]);
  }
  return { byName, byInstanceType };
}

/** Drivers before R470 left `NVIDIA-` out: `A100-SXM4-40GB` (gpu-catalog.md §1.1). */
export function findByName(index: GpuIndex, name: string): readonly GpuEntry[] {
  const key = nameKey(name);
  return index.byName.get(key) ?? index.byName.get(`nvidia-${key}`) ?? [];
}

export function findByInstanceType(index: GpuIndex, name: string): readonly GpuEntry[] {
  return index.byInstanceType.get(name.toLowerCase()) ?? [];
}
