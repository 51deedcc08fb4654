import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { at, isMembers, type Members } from './members.ts';

/** The built webhook as a process of its own, on loopback over HTTPS. */

export interface Reply {
  readonly status: number;
  readonly text: string;
}

export interface Webhook {
  readonly port: number;
  readonly post: (path: string, body: string, contentType?: string) => Promise<Reply>;
  /** The decision record that the process logged about a review; null where it did not within two seconds. */
  readonly record: (uid: string, webhook: string) => Promise<Members | null>;
  readonly stop: () => Promise<void>;
}

export async function startWebhook(root: string, folder: string, inventory: string): Promise<Webhook> {
  const { pair, ca } = await throwawayCertificate(['localhost', '127.0.0.1']);
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const configFile = join(folder, 'config.yaml');
  await writeFile(certFile, pair.cert);
  await writeFile(keyFile, pair.key, { mode: 0o600 });
  await writeFile(configFile, 'server: { host: 127.0.0.1, drainSeconds: 0 }\n');
  const flags = ['--port', '0', '--metrics-port', '0', '--config', configFile, '--inventory', inventory];
  const files = ['--tls-cert-file', certFile, '--tls-private-key-file', keyFile];
  const child = spawn(process.execPath, [join(root, 'dist/vramgate.mjs'), 'serve', ...flags, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const records = new Map<string, Members>();
  const port = await portOf(child, records);
  return {
    port,
    post: (path, body, contentType = 'application/json') => post({ port, ca, path, body, contentType }),
    record: (uid, webhook) => recordOf(records, `${uid} ${webhook}`),
    stop: () => stop(child),
  };
}

function portOf(child: ChildProcess, records: Map<string, Members>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the webhook ended with ${code}`)));
    if (child.stdout === null) throw new Error('the webhook has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const parsed: unknown = JSON.parse(line);
      const port = at(parsed, 'port');
      if (at(parsed, 'msg') === 'serving' && typeof port === 'number') resolve(port);
      if (isMembers(parsed) && parsed['decision'] !== undefined) {
        records.set(`${parsed['uid']} ${parsed['webhook']}`, parsed);
      }
    });
  });
}

interface Call {
  readonly port: number;
  readonly ca: string;
  readonly path: string;
  readonly body: string;
  readonly contentType: string;
}

function post({ port, ca, path, body, contentType }: Call): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        path: `${path}?timeout=5s`,
        method: 'POST',
        ca,
        timeout: 10_000,
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
    call.on('timeout', () => call.destroy(new Error('the webhook did not answer within 10 s')));
    call.end(body);
  });
}

/** Log lines come after the answers: wait a little for the one of this review. */
async function recordOf(records: ReadonlyMap<string, Members>, key: string): Promise<Members | null> {
  for (let tries = 0; tries < 100; tries += 1) {
    const record = records.get(key);
    if (record !== undefined) return record;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return null;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  await ended;
}
