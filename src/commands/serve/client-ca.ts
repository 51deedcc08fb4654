import { authorities } from '../../server/certificate-files.ts';
import { readText } from '../facts.ts';
import { UsageError } from '../io.ts';
import { keepFresh } from './refresh.ts';
import { messageOf, type Running } from './running.ts';

/** The authorities of client certificates (`server.clientCaFile`), PEM. */
export interface ClientCa {
  /** null: clients are not asked for a certificate. */
  readonly first: string | null;
  /** Calls `use` with every later one; returns what ends it. */
  readonly watch: (use: (pem: string) => void) => () => void;
}

const ASKS_NOBODY: ClientCa = { first: null, watch: () => () => undefined };

/** @throws UsageError when the file cannot be used. */
export async function openClientCa(file: string | null, running: Running): Promise<ClientCa> {
  if (file === null) return ASKS_NOBODY;
  const read = async (): Promise<string> => authorities(await readText(file));
  const first = await read().catch((error: unknown) => {
    throw new UsageError(`server.clientCaFile cannot be used: ${messageOf(error)}`);
  });
  return {
    first,
    watch: (use) =>
      keepFresh(
        { subject: 'client-ca', files: [file], read, isSame: (one, other) => one === other, use, first },
        running,
      ),
  };
}
