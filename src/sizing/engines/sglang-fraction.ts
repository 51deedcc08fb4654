import { GIB, MIB } from '../../units.ts';
import { factsOf, type SinceRow, type Version } from '../version.ts';

/**
 * `mem_fraction_static` when it is not set (`python/sglang/srt/server_args.py` at the tags; engine-facts.md §6).
 * Sizes in MiB of what nvidia-smi reports.
 */
export interface FractionInput {
  readonly cardMib: number;
  readonly tensor: number;
  readonly stages: number;
  readonly batchedTokens: number;
  readonly graphBatch: number;
  readonly isMultimodal: boolean;
}

export type FractionRule = (input: FractionInput) => number;

const GIB_MIB = GIB / MIB;

function byRanks(ranks: number): number {
  if (ranks >= 16) return 0.79;
  if (ranks >= 8) return 0.81;
  if (ranks >= 4) return 0.85;
  return ranks >= 2 ? 0.87 : 0.88;
}

/** 0.4.5 */
function byTensor(input: FractionInput): number {
  return byRanks(input.tensor);
}

/** 0.4.6: cards above 80 GiB keep 13 GiB free. */
function byTensorOrThirteen(input: FractionInput): number {
  if (input.cardMib <= 80 * GIB_MIB) return byRanks(input.tensor);
  return (input.cardMib - 13 * GIB_MIB) / input.cardMib;
}

/** 0.4.6.post5: above 96 GiB min(f + 48 GiB (1 - f) / card, (card - 18 GiB) / card) with f 0.88. */
function byWorldOrEighteen(input: FractionInput): number {
  const { cardMib } = input;
  if (cardMib <= 96 * GIB_MIB) return byRanks(input.tensor * input.stages);
  if (cardMib > 180_000) return 0.79;
  const base = byRanks(1);
  return Math.min(base + (48 * GIB_MIB * (1 - base)) / cardMib, (cardMib - 18 * GIB_MIB) / cardMib);
}

/** Three digits, as SGLang rounds. */
function lessReserve(cardMib: number, reservedMib: number): number {
  return Math.round(((cardMib - reservedMib) / cardMib) * 1000) / 1000;
}

/** 0.4.8: a reserve in GiB by size of card, and half a GiB per GPU. */
function bySizeOfCard(input: FractionInput): number {
  const { cardMib } = input;
  const gpus = input.tensor * input.stages;
  if (cardMib < 35 * GIB_MIB) return lessReserve(cardMib, (2.8 + gpus / 10) * GIB_MIB);
  if (cardMib < 90 * GIB_MIB) return lessReserve(cardMib, (9.5 + gpus / 2) * GIB_MIB);
  if (cardMib < 160 * GIB_MIB) return lessReserve(cardMib, (12 + gpus / 2) * GIB_MIB);
  return lessReserve(cardMib, 32 * GIB_MIB);
}

/** 0.4.9 multiplies by 0.9 with images; from 0.4.10 by 0.95 x a tower factor, 0.7906 for the Llama 4 tower. */
const MULTIMODAL_049 = 0.9;
const MULTIMODAL_0410 = 0.7906;

/** 0.5.3: MB reserved = 512 + 1.5 chunk + 2 graph batch + 128 per GPU, at least 10 GB above 60 GB cards. */
function byBuffers(input: FractionInput): number {
  const reserved =
    512 +
    1.5 * Math.max(input.batchedTokens, 2048) +
    2 * input.graphBatch +
    128 * input.tensor * input.stages;
  const least = input.cardMib > 60 * GIB_MIB ? 10 * GIB_MIB : 0;
  return lessReserve(input.cardMib, Math.max(reserved, least));
}

function withImages(rule: FractionRule, factor: number): FractionRule {
  return (input) => rule(input) * (input.isMultimodal ? factor : 1);
}

const RULES: readonly [SinceRow<FractionRule>, ...SinceRow<FractionRule>[]] = [
  { since: [0, 4, 5, 0], facts: byTensor },
  { since: [0, 4, 6, 0], facts: byTensorOrThirteen },
  { since: [0, 4, 6, 5], facts: byWorldOrEighteen },
  { since: [0, 4, 8, 0], facts: bySizeOfCard },
  { since: [0, 4, 9, 0], facts: withImages(bySizeOfCard, MULTIMODAL_049) },
  { since: [0, 4, 10, 0], facts: withImages(bySizeOfCard, MULTIMODAL_0410) },
  { since: [0, 5, 3, 0], facts: withImages(byBuffers, MULTIMODAL_0410) },
];

/** First releases of each rule. */
export const FRACTION_RELEASES: readonly Version[] = RULES.map((row) => row.since);

export function fractionRule(version: Version): FractionRule {
  return factsOf(RULES, version);
}

export interface SglangDefaults {
  readonly batchedTokens: number;
  readonly graphBatch: number;
}

/** `--chunked-prefill-size` and `--cuda-graph-max-bs` when unset, by size of card (0.5.6); TP4 and above batch more. */
export function defaultsFor(cardMib: number, tensor: number): SglangDefaults {
  const isWide = tensor >= 4;
  if (cardMib < 20 * GIB_MIB) return { batchedTokens: 2048, graphBatch: 8 };
  if (cardMib < 35 * GIB_MIB) return { batchedTokens: 2048, graphBatch: isWide ? 80 : 24 };
  if (cardMib < 60 * GIB_MIB) return { batchedTokens: 4096, graphBatch: isWide ? 160 : 32 };
  if (cardMib < 160 * GIB_MIB) return { batchedTokens: 8192, graphBatch: isWide ? 512 : 256 };
  return { batchedTokens: 16_384, graphBatch: 512 };
}
