import { findModel } from '../catalog/resolve.ts';
import type { Catalog, CheckpointEntry } from '../catalog/types.ts';
import type { FlagConcept, FlagSite } from '../engine/types.ts';
import { type Finding, finding, formatPath, isFindingCode, type JsonPath } from '../findings.ts';
import type { Intent, Origin } from '../intent/types.ts';
import { hasSharedMemory } from '../plan/shared-memory.ts';
import type { GpuAsk } from '../plan/types.ts';
import type { Member, PlannedContainer, PlannedSpec, Rollout, UnitDraft } from '../plan/unit.ts';
import type { PlacementOwner } from '../workload/ownership.ts';
import type { NodeSelectorTerm, Toleration } from '../workload/types.ts';
import type { UnitReading } from './units.ts';

/** What a record keeps of a serving replica: exactly what planning reads of it, and how that is put together again. */

export interface RecordedFinding {
  /** A finding code; a record of another version may hold one that is not known here. */
  readonly code: string;
  readonly path: string;
}

/** A label or a selector entry; a list of these, because a user chose the keys. */
export interface Label {
  readonly key: string;
  readonly value: string;
}

type Named = 'model' | 'checkpoint' | 'loadedFrom';
type StatedValue = 'context' | 'concurrency' | 'kvCacheDtype';

/**
 * The normalised intent: names of the catalog for its entries, values without where they stood; but for the model,
 * whose place is that of findings of planning, which the ratchet tells apart by it.
 */
export interface RecordedIntent extends Omit<Intent, Named | StatedValue> {
  readonly model: string;
  readonly modelPath: JsonPath;
  readonly checkpoint: string | null;
  readonly loadedFrom: string | null;
  readonly context: number;
  readonly contextFrom: Origin['from'];
  readonly concurrency: number;
  readonly kvCacheDtype: string;
}

export interface RecordedMember {
  readonly container: JsonPath;
  readonly podSpec: JsonPath;
  readonly ask: GpuAsk | null;
  readonly pods: number;
  readonly nodeSelector: readonly Label[];
  readonly requiredNodeAffinity: readonly NodeSelectorTerm[] | null;
  readonly tolerations: readonly Toleration[];
  /** The container's memory limit, a Kubernetes quantity. */
  readonly memoryLimit: string | null;
  /** A memory-backed volume is mounted at /dev/shm. */
  readonly hasSharedMemory: boolean;
}

export interface RecordedUnit {
  readonly intent: RecordedIntent;
  /** The leader first. */
  readonly members: readonly RecordedMember[];
  /** Its first 512 characters: as much as planning reads (`vendorOfImage`). */
  readonly image: string | null;
  readonly placementOwner: PlacementOwner | null;
  readonly canEdit: boolean;
  /** Where the tensor-parallel flag stands; null: nowhere. */
  readonly tensorParallelPath: JsonPath | null;
  /** Where flags can be appended; null: nowhere. */
  readonly append: { readonly path: JsonPath; readonly isNew: boolean } | null;
  /** Variables by which the launch can be told something. */
  readonly variables: readonly { readonly concept: FlagConcept; readonly name: string }[];
  /** Replicas of a rolling update, and what it adds and takes away. */
  readonly rollout: Rollout | null;
  readonly trainingPods: number;
}

export interface RecordedReading {
  /** What reading the object came to; a replay takes it as it is. */
  readonly given: readonly RecordedFinding[];
  /** null: nothing says what will run. */
  readonly unit: RecordedUnit | null;
}

export function recordedFindings(findings: readonly Finding[]): readonly RecordedFinding[] {
  return findings.map(({ code, path }) => ({ code, path: formatPath(path) }));
}

const IMAGE_LENGTH = 512;

export function recordedReading({ findings, unit }: UnitReading): RecordedReading {
  return { given: recordedFindings(findings), unit: unit === null ? null : recordedUnit(unit) };
}

function recordedUnit(unit: UnitDraft): RecordedUnit {
  const [leader] = unit.members;
  return {
    intent: recordedIntent(unit.intent),
    members: unit.members.map(({ container, template, ask, pods }) => ({
      container: container.path,
      podSpec: template.spec.path,
      ask,
      pods,
      nodeSelector: labelsOf(template.spec.nodeSelector),
      requiredNodeAffinity: template.spec.requiredNodeAffinity,
      tolerations: template.spec.tolerations,
      memoryLimit: container.limits.get('memory') ?? null,
      hasSharedMemory: hasSharedMemory(template.spec, container),
    })),
    image: leader.container.image?.slice(0, IMAGE_LENGTH) ?? null,
    placementOwner: unit.placementOwner,
    canEdit: unit.canEdit,
    tensorParallelPath: unit.reading?.flagSites.get('tensor-parallel')?.path ?? null,
    append: unit.reading?.append ?? null,
    variables: variablesOf(unit.reading?.variables ?? NO_VARIABLES),
    rollout: unit.rollout,
    trainingPods: unit.trainingPods,
  };
}

const NO_LABELS: readonly Label[] = [];

function labelsOf(labels: ReadonlyMap<string, string>): readonly Label[] {
  if (labels.size === 0) return NO_LABELS;
  return Array.from(labels, ([key, value]) => ({ key, value }));
}

const NO_VARIABLES: ReadonlyMap<FlagConcept, string> = new Map();

function variablesOf(variables: ReadonlyMap<FlagConcept, string>): RecordedUnit['variables'] {
  const recorded: { readonly concept: FlagConcept; readonly name: string }[] = [];
  for (const [concept, name] of variables) recorded.push({ concept, name });
  return recorded;
}

