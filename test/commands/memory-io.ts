import type { Io } from '../../src/commands/io.ts';

/** What a command prints, both streams in order, kept in memory. */
export function memoryIo(settings: Partial<Pick<Io, 'isTerminal' | 'env' | 'stdin'>> = {}): {
  readonly io: Io;
  readonly text: () => string;
} {
  const lines: string[] = [];
  const take = (line: string): void => {
    lines.push(line);
  };
  const io: Io = {
    out: take,
    err: take,
    stdin: async () => '',
    isTerminal: false,
    env: {},
    now: () => new Date(0),
    ...settings,
  };
  return { io, text: () => lines.join('') };
}
