import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageFlags } from '../../support/image-flags.ts';
import { at, jsonLines, type Members } from './members.ts';
import { type Program, startProgram, until } from './process.ts';

export const BUNDLE = fileURLToPath(new URL('../../../dist/vramgate.mjs', import.meta.url));

/** The built server, as its own process. */
export interface WebhookServer {
  readonly port: number;
  readonly metricsPort: number;
  readonly program: Program;
  /** The decision records that it has logged so far, oldest first. */
  readonly records: () => Promise<readonly Members[]>;
  /** A sample of its metrics, by name and labels as they are written; NaN where there is none. */
  readonly sample: (name: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export interface WebhookServerSettings {
  readonly folder: string;
  readonly name: string;
  /** Everything after `serve`; the ports are added. */
  readonly args: readonly string[];
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

// Draining takes up to drainSeconds + stopSeconds of the configuration; the suite sets both low.
const STOP_LIMIT_MS = 30_000;

export async function startWebhookServer(settings: WebhookServerSettings): Promise<WebhookServer> {
  const logFile = join(settings.folder, `${settings.name}.log`);
  await writeFile(logFile, '');
  const program = startProgram({
    name: settings.name,
    command: process.execPath,
    args: [
      ...imageFlags(),
      BUNDLE,
      'serve',
      ...settings.args,
      '--port',
      String(settings.port ?? 0),
      '--metrics-port',
      '0',
    ],
    logFile,
    ...(settings.env !== undefined && { env: settings.env }),
  });
  const lines = async () => jsonLines(await readFile(logFile, 'utf8'));
  const [port, metricsPort] = await until(
    async () => {
      const serving = (await lines()).find((line) => line['msg'] === 'serving');
      const ports = [at(serving, 'port'), at(serving, 'metricsPort')];
      return ports.every((one) => typeof one === 'number') ? ports : null;
    },
    { what: `${settings.name} serves`, program },
  );
  const isReady = async () =>
    (await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status === 200 ? true : null;
  await until(isReady, { what: `${settings.name} is ready`, program });
  return {
    port: port ?? 0,
    metricsPort: metricsPort ?? 0,
    program,
    records: async () => (await lines()).filter((line) => line['msg'] === 'decision'),
    sample: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      return Number(line?.slice(name.length));
    },
    stop: () => program.stop(STOP_LIMIT_MS),
  };
}
