import type { CheckpointEntry } from '../catalog/types.ts';
import type { EngineReading } from '../engine/types.ts';
import { type Finding, finding, formatPath, type JsonPath } from '../findings.ts';
import { formatCount } from '../units.ts';
import type { Stated } from './types.ts';

export interface ContextChoice {
  readonly context: Stated<number>;
  readonly isAuto: boolean;
  readonly needsFlag: boolean;
}

/** What may say how long the context is. `isHidden`: flags may stand where we cannot read them. */
export interface ContextSources {
  readonly annotated: Stated<number> | null;
  readonly reading: EngineReading | null;
  readonly checkpoint: CheckpointEntry | null;
  readonly isHidden: boolean;
}

/**
 * The context that is judged. The flag is what runs; an annotation that disagrees with it is a finding, and the larger
 * of the two is judged. Without either, the engine takes the checkpoint's own maximum (engine-flags.md §5, case 3).
 * @returns null when the context is set somewhere that cannot be read, and no annotation fills the gap.
 */
export function reconcileContext(sources: ContextSources, findings: Finding[]): ContextChoice | null {
  const { annotated, reading, checkpoint } = sources;
  const flag = reading?.context ?? { state: 'absent' as const };
  if (flag.state === 'unknown') return fromAnnotation(annotated, flag.path, findings);
  if (flag.state === 'absent') return withoutFlag(sources, findings);
  const origin = { from: 'flag' as const, path: flag.path };
  if (flag.value === 'auto') return autoContext(annotated, checkpoint, flag);
  const running = { value: flag.value, origin };
  if (annotated === null || annotated.value === flag.value)
    return { context: running, isAuto: false, needsFlag: false };
  const larger = annotated.value > flag.value ? annotated : running;
  const message =
    `annotated ${formatCount(annotated.value)} tokens, but ${formatPath(flag.path)} runs ` +
    `${formatCount(flag.value)}; the larger was judged`;
  findings.push(finding('intent-conflict', annotated.origin.path, message));
  return { context: larger, isAuto: false, needsFlag: false };
}

function fromAnnotation(
  annotated: Stated<number> | null,
  path: JsonPath,
  findings: Finding[],
): ContextChoice | null {
  if (annotated !== null) return { context: annotated, isAuto: false, needsFlag: false };
  const message =
    'the context length is set here, but its value cannot be read; annotate vramgate.io/context';
  findings.push(finding('unknown-value', path, message));
  return null;
}

/** The engine takes what fits: told so by a flag, or left to itself, where an annotated context has to be set. */
function autoContext(
  annotated: Stated<number> | null,
  checkpoint: CheckpointEntry | null,
  { path, text }: Extract<EngineReading['context'], { state: 'set' }>,
): ContextChoice {
  const fallback = { value: checkpoint?.maxContext ?? 1, origin: { from: 'flag' as const, path } };
  return {
    context: annotated ?? fallback,
    isAuto: annotated === null,
    needsFlag: annotated !== null && text === '',
  };
}

function withoutFlag(
  { annotated, reading, checkpoint, isHidden }: ContextSources,
  findings: Finding[],
): ContextChoice | null {
  if (annotated !== null)
    return { context: annotated, isAuto: false, needsFlag: reading !== null && !isHidden };
  const path = reading?.containerPath ?? [];
  if (isHidden) {
    const message =
      'the context length may be set where vramgate cannot read it; annotate vramgate.io/context';
    findings.push(finding('unknown-value', path, message));
    return null;
  }
  if (checkpoint === null) return null;
  const message = `no context length is set; the engine takes the checkpoint's maximum, ${formatCount(checkpoint.maxContext)} tokens`;
  findings.push(finding('default-context', path, message));
  return {
    context: { value: checkpoint.maxContext, origin: { from: 'checkpoint', path } },
    isAuto: false,
    needsFlag: false,
  };
}
