import { checkpointFor } from '../catalog/resolve.ts';
import { QUANTIZATIONS } from '../catalog/types.ts';
import { spellFlag } from '../engine/spell.ts';
import type { FlagConcept, FlagSite } from '../engine/types.ts';
import { type Finding, formatPath, type JsonPath } from '../findings.ts';
import type { AnnotationKey } from '../intent/keys.ts';
import { PREFIX } from '../intent/keys.ts';
import { COMMON_GPUS } from '../plan/no-count.ts';
import { names } from '../plan/place.ts';
import type { Edit, Judged } from '../plan/types.ts';
import type { Unit } from '../plan/unit.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatCount, formatGib } from '../units.ts';
import type { Workload } from '../workload/types.ts';
import type { Facts } from './types.ts';

/** One object decided, with what the search for a way out goes on from. */
export interface Tried {
  readonly isAdmitted: boolean;
  readonly workload: Workload | null;
  readonly unit: Unit | null;
  readonly judged: Judged | null;
  readonly findings: readonly Finding[];
}

export interface Candidate {
  readonly edits: readonly Edit[];
  readonly text: (tried: Tried) => string;
}

export interface Scene {
  readonly workload: Workload;
  readonly unit: Unit;
  readonly judged: Judged | null;
  readonly facts: Facts;
}

export function candidateFamilies(scene: Scene): readonly (readonly Candidate[])[] {
  if (isGpuUnnamed(scene)) return gpuAnnotations(scene);
  return [
    countCandidates(scene),
    contextCandidates(scene),
    kvCandidates(scene),
    quantizationCandidates(scene),
    gpuCandidates(scene),
  ];
}

// --- writing one value where it stands ---------------------------------------------------------------------------

/** Paths at which a `vramgate.io/` key stands: own metadata, template metadata, or both. */
function annotationSites(scene: Scene, key: AnnotationKey): readonly JsonPath[] {
  const { workload, unit } = scene;
  const { path } = unit.members[0].template;
  const template = workload.templates.find((one) => formatPath(one.path) === formatPath(path));
  const name = PREFIX + key;
  const sites: JsonPath[] = [];
  if (workload.annotations.has(name)) sites.push(['metadata']);
  if (path.length > 0 && template?.annotations.has(name) === true) sites.push([...path, 'metadata']);
  return sites;
}

function annotate(scene: Scene, key: AnnotationKey, value: string, always: boolean): readonly Edit[] {
  const sites = annotationSites(scene, key);
  const places = sites.length === 0 && always ? [['metadata']] : sites;
  return places.map((metadata): Edit => ({ kind: 'set-annotation', metadata, key: PREFIX + key, value }));
}

