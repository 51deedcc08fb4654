import { compareText } from './products.ts';
import type { NodeClass, Policy } from './types.ts';

/** One way to run on one class, comparable with the others. */
export interface Ranked {
  readonly nodeClass: NodeClass;
  readonly gpus: number;
}

/**
 * Best first (contract §4): by price where every class that is compared has one, else by the operator's preference,
 * else least total GPU memory, then fewest GPUs, then name. Classes with nodes come before pools at zero only when all
 * else is equal.
 * @param classes all that will be compared: a price for only some of them would not make an order.
 */
export function ranking(
  policy: Policy,
  classes: readonly NodeClass[],
): (one: Ranked, other: Ranked) => number {
  const isPriced = classes.every(({ device }) => policy.prices.has(device?.product ?? ''));
  return (one, other) =>
    (isPriced ? price(policy, one) - price(policy, other) : 0) ||
    preference(policy, one) - preference(policy, other) ||
    sharingRank(one) - sharingRank(other) ||
    totalMemory(one) - totalMemory(other) ||
    one.gpus - other.gpus ||
    Number(one.nodeClass.nodes === 0) - Number(other.nodeClass.nodes === 0) ||
    compareText(one.nodeClass.id, other.nodeClass.id);
}

function productOf(ranked: Ranked): string {
  return ranked.nodeClass.device?.product ?? '';
}

function price(policy: Policy, ranked: Ranked): number {
  return (policy.prices.get(productOf(ranked)) ?? 0) * ranked.gpus;
}

function preference(policy: Policy, ranked: Ranked): number {
  const index = policy.preferGpus.indexOf(productOf(ranked));
  return index === -1 ? policy.preferGpus.length : index;
}

function sharingRank(ranked: Ranked): number {
  return ranked.nodeClass.sharing === 'none' ? 0 : 1;
}

function totalMemory(ranked: Ranked): number {
  return (ranked.nodeClass.device?.totalBytes ?? 0) * ranked.gpus;
}
