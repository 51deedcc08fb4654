import { findGpus } from '../catalog/resolve.ts';
import type { Catalog, GpuEntry, Quantization } from '../catalog/types.ts';
import { type Finding, finding } from '../findings.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import type { Landing } from './free.ts';
import type { Outcome } from './outcome.ts';
import type { Unit } from './unit.ts';

type Support = GpuEntry['fp8'];

/** Formats whose arithmetic a GPU may lack. 4-bit integers and GGUF types are arithmetic of no GPU, and no surprise. */
function supportOf(gpu: GpuEntry, quantization: Quantization): Support | null {
  if (quantization === 'fp8') return gpu.fp8;
  if (quantization === 'nvfp4') return gpu.fp4;
  return quantization === 'bf16' && !gpu.hasBf16 ? 'none' : null;
}

/**
 * True where the product is known to lack even kernels that unpack the format (gpu-catalog.md §1.6): fp8 and fp4 weights
 * run through Marlin from compute capability 7.5 on, and not on ROCm; bf16 from 8.0 on.
 */
export function cannotRun(unit: Unit, product: string, catalog: Catalog): boolean {
  const quantization = unit.intent.checkpoint?.value.quantization ?? null;
  return quantization !== null && supportBy(product, quantization, catalog) === 'none';
}

/** null: nothing is known to be lacking. */
function supportBy(product: string, quantization: Quantization, catalog: Catalog): Support | null {
  const [gpu] = findGpus(catalog, product);
  return gpu === undefined ? null : supportOf(gpu, quantization);
}

/** What GPUs that the pods may land on do with a format that they have no arithmetic for: the worst of them. */
export function nativeFindings(
  unit: Unit,
  { judged, landings = [] }: Outcome,
  catalog: Catalog,
): readonly Finding[] {
  const { checkpoint, workload, engine, engineVersion } = unit.intent;
  if (judged?.device == null || checkpoint === null || workload === 'training') return [];
  const { quantization } = checkpoint.value;
  let worst: { readonly product: string; readonly support: Support } | null = null;
  for (const product of placesOf(landings, judged.device.product)) {
    const support = supportBy(product, quantization, catalog);
    if (support === 'none' && worst?.support !== 'none') worst = { product, support };
    if (support === 'weights-only') worst ??= { product, support };
  }
  if (worst === null) return [];
  const title = engineProfile(engine, engineVersion)?.title ?? engine;
  const what =
    worst.support === 'none'
      ? `and no kernel that unpacks it: ${title} is expected to refuse to start`
      : 'the weights are unpacked to 16 bit for every step: memory is saved, speed is not';
  const message = `${worst.product} has no native ${quantization} arithmetic, ${what}`;
  return [finding('quantization-not-native', unit.members[0].container.path, message)];
}

/** Products that the pods may land on; the judged one where no nodes are known. */
function placesOf(landings: readonly Landing[], judged: string): ReadonlySet<string> {
  const products = new Set<string>();
  for (const { classes } of landings) {
    for (const { device } of classes) if (device !== null) products.add(device.product);
  }
  return products.size === 0 ? products.add(judged) : products;
}
