import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';

/** The scripts of the chart's hooks, as a pod runs them, against an API server of the test's own. */

const FILES = new URL('../../charts/vramgate/files/', import.meta.url);

interface Call {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly message?: string;
  readonly warning?: string;
}

const REFUSED: Reply = {
  status: 422,
  message:
    'admission webhook "validate.vramgate.io" denied the request: vramgate.io/context: banana is no number',
};
const CREATED: Reply = { status: 201 };

let server: Server;
let account = '';
let calls: Call[] = [];
let reply: (call: Call) => Reply = () => CREATED;

beforeAll(async () => {
  const made = await throwawayCertificate(['127.0.0.1']);
  account = mkdtempSync(join(tmpdir(), 'vramgate-account-'));
  writeFileSync(join(account, 'ca.crt'), made.ca);
  writeFileSync(join(account, 'token'), 'a-token\n');
  server = createServer({ cert: made.pair.cert, key: made.pair.key }, async (request, response) => {
    const { method, url, headers } = request;
    const call = { method, url, authorization: headers.authorization, body: await text(request) };
    calls.push(call);
    const { status, message, warning } = reply(call);
    if (warning !== undefined) response.setHeader('Warning', warning);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ message }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(account, { recursive: true, force: true });
});
beforeEach(() => {
  calls = [];
});

async function run(
  script: string,
  ...args: readonly string[]
): Promise<{ readonly status: number | null; readonly out: string }> {
  const { port } = server.address() as AddressInfo;
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(port),
    SERVICE_ACCOUNT_FOLDER: account,
  };
  const child = spawn(process.execPath, [new URL(script, FILES).pathname, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, out: out + err };
}

function isBad({ body }: Call): boolean {
  return body.includes('banana');
}

describe('installation-test.mjs', () => {
  it('sends dry runs only, as the account of its pod', async () => {
    reply = (call) => (isBad(call) ? REFUSED : CREATED);
    expect((await run('installation-test.mjs', 'ml', 'enforce')).status).toBe(0);
    expect(calls.map(({ method, url, authorization }) => [method, url, authorization])).toEqual([
      ['POST', '/apis/apps/v1/namespaces/ml/deployments?dryRun=All', 'Bearer a-token'],
      ['POST', '/apis/apps/v1/namespaces/ml/deployments?dryRun=All', 'Bearer a-token'],
    ]);
  });

  it.each<[string, string, (call: Call) => Reply, number]>([
    ['nobody refuses the bad object', 'enforce', () => CREATED, 1],
    ['the good object is refused', 'enforce', () => REFUSED, 1],
    [
      'another webhook refuses the bad object',
      'enforce',
      (call) => (isBad(call) ? { status: 422, message: 'other' } : CREATED),
      1,
    ],
    [
      'mode warn, and a warning comes',
      'warn',
      (call) => (isBad(call) ? { status: 201, warning: '299 - "vramgate.io/context: banana"' } : CREATED),
      0,
    ],
    ['mode warn, and no warning comes', 'warn', () => CREATED, 1],
    ['mode audit, which shows nothing', 'audit', () => CREATED, 0],
  ])('where %s', async (_, mode, answer, want) => {
    reply = answer;
    expect((await run('installation-test.mjs', 'ml', mode)).status).toBe(want);
  });
});

describe('delete-webhooks.mjs', () => {
  it('deletes both configurations by name, validating first', async () => {
    reply = () => ({ status: 200 });
    expect((await run('delete-webhooks.mjs', 'vramgate')).status).toBe(0);
    expect(calls.map(({ method, url }) => [method, url])).toEqual([
      ['DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/vramgate'],
      ['DELETE', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/vramgate'],
    ]);
  });

  it.each([
    ['is content where they are gone already', 404, 0],
    ['fails where it may not', 403, 1],
  ])('%s', async (_, status, want) => {
    reply = () => ({ status });
    expect((await run('delete-webhooks.mjs', 'vramgate')).status).toBe(want);
  });
});
