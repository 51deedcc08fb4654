// x509 resolves its algorithms through decorators, which need this first.
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { type KeyPair, keyPair } from './certificate-files.ts';

/** A certificate authority of our own. PEM. */
export interface Authority {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SERIAL_BYTES = 16;

x509.cryptoProvider.set(webcrypto);

function serialNumber(): string {
  const random = Buffer.from(webcrypto.getRandomValues(new Uint8Array(SERIAL_BYTES)));
  // The first bit would make it negative, an empty first byte shorter.
  return `4${random.toString('hex').slice(1)}`;
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag)}\n`;
}

async function readPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), ALGORITHM, false, ['sign']);
}

/** Every authority has a subject of its own: of two with one name, a verifier may try the wrong one only. */
export async function createAuthority(name: string, validity: Validity): Promise<Authority> {
  const keys = await newKeys();
  const serial = serialNumber();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: serial,
    name: `CN=${name} ${serial.slice(1, 9)}`,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) };
}

function alternativeName(host: string): { readonly type: 'ip' | 'dns'; readonly value: string } {
  return { type: isIP(host) === 0 ? 'dns' : 'ip', value: host };
}

/** A serving certificate for `hosts` (names or addresses), with a new key. */
export async function issueLeaf(
  authority: Authority,
  hosts: readonly string[],
  validity: Validity,
): Promise<KeyPair> {
  const ca = new x509.X509Certificate(authority.cert);
  const [keys, signingKey] = await Promise.all([newKeys(), readPrivateKey(authority.key)]);
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity,
    serialNumber: serialNumber(),
    issuer: ca.subject,
    subject: 'CN=vramgate',
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName)),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
  return keyPair(`${leaf.toString('pem')}\n`, await privateKeyPem(keys.privateKey));
}
