import { stringify } from 'yaml';
import { lowerEdits, type PatchOperation } from '../../admission/json-patch.ts';
import type { Catalog } from '../../catalog/types.ts';
import { formatPath, type Severity, severityOf } from '../../findings.ts';
import { escapedJson } from '../../pipeline/record-texts.ts';
import { type SizeReport, sizeReport } from '../../pipeline/size-report.ts';
import type { ChosenPlan, Verdict } from '../../plan/types.ts';
import type { Checked, Judged } from '../judge.ts';

/** One element of the JSON of `check` (contract §6). */
export interface CheckElement {
  /** `file:line`, or the path in the API of an object of a cluster. */
  readonly source: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name: string | null;
  readonly verdict: Verdict;
  readonly findings: readonly {
    readonly code: string;
    readonly severity: Severity;
    readonly path: string;
    readonly message: string;
  }[];
  readonly size: SizeReport | null;
  readonly plan: ChosenPlan | null;
  readonly patch: readonly PatchOperation[];
  readonly remedies: readonly { readonly text: string; readonly edits: readonly PatchOperation[] }[];
}

export function checkElement(checked: Checked, catalog: Catalog): CheckElement {
  const { file, line } = checked.manifest;
  return elementOf(checked, `${file}:${line}`, catalog);
}

/** @param source where the object stands. */
export function elementOf(judged: Judged, source: string, catalog: Catalog): CheckElement {
  const { object, kind, namespace, name, decision, patch } = judged;
  return {
    source,
    kind,
    namespace,
    name,
    verdict: decision.verdict,
    findings: decision.findings.map((one) => ({
      code: one.code,
      severity: severityOf(one.code),
      path: formatPath(one.path),
      message: one.message,
    })),
    size: decision.judged === null ? null : sizeReport(decision.judged, catalog.published),
    plan: decision.plan,
    patch,
    remedies: decision.remedies.map(({ text, edits }) => ({ text, edits: lowerEdits(object, edits) })),
  };
}

// What YAML may hold in quotes, and a terminal obeys.
const CONTROLS = /[\u007f-\u009f]/g;
const SEPARATORS = /[\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** JSON that is safe on a terminal, and the same value to every parser. */
export function terminalJson(value: unknown, indent: number): string {
  return escapedJson(JSON.stringify(value, null, indent));
}

// Every scalar on one line: a value with line breaks must not put words of its own at the start of one.
const ONE_LINE = {
  lineWidth: 0,
  blockQuote: false,
  doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY,
};

/** YAML that is safe on a terminal. The package quotes what holds a control character, so it may be escaped there. */
export function terminalYaml(value: unknown): string {
  const text = stringify(value, { ...ONE_LINE, aliasDuplicateObjects: false });
  return text.replace(CONTROLS, escaped).replace(SEPARATORS, '\ufffd');
}
