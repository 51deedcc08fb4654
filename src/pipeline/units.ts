import { nearest } from '../catalog/resolve.ts';
import { type ReadOptions, readEngine, readServing } from '../engine/read.ts';
import { findServing } from '../engine/serving.ts';
import type { EngineName, EngineReading } from '../engine/types.ts';
import { type Finding, finding } from '../findings.ts';
import { type Annotations, readAnnotations } from '../intent/annotations.ts';
import { readIntent } from '../intent/intent.ts';
import { readEngineName } from '../intent/values.ts';
import type { GpuAsk } from '../plan/types.ts';
import type { Member, UnitDraft } from '../plan/unit.ts';
import { effectiveGpuRequest, type GpuRequest, gpuRequests } from '../workload/gpu-request.ts';
import { isOwnedByRegisteredKind, placementOwner } from '../workload/ownership.ts';
import type { Container, PodTemplate, Workload } from '../workload/types.ts';
import type { Facts } from './types.ts';

export interface UnitReading {
  /** null when nothing says what will run; the findings say why. */
  readonly unit: UnitDraft | null;
  /** What reading the object came to. A replay takes these as they are: it has no object to read again. */
  readonly findings: readonly Finding[];
}

/** Engine that is assumed where nothing names one: the one that six of ten manifests run (engine-flags.md §3). */
const LAST_RESORT: EngineName = 'vllm';

/** The serving replicas of a workload: one a template, or one for all templates of a group. */
export function readUnits(workload: Workload, facts: Facts): readonly UnitReading[] {
  const readings: UnitReading[] = [];
  for (const templates of groupTemplates(workload)) readings.push(...readGroup(workload, templates, facts));
  return readings;
}

type Templates = readonly [PodTemplate, ...PodTemplate[]];

/**
 * Templates that make one replica. A LeaderWorkerSet's do, and those of a JobSet that trains. Of a JobSet that serves,
 * each role that starts an engine is a server; where a single one does, the roles that ask for GPUs and start none are
 * its workers.
 */
function groupTemplates(workload: Workload): readonly Templates[] {
  const [first, ...others] = workload.templates;
  if (first === undefined) return [];
  if (workload.kind === 'LeaderWorkerSet') return [[first, ...others]];
  if (others.length === 0) return [[first]];
  if (isTraining(workload, first)) return [withGpus(first, others)];
  const servers = workload.templates.filter(startsEngine);
  const [server] = servers;
  if (server === undefined) return [withGpus(first, others)];
  if (servers.length > 1) return servers.map((template): Templates => [template]);
  const workers = workload.templates.filter((template) => template !== server && asksForGpus(template));
  return [[server, ...workers]];
}

/** An engine that is started in plain sight: an image that could start one says nothing beside another command. */
function startsEngine({ spec, labels }: PodTemplate): boolean {
  const reading = readServing(spec, labels);
  return reading !== null && (reading.recognisedBy === 'command' || !reading.isOpaque);
}

function asksForGpus({ spec }: PodTemplate): boolean {
  return spec.containers.some((one) => gpuRequests(one).length > 0);
}

function isTraining(workload: Workload, template: PodTemplate): boolean {
  return annotationsOf(workload, template).values.get('workload')?.text.toLowerCase() === 'training';
}

/** Roles without an accelerator only coordinate, unless none has one. */
function withGpus(first: PodTemplate, others: readonly PodTemplate[]): Templates {
  const asking = [first, ...others].filter(asksForGpus);
  const [leader = first, ...rest] = asking;
  return [leader, ...rest];
}

/** What stands on the object, and on the templates of one replica. */
export function annotationsOf(workload: Workload, ...templates: readonly PodTemplate[]): Annotations {
  const own = { entries: workload.annotations, path: ['metadata', 'annotations'] };
  // A bare Pod is its own template.
  const others = templates.filter(({ path }) => path.length > 0);
  return readAnnotations([
    own,
    ...others.map(({ annotations, path }) => ({
      entries: annotations,
      path: [...path, 'metadata', 'annotations'],
    })),
  ]);
}

