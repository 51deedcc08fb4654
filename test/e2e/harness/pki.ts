// x509 resolves its algorithms through decorators, which need this first.
import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** Certificates of the control plane: those of the webhook are the product's own business. */

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** Groups of the user, as the API server reads them. */
  readonly organization?: string;
  /** Names and addresses of a server; a client has none. */
  readonly hosts?: readonly string[];
}

export interface Authority {
  readonly ca: string;
  readonly issue: (subject: Subject) => Promise<Pair>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 60 * 60 * 1000;

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function dates() {
  const now = Date.now();
  return { notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + 24 * HOUR_MS) };
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function nameOf({ commonName, organization }: Subject): x509.JsonName {
  return [...(organization === undefined ? [] : [{ O: [organization] }]), { CN: [commonName] }];
}

export async function createAuthority(commonName: string): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates(),
    name: nameOf({ commonName }),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    ca: `${ca.toString('pem')}\n`,
    issue: async (subject) => {
      const leafKeys = await newKeys();
      const names = (subject.hosts ?? []).map((value) => ({
        type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
        value,
      }));
      const usage = [x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth];
      const leaf = await x509.X509CertificateGenerator.create({
        ...dates(),
        subject: nameOf(subject),
        issuer: ca.subjectName,
        signingAlgorithm: ALGORITHM,
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.ExtendedKeyUsageExtension(usage),
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        ],
      });
      return { cert: `${leaf.toString('pem')}\n`, key: `${await keyPem(leafKeys.privateKey)}\n` };
    },
  };
}

/** The key that signs service account tokens; RSA, which every client of the API server reads. */
export function serviceAccountKey(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
