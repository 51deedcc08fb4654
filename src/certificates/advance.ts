import { X509Certificate } from 'node:crypto';
import type { Authority, Validity } from '../server/authority.ts';
import type { KeyPair } from '../server/certificate-files.ts';
import type { Stored } from './stored.ts';

/**
 * What happens to CA and leaf as time goes by. Only dates in the certificates and the wall clock decide, so that every
 * replica comes to the same answer, also one that slept.
 *
 * A CA is replaced with an overlap: the next one is announced first (all clients trust both), signs when it has been
 * in every caBundle and a day went by, and the former one stays trusted until it expires.
 */

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
// cert-manager's webhook: CA 365 days; a leaf that is renewed at two thirds of its life (webhook-practice.md §2).
const AUTHORITY_DAYS = 365;
const LEAF_DAYS = 30;
const RENEWED_AT = 2 / 3;
// Clocks of a cluster differ; cert-controller sets notBefore back by the same hour.
const SKEW_MS = HOUR_MS;
/** How long a next CA is announced before it signs: far longer than any cache of a webhook configuration. */
const ANNOUNCED_MS = DAY_MS;

export interface Moment {
  readonly now: Date;
  /** Names that the leaf is for. */
  readonly hosts: readonly string[];
  /** Every caBundle that is live holds the announced CA. */
  readonly isNextTrusted: boolean;
}

function validFor(days: number, now: Date): Validity {
  return { notBefore: new Date(now.getTime() - SKEW_MS), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

function isPast(certificate: X509Certificate, share: number, now: Date): boolean {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return now.getTime() >= from + (to - from) * share;
}

// What signs is loaded when something has to be signed: most replicas start with a pair that is good.
async function newAuthority(now: Date): Promise<Authority> {
  const { createAuthority } = await import('../server/authority.ts');
  return createAuthority('vramgate CA', validFor(AUTHORITY_DAYS, now));
}

/** No leaf outlives its CA: a client would refuse it all the same, without telling why. */
async function newLeaf(authority: Authority, { now, hosts }: Moment): Promise<KeyPair> {
  const { notBefore, notAfter } = validFor(LEAF_DAYS, now);
  const end = Math.min(new X509Certificate(authority.cert).validToDate.getTime(), notAfter.getTime());
  const { issueLeaf } = await import('../server/authority.ts');
  return issueLeaf(authority, hosts, { notBefore, notAfter: new Date(end) });
}

/** A first CA and leaf. @param trusted certificates that clients may still need. */
export async function begin(moment: Moment, trusted: readonly string[]): Promise<Stored> {
  const authority = await newAuthority(moment.now);
  return { authority, next: null, former: trusted, leaf: await newLeaf(authority, moment) };
}

function isAnnouncedLongEnough(next: Authority, now: Date): boolean {
  const announcedAt = new X509Certificate(next.cert).validFromDate.getTime() + SKEW_MS;
  return now.getTime() >= announcedAt + ANNOUNCED_MS;
}

async function advanceAuthority(stored: Stored, { now, isNextTrusted }: Moment): Promise<Stored> {
  const { authority, next, former } = stored;
  if (next === null) {
    const isDue = isPast(new X509Certificate(authority.cert), RENEWED_AT, now);
    return isDue ? { ...stored, next: await newAuthority(now) } : stored;
  }
  if (!isNextTrusted || !isAnnouncedLongEnough(next, now)) return stored;
  return { ...stored, authority: next, next: null, former: [authority.cert, ...former] };
}

function isLeafGood({ authority, leaf }: Stored, { now, hosts }: Moment): boolean {
  const [certificate, ca] = [new X509Certificate(leaf.cert), new X509Certificate(authority.cert)];
  return (
    certificate.checkIssued(ca) &&
    certificate.verify(ca.publicKey) &&
    hosts.every((host) => certificate.checkHost(host) !== undefined) &&
    !isPast(certificate, RENEWED_AT, now)
  );
}

function isValid(pem: string, now: Date): boolean {
  return new X509Certificate(pem).validToDate > now;
}

/** The same value where nothing is to be done yet. */
export async function advance(stored: Stored, moment: Moment): Promise<Stored> {
  const { now } = moment;
  if (!isValid(stored.authority.cert, now)) return begin(moment, []);
  const signing = await advanceAuthority(stored, moment);
  const former = signing.former.filter((one) => isValid(one, now));
  const isTrimmed = former.length < signing.former.length;
  const trimmed = isTrimmed ? { ...signing, former } : signing;
  if (isLeafGood(trimmed, moment)) return trimmed;
  return { ...trimmed, leaf: await newLeaf(trimmed.authority, moment) };
}
