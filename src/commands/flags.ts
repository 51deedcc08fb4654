import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '../catalog/resolve.ts';
import { printable, UsageError } from './io.ts';

type ValuesOf<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; strict: true; allowPositionals: false }>
>['values'];

interface Arguments<T extends ParseArgsOptionsConfig> {
  readonly values: ValuesOf<T>;
  /** What is no flag and no flag's value. */
  readonly words: readonly string[];
}

/** The flags of a command that takes words too. @throws UsageError naming the flag, and the one that was probably meant. */
export function parseArguments<const T extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: T,
  allowPositionals = true,
): Arguments<T> {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, strict: true, allowPositionals });
    return { values, words: positionals };
  } catch (error) {
    const flag = argv.find(
      (word) => word.startsWith('--') && !Object.hasOwn(options, word.slice(2).split('=')[0] ?? ''),
    );
    const close = flag === undefined ? [] : nearest(Object.keys(options), flag.slice(2), 1);
    const hint = close.length > 0 ? `; did you mean --${close.join('')}?` : '';
    const text =
      error instanceof Error ? (error.message.split('. ', 1)[0] ?? '') : 'the options cannot be read';
    throw new UsageError(`${text}${hint}`);
  }
}

/** The flags of a command that takes nothing else. @throws UsageError */
export function parseFlags<const T extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: T,
): ValuesOf<T> {
  return parseArguments(argv, options, false).values;
}

/** One of a few words. @throws UsageError that begins with `what`, and names the word that was probably meant. */
export function oneOf<T extends string>(word: string, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === word.toLowerCase());
  if (found !== undefined) return found;
  const [close] = nearest(allowed, word, 1);
  const hint = close === undefined ? `one of ${allowed.join(', ')}` : `did you mean ${close}?`;
  throw new UsageError(`${what} ${printable(word)}: not known; ${hint}`);
}
