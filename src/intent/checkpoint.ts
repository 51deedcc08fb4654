import { checkpointFor, parseQuantizationName } from '../catalog/resolve.ts';
import type { CheckpointEntry, ModelEntry, ModelMatch, Quantization } from '../catalog/types.ts';
import type { EngineReading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatGib } from '../units.ts';
import { isSameFormat, onlineFormat, storedFormat } from './quantization.ts';
import type { Origin, Stated } from './types.ts';

export interface ModelChoice {
  readonly model: Stated<ModelEntry>;
  readonly checkpoint: Stated<CheckpointEntry> | null;
  readonly loadedFrom: CheckpointEntry | null;
  readonly quantization: Quantization;
}

/** A model as somebody named it. */
export interface Named extends ModelMatch {
  readonly origin: Origin;
  readonly text: string;
}

/** A format that somebody asks for. */
export interface WantedFormat {
  readonly value: Quantization;
  readonly path: JsonPath;
}

export function checkpointWeight(model: ModelEntry, checkpoint: CheckpointEntry | null): number {
  // A model without architecture is only known by published figures, all of them above any real checkpoint here.
  if (model.shape === null || checkpoint === null) return Number.POSITIVE_INFINITY;
  return weightBytes(model.shape, checkpoint.weights);
}

/** Which checkpoint lies on disk, what the engine makes of it, and which is judged. */
export function chooseCheckpoint(
  named: Named,
  wanted: WantedFormat | null,
  reading: EngineReading | null,
  findings: Finding[],
): ModelChoice | null {
  const model = { value: named.model, origin: named.origin };
  if (named.model.shape === null) {
    return { model, checkpoint: null, loadedFrom: null, quantization: wanted?.value ?? 'bf16' };
  }
  const file = fileCheckpoint(named, wanted ?? storedAs(reading), findings);
  if (file === null) return null;
  const running = applyOnlineFlag(named.model, file, reading, findings);
  const judged = reconcileFormat(named, running, wanted, findings);
  findings.push(...unlistedFindings(judged.checkpoint, named, wanted));
  const origin: Origin =
    named.checkpoint === null ? { from: 'checkpoint', path: named.origin.path } : named.origin;
  return {
    model,
    checkpoint: { value: judged.checkpoint, origin },
    loadedFrom: judged.loadedFrom,
    quantization: judged.checkpoint.quantization,
  };
}

/** A format of which no file is known stands for the next wider one that is (GGUF mixes; llama4-memory.md §1). */
function unlistedFindings(
  judged: CheckpointEntry,
  named: Named,
  wanted: WantedFormat | null,
): readonly Finding[] {
  const asked = wanted ?? namedFormat(named);
  if (asked === null || isSameFormat(asked.value, judged.quantization)) return [];
  if (!asked.value.startsWith('gguf:') || !judged.quantization.startsWith('gguf:')) return [];
  const message = `no file of ${asked.value} is known for ${named.model.name}: its size was taken as that of ${judged.quantization}, the next wider type`;
  return [finding('assumed-costlier', asked.path, message)];
}

/** The GGUF type that ends a file name or a tag. */
function namedFormat(named: Named): WantedFormat | null {
  const type = /[-.:_]((?:UD-)?I?Q\d_\w+|TQ\d_0|B?F16)(?:-\d{5}-of-\d{5})?(?:\.gguf)?$/i.exec(
    named.text,
  )?.[1];
  const value = type === undefined ? null : parseQuantizationName(`gguf:${type}`);
  return value === null ? null : { value, path: named.origin.path };
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
  if (target === null) {
    findings.push(...storedConflict(flag, file));
    return { checkpoint: file, loadedFrom: null };
  }
  if (!isSameFormat(file.quantization, 'bf16')) {
    const same = isSameFormat(file.quantization, target);
    if (!same) findings.push(formatConflict(flag.path, file));
    return { checkpoint: file, loadedFrom: null };
  }
  const resident = checkpointFor(model, target, file.isInstruct);
  if (resident === null) return { checkpoint: file, loadedFrom: null };
  return { checkpoint: resident, loadedFrom: file };
}

/** The format that a flag says the checkpoint was stored in. */
function storedAs(reading: EngineReading | null): WantedFormat | null {
  const flag = reading?.quantization ?? { state: 'absent' as const };
  const value = flag.state === 'set' ? storedFormat(flag.value) : null;
  return value === null || flag.state !== 'set' ? null : { value, path: flag.path };
}

/** The engine refuses a checkpoint of another format than its flag names. */
function storedConflict(
  flag: Extract<EngineReading['quantization'], { state: 'set' }>,
  file: CheckpointEntry,
): readonly Finding[] {
  const stored = storedFormat(flag.value);
  if (stored === null || isSameFormat(stored, file.quantization)) return [];
  const message = `the flag says ${stored}, but ${file.id} is ${file.quantization}; judged as the checkpoint is`;
  return [finding('flag-conflict', flag.path, message)];
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
