import { writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, issueLeaf } from '../../src/server/authority.ts';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { clientAuthority } from './client-certificate.ts';
import {
  bodyOf,
  type Calling,
  callWithoutPause,
  page,
  post,
  type Serving,
  startServing,
  until,
  writePair,
} from './serving.ts';

const APPLIED = 'vramgate_refreshes_total{subject="certificate",result="applied"}';
const IS_GOOD = 'vramgate_last_refresh_successful{subject="certificate"}';
const EXPIRY = 'vramgate_certificate_expiry_timestamp_seconds';
const HOSTS = ['localhost', '127.0.0.1'];
const HOUR_MS = 60 * 60 * 1000;

const serving: Serving[] = [];

async function start(...wanted: Parameters<typeof startServing>): Promise<Serving> {
  const one = await startServing(...wanted);
  serving.push(one);
  return one;
}

afterEach(async () => {
  for (const one of serving.splice(0)) await one.stop();
});

function validity(fromHours: number, toHours: number) {
  const now = Date.now();
  return { notBefore: new Date(now + fromHours * HOUR_MS), notAfter: new Date(now + toHours * HOUR_MS) };
}

function untilSample(target: Serving, name: string, want: number): Promise<number> {
  const is = async (): Promise<number | null> => ((await target.sample(name)) === want ? want : null);
  return until(is, `${name} to be ${want}`);
}

function statusOf(calling: Calling): Promise<number> {
  return post(calling, '/validate', bodyOf('scout-fits')).then(({ status }) => status);
}

function failureOf(calling: Calling): Promise<string> {
  return statusOf(calling).then(
    (status) => `answered ${status}`,
    (error: Error) => error.message,
  );
}

describe('mounted certificate files', () => {
  it('that change are served to new connections, and the metric has their end', async () => {
    const target = await start();
    const before = await target.sample(EXPIRY);
    const next = await throwawayCertificate(HOSTS, 20);
    writePair(target.folder, next.pair);
    await untilSample(target, APPLIED, 1);

    expect(await statusOf({ port: target.port, ca: next.ca })).toBe(200);
    expect(await failureOf(target)).not.toMatch(/^answered/);
    expect(await target.sample(EXPIRY)).toBe(next.pair.expiresAt.getTime() / 1000);
    expect(before).toBeLessThan(next.pair.expiresAt.getTime() / 1000);
  });

  it.each([
    [
      'a certificate without its key',
      async () => ({ ...(await throwawayCertificate(HOSTS)).pair, key: null }),
    ],
    ['a text that is no certificate', async () => ({ cert: 'nothing', key: null })],
    [
      'a certificate that has expired',
      async () => issueLeaf(await createAuthority('test CA', validity(-48, 48)), HOSTS, validity(-24, -1)),
    ],
  ])(
    'that become %s leave the last good pair in place, and the next good pair counts',
    async (_what, make) => {
      const target = await start();
      const { cert, key } = await make();
      writeFileSync(join(target.folder, 'tls.crt'), cert);
      if (key !== null) writeFileSync(join(target.folder, 'tls.key'), key);
      await untilSample(target, IS_GOOD, 0);

      expect(await statusOf(target)).toBe(200);
      expect((await page(target.metricsPort, '/readyz')).status).toBe(200);

      const next = await throwawayCertificate(HOSTS);
      writePair(target.folder, next.pair);
      await untilSample(target, IS_GOOD, 1);

      expect(await statusOf({ port: target.port, ca: next.ca })).toBe(200);
    },
  );

  it('swapped under load fail no call, neither of clients that keep their connection nor of new ones', async () => {
    const target = await start();
    const authority = await createAuthority('test CA', validity(-1, 24));
    const ca = `${target.ca}${authority.cert}`;
    const isVerdict = (text: string): boolean => JSON.parse(text).response.allowed;
    const kept = callWithoutPause({ port: target.port, ca }, bodyOf('scout-fits'), isVerdict);
    const fresh = callWithoutPause(
      { port: target.port, ca, agent: new Agent({ keepAlive: false }) },
      bodyOf('scout-fits'),
      isVerdict,
    );
    for (let round = 1; round <= 5; round += 1) {
      writePair(target.folder, await issueLeaf(authority, HOSTS, validity(-1, round + 1)));
      await untilSample(target, APPLIED, round);
      const before = [kept.answered(), fresh.answered()];
      const isOn = (): true | null =>
        kept.answered() > (before[0] ?? 0) + 4 && fresh.answered() > (before[1] ?? 0) + 4 ? true : null;
      await until(isOn, 'more answers');
    }

    for (const { outcomes, wrong } of [await kept.end(), await fresh.end()]) {
      expect([...outcomes.keys()]).toEqual(['200']);
      expect(wrong).toEqual([]);
    }
  }, 120_000);

  it('leave TLS 1.1 refused after a swap: every option is set again', async () => {
    const target = await start();
    const next = await throwawayCertificate(HOSTS);
    writePair(target.folder, next.pair);
    await untilSample(target, APPLIED, 1);
    const protocol = await new Promise<string | null>((resolve) => {
      const address = { host: '127.0.0.1', port: target.port, ca: next.ca, servername: 'localhost' };
      // OpenSSL's own floor is lowered, so that it is the server that refuses.
      const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      const socket: TLSSocket = connect({ ...address, ...old }, () => resolve(socket.getProtocol()));
      socket.on('error', () => resolve(null));
      socket.on('secureConnect', () => socket.destroy());
    });

    expect(protocol).toBeNull();
  });
});

