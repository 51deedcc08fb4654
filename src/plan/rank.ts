import { compareText } from './products.ts';
import type { NodeClass, Policy } from './types.ts';

/** One way to run on one class, comparable with the others. */
export interface Ranked {
  readonly nodeClass: NodeClass;
  readonly gpus: number;
}

/**
 * Best first (contract §4): by price where every product has one, else by the operator's preference, else least total
 * GPU memory, then fewest GPUs, then name. Classes with nodes come before pools at zero only when all else is equal.
 */
export function compareRanked(policy: Policy): (one: Ranked, other: Ranked) => number {
  return (one, other) =>
    price(policy, one, other) ||
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

function price(policy: Policy, one: Ranked, other: Ranked): number {
  const first = policy.prices.get(productOf(one));
  const second = policy.prices.get(productOf(other));
  return first === undefined || second === undefined ? 0 : first * one.gpus - second * other.gpus;
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
