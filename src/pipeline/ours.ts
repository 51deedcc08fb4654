import { PREFIX } from '../intent/keys.ts';
import type { Policy } from '../plan/types.ts';
import type { Workload } from '../workload/types.ts';

/** True when any vramgate.io/ key stands on the object or one of its templates: its author asks to be judged. */
export function isOurs(workload: Workload): boolean {
  return hasOurKey(workload.annotations) || workload.templates.some((one) => hasOurKey(one.annotations));
}

function hasOurKey(annotations: ReadonlyMap<string, unknown>): boolean {
  for (const key of annotations.keys()) if (key.startsWith(PREFIX)) return true;
  return false;
}

/**
 * True where today's rules speak of the object, so that what it was before counts for the ratchet: under
 * `unannotated: judge` that is everything, or no running object without annotations could be updated any more.
 */
export function isUnderRules(workload: Workload, policy: Policy): boolean {
  return isOurs(workload) || policy.unannotated === 'judge';
}
