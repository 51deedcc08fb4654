import { type Finding, finding } from '../findings.ts';
import type { Concept, Grammar, Occurrence, ParsedFlags } from './flags.ts';
import { quote, UNKNOWN, type Word } from './words.ts';

function sameValue(one: Occurrence, other: Occurrence): boolean {
  return one.value?.marked === other.value?.marked && one.isNegated === other.isNegated;
}

/** A flag given twice: the last one wins, or the engine refuses it (engine-flags.md §5, case 8). */
export function repeatFindings(
  occurrences: ReadonlyMap<Concept, readonly Occurrence[]>,
  grammar: Grammar,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const list of occurrences.values()) {
    const single = list.filter(
      (one) => one.key === null && one.spec.arity !== 'many' && one.value?.marked !== UNKNOWN,
    );
    const last = single.at(-1);
    if (last === undefined || single.length < 2) continue;
    if (grammar.repeated === 'error') {
      findings.push(
        finding('malformed-flag', last.path, `${grammar.title} refuses ${quote(last.flag)} given twice`),
      );
    } else if (single.some((one) => !sameValue(one, last))) {
      findings.push(finding('flag-conflict', last.path, `${conflictText(single, last)}; the last one wins`));
    }
  }
  return findings;
}

function conflictText(list: readonly Occurrence[], last: Occurrence): string {
  const first = list.find((one) => !sameValue(one, last)) ?? last;
  return `${quote(last.flag)} is ${valueText(last)} here and ${valueText(first)} before`;
}

function valueText(occurrence: Occurrence): string {
  if (occurrence.value === null) return occurrence.isNegated ? 'off' : 'on';
  return quote(occurrence.value.text ?? occurrence.value.raw);
}

/** Several sources of flags, weakest first: variables, flags that an annotation repeats, the command line. */
export function mergeFlags(layers: readonly ParsedFlags[]): ParsedFlags {
  const occurrences = new Map<Concept, Occurrence[]>();
  const findings: Finding[] = [];
  let positionals: readonly Word[] = [];
  for (const layer of layers) {
    for (const [concept, list] of layer.occurrences) {
      const before = occurrences.get(concept) ?? [];
      findings.push(...overrideFindings(before, list));
      occurrences.set(concept, [...before, ...list]);
    }
    if (layer.positionals.length > 0) positionals = layer.positionals;
    findings.push(...layer.findings);
  }
  return { occurrences, positionals, isOpaque: layers.some((layer) => layer.isOpaque), findings };
}

function overrideFindings(before: readonly Occurrence[], list: readonly Occurrence[]): readonly Finding[] {
  const [weaker, stronger] = [before.at(-1), list.at(-1)];
  const isPlain = weaker?.key === null && stronger?.key === null && stronger.spec.arity !== 'many';
  if (!isPlain || sameValue(weaker, stronger)) return [];
  const message = `${quote(stronger.flag)} ${valueText(stronger)} overrides ${quote(weaker.flag)} ${valueText(weaker)}`;
  return [finding('flag-conflict', stronger.path, message)];
}
