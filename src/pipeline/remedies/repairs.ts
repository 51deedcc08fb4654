import type { Finding, JsonPath } from '../../findings.ts';
import { PREFIX } from '../../intent/keys.ts';
import type { Edit } from '../../plan/types.ts';
import type { UnitDraft } from '../../plan/unit.ts';
import { replaceFlag } from './edits.ts';
import { type Candidate, needOf } from './scene.ts';

/** What is malformed, written so that the engine or we can read it. `unit` is null where nothing says what will run. */
export function repairCandidates(unit: UnitDraft | null, findings: readonly Finding[]): readonly Candidate[] {
  return [
    ...(unit === null ? [] : plainNumber(unit, findings)),
    ...withoutBroken(unit, findings),
    ...withoutContradiction(findings),
  ];
}

/** Annotations that ask for more than what runs, taken away. */
function withoutContradiction(findings: readonly Finding[]): readonly Candidate[] {
  const edits = findings.flatMap(({ code, path }): readonly AnnotationEdit[] => {
    const key = path.at(-1);
    const isAnnotation = typeof key === 'string' && key.startsWith(PREFIX);
    if (code !== 'intent-conflict' || !isAnnotation) return [];
    return [{ kind: 'set-annotation', metadata: path.slice(0, -2), key, value: null }];
  });
  if (edits.length === 0) return [];
  return [{ edits, text: (tried) => editsText(edits) + needOf(tried) }];
}

/** A context that Helm made a float of, as the whole number that it is. */
function plainNumber(unit: UnitDraft, findings: readonly Finding[]): readonly Candidate[] {
  const site = unit.reading?.flagSites.get('context');
  const isBroken = findings.some(
    (one) => one.code === 'malformed-flag' && site !== undefined && isSamePath(one.path, site.path),
  );
  if (!isBroken || unit.intent.context.origin.from !== 'flag') return [];
  const value = String(unit.intent.context.value);
  const edit = replaceFlag(unit, 'context', value);
  return edit === null
    ? []
    : [{ edits: [edit], text: (tried) => `write ${site?.flag} ${value}${needOf(tried)}` }];
}

function isSamePath(one: JsonPath, other: JsonPath): boolean {
  return one.length === other.length && one.every((step, index) => step === other[index]);
}

/** A malformed, unknown or conflicting annotation says what the command line says, or is taken away. */
function withoutBroken(unit: UnitDraft | null, findings: readonly Finding[]): readonly Candidate[] {
  const broken = findings.filter(isBrokenAnnotation);
  const [first] = broken;
  if (first === undefined) return [];
  const places = first.code === 'annotation-conflict' ? [first] : broken;
  const edits = places.flatMap((one): readonly AnnotationEdit[] => {
    const key = one.path.at(-1);
    const metadata = one.path.slice(0, -2);
    if (typeof key !== 'string') return [];
    return [{ kind: 'set-annotation', metadata, key, value: runningValue(unit, one, key) }];
  });
  return [{ edits, text: (tried) => editsText(edits) + needOf(tried) }];
}

type AnnotationEdit = Extract<Edit, { kind: 'set-annotation' }>;

function editsText(edits: readonly AnnotationEdit[]): string {
  const removed = new Set(edits.flatMap(({ key, value }) => (value === null ? [key] : [])));
  const written = new Set(edits.flatMap(({ key, value }) => (value === null ? [] : [`${key}: ${value}`])));
  return [
    ...(written.size === 0 ? [] : [`write ${[...written].join(', ')}, which is what runs`]),
    ...(removed.size === 0
      ? []
      : [`remove the annotation ${[...removed].join(', ')}; the command line then decides`]),
  ].join(', and ');
}

function isBrokenAnnotation({ code, path }: Finding): boolean {
  if (code === 'malformed-annotation' || code === 'annotation-conflict') return true;
  return code === 'unknown-model' && path.at(-1) === `${PREFIX}model`;
}

/** What runs, where the command line says it; null: the annotation has nothing to say. */
function runningValue(unit: UnitDraft | null, { code }: Finding, key: string): string | null {
  if (unit === null || code === 'annotation-conflict') return null;
  const { context, isContextAuto, model, checkpoint } = unit.intent;
  if (key === `${PREFIX}context` && !isContextAuto) return String(context.value);
  return key === `${PREFIX}model` ? (checkpoint?.value.id ?? model.value.id) : null;
}
