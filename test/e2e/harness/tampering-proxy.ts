import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { CertificateFiles } from './cluster.ts';
import { listen } from './listen.ts';
import { at, isMembers, type Members } from './members.ts';
import { SERVER_NAME } from './webhook-configuration.ts';

/** Makes of the JSON Patch that the server sends what the API server gets: bytes, not necessarily JSON. */
export type Tamper = (patch: string) => string;

function tampered(reply: string, tamper: Tamper): string {
  const review: unknown = JSON.parse(reply);
  const response = at(review, 'response');
  const patch = at(response, 'patch');
  if (!isMembers(review) || !isMembers(response) || typeof patch !== 'string') return reply;
  const changed = tamper(Buffer.from(patch, 'base64').toString());
  const edited: Members = {
    ...review,
    response: { ...response, patch: Buffer.from(changed).toString('base64') },
  };
  return JSON.stringify(edited);
}

function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(Buffer.concat(chunks).toString()));
    stream.on('error', reject);
  });
}

/**
 * Stands before a server, with its certificate, and spoils the patches of its answers: ours are applied and compared
 * before they are sent, so only somebody else can make a wrong one. Lives as long as this process.
 */
export async function startTamperingProxy(
  { ca, certFile, keyFile }: CertificateFiles,
  target: number,
  tamper: Tamper,
): Promise<number> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const server = createServer({ cert, key }, (incoming, answer) => {
    const { url: path, method, headers } = incoming;
    const to = { host: '127.0.0.1', port: target, servername: SERVER_NAME, ca };
    const call = request({ ...to, path, method, headers }, async (reply) => {
      const text = tampered(await textOf(reply), tamper);
      answer.writeHead(reply.statusCode ?? 502, { 'content-type': 'application/json' }).end(text);
    });
    call.on('error', () => answer.destroy());
    incoming.pipe(call);
  });
  server.unref();
  return listen(server);
}
