/**
 * Where the process stands. `draining` answers as ever but asks every connection to go; `stopped` is past the drain
 * limit, when only connections that ignored that are left.
 */
export type Stage = 'starting' | 'ready' | 'draining' | 'stopped';

export interface Lifecycle {
  readonly stage: () => Stage;
  readonly enter: (stage: Stage) => void;
}

export function createLifecycle(): Lifecycle {
  let current: Stage = 'starting';
  return {
    stage: () => current,
    enter: (stage) => {
      current = stage;
    },
  };
}
