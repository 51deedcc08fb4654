import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A key and its certificate, with the intermediates after it. PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly expiresAt: Date;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function chainOf(cert: string): readonly X509Certificate[] {
  return (cert.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
}

/** @throws Error where a file of authorities holds none, or one that cannot be read: nobody could be let in. */
export function authorities(pem: string): string {
  if (chainOf(pem).length === 0) throw new Error('there is no certificate in the file of authorities');
  return pem;
}

/** @throws Error when the two cannot be served together: one of them is old, or the chain is in disorder. */
export function keyPair(cert: string, key: string): KeyPair {
  const chain = chainOf(cert);
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('there is no certificate in the certificate file');
  if (!leaf.checkPrivateKey(createPrivateKey(key)))
    throw new Error('key and certificate do not belong together');
  const isBroken = chain.some((one, index) => {
    const issuer = chain[index + 1];
    return issuer !== undefined && !one.checkIssued(issuer);
  });
  if (isBroken) throw new Error('the certificates of the file are no chain, leaf first');
  return { cert, key, expiresAt: leaf.validToDate };
}

export async function readKeyPair(files: {
  readonly certFile: string;
  readonly keyFile: string;
}): Promise<KeyPair> {
  const [cert, key] = await Promise.all([readFile(files.certFile, 'utf8'), readFile(files.keyFile, 'utf8')]);
  return keyPair(cert, key);
}
