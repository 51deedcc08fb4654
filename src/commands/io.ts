/** What a command may touch of the process. Passed in, so that a command is a function. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly stdin: () => Promise<string>;
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
}

/** Exit codes of the contract (§6). */
export const EXIT = { fits: 0, fault: 1, usage: 2, doesNotFit: 3 } as const;

/** A mistake of the caller: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const MAX_INPUT = 64 * 1024 * 1024;

/** Standard input as text. @throws UsageError as soon as it is too large, and where it is not UTF-8. */
export async function readInput(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > MAX_INPUT) throw new UsageError('standard input: larger than 64 MiB');
    parts.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new UsageError('standard input: not UTF-8 text');
  }
}

/** By name: the bundle has this class twice, once for each of its parts (build/late-parts.ts). */
export function isUsageError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'UsageError';
}

/** Untrusted text on a terminal: control characters, bidirectional overrides and line breaks become a space. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
