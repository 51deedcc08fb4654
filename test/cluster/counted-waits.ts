import type { Timing } from '../../src/cluster/reflector.ts';

/** A clock that runs by itself, and waits of no length; `stop` is called at the last of so many. */
export function countedWaits(
  most: number,
  stop: AbortController,
  atWait: (count: number) => void = () => {},
): { readonly timing: Timing; readonly waits: readonly number[] } {
  const waits: number[] = [];
  let clock = 0;
  const timing: Timing = {
    // Long enough between two looks for an empty watch not to count as one that ended at once.
    now: () => {
      clock += 2_000;
      return clock;
    },
    sleep: async (milliseconds) => {
      waits.push(milliseconds);
      if (waits.length >= most) stop.abort();
      atWait(waits.length);
    },
    chance: () => 1,
  };
  return { timing, waits };
}
