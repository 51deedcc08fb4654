import { X509Certificate } from 'node:crypto';
import { certificatesIn } from '../../src/certificates/stored.ts';

export const HOST = 'vramgate.vramgate.svc';

/** As a client does that trusts `bundle`: some CA of it signed the leaf, and both are valid now. */
export function isTrusted(leaf: string, bundle: string, now: Date): boolean {
  const certificate = new X509Certificate(leaf);
  const isValid = (one: X509Certificate): boolean => one.validFromDate <= now && now <= one.validToDate;
  const authorities = certificatesIn(bundle).map((pem) => new X509Certificate(pem));
  const signers = authorities.filter((ca) => ca.ca && isValid(ca) && certificate.verify(ca.publicKey));
  return signers.length > 0 && isValid(certificate) && certificate.checkHost(HOST) !== undefined;
}
