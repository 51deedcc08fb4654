import type { Finding } from '../findings.ts';
import type { Inventory, Remedy } from '../plan/types.ts';
import type { Facts } from './types.ts';

/** What a text says in the place of a GPU of the cluster. */
const UNNAMED = 'a GPU of this cluster';

/** Classes before products, because `8x NVIDIA-L4` holds one; longer names before those that they begin with. */
function namesIn(inventory: Inventory): readonly string[] {
  if (inventory.state === 'unknown') return [];
  const ids = inventory.classes.map((one) => one.id);
  const products = inventory.classes.flatMap((one) => (one.device === null ? [] : [one.device.product]));
  const byLength = (one: string, other: string): number => other.length - one.length;
  return [...new Set([...ids.toSorted(byLength), ...products.toSorted(byLength)])];
}

/**
 * Policy `disclose: false` (contract §5): what people are told names no shape of the cluster. The record is not for
 * them, and keeps it.
 */
export function undisclosed<
  Said extends { readonly findings: readonly Finding[]; readonly remedies: readonly Remedy[] },
>(said: Said, { policy, inventory }: Facts): Said {
  if (policy.disclose) return said;
  const names = namesIn(inventory);
  const hide = (text: string): string => names.reduce((rest, name) => rest.replaceAll(name, UNNAMED), text);
  return {
    ...said,
    findings: said.findings.map((one) => ({ ...one, message: hide(one.message) })),
    remedies: said.remedies.map((one) => ({ ...one, text: hide(one.text) })),
  };
}
