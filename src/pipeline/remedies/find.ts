import { applyEdits } from '../../plan/apply-edits.ts';
import { MAX_REMEDIES } from '../../plan/message.ts';
import type { Edit, Remedy } from '../../plan/types.ts';
import type { Facts } from '../types.ts';
import { candidateFamilies, contextCandidates } from './candidates.ts';
import { findJoint } from './joint.ts';
import { repairCandidates } from './repairs.ts';
import { type Candidate, NOT_TRIED, sceneOf, type Tried } from './scene.ts';

/** Runs the whole decision on a changed object; passed in, because the decision calls us. */
export type Try = (object: unknown) => Tried;

/** Most objects that are tried for one refusal: bounds the time that a refusal takes. */
const MAX_TRIES = 48;

/**
 * Ways out of a refusal, best first: each is applied to a copy of the object and decided again, and only what comes
 * out as admitted is offered (contract §5). Changes of one thing come first; where none suffices, each is tried again
 * together with the largest context that then fits; where that does not suffice either, several are put together.
 */
export function findRemedies(object: unknown, refused: Tried, facts: Facts, attempt: Try): readonly Remedy[] {
  const scene = sceneOf(refused, facts);
  const families = [
    ...(scene === null ? [] : candidateFamilies(scene)),
    repairCandidates(refused.draft, refused.findings),
  ];
  const failed: { readonly candidate: Candidate; readonly tried: Tried }[] = [];
  const remedies: Remedy[] = [];
  let tries = 0;
  for (const family of families) {
    for (const candidate of family) {
      if (remedies.length === MAX_REMEDIES || tries === MAX_TRIES) return remedies;
      tries += 1;
      const tried = tryEdits(object, candidate.edits, attempt);
      if (tried.isAdmitted) {
        remedies.push({ text: candidate.text(tried), edits: candidate.edits });
        break;
      }
      failed.push({ candidate, tried });
    }
  }
  if (remedies.length > 0) return remedies;
  const doubled = withContext(object, failed, facts, attempt);
  if (doubled.length > 0) return doubled;
  const joint = findJoint(refused, facts, (edits) => tryEdits(object, edits, attempt));
  return joint === null ? [] : [joint];
}

function withContext(
  object: unknown,
  failed: readonly { readonly candidate: Candidate; readonly tried: Tried }[],
  facts: Facts,
  attempt: Try,
): readonly Remedy[] {
  const remedies: Remedy[] = [];
  for (const { candidate, tried } of failed) {
    const scene = sceneOf(tried, facts);
    const contexts = scene === null ? [] : contextCandidates(scene);
    for (const context of contexts) {
      const edits = [...candidate.edits, ...context.edits];
      const last = tryEdits(object, edits, attempt);
      if (!last.isAdmitted) continue;
      remedies.push({ text: `${candidate.text(NOT_TRIED)} and ${context.text(last)}`, edits });
      break;
    }
    if (remedies.length === MAX_REMEDIES) break;
  }
  return remedies;
}

/** A candidate may name an argument that only the recorded edits would bring back: on this object it is no way out. */
function tryEdits(object: unknown, edits: readonly Edit[], attempt: Try): Tried {
  try {
    return attempt(applyEdits(object, edits));
  } catch (error) {
    if (error instanceof RangeError) return NOT_TRIED;
    throw error;
  }
}
