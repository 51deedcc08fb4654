import { spellFlag } from '../engine/spell.ts';
import { type Finding, finding } from '../findings.ts';
import { engineProfile } from '../sizing/engines/registry.ts';
import type { Parallel } from '../sizing/shapes.ts';
import type { Edit } from './types.ts';
import type { Unit } from './unit.ts';

export interface FlagPlan {
  readonly edits: readonly Edit[];
  readonly findings: readonly Finding[];
}

/** A flag that has to be on the command line for the plan to be what runs. */
interface Needed {
  readonly concept: 'context' | 'tensor-parallel' | 'pipeline-parallel';
  readonly value: number;
  readonly why: string;
}

/**
 * Flags that the plan needs and the command line lacks: appended where it is an argv understood from end to end,
 * otherwise named in a finding (contract §4). `countSet` is true when we chose the GPU count.
 */
export function planFlags(unit: Unit, parallel: Parallel, countSet: boolean): FlagPlan {
  const needed = neededFlags(unit, parallel, countSet);
  if (needed.length === 0) return { edits: [], findings: [] };
  const append = unit.reading?.append ?? null;
  const spelled = needed.map((flag) => ({
    flag,
    words: spellFlag(unit.intent.engine, flag.concept, flag.value),
  }));
  const words = spelled.flatMap((one) => one.words ?? []);
  const canAppend = append !== null && unit.canEdit && spelled.every((one) => one.words !== null);
  if (append !== null && canAppend) {
    return {
      edits: [{ kind: 'append-args', list: append.path, isNew: append.isNew, args: words }],
      findings: [],
    };
  }
  const path = unit.members[0].container.path;
  const variables = needed.map((flag) => variableFor(unit, flag));
  const known = variables.filter((one) => one !== null);
  if (append === null && unit.canEdit && known.length === needed.length)
    return { edits: known, findings: [] };
  return {
    edits: [],
    findings: spelled.map((one, index) => missing(one.flag, one.words ?? asWords(variables[index]), path)),
  };
}

/** Where flags cannot be appended, a variable may say the same (Ollama, NIM). */
function variableFor(unit: Unit, { concept, value }: Needed): Extract<Edit, { kind: 'set-env' }> | null {
  const name = unit.reading?.variables.get(concept);
  const container = unit.members[0].container.path;
  return name === undefined ? null : { kind: 'set-env', container, name, value: String(value) };
}

function asWords(edit: Extract<Edit, { kind: 'set-env' }> | null | undefined): readonly string[] | null {
  return edit === null || edit === undefined ? null : [`${edit.name}=${edit.value}`];
}

function neededFlags(unit: Unit, parallel: Parallel, countSet: boolean): readonly Needed[] {
  const { intent } = unit;
  if (intent.workload === 'training') return [];
  const needed: Needed[] = [];
  const usesAll = engineProfile(intent.engine, intent.engineVersion)?.defaultGpus === 'all';
  if (countSet && !usesAll && intent.tensorParallel === null && parallel.tensor > 1) {
    const why = `the engine uses one GPU unless told to use ${parallel.tensor}`;
    needed.push({ concept: 'tensor-parallel', value: parallel.tensor, why });
  }
  if (countSet && !usesAll && intent.pipelineParallel === null && parallel.pipeline > 1) {
    const why = `the engine runs one stage unless told to run ${parallel.pipeline}`;
    needed.push({ concept: 'pipeline-parallel', value: parallel.pipeline, why });
  }
  if (intent.needsContextFlag && intent.context.value !== intent.checkpoint?.value.maxContext) {
    const why = "the engine takes the checkpoint's maximum unless the annotated context is set";
    needed.push({ concept: 'context', value: intent.context.value, why });
  }
  return needed;
}

function missing(flag: Needed, words: readonly string[] | null, path: Finding['path']): Finding {
  const what = words === null ? `the engine's ${flag.concept} setting (${flag.value})` : words.join(' ');
  return finding(
    'flag-missing',
    path,
    `add ${what}: ${flag.why}, and this command line cannot be extended safely`,
  );
}
