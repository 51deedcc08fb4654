import type { Finding, JsonPath } from '../findings.ts';
import type { Edit } from '../plan/types.ts';
import { type Candidate, needOf, replaceFlag, type Scene } from './remedy-candidates.ts';

/** What is malformed, written so that the engine or we can read it. */
export function repairCandidates(scene: Scene, findings: readonly Finding[]): readonly Candidate[] {
  return [...plainNumber(scene, findings), ...withoutBroken(findings)];
}

/** A context that Helm made a float of, as the whole number that it is. */
function plainNumber({ unit }: Scene, findings: readonly Finding[]): readonly Candidate[] {
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

/** A malformed or conflicting annotation taken away: the command line then decides. */
function withoutBroken(findings: readonly Finding[]): readonly Candidate[] {
  const broken = findings.filter(
    (one) => one.code === 'malformed-annotation' || one.code === 'annotation-conflict',
  );
  const [first] = broken;
  if (first === undefined) return [];
  const places = first.code === 'annotation-conflict' ? [first] : broken;
  const edits = places.flatMap((one): readonly Edit[] => {
    const key = one.path.at(-1);
    const metadata = one.path.slice(0, -2);
    return typeof key === 'string' ? [{ kind: 'set-annotation', metadata, key, value: null }] : [];
  });
  const keys = [...new Set(edits.map((edit) => (edit.kind === 'set-annotation' ? edit.key : '')))].join(', ');
  return [
    {
      edits,
      text: (tried) => `remove the annotation ${keys}; the command line then decides${needOf(tried)}`,
    },
  ];
}
