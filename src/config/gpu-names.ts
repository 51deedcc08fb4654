import { findGpus, gpuNames, nearest } from '../catalog/resolve.ts';
import type { Catalog } from '../catalog/types.ts';
import { formatPath } from '../findings.ts';
import type { ConfigFinding } from './finding.ts';
import type { PolicyFile } from './schema.ts';

/**
 * GPUs that a policy names: product, alias or family, as in the `gpu` annotation. The rest of the program compares
 * products, so that is what they become here; a name that no catalog knows would otherwise never have an effect.
 */
export interface NamedGpus {
  readonly policy: PolicyFile;
  readonly findings: readonly ConfigFinding[];
}

function unknownGpu(catalog: Catalog, name: string): string {
  const close = nearest(gpuNames(catalog), name, 3);
  const hint = close.length === 0 ? '' : `; the nearest names are ${close.join(', ')}`;
  return `no GPU of the catalog is called ${JSON.stringify(name)}${hint}`;
}

/** A price of a product beats the price of its family, whatever their order. */
function pricesOf(catalog: Catalog, prices: PolicyFile['prices']): PolicyFile['prices'] {
  const named = Object.entries(prices).map(([name, price]) => ({ price, gpus: findGpus(catalog, name) }));
  const families = named.filter(({ gpus }) => gpus.length > 1);
  const products = named.filter(({ gpus }) => gpus.length === 1);
  const entries = [...families, ...products].flatMap(({ price, gpus }) =>
    gpus.map((gpu) => [gpu.product, price] as const),
  );
  return Object.fromEntries(entries);
}

export function resolveGpus(policy: PolicyFile, catalog: Catalog): NamedGpus {
  const named = [
    ...policy.preferGpus.map((name, index) => ({ name, path: ['policy', 'preferGpus', index] })),
    ...Object.keys(policy.prices).map((name) => ({ name, path: ['policy', 'prices', name] })),
    ...(policy.defaultGpu === null ? [] : [{ name: policy.defaultGpu, path: ['policy', 'defaultGpu'] }]),
  ];
  const findings = named
    .filter(({ name }) => findGpus(catalog, name).length === 0)
    .map(({ name, path }) => ({ path: formatPath(path), message: unknownGpu(catalog, name) }));
  const preferred = policy.preferGpus.flatMap((name) => findGpus(catalog, name).map((gpu) => gpu.product));
  return {
    policy: { ...policy, preferGpus: [...new Set(preferred)], prices: pricesOf(catalog, policy.prices) },
    findings,
  };
}
