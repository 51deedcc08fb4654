import { createRecall, type Recall } from '../recall.ts';
import { weightBytes } from '../sizing/weights.ts';
import { formatsMeantBy, ggufBits } from './quantization-names.ts';
import { type CheckpointEntry, type ModelEntry, QUANTIZATIONS, type Quantization } from './types.ts';

/** The heaviest of some checkpoints of a model; the first of equals. */
function costliest(model: ModelEntry, checkpoints: readonly CheckpointEntry[]): CheckpointEntry | null {
  const { shape } = model;
  if (shape === null) return null;
  const size = (one: CheckpointEntry): number => weightBytes(shape, one.weights);
  return checkpoints.toSorted((one, other) => size(other) - size(one))[0] ?? null;
}

/** Marks, for base and Instruct apart, the costliest candidate of every format (contract §2). */
export function markShortNames(model: ModelEntry, isCandidate: (id: string) => boolean): ModelEntry {
  const formats = new Set<Quantization>([
    ...QUANTIZATIONS,
    ...model.checkpoints.map((one) => one.quantization),
  ]);
  const chosen = new Set<CheckpointEntry>();
  for (const format of formats) {
    for (const isInstruct of [true, false]) {
      const possible = model.checkpoints.filter(
        (one) => one.isInstruct === isInstruct && one.quantization === format && isCandidate(one.id),
      );
      const found = costliest(model, possible);
      if (found !== null) chosen.add(found);
    }
  }
  return {
    ...model,
    checkpoints: model.checkpoints.map((one) => ({ ...one, isShortNameFor: chosen.has(one) })),
  };
}

/**
 * A GGUF type that no row has is taken as the costliest of the next more bits that is known: file sizes of mixes do
 * not follow from their names (llama4-memory.md §1), and the costlier case is the safe one. `Q5_K_M` counts as `Q6_K`.
 */
function nextGguf(
  model: ModelEntry,
  quantization: Quantization,
  candidates: readonly CheckpointEntry[],
): CheckpointEntry | null {
  const bits = ggufBits(quantization);
  if (bits === null) return null;
  const above = candidates.filter((one) => (ggufBits(one.quantization) ?? 0) > bits);
  const fewest = Math.min(...above.map((one) => ggufBits(one.quantization) ?? Infinity));
  return costliest(
    model,
    above.filter((one) => ggufBits(one.quantization) === fewest),
  );
}

/**
 * The checkpoint that a format's name means for a model: the costliest published one. Where only the other kind
 * (base, Instruct) has the format, that one answers: its weights are the same.
 */
export function checkpointFor(
  model: ModelEntry,
  quantization: Quantization,
  isInstruct: boolean,
): CheckpointEntry | null {
  let recall = answers.get(model);
  if (recall === undefined) {
    recall = createRecall(MOST_ANSWERS);
    answers.set(model, recall);
  }
  return recall(isInstruct ? quantization : `base ${quantization}`, () =>
    checkpointAnew(model, quantization, isInstruct),
  );
}

/** Entries of a catalog are never changed, and every decision asks for one of some ten formats. */
const answers = new WeakMap<ModelEntry, Recall<CheckpointEntry | null>>();
const MOST_ANSWERS = 64;

function checkpointAnew(
  model: ModelEntry,
  quantization: Quantization,
  isInstruct: boolean,
): CheckpointEntry | null {
  const marked = model.checkpoints.filter((one) => one.isShortNameFor);
  const meant = formatsMeantBy(quantization);
  for (const kind of [isInstruct, !isInstruct]) {
    const own = marked.filter((one) => one.isInstruct === kind);
    const found = costliest(
      model,
      own.filter((one) => meant.includes(one.quantization)),
    );
    const answer = found ?? nextGguf(model, quantization, own);
    if (answer !== null) return answer;
  }
  return quantization === 'fp16' ? checkpointFor(model, 'bf16', isInstruct) : null;
}