/** Replaces the flag's value where it stands; null when it stands nowhere that can be replaced. */
export function replaceFlag(unit: Unit, concept: FlagConcept, value: string): Edit | null {
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
function setFlag(unit: Unit, concept: FlagConcept, value: number | string): readonly Edit[] | null {
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

// --- families of candidates --------------------------------------------------------------------------------------

const COUNTS: readonly number[] = [1, 2, 4, 8];

/** The next larger counts first; smaller ones help only where the count itself is not valid. */
function countsFrom(asked: number): readonly number[] {
  return [
    ...COUNTS.filter((count) => count >= asked),
    ...COUNTS.filter((count) => count < asked).toReversed(),
  ];
}

/** The next valid GPU counts, with the parallel flag that makes the engine use them. */
function countCandidates(scene: Scene): readonly Candidate[] {
  const { unit } = scene;
  const [leader] = unit.members;
  const resource = leader.ask?.resource ?? 'nvidia.com/gpu';
  if (leader.ask !== null && leader.ask.form !== 'gpu') return [];
  return countsFrom(leader.ask?.count ?? 0).flatMap((count): readonly Candidate[] => {
    const flag = flagForCount(unit, count);
    if (flag === null) return [];
    const edits: Edit[] = unit.members.flatMap((member): readonly Edit[] =>
      member.ask?.count === count
        ? []
        : [{ kind: 'set-gpu-count', container: member.container.path, resource, count }],
    );
    if (edits.length + flag.length === 0) return [];
    return [
      {
        edits: [...edits, ...flag],
        text: (tried) => `set ${resource} to ${count}${flagText(unit, flag)}${needOf(tried)}`,
      },
    ];
  });
}

function flagForCount(unit: Unit, count: number): readonly Edit[] | null {
  if (unit.intent.workload === 'training') return [];
  const running = unit.intent.tensorParallel;
  if (running === count || (running === null && count === 1)) return [];
  return setFlag(unit, 'tensor-parallel', count);
}

function flagText(unit: Unit, edits: readonly Edit[]): string {
  const name = unit.reading?.flagSites.get('tensor-parallel')?.flag ?? 'the flag';
  const words = edits.flatMap((edit) => {
    if (edit.kind === 'append-args') return [`add ${edit.args.join(' ')}`];
    if (edit.kind === 'set-env') return [`set ${edit.name} to ${edit.value}`];
    if (edit.kind !== 'replace-arg') return [];
    return [
      edit.value.startsWith('-') ? `change the flag to ${edit.value}` : `change ${name} to ${edit.value}`,
    ];
  });
  return words.length === 0 ? '' : ` and ${words.join(', ')}`;
}

export function needOf(tried: Tried): string {
  const { judged } = tried;
  if (judged === null || judged.fit === null) return '';
  return `: ${formatGib(Math.max(0, judged.fit.headroomBytes))} left on each GPU`;
}

/** Largest context that fits this request, rounded down to what people write; then half of it, and so on. */
export function contextCandidates(scene: Scene): readonly Candidate[] {
  const { unit, judged } = scene;
  if (judged === null || unit.intent.workload === 'training') return [];
  const largest = unit.sizer.largestContext(judged.parallel, judged.device);
  if (largest === null || largest >= unit.intent.context.value) return [];
  const whole = roundContext(largest);
  return [...new Set([whole, roundContext(Math.floor(whole / 2))])]
    .filter((value) => value > 0)
    .flatMap((value) => contextCandidate(scene, value));
}

function roundContext(value: number): number {
  const step = value >= 65_536 ? 4096 : 1024;
  return value < step ? value : value - (value % step);
}

function contextCandidate(scene: Scene, value: number): readonly Candidate[] {
  const flag = setFlag(scene.unit, 'context', value);
  const annotated = annotate(scene, 'context', String(value), flag === null);
  const edits = [...annotated, ...(flag ?? [])];
  return edits.length === 0
    ? []
    : [{ edits, text: (tried) => `lower the context to ${formatCount(value)} tokens${needOf(tried)}` }];
}

function kvCandidates(scene: Scene): readonly Candidate[] {
  const { unit } = scene;
  const name = unit.sizer.narrowKvDtype();
  if (name === null || unit.intent.workload === 'training') return [];
  const flag = setFlag(unit, 'kv-cache-dtype', name);
  if (flag === null) return [];
  const edits = [...annotate(scene, 'kv-cache-dtype', name, false), ...flag];
  return [{ edits, text: (tried) => `store the KV cache as ${name}${needOf(tried)}` }];
}

/** Published checkpoints of the same model in smaller formats, the largest that helps first. */
function quantizationCandidates(scene: Scene): readonly Candidate[] {
  const { unit } = scene;
  const model = unit.intent.model.value;
  const current = unit.intent.checkpoint?.value;
  const { shape } = model;
  if (current === undefined || shape === null || unit.intent.workload === 'training') return [];
  const smaller = QUANTIZATIONS.map((name) => checkpointFor(model, name, current.isInstruct))
    .filter((one) => one !== null)
    // Formats that somebody made but nobody published have a name of ours, which no engine can download.
    .filter((one) => one.id.includes('/'))
    .filter((one) => weightBytes(shape, one.weights) < weightBytes(shape, current.weights))
    .toSorted((one, other) => weightBytes(shape, other.weights) - weightBytes(shape, one.weights));
  const unique = smaller.filter((one, index) => smaller.findIndex((other) => other.id === one.id) === index);
  return unique.flatMap((one): readonly Candidate[] => {
    const replaced = replaceFlag(unit, 'model', one.id);
    if (replaced === null) return [];
    const edits = [
      replaced,
      ...annotate(scene, 'model', one.id, false),
      ...annotate(scene, 'quantization', one.quantization, false),
    ];
    return [{ edits, text: (tried) => `serve ${one.id} (${one.quantization})${needOf(tried)}` }];
  });
}

/** Another GPU that this cluster has: the author's product selector gives way to that class's. */
function gpuCandidates(scene: Scene): readonly Candidate[] {
  const { unit, facts } = scene;
  if (facts.inventory.state !== 'known' || !facts.policy.disclose || unit.placementOwner !== null) return [];
  const { spec } = unit.members[0].template;
  const classes = facts.inventory.classes.filter((one) => one.device !== null && one.sharing === 'none');
  return classes.flatMap((one): readonly Candidate[] => {
    const key = one.placementKeys.find((name) => one.labels.has(name));
    const value = key === undefined ? undefined : one.labels.get(key);
    if (key === undefined || value === undefined || spec.nodeSelector.get(key) === value) return [];
    const rivals = [...spec.nodeSelector.keys()].filter(
      (name) => name !== key && one.labels.get(name) !== spec.nodeSelector.get(name),
    );
    const removed = rivals.map(
      (name): Edit => ({ kind: 'remove-node-selector', podSpec: spec.path, key: name, value: null }),
    );
    const accepted =
      unit.intent.gpus === null ? [] : annotate(scene, 'gpu', one.device?.product ?? '', false);
    const edits: Edit[] = [
      ...removed,
      { kind: 'set-node-selector', podSpec: spec.path, key, value },
      ...accepted,
    ];
    return [
      { edits, text: (tried) => `run on ${names([one])} (nodeSelector ${key}: ${value})${needOf(tried)}` },
    ];
  });
}

/** No count, no GPU named and no inventory: any count would be a guess, so the way out is to name the GPU. */
function isGpuUnnamed({ unit, facts }: Scene): boolean {
  return unit.members[0].ask === null && unit.intent.gpus === null && facts.inventory.state === 'unknown';
}

/** Each a family of its own, so that up to four GPUs are offered. */
function gpuAnnotations(scene: Scene): readonly (readonly Candidate[])[] {
  return COMMON_GPUS.map((product) => [
    {
      edits: annotate(scene, 'gpu', product, true),
      text: (tried) => `annotate ${PREFIX}gpu: ${product}; the count is then filled in${needOf(tried)}`,
    },
  ]);
}
