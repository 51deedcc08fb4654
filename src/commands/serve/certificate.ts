import type { CertificateChoice, ServeOptions } from '../../config/serve-options.ts';
import { type KeyPair, readKeyPair } from '../../server/certificate-files.ts';
import { UsageError } from '../io.ts';
import { type Certificate, expired } from './certificate-source.ts';
import { findCluster } from './cluster.ts';
import { keepFresh } from './refresh.ts';
import { messageOf, type Running } from './running.ts';

type Files = Extract<CertificateChoice, { kind: 'files' }>;

/** A half-written pair, a key that does not match yet or an expired one must not take the place of a good one. */
async function readUsable(files: Files): Promise<KeyPair> {
  const pair = await readKeyPair(files);
  if (expired(pair) !== null) throw new Error(`${files.certFile} expired on ${pair.expiresAt.toISOString()}`);
  return pair;
}

async function fromFiles(files: Files, running: Running): Promise<Certificate> {
  let current = await readKeyPair(files).catch((error: unknown) => {
    throw new UsageError(`the certificate cannot be used: ${messageOf(error)}`);
  });
  running.metrics.certificateExpires(current.expiresAt);
  const source = {
    subject: 'certificate',
    files: [files.certFile, files.keyFile],
    read: () => readUsable(files),
    isSame: (one: KeyPair, other: KeyPair) => one.cert === other.cert && one.key === other.key,
    first: current,
  } as const;
  return {
    first: async () => current,
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
  const { throwawayCertificate } = await import('../../server/throwaway-certificate.ts');
  const { pair } = await throwawayCertificate(['localhost', '127.0.0.1']);
  metrics.certificateExpires(pair.expiresAt);
  log.warn('no certificate was given: a throwaway one for localhost is served');
  return { first: async () => pair, notReady: () => expired(pair), watch: () => () => undefined };
}

/** What signs certificates is loaded only where something is signed. */
export async function openCertificate(options: ServeOptions, running: Running): Promise<Certificate> {
  const { certificate } = options;
  switch (certificate.kind) {
    case 'files':
      return fromFiles(certificate, running);
    case 'self-managed': {
      const connection = await findCluster(options);
      if (connection === null) {
        throw new UsageError('--self-managed-tls needs the service account of a pod, or --kubeconfig FILE');
      }
      const [{ createApi }, { selfManaged }] = await Promise.all([
        import('../../cluster/api.ts'),
        import('./self-managed.ts'),
      ]);
      return selfManaged(certificate, createApi(connection), running);
    }
    case 'throwaway':
      return throwaway(running);
  }
}
