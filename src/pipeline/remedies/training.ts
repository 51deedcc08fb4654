import { PREFIX } from '../../intent/keys.ts';
import { TRAINING_METHODS } from '../../sizing/training.ts';
import { annotate } from './edits.ts';
import { type Candidate, type Draft, needOf } from './scene.ts';

/**
 * Methods that hold less, the one that holds most of them first; all of them where none was named. The trainer's own
 * settings are not ours to change.
 */
export function methodCandidates(scene: Draft): readonly Candidate[] {
  const { workload, trainingMethod } = scene.unit.intent;
  if (workload !== 'training') return [];
  const from = trainingMethod === null ? 0 : TRAINING_METHODS.indexOf(trainingMethod) + 1;
  return TRAINING_METHODS.slice(from).map((method) => ({
    edits: annotate(scene, 'training-method', method, true),
    text: (tried) =>
      `train with ${method} (${PREFIX}training-method: ${method}, and so in the trainer's own settings)${needOf(tried)}`,
  }));
}
