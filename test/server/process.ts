import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { type Calling, type LogLine, logLines, until, writePair } from './serving.ts';

/** The built `vramgate serve` as a process of its own, as it runs in a container. */
export interface Process extends Calling {
  readonly metricsPort: number;
  readonly child: ChildProcess;
  /** What it wrote to standard output. */
  readonly log: () => readonly LogLine[];
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly remove: () => void;
}

const BUNDLE = new URL('../../dist/vramgate.mjs', import.meta.url).pathname;

export async function startProcess(server: string, flags: readonly string[] = []): Promise<Process> {
  const folder = mkdtempSync(join(tmpdir(), 'vramgate-process-'));
  const { pair, ca } = await throwawayCertificate(['localhost', '127.0.0.1']);
  writePair(folder, pair);
  const config = join(folder, 'config.yaml');
  writeFileSync(config, `server: { host: 127.0.0.1, ${server} }\n`);
  const files = [
    '--tls-cert-file',
    join(folder, 'tls.crt'),
    '--tls-private-key-file',
    join(folder, 'tls.key'),
  ];
  const ports = ['--config', config, '--port', '0', '--metrics-port', '0'];
  const child = spawn(process.execPath, [BUNDLE, 'serve', ...files, ...ports, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let written = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    written += chunk;
  });
  // 'close' comes when the output was read to its end, 'exit' may come before.
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const log = (): readonly LogLine[] => logLines(written);
  const line = await until(
    () => log().find((one) => one['msg'] === 'serving') ?? null,
    'the process to serve',
  );
  return {
    port: Number(line['port']),
    metricsPort: Number(line['metricsPort']),
    ca,
    child,
    log,
    ended,
    remove: () => {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
