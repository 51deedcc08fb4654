import { formatVersion, isAtLeast, type Version } from '../version.ts';
import { FRACTION_RELEASES, type FractionRule, fractionRule } from './sglang-fraction.ts';

/** What differs from release to release. engine-facts.md §6. */
export interface ReleaseFacts {
  readonly kv: 'full' | 'by-request' | 'two-pools';
  /** `mm_disabled_models`, 0.4.7: no vision tower unless `--enable-multimodal`. */
  readonly buildsVision: 'always' | 'on-request';
  /** FA3 tables of max_bs x context that graphs keep. */
  readonly graphTables: readonly string[];
  readonly fraction: FractionRule;
}

function kvOf(version: Version): ReleaseFacts['kv'] {
  if (isAtLeast(version, [0, 5, 8, 0])) return 'two-pools';
  return isAtLeast(version, [0, 4, 9, 0]) ? 'by-request' : 'full';
}

function graphTablesOf(version: Version): readonly string[] {
  const tables = ['page table', 'local block table'];
  if (isAtLeast(version, [0, 4, 9, 0]) && !isAtLeast(version, [0, 4, 10, 0])) tables.push('draft page table');
  if (isAtLeast(version, [0, 5, 12, 0])) tables.push('sliding page table');
  return tables;
}

export function factsAt(version: Version): ReleaseFacts {
  return {
    kv: kvOf(version),
    buildsVision: isAtLeast(version, [0, 4, 7, 0]) ? 'on-request' : 'always',
    graphTables: graphTablesOf(version),
    fraction: fractionRule(version),
  };
}

/** Where the KV layout, the vision tower, the tables or the fraction change. */
const LAYOUT_RELEASES: readonly Version[] = [
  [0, 4, 7, 0],
  [0, 5, 8, 0],
  [0, 5, 12, 0],
];
/** First releases of everything that differs, oldest first. */
export const RELEASES: readonly string[] = [...FRACTION_RELEASES, ...LAYOUT_RELEASES]
  .toSorted((one, other) => (isAtLeast(one, other) ? 1 : -1))
  .map(formatVersion);
