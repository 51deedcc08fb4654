import type { Catalog } from '../catalog/types.ts';
import { ABSENT, type EngineName, type EngineReading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import { formatCount } from '../units.ts';
import type { Annotations } from './annotations.ts';
import type { ModelChoice } from './checkpoint.ts';
import { reconcileContext } from './context.ts';
import { reconcileKvDtype } from './kv-dtype.ts';
import { reconcileModel } from './model.ts';
import { type ParallelPart, readParallel } from './parallel.ts';
import { readSettings } from './settings.ts';
import type { Intent, Stated, VisibleGpus } from './types.ts';
import {
  readConcurrency,
  readContextTokens,
  readEngineVersion,
  readGpus,
  readTrainingMethod,
  readWorkloadKind,
} from './values.ts';

export interface IntentReading {
  /** null when something that decides is not known; `findings` say what. */
  readonly intent: Intent | null;
  readonly findings: readonly Finding[];
}

/** What one pod template says. */
export interface IntentSources {
  readonly annotations: Annotations;
  /** null when no engine is recognised and none is named. */
  readonly reading: EngineReading | null;
  /** Engine that is assumed then. */
  readonly fallbackEngine: EngineName;
  /** Where a missing annotation would stand. */
  readonly objectPath: JsonPath;
}

/**
 * Annotations and engine flags of one pod template, reconciled (contract §2): the flag is what runs; where they
 * disagree a finding quotes both paths and the larger need is judged.
 */
export function readIntent(catalog: Catalog, sources: IntentSources): IntentReading {
  const { annotations, reading, objectPath } = sources;
  const findings: Finding[] = [...(reading?.findings ?? [])];
  const model = reconcileModel(catalog, annotations, reading, objectPath);
  findings.push(...model.findings);
  const annotated = readAnnotated(catalog, annotations, findings);
  if (model.choice === null) return { intent: null, findings };
  const running = readRunning(sources, model.choice, annotated, findings);
  if (running === null) return { intent: null, findings };
  return { intent: joined(annotated.fixed, model.choice, running), findings };
}

interface Annotated {
  readonly fixed: Pick<Intent, 'workload' | 'trainingMethod' | 'concurrency' | 'gpus'>;
  readonly context: Stated<number> | null;
  readonly version: Stated<string> | null;
}

function readAnnotated(catalog: Catalog, annotations: Annotations, findings: Finding[]): Annotated {
  return {
    fixed: {
      workload: readWorkloadKind(annotations, findings),
      trainingMethod: readTrainingMethod(annotations, findings),
      concurrency: readConcurrency(annotations, findings),
      gpus: readGpus(catalog, annotations, findings),
    },
    context: readContextTokens(annotations, findings),
    version: readEngineVersion(annotations, findings),
  };
}

type ModelPart = 'model' | 'checkpoint' | 'loadedFrom' | 'quantization';
type RunningPart = Omit<Intent, ModelPart | keyof ParallelPart | keyof Annotated['fixed']> & {
  readonly parallel: ParallelPart;
};

/** Member by member: to spread one object behind another costs more than all of its values did. */
function joined(fixed: Annotated['fixed'], choice: ModelChoice, running: RunningPart): Intent {
  const { parallel } = running;
  return {
    workload: fixed.workload,
    trainingMethod: fixed.trainingMethod,
    model: choice.model,
    checkpoint: choice.checkpoint,
    loadedFrom: choice.loadedFrom,
    context: running.context,
    isContextAuto: running.isContextAuto,
    needsContextFlag: running.needsContextFlag,
    quantization: choice.quantization,
    kvCacheDtype: running.kvCacheDtype,
    kvDtype: running.kvDtype,
    concurrency: fixed.concurrency,
    engine: running.engine,
    engineVersion: running.engineVersion,
    engineRecognisedBy: running.engineRecognisedBy,
    settings: running.settings,
    tensorParallel: parallel.tensorParallel,
    pipelineParallel: parallel.pipelineParallel,
    dataParallel: parallel.dataParallel,
    dataParallelLocal: parallel.dataParallelLocal,
    copies: parallel.copies,
    isExpertParallel: parallel.isExpertParallel,
    spills: running.spills,
    nodes: parallel.nodes,
    visibleGpus: running.visibleGpus,
    gpus: fixed.gpus,
  };
}

function readRunning(
  { annotations, reading, fallbackEngine }: IntentSources,
  model: ModelChoice,
  annotated: Annotated,
  findings: Finding[],
): RunningPart | null {
  const isHidden = hidesFlags(reading, annotations);
  const checkpoint = model.checkpoint?.value ?? null;
  const context = reconcileContext({ annotated: annotated.context, reading, checkpoint, isHidden }, findings);
  if (context === null || exceedsArithmetic(context.context, annotated.fixed.concurrency, findings))
    return null;
  if (checkpoint !== null) checkLength(context.context, checkpoint.maxContext, reading, findings);
  const engine = reading?.engine ?? fallbackEngine;
  const engineVersion = reconcileVersion(annotated.version, reading, findings);
  const kv = reconcileKvDtype(annotations, reading, engineProfile(engine, engineVersion), findings);
  const parallel = readParallel(reading, isHidden && annotated.fixed.workload === 'inference', findings);
  if (kv === null || parallel === null) return null;
  const settings = readSettings(reading);
  findings.push(...settings.findings);
  return {
    context: context.context,
    isContextAuto: context.isAuto,
    needsContextFlag: context.needsFlag,
    kvCacheDtype: kv.stated,
    kvDtype: kv.dtype,
    engine,
    engineVersion,
    engineRecognisedBy: reading?.recognisedBy ?? 'default',
    settings: settings.settings,
    spills: spills(reading, engine, engineVersion),
    visibleGpus: visibleGpus(reading, findings),
    parallel,
  };
}

function visibleGpus(reading: EngineReading | null, findings: Finding[]): VisibleGpus | null {
  const visible = reading?.visibleGpus ?? ABSENT;
  if (visible.state === 'absent') return null;
  const { path, text } = visible;
  if (visible.state === 'set') return { count: visible.value, variable: text, path };
  const message = `${text} may hide GPUs from the engine, and its value cannot be read here: all of them were counted`;
  findings.push(finding('unknown-value', path, message));
  return null;
}

/** By itself where its settings are left to it, or because the launch keeps weights in host memory. */
function spills(reading: EngineReading | null, engine: EngineName, version: string | null): boolean {
  if (reading !== null && reading.partialOffload.state !== 'absent') return true;
  return engineProfile(engine, version)?.spills === true && reading?.isOffloadFixed !== true;
}

/** Flags may stand where we cannot read them, and the author did not repeat them in `engine-args`. */
function hidesFlags(reading: EngineReading | null, annotations: Annotations): boolean {
  if (reading === null || annotations.values.has('engine-args')) return false;
  return reading.isOpaque || reading.configFile !== null;
}

/**
 * Tokens of all sequences together: 8,192 times a million. No engine counts further than 32 bits in one sequence, and
 * their cache, 1.6 PiB, is more than a hundred of the largest nodes hold.
 */
const MOST_TOKENS = 2 ** 33;

function exceedsArithmetic(
  context: Stated<number>,
  concurrency: Stated<number>,
  findings: Finding[],
): boolean {
  const total = context.value * concurrency.value;
  if (total <= MOST_TOKENS) return false;
  const message = `${concurrency.value} x ${formatCount(context.value)} tokens are more than ${formatCount(MOST_TOKENS)}: no node holds their KV cache`;
  findings.push(
    concurrency.value > 1
      ? finding('malformed-annotation', concurrency.origin.path, message)
      : finding('context-too-long', context.origin.path, message),
  );
  return true;
}

function checkLength(
  context: Stated<number>,
  maximum: number,
  reading: EngineReading | null,
  findings: Finding[],
): void {
  if (context.value <= maximum || reading?.allowsLongContext === true) return;
  const message =
    `${formatCount(context.value)} tokens exceed the ${formatCount(maximum)} that the checkpoint declares; ` +
    'the engine refuses to start';
  findings.push(finding('context-too-long', context.origin.path, message));
}

function reconcileVersion(
  annotated: Stated<string> | null,
  reading: EngineReading | null,
  findings: Finding[],
): string | null {
  const image = reading?.version ?? { state: 'absent' as const };
  if (image.state !== 'set') return annotated?.value ?? null;
  if (annotated !== null && annotated.value !== image.value) {
    const message = `annotated ${annotated.value}, but the image at ${formatPath(image.path)} is ${image.value}; the image was judged`;
    findings.push(finding('intent-conflict', annotated.origin.path, message));
  }
  return image.value;
}
