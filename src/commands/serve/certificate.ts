import type { ServeOptions } from '../../config/serve-options.ts';
import { type KeyPair, readKeyPair } from '../../server/certificate-files.ts';
import { throwawayCertificate } from '../../server/throwaway-certificate.ts';
import { UsageError } from '../io.ts';
import { keepFresh } from './refresh.ts';
import { messageOf, type Running } from './running.ts';

/** Where the serving certificate comes from. */
export interface Certificate {
  readonly current: () => KeyPair;
  /** Why the API server cannot rely on it; null: it can. */
  readonly notReady: () => string | null;
  /** Calls `use` with every later pair; returns what ends it. */
  readonly watch: (use: (pair: KeyPair) => void) => () => void;
}

type Files = NonNullable<ServeOptions['certificate']>;

function expired({ expiresAt }: KeyPair): string | null {
  return expiresAt.getTime() > Date.now() ? null : 'certificate expired';
}

async function fromFiles(files: Files, running: Running): Promise<Certificate> {
  let current = await readKeyPair(files).catch((error: unknown) => {
    throw new UsageError(`the certificate cannot be used: ${messageOf(error)}`);
  });
  running.metrics.certificateExpires(current.expiresAt);
  const source = {
    subject: 'certificate',
    files: [files.certFile, files.keyFile],
    // A half-written pair, or a key that does not match yet, is no pair.
    read: () => readKeyPair(files),
    isSame: (one: KeyPair, other: KeyPair) => one.cert === other.cert && one.key === other.key,
    first: current,
  } as const;
  return {
    current: () => current,
    notReady: () => expired(current),
    watch: (use) =>
      keepFresh(
        {
          ...source,
          use: (pair) => {
            use(pair);
            current = pair;
            running.metrics.certificateExpires(pair.expiresAt);
          },
        },
        running,
      ),
  };
}

async function throwaway({ metrics, log }: Running): Promise<Certificate> {
  const { pair } = await throwawayCertificate(['localhost', '127.0.0.1']);
  metrics.certificateExpires(pair.expiresAt);
  log.warn('no certificate was given: a throwaway one for localhost is served');
  return { current: () => pair, notReady: () => expired(pair), watch: () => () => undefined };
}

export async function openCertificate({ certificate }: ServeOptions, running: Running): Promise<Certificate> {
  return certificate === null ? throwaway(running) : fromFiles(certificate, running);
}