function readGroup(workload: Workload, templates: Templates, facts: Facts): readonly UnitReading[] {
  const [template] = templates;
  const annotations = annotationsOf(workload, ...templates);
  const findings: Finding[] = [...annotations.findings, ...ownerFindings(workload)];
  const engine = readEngineName(annotations, findings);
  const served = chooseContainer(template, annotations, engine, findings);
  if (served === null) return [{ unit: null, findings }];
  const { defaultEngine } = facts.policy;
  const read = (container: Container): EngineReading | null =>
    readServed(container, template, annotations, { wantedEngine: engine, defaultEngine });
  const servers = serversOf(served, workload, templates, read);
  const [first, ...others] = servers.map((one): UnitReading => {
    const { intent, findings: found } = readIntent(facts.catalog, {
      annotations,
      reading: one.reading,
      fallbackEngine: engine ?? defaultEngine ?? LAST_RESORT,
      objectPath: ['metadata', 'annotations'],
    });
    const unit =
      intent === null ? null : buildUnit(workload, templates, one, { reading: one.reading, intent });
    return { unit, findings: found };
  });
  if (first === undefined) return [{ unit: null, findings }];
  if (others.length > 0 && served.all.length > MAX_SERVERS) {
    const message = `only the first ${MAX_SERVERS} of ${served.all.length} servers of one pod are judged`;
    findings.push(finding('analysis-limit', template.path, message));
  }
  findings.push(...first.findings);
  return [{ unit: first.unit, findings }, ...others.map((one) => lessKnown(one, first.findings))];
}

/** What an annotation is found to say is the same for every server of the pod. */
function lessKnown({ unit, findings }: UnitReading, known: readonly Finding[]): UnitReading {
  const keyOf = ({ code, path, message }: Finding): string => JSON.stringify([code, path, message]);
  const told = new Set(known.map(keyOf));
  return { unit, findings: findings.filter((one) => !told.has(keyOf(one))) };
}

interface Server extends Served {
  readonly reading: EngineReading | null;
}

/** Servers of one pod that are judged one by one; of more, the rest is unknown (contract §7). */
const MAX_SERVERS = 8;

/**
 * Several engines in one pod are servers beside each other: each has to fit its own GPUs, and the pod's node needs all
 * of them. What is no known engine counts as one server with the GPUs of all.
 */
function serversOf(
  served: Served,
  workload: Workload,
  [template, ...others]: Templates,
  read: (container: Container) => EngineReading | null,
): readonly Server[] {
  const { container, isAmbiguous, all } = served;
  if (!isAmbiguous) return [{ container, isAmbiguous, all, reading: read(container) }];
  const isGroup = others.length > 0 || workload.kind === 'LeaderWorkerSet' || isTraining(workload, template);
  const readings = served.all.slice(0, MAX_SERVERS).map((one) => ({ container: one, reading: read(one) }));
  const [first] = readings;
  const areEngines = readings.every(({ reading }) => reading !== null && SIGNS.has(reading.recognisedBy));
  if (isGroup || !areEngines) return [{ ...served, reading: first?.reading ?? null }];
  return readings.map((one) => ({ ...one, isAmbiguous: true, all: [one.container] }));
}

/** By what the container itself starts, not by what an annotation or the policy says. */
const SIGNS: ReadonlySet<EngineReading['recognisedBy']> = new Set(['command', 'image', 'environment']);

/** A controller that we do not judge (Rollout, KServe, Ray) would undo a patch. */
function ownerFindings({ controller }: Workload): readonly Finding[] {
  if (controller === null) return [];
  const message = `${controller.kind} ${controller.name} owns this object and would undo a patch: judged, not patched`;
  return [finding('owned-elsewhere', ['metadata', 'ownerReferences'], message)];
}

interface Served {
  readonly container: Container;
  readonly isAmbiguous: boolean;
  readonly all: readonly Container[];
}

function chooseContainer(
  template: PodTemplate,
  annotations: Annotations,
  engine: EngineName | null,
  findings: Finding[],
): Served | null {
  const wanted = annotations.values.get('container');
  const choice = findServing(template.spec, wanted?.text ?? null, engine);
  if (choice.kind === 'one')
    return { container: choice.container, isAmbiguous: false, all: [choice.container] };
  if (choice.kind === 'several') return ambiguous(choice.containers, findings);
  if (choice.kind === 'no-such-container') {
    const close = nearest(choice.names, choice.wanted, 1);
    const hint = close.length > 0 ? `; did you mean ${close.join('')}?` : '';
    findings.push(finding('malformed-annotation', wanted?.path ?? [], `no container of this name${hint}`));
    return null;
  }
  const only = likeliest(template);
  return only === null ? null : { container: only, isAmbiguous: false, all: [only] };
}

