import { memberOf } from '../../workload/json-value.ts';
import { parseDocuments, readText } from '../facts.ts';
import { UsageError } from '../io.ts';
import { textAt } from '../judge.ts';
import type { ScanElement } from './elements.ts';

/** A verdict that an earlier scan gave, and that would be another one now. */
export interface Change {
  readonly source: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly before: Outcome;
  readonly after: Outcome;
  /** Of the new verdict. */
  readonly findings: ScanElement['findings'];
}

export interface Outcome {
  readonly verdict: string;
  readonly allowed: boolean;
}

function outcomeAt(item: unknown): Outcome | null {
  const verdict = textAt(item, 'verdict');
  const allowed = memberOf(item, 'allowed');
  return verdict === null || typeof allowed !== 'boolean' ? null : { verdict, allowed };
}

/** The JSON (or YAML) that `scan -o json` printed, by the path of each object. @throws UsageError */
export async function readBaseline(file: string): Promise<ReadonlyMap<string, Outcome>> {
  const [list] = parseDocuments(file, await readText(file));
  if (!Array.isArray(list)) throw new UsageError(`${file}: not the JSON of an earlier scan`);
  const outcomes = new Map<string, Outcome>();
  list.forEach((item, index) => {
    const [source, outcome] = [textAt(item, 'source'), outcomeAt(item)];
    if (source === null || outcome === null)
      throw new UsageError(`${file}: [${index}]: not an element of an earlier scan`);
    outcomes.set(source, outcome);
  });
  return outcomes;
}

/** Objects that both scans saw and judge differently. What is new or gone has no verdict that changes. */
export function changes(
  before: ReadonlyMap<string, Outcome>,
  now: readonly ScanElement[],
): readonly Change[] {
  return now.flatMap(({ source, kind, namespace, name, verdict, allowed, findings }) => {
    const earlier = before.get(source);
    if (earlier === undefined || (earlier.verdict === verdict && earlier.allowed === allowed)) return [];
    return [{ source, kind, namespace, name, before: earlier, after: { verdict, allowed }, findings }];
  });
}
