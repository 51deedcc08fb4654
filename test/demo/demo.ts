import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { applyPatch } from 'rfc6902';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { CASES, type Case, reviewOf } from './reviews.ts';

/**
 * `npm run demo`: the built webhook on loopback over HTTPS, reviewing Deployments as the API server sends them.
 * Exits 0 only if every verdict is the expected one.
 */

const ROOT = new URL('../../', import.meta.url).pathname;
const LIMIT_MS = 60_000;

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (isMembers(inner) ? inner[step] : undefined), value);
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

interface Webhook {
  readonly port: number;
  readonly ca: string;
  /** Decision records by uid and webhook, as the process logged them. */
  readonly records: Map<string, Members>;
  readonly child: ChildProcess;
}

function post(
  webhook: Webhook,
  path: string,
  body: string,
  contentType = 'application/json',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: webhook.port,
        servername: 'localhost',
        path: `${path}?timeout=5s`,
        method: 'POST',
        ca: webhook.ca,
        timeout: 5000,
        headers: { 'content-type': contentType, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error('the webhook did not answer within 5 s')));
    call.end(body);
  });
}

async function start(folder: string): Promise<Webhook> {
  const { pair, ca } = await throwawayCertificate(['localhost', '127.0.0.1']);
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  await writeFile(certFile, pair.cert);
  await writeFile(keyFile, pair.key, { mode: 0o600 });
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, 'server: { host: 127.0.0.1, drainSeconds: 0 }\n');
  const flags = ['--port', '0', '--metrics-port', '0', '--config', configFile];
  const files = ['--tls-cert-file', certFile, '--tls-private-key-file', keyFile];
  const inventory = ['--inventory', join(ROOT, 'test/demo/inventory.yaml')];
  const child = spawn(
    process.execPath,
    [join(ROOT, 'dist/vramgate.mjs'), 'serve', ...flags, ...files, ...inventory],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const records = new Map<string, Members>();
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the webhook ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed: unknown = JSON.parse(line);
      const port = at(parsed, 'port');
      if (at(parsed, 'msg') === 'serving' && typeof port === 'number') resolve(port);
      if (isMembers(parsed) && parsed['decision'] !== undefined)
        records.set(`${parsed['uid']} ${parsed['webhook']}`, parsed);
    });
  });
  return { port, ca, records, child };
}

function patchOf(reply: unknown): readonly Members[] {
  const encoded = at(reply, 'response', 'patch');
  const parsed: unknown =
    typeof encoded === 'string' ? JSON.parse(Buffer.from(encoded, 'base64').toString()) : [];
  return Array.isArray(parsed) ? parsed : [];
}

/** rfc6902 types its operations; what came over the wire is checked by it, member by member. */
function applies(object: unknown, patch: readonly Members[]): boolean {
  const operations: Parameters<typeof applyPatch>[1] = JSON.parse(JSON.stringify(patch));
  return applyPatch(object, operations).every((error) => error === null);
}

async function review(webhook: Webhook, path: string, body: unknown): Promise<unknown> {
  const reply = await post(webhook, path, JSON.stringify(body));
  if (reply.status !== 200) throw new Error(`${path} answered HTTP ${reply.status}: ${reply.text}`);
  const parsed: unknown = JSON.parse(reply.text);
  return parsed;
}

/** Log lines come after the answers: wait a little for the one of this review. */
async function recordOf(webhook: Webhook, uid: string): Promise<Members | null> {
  for (let tries = 0; tries < 100; tries += 1) {
    const record = webhook.records.get(`${uid} validate`);
    if (record !== undefined) return record;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return null;
}

async function runCase(webhook: Webhook, one: Case, index: number): Promise<boolean> {
  const uid = `00000000-0000-4000-8000-00000000000${index}`;
  const body = reviewOf(one, uid);
  const mutated = await review(webhook, '/mutate', body);
  const patch = patchOf(mutated);
  const object = at(body, 'request', 'object');
  const failed = !applies(object, patch);
  const validated = await review(webhook, '/validate', body);
  const isAllowed = at(validated, 'response', 'allowed') === true;
  const verdict = isAllowed ? (patch.length > 0 ? 'patch' : 'allow') : 'deny';
  const status = at(validated, 'response', 'status', 'code');
  const record = await recordOf(webhook, uid);
  const isExpected =
    !failed &&
    verdict === one.want &&
    record !== null &&
    (one.wantStatus === undefined || status === one.wantStatus);
  print(one, verdict, patch, validated, record, isExpected);
  return isExpected;
}

function print(
  one: Case,
  verdict: string,
  patch: readonly Members[],
  validated: unknown,
  record: Members | null,
  isExpected: boolean,
): void {
  console.log(`\n── ${one.title}`);
  console.log(`   verdict: ${verdict} (${isExpected ? 'as expected' : `expected ${one.want}`})`);
  for (const operation of patch) console.log(`   patch:   ${JSON.stringify(operation)}`);
  const warnings = at(validated, 'response', 'warnings');
  for (const warning of Array.isArray(warnings) ? warnings : []) console.log(`   warning: ${warning}`);
  const message = at(validated, 'response', 'status', 'message');
  if (typeof message === 'string') console.log(message.replace(/^/gm, '   | '));
  console.log(`   record:  ${JSON.stringify(record)}`);
}

/** What is no review at all: the answers of the contract (§5). */
async function runBroken(webhook: Webhook): Promise<boolean> {
  const body = JSON.stringify(reviewOf(CASES[0] ?? fail(), 'x'));
  const wrongType = await post(webhook, '/validate', body, 'text/yaml');
  const broken = await post(webhook, '/validate', body.slice(0, 500));
  console.log('\n── no review at all');
  console.log(`   wrong content type: HTTP ${wrongType.status} ${wrongType.text.trim()}`);
  console.log(`   broken JSON:        HTTP ${broken.status} ${broken.text.trim()}`);
  return wrongType.status === 400 && broken.status === 400;
}

function fail(): never {
  throw new Error('there are no cases');
}

async function main(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'vramgate-demo-'));
  let webhook: Webhook | null = null;
  try {
    webhook = await start(folder);
    console.log(`vramgate serves on https://127.0.0.1:${webhook.port} with a throwaway certificate`);
    let isGood = true;
    for (const [index, one] of CASES.entries()) isGood = (await runCase(webhook, one, index)) && isGood;
    isGood = (await runBroken(webhook)) && isGood;
    console.log(`\n${isGood ? 'every verdict is the expected one' : 'a verdict is NOT the expected one'}`);
    console.log(
      'your own manifest: node_modules/.bin/node dist/vramgate.mjs check -f FILE --inventory test/demo/inventory.yaml',
    );
    return isGood;
  } finally {
    if (webhook !== null) {
      const { child } = webhook;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  }
}

setTimeout(() => {
  console.error('the demo took too long');
  process.exit(1);
}, LIMIT_MS).unref();
process.exitCode = (await main()) ? 0 : 1;
