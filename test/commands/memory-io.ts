import type { Io } from '../../src/commands/io.ts';

/** What a command prints, both streams in order and each alone, kept in memory. */
export function memoryIo(settings: Partial<Pick<Io, 'isTerminal' | 'env' | 'stdin' | 'now'>> = {}): {
  readonly io: Io;
  readonly text: () => string;
  readonly out: () => string;
  readonly err: () => string;
} {
  const written: { readonly isError: boolean; readonly text: string }[] = [];
  const textOf = (isError: boolean): string =>
    written.flatMap((one) => (one.isError === isError ? [one.text] : [])).join('');
  const io: Io = {
    out: (text) => void written.push({ isError: false, text }),
    err: (text) => void written.push({ isError: true, text }),
    stdin: async () => '',
    isTerminal: false,
    env: {},
    now: () => new Date(0),
    ...settings,
  };
  return {
    io,
    text: () => written.map(({ text }) => text).join(''),
    out: () => textOf(false),
    err: () => textOf(true),
  };
}
