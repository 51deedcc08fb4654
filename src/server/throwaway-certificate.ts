// x509 resolves its algorithms through decorators, which need this first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { type KeyPair, keyPair } from './certificate-files.ts';

export interface ThrowawayCertificate {
  readonly pair: KeyPair;
  /** PEM of the CA: what a webhook configuration carries as caBundle. */
  readonly ca: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 60 * 60 * 1000;
// Clocks of a cluster differ; cert-controller sets notBefore back by the same hour.
const SKEW_MS = 60 * 60 * 1000;
const SERIAL_BYTES = 16;

interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function validity(days: number): Validity {
  const now = Date.now();
  return { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

function serialNumber(): string {
  const random = Buffer.from(webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES)));
  // The first bit would make it negative, an empty first byte shorter.
  return `4${random.toString('hex').slice(1)}`;
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function createCa(keys: webcrypto.CryptoKeyPair, valid: Validity): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.createSelfSigned({
    ...valid,
    serialNumber: serialNumber(),
    name: 'CN=vramgate throwaway CA',
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
}

function alternativeName(host: string): { readonly type: 'ip' | 'dns'; readonly value: string } {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

async function createLeaf(
  ca: x509.X509Certificate,
  caKey: webcrypto.CryptoKey,
  publicKey: webcrypto.CryptoKey,
  hosts: readonly string[],
): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    notBefore: ca.notBefore,
    notAfter: ca.notAfter,
    serialNumber: serialNumber(),
    issuer: ca.subject,
    subject: 'CN=vramgate',
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: caKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName)),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag)}\n`;
}

/** A CA and a leaf for `hosts` (names or addresses), for one process and at most `days`. The CA key is not kept. */
export async function throwawayCertificate(
  hosts: readonly string[],
  days = 1,
): Promise<ThrowawayCertificate> {
  x509.cryptoProvider.set(webcrypto);
  const [caKeys, leafKeys] = await Promise.all([newKeys(), newKeys()]);
  const ca = await createCa(caKeys, validity(days));
  const leaf = await createLeaf(ca, caKeys.privateKey, leafKeys.publicKey, hosts);
  const cert = `${leaf.toString('pem')}\n`;
  return { pair: keyPair(cert, await privateKeyPem(leafKeys.privateKey)), ca: `${ca.toString('pem')}\n` };
}
