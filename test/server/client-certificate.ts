import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface ClientAuthority {
  readonly ca: string;
  /** A client certificate, as an API server is given one for its webhooks. */
  readonly issue: (name: string) => Promise<{ readonly cert: string; readonly key: string }>;
}

function pem(der: ArrayBuffer): string {
  return x509.PemConverter.encode(der, x509.PemConverter.PrivateKeyTag);
}

/** A CA whose leafs are for clients (extended key usage clientAuth). */
export async function clientAuthority(name: string): Promise<ClientAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    ca: ca.toString('pem'),
    issue: async (client) => {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const leaf = await x509.X509CertificateGenerator.create({
        issuer: ca.subject,
        subject: `CN=${client}`,
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
      });
      return {
        cert: leaf.toString('pem'),
        key: pem(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)),
      };
    },
  };
}
