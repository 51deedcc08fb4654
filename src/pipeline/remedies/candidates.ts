import { formatPath } from '../../findings.ts';
import { PREFIX } from '../../intent/keys.ts';
import { COMMON_GPUS } from '../../plan/no-count.ts';
import { names } from '../../plan/place.ts';
import type { Edit, GpuAsk, NodeClass } from '../../plan/types.ts';
import type { Unit } from '../../plan/unit.ts';
import { MAX_TYPICAL } from '../../plan/ways.ts';
import { formatCount } from '../../units.ts';
import { gpuRequests } from '../../workload/gpu-request.ts';
import { annotate, replaceFlag, setFlag } from './edits.ts';
import { quantizationCandidates } from './models.ts';
import { type Candidate, type Draft, needOf, type Scene } from './scene.ts';
import { methodCandidates } from './training.ts';

export function candidateFamilies(scene: Scene): readonly (readonly Candidate[])[] {
  if (isGpuUnnamed(scene)) return gpuAnnotations(scene);
  return [
    countCandidates(scene),
    contextCandidates(scene),
    kvCandidates(scene),
    quantizationCandidates(scene),
    methodCandidates(scene),
    gpuCandidates(scene),
  ];
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
export function countCandidates(scene: Scene, most = MAX_TYPICAL): readonly Candidate[] {
  const { unit } = scene;
  const [leader] = unit.members;
  const resource = wholeGpuOf(leader.ask);
  if (resource === null) return [];
  const isWhole = leader.ask === null || leader.ask.form === 'gpu';
  const removed = isWhole ? [] : partsOf(scene, resource);
  const instead = isWhole ? '' : ` in the place of ${leader.ask?.resource}`;
  const counts = countsFrom(isWhole ? (leader.ask?.count ?? 0) : 0).filter((count) => count <= most);
  return counts.flatMap((count): readonly Candidate[] => {
    const flag = flagForCount(unit, count);
    if (flag === null) return [];
    const counted: Edit[] = unit.members.flatMap((member): readonly Edit[] =>
      member.ask?.resource === resource && member.ask.count === count
        ? []
        : [{ kind: 'set-gpu-count', container: member.container.path, resource, count }],
    );
    const edits = [...removed, ...counted, ...flag];
    if (edits.length === 0) return [];
    const text = `set ${resource} to ${count}${instead}${flagText(unit, flag)}`;
    return [{ edits, text: (tried) => text + needOf(tried) }];
  });
}

/** What a count of whole GPUs is asked for by; null for accelerators of other kinds, which need other images. */
function wholeGpuOf(ask: GpuAsk | null): string | null {
  if (ask === null) return 'nvidia.com/gpu';
  if (ask.form === 'gpu') return ask.resource;
  return ask.form === 'other-accelerator' ? null : 'nvidia.com/gpu';
}

/** Slices, shares and their limits of memory taken away, so that whole GPUs stand alone. */
function partsOf({ unit, workload }: Scene, whole: string): readonly Edit[] {
  const specs = workload.templates.map(({ spec }) => spec);
  const containers = specs.flatMap((spec) => [...spec.containers, ...spec.initContainers]);
  return unit.members.flatMap(({ container }) =>
    containers
      .filter((one) => formatPath(one.path) === formatPath(container.path))
      .flatMap(gpuRequests)
      .filter(({ resource }) => resource !== whole)
      .map(
        ({ resource }): Edit => ({
          kind: 'remove-gpu-count',
          container: container.path,
          resource,
          count: null,
        }),
      ),
  );
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

/** Largest context that fits this request, rounded down to what people write; then half of it, and so on. */
export function contextCandidates(scene: Scene): readonly Candidate[] {
  const { unit, judged } = scene;
  if (judged === null) return [];
  const largest = unit.sizer.largestContext(judged.parallel, judged.device, judged.gpus);
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

function writtenFlag({ unit }: Scene, value: number): readonly Edit[] | null {
  const edit = replaceFlag(unit, 'context', String(value));
  return edit === null ? null : [edit];
}

function contextCandidate(scene: Scene, value: number): readonly Candidate[] {
  const isTraining = scene.unit.intent.workload === 'training';
  // A trainer's own flags are not known here.
  const flag = isTraining ? writtenFlag(scene, value) : setFlag(scene.unit, 'context', value);
  const annotated = annotate(scene, 'context', String(value), flag === null);
  const edits = [...annotated, ...(flag ?? [])];
  return edits.length === 0
    ? []
    : [{ edits, text: (tried) => `lower the context to ${formatCount(value)} tokens${needOf(tried)}` }];
}

export function kvCandidates(scene: Scene): readonly Candidate[] {
  const { unit } = scene;
  const name = unit.sizer.narrowKvDtype();
  if (name === null || unit.intent.workload === 'training') return [];
  const flag = setFlag(unit, 'kv-cache-dtype', name);
  if (flag === null) return [];
  const edits = [...annotate(scene, 'kv-cache-dtype', name, false), ...flag];
  return [{ edits, text: (tried) => `store the KV cache as ${name}${needOf(tried)}` }];
}

/** Another GPU that this cluster has: the author's product selector gives way to that class's. */
function gpuCandidates(scene: Scene): readonly Candidate[] {
  return usableClasses(scene).flatMap((one) => placeCandidates(scene, one));
}

/** Whole GPUs that are known to be there, where the pod's placement is its author's. */
export function usableClasses({ unit, facts }: Draft): readonly NodeClass[] {
  if (facts.inventory.state !== 'known' || !facts.policy.disclose || unit.placementOwner !== null) return [];
  return facts.inventory.classes.filter((one) => one.device !== null && one.sharing === 'none');
}

export function placeCandidates(scene: Draft, nodeClass: NodeClass): readonly Candidate[] {
  const { unit } = scene;
  const { spec } = unit.members[0].template;
  const { labels, placementKeys, device } = nodeClass;
  const key = placementKeys.find((name) => labels.has(name));
  const value = key === undefined ? undefined : labels.get(key);
  if (key === undefined || value === undefined || spec.nodeSelector.get(key) === value) return [];
  const rivals = [...spec.nodeSelector.keys()].filter(
    (name) => name !== key && labels.get(name) !== spec.nodeSelector.get(name),
  );
  const removed = rivals.map(
    (name): Edit => ({ kind: 'remove-node-selector', podSpec: spec.path, key: name, value: null }),
  );
  const accepted = unit.intent.gpus === null ? [] : annotate(scene, 'gpu', device?.product ?? '', false);
  const edits: Edit[] = [
    ...removed,
    { kind: 'set-node-selector', podSpec: spec.path, key, value },
    ...accepted,
  ];
  const text = `run on ${names([nodeClass])} (nodeSelector ${key}: ${value})`;
  return [{ edits, text: (tried) => text + needOf(tried) }];
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
