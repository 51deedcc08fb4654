import { formatPath } from '../../findings.ts';
import { APPLIED_KEY } from '../../intent/keys.ts';
import type { Facts } from '../../pipeline/types.ts';
import { plain } from '../../plan/message.ts';
import { billText, needText } from '../../plan/texts.ts';
import type { Verdict } from '../../plan/types.ts';
import { type CheckReport, effectOf, type Judged, nameOf } from '../judge.ts';
import { type Paint, painter } from '../paint.ts';
import { terminalJson } from './json.ts';

/** For a person: what was decided about each object, why, and what to do. Each value stays on its line. */

const INDENT = '        ';

function coloured(verdict: Verdict, paint: Paint): string {
  const word = verdict.toUpperCase().padEnd(7);
  if (verdict === 'deny') return paint.bad(word);
  if (verdict === 'warn') return paint.doubtful(word);
  return verdict === 'ignore' ? word : paint.good(word);
}

/** Need against have, with the bill; left out where a finding says the same. */
function sizeLines({ decision }: Judged): readonly string[] {
  if (decision.judged === null) return [];
  const need = needText(decision.judged);
  const isSaid = decision.findings.some(({ message }) => message.includes(need));
  return isSaid ? [] : [`size    ${need} (${billText(decision.judged)})`];
}

function findingLines(one: Judged, facts: Facts): readonly string[] {
  return one.decision.findings.map(
    (found) =>
      `${effectOf(found, one, facts).padEnd(7)} ${found.code}: ${found.message} [${formatPath(found.path)}]`,
  );
}

function patchLines({ patch }: Judged): readonly string[] {
  return patch.map((operation) => {
    const isRecord = operation.path.endsWith(APPLIED_KEY.replace('/', '~1'));
    const value = operation.op === 'remove' || isRecord ? '' : ` ${terminalJson(operation.value, 0)}`;
    return `patch   ${operation.op} ${operation.path}${value}`;
  });
}

/** @param source where the object stands. */
export function objectText(one: Judged, source: string, facts: Facts, paint: Paint): string {
  const { decision } = one;
  const title = `${paint.bold(plain(nameOf(one)))}  ${plain(source)}`;
  const ways = decision.remedies.map(({ text }, index) => `way out ${index + 1}: ${text}`);
  const lines = [...sizeLines(one), ...findingLines(one, facts), ...patchLines(one), ...ways];
  return `${[`${coloured(decision.verdict, paint)} ${title}`, ...lines.map((line) => INDENT + plain(line))].join('\n')}\n`;
}

const COUNTED: readonly (readonly [Verdict, string])[] = [
  ['allow', 'fit'],
  ['patch', 'fit when patched'],
  ['warn', 'with warnings'],
  ['deny', 'refused'],
  ['ignore', 'not ours'],
];

/** `3 fit, 1 refused`. */
export function verdictCounts(verdicts: readonly Verdict[]): readonly string[] {
  return COUNTED.flatMap(([verdict, words]) => {
    const count = verdicts.filter((one) => one === verdict).length;
    return count === 0 ? [] : [`${count} ${words}`];
  });
}

function summary({ checked, unreadable }: CheckReport): string {
  const counts = verdictCounts(checked.map(({ decision }) => decision.verdict));
  const broken = unreadable.length === 0 ? [] : [`${unreadable.length} unreadable`];
  return `${[...counts, ...broken].join(', ')}\n`;
}

export function tableReport(report: CheckReport, facts: Facts, hasColour: boolean): string {
  const paint = painter(hasColour);
  const objects = report.checked.map((one) =>
    objectText(one, `${one.manifest.file}:${one.manifest.line}`, facts, paint),
  );
  return [...objects, summary(report)].join('\n');
}
