import { type Program, type ProgramSettings, startProgram, until } from './process.ts';

/** A program of the control plane that a case may stop and start again, on the same ports and the same data. */
export interface Component {
  readonly name: string;
  readonly logFile: string;
  readonly start: () => Promise<void>;
  readonly stop: (limitMs?: number) => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly program: () => Program;
}

export interface ComponentSettings extends ProgramSettings {
  readonly isReady: () => Promise<boolean>;
}

// The API server was ready after 3 to 4 s on idle cores; this machine may be shared by many.
const READY_LIMIT_MS = 180_000;

export function createComponent(settings: ComponentSettings): Component {
  let current: Program | null = null;
  const program = () => {
    if (current === null) throw new Error(`${settings.name} was never started`);
    return current;
  };
  return {
    name: settings.name,
    logFile: settings.logFile,
    program,
    signal: (signal) => program().signal(signal),
    start: async () => {
      const started = startProgram(settings);
      current = started;
      const ask = async () => ((await settings.isReady()) ? true : null);
      await until(ask, { what: `${settings.name} is ready`, limitMs: READY_LIMIT_MS, program: started });
    },
    stop: async (limitMs) => {
      if (current !== null && !current.hasEnded()) await current.stop(limitMs);
    },
  };
}
