import {
  checkpointFor,
  findModel,
  modelNames,
  nearest,
  parseQuantizationName,
  quantizationNames,
} from '../catalog/resolve.ts';
import type { Catalog, CheckpointEntry, ModelEntry, ModelMatch, Quantization } from '../catalog/types.ts';
import type { EngineReading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatGib } from '../units.ts';
import type { Annotations } from './annotations.ts';
import { isSameFormat, onlineFormat } from './quantization.ts';
import type { Origin, Stated } from './types.ts';

export interface ModelChoice {
  readonly model: Stated<ModelEntry>;
  readonly checkpoint: Stated<CheckpointEntry> | null;
  readonly loadedFrom: CheckpointEntry | null;
  readonly quantization: Quantization;
}

export interface ModelReading {
  readonly choice: ModelChoice | null;
  readonly findings: readonly Finding[];
}

interface Named extends ModelMatch {
  readonly origin: Origin;
  readonly text: string;
}

/** Which model and which checkpoint will run, from annotation, command line and quantization flag. */
export function reconcileModel(
  catalog: Catalog,
  annotations: Annotations,
  reading: EngineReading | null,
  objectPath: JsonPath,
): ModelReading {
  const findings: Finding[] = [];
  const running = runningModel(catalog, reading);
  const wanted = annotatedFormat(catalog, annotations, findings);
  const annotated = inWantedFormat(annotatedModel(catalog, annotations, findings), wanted);
  if (annotated === null && running !== null) findings.push(fromCommandLine(running));
  const named = chooseNamed(annotated, running, findings);
  if (named === null) {
    if (!annotations.values.has('model')) findings.push(noModel(catalog, objectPath, reading));
    return { choice: null, findings };
  }
  const choice = chooseCheckpoint(named, wanted, reading, findings);
  return { choice, findings };
}

function annotatedModel(catalog: Catalog, annotations: Annotations, findings: Finding[]): Named | null {
  const value = annotations.values.get('model');
  if (value === undefined) return null;
  const match = findModel(catalog, value.text);
  if (match !== null) return { ...match, origin: { from: 'annotation', path: value.path }, text: value.text };
  const close = nearest(modelNames(catalog), value.text.slice(0, 128), 3);
  const hint = close.length > 0 ? `; nearest: ${close.join(', ')}` : '';
  findings.push(finding('unknown-model', value.path, `no model of this name is in the catalog${hint}`));
  return null;
}

/**
 * The two annotations are one statement: the id of an unquantized checkpoint beside another quantization names the
 * model, not the file.
 */
function inWantedFormat(annotated: Named | null, wanted: WantedFormat | null): Named | null {
  const format = annotated?.checkpoint?.quantization;
  if (annotated === null || wanted === null || format === undefined) return annotated;
  const isOther = isSameFormat(format, 'bf16') && !isSameFormat(format, wanted.value);
  return isOther ? { ...annotated, checkpoint: null } : annotated;
}

/** The strongest identity that the catalog knows. */
function runningModel(catalog: Catalog, reading: EngineReading | null): Named | null {
  for (const identity of reading?.identities ?? []) {
    const match = findModel(catalog, identity.text);
    const from = identity.kind === 'image' ? 'image' : 'flag';
    if (match !== null) return { ...match, origin: { from, path: identity.path }, text: identity.text };
  }
  return null;
}

interface WantedFormat {
  readonly value: Quantization;
  readonly path: JsonPath;
}

function annotatedFormat(
  catalog: Catalog,
  annotations: Annotations,
  findings: Finding[],
): WantedFormat | null {
  const value = annotations.values.get('quantization');
  if (value === undefined) return null;
  const parsed = parseQuantizationName(value.text);
  if (parsed !== null) return { value: parsed, path: value.path };
  const close = nearest(quantizationNames(catalog), value.text.slice(0, 64), 3);
  const hint = close.length > 0 ? `; nearest: ${close.join(', ')}` : '';
  findings.push(finding('malformed-annotation', value.path, `not a quantization that vramgate knows${hint}`));
  return null;
}

function fromCommandLine(running: Named): Finding {
  const message = `no model annotation; ${running.model.name} was read here`;
  return finding('model-from-command-line', running.origin.path, message);
}

function noModel(catalog: Catalog, path: JsonPath, reading: EngineReading | null): Finding {
  const known = catalog.models.map((model) => model.id).join(', ');
  const seen = reading?.identities[0];
  const where =
    seen === undefined ? 'the command line names none either' : 'the command line names none that is known';
  return finding('unknown-model', path, `no vramgate.io/model annotation, and ${where}; known: ${known}`);
}

/** Annotation and command line name different models: the one with the larger weights is judged. */
function chooseNamed(annotated: Named | null, running: Named | null, findings: Finding[]): Named | null {
  if (annotated === null || running === null) return running ?? annotated;
  if (annotated.model.id === running.model.id) return mergeNamed(annotated, running, findings);
  const larger = modelWeight(annotated) > modelWeight(running) ? annotated : running;
  findings.push(...conflict('model', annotated, running, larger));
  return larger;
}

function mergeNamed(annotated: Named, running: Named, findings: Finding[]): Named {
  const [one, other] = [annotated.checkpoint, running.checkpoint];
  if (one === null || other === null) return other === null ? { ...running, checkpoint: one } : running;
  if (isSameFormat(one.quantization, other.quantization)) return running;
  const larger = modelWeight(annotated) > modelWeight(running) ? annotated : running;
  findings.push(...conflict('checkpoint', annotated, running, larger));
  return larger;
}

