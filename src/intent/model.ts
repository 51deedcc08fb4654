import {
  checkpointFor,
  findModel,
  modelNames,
  nearest,
  parseQuantizationName,
  quantizationNames,
} from '../catalog/resolve.ts';
import type { Catalog } from '../catalog/types.ts';
import type { EngineReading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import type { Annotations } from './annotations.ts';
import {
  checkpointWeight,
  chooseCheckpoint,
  type ModelChoice,
  type Named,
  type WantedFormat,
} from './checkpoint.ts';
import { isSameFormat } from './quantization.ts';
import type { Origin } from './types.ts';

export interface ModelReading {
  readonly choice: ModelChoice | null;
  readonly findings: readonly Finding[];
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
  const hint = close.length > 0 ? `nearest: ${close.join(', ')}` : `known: ${knownModels(catalog)}`;
  findings.push(finding('unknown-model', value.path, `no model of this name is in the catalog; ${hint}`));
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
    if (match === null) continue;
    const origin: Origin = { from: identity.kind === 'image' ? 'image' : 'flag', path: identity.path };
    // The name of an image says which model, not in which precision: that is its profile's business.
    const checkpoint = identity.kind === 'image' ? null : match.checkpoint;
    return { model: match.model, checkpoint, origin, text: identity.text };
  }
  return null;
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
  const seen = reading?.identities[0];
  const where =
    seen === undefined ? 'the command line names none either' : 'the command line names none that is known';
  return finding(
    'unknown-model',
    path,
    `no vramgate.io/model annotation, and ${where}; known: ${knownModels(catalog)}`,
  );
}

function knownModels({ models }: Catalog): string {
  return models.map(({ id }) => id).join(', ');
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
    `annotated ${what} “${short(annotated.text)}”, but ${formatPath(running.origin.path)} runs “${short(running.text)}”; ` +
    `${larger === annotated ? 'the annotation' : 'the command line'} needs more and was judged`;
  return [finding('intent-conflict', annotated.origin.path, message)];
}

function modelWeight(named: Named): number {
  const checkpoint = named.checkpoint ?? checkpointFor(named.model, 'bf16', true);
  return checkpointWeight(named.model, checkpoint);
}

function short(text: string): string {
  return text.length > 96 ? `${text.slice(0, 96)}…` : text;
}