/** Member by member, as in `readIntent`: to spread the rest of an object costs more than its values did. */
function recordedIntent(intent: Intent): RecordedIntent {
  return {
    workload: intent.workload,
    trainingMethod: intent.trainingMethod,
    gpus: intent.gpus,
    quantization: intent.quantization,
    isContextAuto: intent.isContextAuto,
    needsContextFlag: intent.needsContextFlag,
    kvDtype: intent.kvDtype,
    engine: intent.engine,
    engineVersion: intent.engineVersion,
    engineRecognisedBy: intent.engineRecognisedBy,
    settings: intent.settings,
    spills: intent.spills,
    tensorParallel: intent.tensorParallel,
    pipelineParallel: intent.pipelineParallel,
    dataParallel: intent.dataParallel,
    dataParallelLocal: intent.dataParallelLocal,
    copies: intent.copies,
    isExpertParallel: intent.isExpertParallel,
    nodes: intent.nodes,
    visibleGpus: intent.visibleGpus,
    model: intent.model.value.id,
    modelPath: intent.model.origin.path,
    checkpoint: intent.checkpoint?.value.id ?? null,
    loadedFrom: intent.loadedFrom?.id ?? null,
    context: intent.context.value,
    contextFrom: intent.context.origin.from,
    concurrency: intent.concurrency.value,
    kvCacheDtype: intent.kvCacheDtype.value,
  };
}

// --- put together again ------------------------------------------------------------------------------------------

/** A record holds a name that is not known here: nothing can be computed. */
export class UnknownName extends Error {
  override readonly name = 'UnknownName';
}

/** Paths come back as one step each: they are compared and printed, never followed. @throws UnknownName */
export function findingsFrom(recorded: readonly RecordedFinding[]): readonly Finding[] {
  return recorded.map(({ code, path }) => {
    if (!isFindingCode(code)) throw new UnknownName(`no finding has the code ${code}`);
    return finding(code, [path], '');
  });
}

/** @throws UnknownName */
export function readingFrom({ given, unit }: RecordedReading, catalog: Catalog): UnitReading {
  return { findings: findingsFrom(given), unit: unit === null ? null : unitFrom(unit, catalog) };
}

function unitFrom(recorded: RecordedUnit, catalog: Catalog): UnitDraft {
  const [first, ...others] = recorded.members;
  if (first === undefined) throw new UnknownName('a replica without pods');
  return {
    members: [memberFrom(first, recorded), ...others.map((one) => memberFrom(one, recorded))],
    intent: intentFrom(recorded.intent, catalog),
    reading: {
      append: recorded.append,
      flagSites: flagSitesFrom(recorded.tensorParallelPath),
      variables: new Map(recorded.variables.map(({ concept, name }) => [concept, name])),
    },
    canEdit: recorded.canEdit,
    placementOwner: recorded.placementOwner,
    rollout: recorded.rollout,
    trainingPods: recorded.trainingPods,
  };
}

function flagSitesFrom(path: JsonPath | null): ReadonlyMap<FlagConcept, FlagSite> {
  return path === null
    ? new Map()
    : new Map([['tensor-parallel', { path, isJoined: false, flag: '', isVariable: false }]]);
}

function memberFrom(member: RecordedMember, unit: RecordedUnit): Member {
  const { container, podSpec, ask, pods } = member;
  return {
    template: { path: podSpec.slice(0, -1), spec: specFrom(member) },
    container: containerFrom(container, member, unit),
    ask,
    pods,
  };
}

const SHARED_MEMORY = { name: 'shm', mountPath: '/dev/shm' };

function specFrom(member: RecordedMember): PlannedSpec {
  return {
    path: member.podSpec,
    nodeSelector: new Map(member.nodeSelector.map(({ key, value }) => [key, value])),
    requiredNodeAffinity: member.requiredNodeAffinity,
    tolerations: member.tolerations,
    sharesHostIpc: false,
    volumes: member.hasSharedMemory
      ? [{ name: SHARED_MEMORY.name, emptyDirMedium: 'Memory', sizeLimit: null }]
      : [],
  };
}

function containerFrom(path: JsonPath, member: RecordedMember, unit: RecordedUnit): PlannedContainer {
  return {
    path,
    image: unit.image,
    limits: member.memoryLimit === null ? new Map() : new Map([['memory', member.memoryLimit]]),
    volumeMounts: member.hasSharedMemory ? [SHARED_MEMORY] : [],
  };
}

function intentFrom(recorded: RecordedIntent, catalog: Catalog): Intent {
  const {
    model,
    modelPath,
    checkpoint,
    loadedFrom,
    context,
    contextFrom,
    concurrency,
    kvCacheDtype,
    ...plain
  } = recorded;
  const entry = catalog.models.find((one) => one.id === model);
  if (entry === undefined) throw new UnknownName(`the catalog has no model ${model}`);
  return {
    ...plain,
    model: { value: entry, origin: { from: 'name', path: modelPath } },
    checkpoint: checkpoint === null ? null : { value: checkpointFrom(checkpoint, catalog), origin: RECORDED },
    loadedFrom: loadedFrom === null ? null : checkpointFrom(loadedFrom, catalog),
    context: { value: context, origin: { from: contextFrom, path: [] } },
    concurrency: { value: concurrency, origin: RECORDED },
    kvCacheDtype: { value: kvCacheDtype, origin: RECORDED },
  };
}

/** Where any other value stood changes nothing that is planned. */
const RECORDED: Origin = { from: 'name', path: [] };

function checkpointFrom(id: string, catalog: Catalog): CheckpointEntry {
  const found = findModel(catalog, id)?.checkpoint ?? null;
  if (found === null) throw new UnknownName(`the catalog has no checkpoint ${id}`);
  return found;
}
