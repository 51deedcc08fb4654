import { type Finding, finding, formatPath, kindOf } from '../findings.ts';
import type { Policy } from '../plan/types.ts';
import { ruleOn } from '../plan/verdict.ts';
import type { Evaluation } from './evaluate.ts';

/**
 * On UPDATE the old and the new object are judged by today's rules, and only what the change made worse is refused
 * (contract §4): an upgrade of the catalog, a new inventory or a stricter policy never makes a running object a prisoner.
 * @returns the findings to rule on; refusing ones are replaced where the old object was refused for as much.
 */
export function ratchet(before: Evaluation, now: Evaluation): readonly Finding[] {
  if (!now.isRefused || !before.isRefused) return now.findings;
  if (now.shortfall > before.shortfall) return now.findings;
  const known = new Set(before.findings.map(keyOf));
  const isOld = now.findings.every(
    (one) => !isRefusing(one) || kindOf(one.code) === 'fit' || known.has(keyOf(one)),
  );
  return isOld ? notRefused(now.findings, BEFORE) : now.findings;
}

/** The same for what was found when the objects were read: a field that was malformed before refuses no change. */
export function ratchetGiven(
  before: readonly Finding[],
  now: readonly Finding[],
  policy: Policy,
): readonly Finding[] {
  if (!ruleOn(now, policy, null).isRefused) return now;
  const known = new Set(before.map(keyOf));
  const isOld = (one: Finding): boolean => isRefusing(one) && known.has(keyOf(one));
  return [...now.filter((one) => !isOld(one)), ...notRefused(now.filter(isOld), BEFORE)];
}

/** What would refuse becomes one warning that says why it does not; everything else is kept. */
export function notRefused(findings: readonly Finding[], why: string): readonly Finding[] {
  const [first] = findings.filter(isRefusing);
  if (first === undefined) return findings;
  const told = finding('still-undersized', first.path, `not refused, because ${why}: ${first.message}`);
  return [told, ...findings.filter((one) => !isRefusing(one))];
}

const BEFORE = 'it was so before this change';

function isRefusing(one: Finding): boolean {
  const kind = kindOf(one.code);
  return kind === 'malformed' || kind === 'fit' || kind === 'unknown' || kind === 'capacity';
}

function keyOf(one: Finding): string {
  return `${one.code} ${formatPath(one.path)}`;
}
