import { spellFlag } from '../../engine/spell.ts';
import type { FlagConcept, FlagSite } from '../../engine/types.ts';
import { formatPath, type JsonPath } from '../../findings.ts';
import { type AnnotationKey, PREFIX } from '../../intent/keys.ts';
import type { Edit } from '../../plan/types.ts';
import type { UnitDraft } from '../../plan/unit.ts';
import type { Draft } from './scene.ts';

/** One value written where it stands. */

/** Paths at which a `vramgate.io/` key stands: own metadata, template metadata, or both. */
function annotationSites(scene: Draft, key: AnnotationKey): readonly JsonPath[] {
  const { workload, unit } = scene;
  const { path } = unit.members[0].template;
  const template = workload.templates.find((one) => formatPath(one.path) === formatPath(path));
  const name = PREFIX + key;
  const sites: JsonPath[] = [];
  if (workload.annotations.has(name)) sites.push(['metadata']);
  if (path.length > 0 && template?.annotations.has(name) === true) sites.push([...path, 'metadata']);
  return sites;
}

export function annotate(scene: Draft, key: AnnotationKey, value: string, always: boolean): readonly Edit[] {
  const sites = annotationSites(scene, key);
  const places = sites.length === 0 && always ? [['metadata']] : sites;
  return places.map((metadata): Edit => ({ kind: 'set-annotation', metadata, key: PREFIX + key, value }));
}

/** Replaces the flag's value where it stands; null when it stands nowhere that can be replaced. */
export function replaceFlag(unit: UnitDraft, concept: FlagConcept, value: string): Edit | null {
  const site = unit.reading?.flagSites.get(concept);
  if (site?.isVariable === true) {
    return { kind: 'set-env', container: site.path.slice(0, -2), name: site.flag, value };
  }
  return site === undefined ? null : { kind: 'replace-arg', path: site.path, value: joined(site, value) };
}

function joined(site: FlagSite, value: string): string {
  return site.isJoined ? `${site.flag}=${value}` : value;
}

/** The flag set to `value`: replaced where it stands, appended where it is absent; null where neither can be done. */
export function setFlag(
  unit: UnitDraft,
  concept: FlagConcept,
  value: number | string,
): readonly Edit[] | null {
  const replaced = replaceFlag(unit, concept, String(value));
  if (replaced !== null) return [replaced];
  const append = unit.reading?.append ?? null;
  const words = spellFlag(unit.intent.engine, concept, value);
  const name = unit.reading?.variables.get(concept);
  if (append === null && name !== undefined) {
    return [{ kind: 'set-env', container: unit.members[0].container.path, name, value: String(value) }];
  }
  if (append === null || words === null) return null;
  return [{ kind: 'append-args', list: append.path, isNew: append.isNew, args: words }];
}
