import { setTimeout as delay } from 'node:timers/promises';
import type { Timing } from './reflector.ts';

/** The process's own clock. */
export const TIMING: Timing = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    delay(milliseconds, undefined, { signal, ref: false }).catch(() => {
      // Aborted: the sleeper looks at its signal itself.
    }),
  chance: () => Math.random(),
};
