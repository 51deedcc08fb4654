import { createAuthority, issueLeaf } from './authority.ts';
import type { KeyPair } from './certificate-files.ts';

export interface ThrowawayCertificate {
  readonly pair: KeyPair;
  /** PEM of the CA: what a webhook configuration carries as caBundle. */
  readonly ca: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
// Clocks of a cluster differ; cert-controller sets notBefore back by the same hour.
const SKEW_MS = 60 * 60 * 1000;

/** A CA and a leaf for `hosts` (names or addresses), for one process and at most `days`. The CA key is not kept. */
export async function throwawayCertificate(
  hosts: readonly string[],
  days = 1,
): Promise<ThrowawayCertificate> {
  const now = Date.now();
  const validity = { notBefore: new Date(now - SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
  const authority = await createAuthority('vramgate throwaway CA', validity);
  return { pair: await issueLeaf(authority, hosts, validity), ca: authority.cert };
}