describe('client certificates', () => {
  it('are not asked for by default', async () => {
    expect(await statusOf(await start())).toBe(200);
  });

  it('of the CA that is named are let in; none, or one of another CA, is turned away; also after a swap', async () => {
    const [known, stranger] = [await clientAuthority('clients'), await clientAuthority('clients')];
    const [good, bad] = [await known.issue('kube-apiserver'), await stranger.issue('kube-apiserver')];
    const target = await start({ clientCa: known.ca });
    const call = (ca: string, pair: { cert: string; key: string } | null): Promise<string> => {
      const own = pair === null ? {} : { cert: pair.cert, key: pair.key };
      return failureOf({ port: target.port, ca, ...own });
    };

    expect(await call(target.ca, good)).toBe('answered 200');
    expect(await call(target.ca, null)).not.toMatch(/^answered/);
    expect(await call(target.ca, bad)).not.toMatch(/^answered/);

    const next = await throwawayCertificate(HOSTS);
    writePair(target.folder, next.pair);
    await untilSample(target, APPLIED, 1);

    expect(await call(next.ca, good)).toBe('answered 200');
    expect(await call(next.ca, null)).not.toMatch(/^answered/);
    expect(await call(next.ca, bad)).not.toMatch(/^answered/);
    expect((await page(target.metricsPort, '/readyz')).status).toBe(200);
  });

  it('of a CA that has taken the place of the first one are let in without a restart; a file without one changes nothing', async () => {
    const [first, second] = [await clientAuthority('clients'), await clientAuthority('clients')];
    const [old, young] = [await first.issue('kube-apiserver'), await second.issue('kube-apiserver')];
    const target = await start({ clientCa: first.ca });
    const call = (pair: { cert: string; key: string }): Promise<string> =>
      failureOf({ port: target.port, ca: target.ca, cert: pair.cert, key: pair.key });

    expect(await call(young)).not.toMatch(/^answered/);

    writeFileSync(join(target.folder, 'client-ca.crt'), second.ca);
    await untilSample(target, 'vramgate_refreshes_total{subject="client-ca",result="applied"}', 1);

    expect(await call(young)).toBe('answered 200');
    expect(await call(old)).not.toMatch(/^answered/);

    writeFileSync(join(target.folder, 'client-ca.crt'), 'not a certificate');
    await untilSample(target, 'vramgate_last_refresh_successful{subject="client-ca"}', 0);

    expect(await call(young)).toBe('answered 200');
  });
});