/** Nothing tells which container works: the first that asks for an accelerator, or the first of all. */
function likeliest({ spec: { containers } }: PodTemplate): Container | null {
  return containers.find((one) => gpuRequests(one).length > 0) ?? containers[0] ?? null;
}

function ambiguous(containers: readonly Container[], findings: Finding[]): Served | null {
  const [first] = containers;
  if (first === undefined) return null;
  const message =
    `${containers.length} containers could be the server (${containers.map((one) => one.name).join(', ')}); ` +
    'judged as their sum and not patched: name one in vramgate.io/container';
  findings.push(finding('ambiguous-container', first.path, message));
  return { container: first, isAmbiguous: true, all: containers };
}

function readServed(
  container: Container,
  template: PodTemplate,
  annotations: Annotations,
  engines: Pick<ReadOptions, 'wantedEngine' | 'defaultEngine'>,
): EngineReading | null {
  const extra = annotations.values.get('engine-args');
  return readEngine(container, {
    ...engines,
    initContainers: template.spec.initContainers,
    labels: template.labels,
    extraArgs: extra?.text ?? null,
    extraArgsPath: extra?.path ?? [],
  });
}

function buildUnit(
  workload: Workload,
  [template, ...others]: Templates,
  served: Served,
  { reading, intent }: Pick<UnitDraft, 'reading' | 'intent'>,
): UnitDraft {
  const isAlone =
    others.length === 0 && workload.kind !== 'LeaderWorkerSet' && intent.workload === 'inference';
  const server = member(template, served.container, served.all);
  // Parallel pods of a Job that serve are servers beside each other, unless their launch says otherwise.
  const leader = isAlone ? { ...server, pods: 1 } : { ...server, pods: Math.max(1, server.pods) };
  const workers = others.flatMap(workerMember);
  return {
    members: [leader, ...workers],
    intent,
    reading,
    canEdit: !served.isAmbiguous && workload.controller === null,
    placementOwner: placementOwner(workload, template),
    rollout: workload.surge === null ? null : { replicas: workload.replicas, ...workload.surge },
    trainingPods: trainingPods(workload, leader, workers),
  };
}

function workerMember(template: PodTemplate): readonly Member[] {
  const choice = findServing(template.spec, null, null);
  const container = choice.kind === 'one' ? choice.container : likeliest(template);
  return container === null ? [] : [member(template, container, [container])];
}

function member(template: PodTemplate, container: Container, serving: readonly Container[]): Member {
  return { template, container, ask: askOf(template, serving), pods: template.podsPerReplica };
}

/** The accelerators of the serving containers; the pod's effective request counts where init containers ask for more. */
function askOf(template: PodTemplate, serving: readonly Container[]): GpuAsk | null {
  const requests: GpuRequest[] = [];
  for (const one of serving) requests.push(...gpuRequests(one));
  const [first] = requests;
  if (first === undefined) return null;
  // A limit on memory or cores beside the count makes every device a share of one (HAMi, Volcano).
  const share = requests.find((one) => one.form === 'hami');
  if (share !== undefined) return { ...share, scheduled: share.count };
  const same = requests.filter((one) => one.resource === first.resource);
  const count = same.reduce((sum, one) => sum + one.count, 0);
  const scheduled = effectiveGpuRequest(template.spec, first.resource) ?? count;
  return {
    resource: first.resource,
    count,
    scheduled: Math.max(count, scheduled),
    form: first.form,
    path: first.path,
  };
}

/** Pods that share one training state: those of all templates, in all replicas. */
function trainingPods(workload: Workload, leader: Member, workers: readonly Member[]): number {
  const pods = [leader, ...workers].reduce((sum, one) => sum + Math.max(1, one.pods), 0);
  return Math.max(1, workload.replicas) * pods;
}

export function isOwned(workload: Workload): boolean {
  return isOwnedByRegisteredKind(workload.controller);
}