function conflict(what: string, annotated: Named, running: Named, larger: Named): readonly Finding[] {
  const message =
    `the ${what} annotation and the command line (${formatPath(running.origin.path)}) name different ones; ` +
    `${larger === annotated ? 'the annotation' : 'the command line'} needs more and was judged`;
  return [finding('intent-conflict', annotated.origin.path, message)];
}

function modelWeight(named: Named): number {
  const checkpoint = named.checkpoint ?? checkpointFor(named.model, 'bf16', true);
  return checkpointWeight(named.model, checkpoint);
}

function checkpointWeight(model: ModelEntry, checkpoint: CheckpointEntry | null): number {
  // A model without architecture is only known by published figures, all of them above any real checkpoint here.
  if (model.shape === null || checkpoint === null) return Number.POSITIVE_INFINITY;
  return weightBytes(model.shape, checkpoint.weights);
}

function chooseCheckpoint(
  named: Named,
  wanted: WantedFormat | null,
  reading: EngineReading | null,
  findings: Finding[],
): ModelChoice | null {
  const model = { value: named.model, origin: named.origin };
  if (named.model.shape === null) {
    return { model, checkpoint: null, loadedFrom: null, quantization: wanted?.value ?? 'bf16' };
  }
  const file = fileCheckpoint(named, wanted, findings);
  if (file === null) return null;
  const running = applyOnlineFlag(named.model, file, reading, findings);
  const judged = reconcileFormat(named, running, wanted, findings);
  const origin: Origin =
    named.checkpoint === null ? { from: 'checkpoint', path: named.origin.path } : named.origin;
  return {
    model,
    checkpoint: { value: judged.checkpoint, origin },
    loadedFrom: judged.loadedFrom,
    quantization: judged.checkpoint.quantization,
  };
}

/** The checkpoint that lies on disk: named outright, or the costliest published one of the wanted format. */
function fileCheckpoint(
  named: Named,
  wanted: WantedFormat | null,
  findings: Finding[],
): CheckpointEntry | null {
  if (named.checkpoint !== null) return named.checkpoint;
  // Base and Instruct differ in their position limit; unnamed means the Instruct one, which costs more.
  const found = checkpointFor(named.model, wanted?.value ?? 'bf16', true);
  if (found !== null) return found;
  const path = wanted?.path ?? named.origin.path;
  const message = `no published checkpoint of ${named.model.name} in ${wanted?.value ?? 'bf16'} is known`;
  findings.push(finding('unknown-size', path, message));
  return null;
}

interface Loaded {
  readonly checkpoint: CheckpointEntry;
  readonly loadedFrom: CheckpointEntry | null;
}

function applyOnlineFlag(
  model: ModelEntry,
  file: CheckpointEntry,
  reading: EngineReading | null,
  findings: Finding[],
): Loaded {
  const flag = reading?.quantization ?? { state: 'absent' as const };
  if (flag.state === 'absent') return { checkpoint: file, loadedFrom: null };
  if (flag.state === 'unknown') {
    const message = 'the quantization flag cannot be read; the checkpoint was judged as it is on disk';
    findings.push(finding('assumed-costlier', flag.path, message));
    return { checkpoint: file, loadedFrom: null };
  }
  const target = onlineFormat(flag.value);
  if (target === null) return { checkpoint: file, loadedFrom: null };
  if (!isSameFormat(file.quantization, 'bf16')) {
    const same = isSameFormat(file.quantization, target);
    if (!same) findings.push(formatConflict(flag.path, file));
    return { checkpoint: file, loadedFrom: null };
  }
  const resident = checkpointFor(model, target, file.isInstruct);
  if (resident === null) return { checkpoint: file, loadedFrom: null };
  return { checkpoint: resident, loadedFrom: file };
}

function formatConflict(path: JsonPath, file: CheckpointEntry): Finding {
  return finding(
    'flag-conflict',
    path,
    `the checkpoint is already quantized (${file.quantization}); judged as it is`,
  );
}

function reconcileFormat(
  named: Named,
  running: Loaded,
  wanted: WantedFormat | null,
  findings: Finding[],
): Loaded {
  const actual = running.checkpoint;
  if (wanted === null || isSameFormat(wanted.value, actual.quantization)) return running;
  const annotated = checkpointFor(named.model, wanted.value, actual.isInstruct);
  if (annotated === null) return running;
  const larger = largerOf(named.model, annotated, actual);
  const message =
    `annotated ${wanted.value}, but ${formatPath(named.origin.path)} runs ${actual.quantization}; ` +
    `the larger (${larger.quantization}, ${weightText(named.model, larger)} of weights) was judged`;
  findings.push(finding('intent-conflict', wanted.path, message));
  return larger === actual ? running : { checkpoint: annotated, loadedFrom: null };
}

function largerOf(model: ModelEntry, one: CheckpointEntry, other: CheckpointEntry): CheckpointEntry {
  return checkpointWeight(model, one) > checkpointWeight(model, other) ? one : other;
}

function weightText(model: ModelEntry, checkpoint: CheckpointEntry): string {
  return formatGib(checkpointWeight(model, checkpoint));
}
