import { X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { Authority } from '../server/authority.ts';
import { type KeyPair, keyPair } from '../server/certificate-files.ts';

/** What the replicas share, in one Secret. */
export interface Stored {
  /** Signs leaves now. */
  readonly authority: Authority;
  /** Announced in the caBundle, signs later. */
  readonly next: Authority | null;
  /** PEM certificates that signed before: a replica may still serve a leaf of theirs. */
  readonly former: readonly string[];
  readonly leaf: KeyPair;
}

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

export type Secret = z.infer<typeof secretSchema>;

const KEYS = {
  cert: 'ca.crt',
  key: 'ca.key',
  nextCert: 'next-ca.crt',
  nextKey: 'next-ca.key',
  former: 'former-ca.crt',
  leafCert: 'tls.crt',
  leafKey: 'tls.key',
} as const;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, each with a line break behind it. */
export function certificatesIn(pem: string): readonly string[] {
  return (pem.match(CERTIFICATE) ?? []).map((one) => `${one}\n`);
}

/** @throws Error when the answer is no Secret. */
export function readSecret(answer: unknown): Secret {
  return secretSchema.parse(answer);
}

export function isEmpty({ data }: Secret): boolean {
  return data === undefined || data === null || Object.keys(data).length === 0;
}

/** @throws Error when it holds something that was not written here. */
export function readStored({ data }: Secret): Stored {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
  const authority = { cert: text(KEYS.cert), key: text(KEYS.key) };
  keyPair(authority.cert, authority.key);
  const hasNext = text(KEYS.nextCert) !== '';
  const next = hasNext ? { cert: text(KEYS.nextCert), key: text(KEYS.nextKey) } : null;
  if (next !== null) keyPair(next.cert, next.key);
  const former = certificatesIn(text(KEYS.former));
  for (const one of former) new X509Certificate(one);
  return { authority, next, former, leaf: keyPair(text(KEYS.leafCert), text(KEYS.leafKey)) };
}

/** The Secret with this in it: its resourceVersion goes along, so that of two writers one gets a 409. */
export function withStored(secret: Secret, { authority, next, former, leaf }: Stored): Secret {
  const texts = {
    [KEYS.cert]: authority.cert,
    [KEYS.key]: authority.key,
    [KEYS.nextCert]: next?.cert ?? '',
    [KEYS.nextKey]: next?.key ?? '',
    [KEYS.former]: former.join(''),
    [KEYS.leafCert]: leaf.cert,
    [KEYS.leafKey]: leaf.key,
  };
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  return { ...secret, data };
}

/** Everything that a client must trust now, the one that signs first. PEM. */
export function bundleOf({ authority, next, former }: Stored): string {
  return [authority.cert, ...(next === null ? [] : [next.cert]), ...former].join('');
}
