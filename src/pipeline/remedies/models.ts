import { checkpointFor, parseQuantizationName } from '../../catalog/resolve.ts';
import { type CheckpointEntry, type ModelEntry, QUANTIZATIONS } from '../../catalog/types.ts';
import type { Edit } from '../../plan/types.ts';
import { publishedRange } from '../../sizing/published.ts';
import { weightBytes } from '../../sizing/weights.ts';
import { formatCount } from '../../units.ts';
import { annotate, replaceFlag } from './edits.ts';
import { type Candidate, type Draft, needOf, type Scene } from './scene.ts';

/** Published checkpoints of the same model in smaller formats, the largest that helps first. */
export function quantizationCandidates(scene: Scene): readonly Candidate[] {
  const { model, checkpoint, workload } = scene.unit.intent;
  const current = checkpoint?.value;
  if (current === undefined || workload === 'training') return [];
  const most = sizeOf(model.value, current);
  return publishedOf(scene, model.value, current.isInstruct)
    .filter((one) => sizeOf(model.value, one) < most)
    .flatMap((one) => servedInstead(scene, one, false));
}

/** Released models that are smaller, as a last resort: in the format that was asked for, and in the smallest. */
export function otherModels(scene: Draft): readonly Candidate[] {
  const { model, checkpoint, quantization } = scene.unit.intent;
  const most = checkpoint === null ? Number.POSITIVE_INFINITY : sizeOf(model.value, checkpoint.value);
  const format = parseQuantizationName(quantization);
  const others = scene.facts.catalog.models.filter((one) => one.isReleased && one.id !== model.value.id);
  return others
    .map((one) => ({ one, published: publishedOf(scene, one, true) }))
    .map(({ one, published }) => {
      const asked = format === null ? null : checkpointFor(one, format, true);
      const chosen = [published.find(({ id }) => id === asked?.id), published.at(-1)];
      return { one, chosen: [...new Set(chosen.filter((entry) => entry !== undefined))] };
    })
    .flatMap(({ one, chosen }) => chosen.map((entry) => ({ entry, size: sizeOf(one, entry) })))
    .filter(({ size }) => size < most)
    .toSorted((one, other) => other.size - one.size)
    .flatMap(({ entry }) => servedInstead(scene, entry, true));
}

function sizeOf({ shape }: ModelEntry, { weights }: CheckpointEntry): number {
  return shape === null ? Number.POSITIVE_INFINITY : weightBytes(shape, weights);
}

/**
 * What somebody published, largest first. Formats that somebody made but nobody published have a name of ours, which no
 * engine can download; engines of the llama.cpp family read none of these.
 */
function publishedOf({ unit }: Draft, model: ModelEntry, isInstruct: boolean): readonly CheckpointEntry[] {
  const { engine } = unit.intent;
  if (engine === 'llama.cpp' || engine === 'ollama') return [];
  const named = QUANTIZATIONS.map((name) => checkpointFor(model, name, isInstruct));
  const published = named.filter((one) => one?.id.includes('/') === true);
  return [...new Set(published.filter((one) => one !== null))].toSorted(
    (one, other) => sizeOf(model, other) - sizeOf(model, one),
  );
}

/** @param isOther another model: whatever names it has to be changed, or it stands in no flag at all. */
function servedInstead(scene: Draft, one: CheckpointEntry, isOther: boolean): readonly Candidate[] {
  const flag = replaceFlag(scene.unit, 'model', one.id);
  const isNamedByFlag = scene.unit.intent.model.origin.from !== 'annotation';
  if (flag === null && (!isOther || isNamedByFlag)) return [];
  const edits: readonly Edit[] = [
    ...(flag === null ? [] : [flag]),
    ...annotate(scene, 'model', one.id, flag === null),
    ...annotate(scene, 'quantization', one.quantization, false),
  ];
  const instead = isOther ? ` instead of ${scene.unit.intent.model.value.name}` : '';
  return [{ edits, text: (tried) => `serve ${one.id} (${one.quantization})${instead}${needOf(tried)}` }];
}

/** A model that only published figures know: the format and the context that they speak of. */
export function publishedRows(scene: Draft): readonly Candidate[] {
  const { model, workload, context } = scene.unit.intent;
  if (model.value.shape !== null) return [];
  const rows = scene.facts.catalog.published.filter(
    (row) => row.model === model.value.id && row.workload === workload,
  );
  return [...new Set(rows.map(({ format }) => format))].flatMap((format): readonly Candidate[] => {
    const range = publishedRange(rows, { model: model.value.id, workload, format });
    if (range === null) return [];
    const tokens = Math.min(Math.max(context.value, range.first), range.last);
    const flag = replaceFlag(scene.unit, 'context', String(tokens));
    const edits: readonly Edit[] = [
      ...annotate(scene, 'quantization', format, true),
      ...annotate(scene, 'context', String(tokens), flag === null),
      ...(flag === null ? [] : [flag]),
    ];
    const text = `serve it in ${format} with ${formatCount(tokens)} tokens, as its figures were published`;
    return [{ edits, text: (tried) => text + needOf(tried) }];
  });
}
