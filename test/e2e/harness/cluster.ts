import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { guardFolder } from './guardian.ts';
import { type Kubectl, kubectlOf } from './kubectl.ts';
import { malformedDeployment } from './manifests.ts';
import { jsonLines, type Members } from './members.ts';
import type { Authority } from './pki.ts';
import { until } from './process.ts';
import type { Tools } from './tools.ts';
import { configureWebhooks, SERVER_NAME, type WebhookSettings } from './webhook-configuration.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

/** What a file of cases works with; each file has its own. */
export interface Stage {
  readonly plane: ControlPlane;
  readonly kubectl: Kubectl;
}

export const DEMO_INVENTORY = new URL('../../demo/inventory.yaml', import.meta.url).pathname;

/** Certificate files of the webhook's server, for the name by which the API server calls it. */
export interface CertificateFiles {
  readonly ca: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Writes a new pair, in the order in which a reader may see the half of it: the server must keep the old one then. */
export async function writeCertificate(folder: string, authority: Authority): Promise<CertificateFiles> {
  const { cert, key } = await authority.issue({ commonName: SERVER_NAME, hosts: [SERVER_NAME] });
  await mkdir(folder, { recursive: true });
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  await writeFile(keyFile, key, { mode: 0o600 });
  await writeFile(certFile, cert);
  return { ca: authority.ca, certFile, keyFile };
}

/** `serve` without a cluster: certificate files, an inventory file and a configuration. */
export async function startFileServer(
  folder: string,
  certificate: CertificateFiles,
  name = 'vramgate',
  clientCaFile: string | null = null,
): Promise<WebhookServer> {
  const configFile = join(folder, `${name}.yaml`);
  const server = { host: '127.0.0.1', drainSeconds: 1, stopSeconds: 5, clientCaFile };
  await writeFile(configFile, JSON.stringify({ server }));
  return startWebhookServer({
    folder,
    name,
    args: [
      ...['--config', configFile, '--inventory', DEMO_INVENTORY],
      ...['--tls-cert-file', certificate.certFile, '--tls-private-key-file', certificate.keyFile],
    ],
  });
}

/**
 * The API server learns of a configuration up to a second after it was stored: only when a malformed object is
 * refused does a case begin.
 */
export async function webhooksAnswer({ api }: ControlPlane): Promise<void> {
  const path = '/apis/apps/v1/namespaces/default/deployments?dryRun=All';
  const body = malformedDeployment();
  const ask = async () => {
    const { text } = await api.call(path, { method: 'POST', body });
    return text.includes('denied the request') ? true : null;
  };
  await until(ask, { what: 'the API server calls the webhook' });
}

/** Configures both and waits until they are asked; `server` where another has answered so far. */
export async function applyWebhooks(
  plane: ControlPlane,
  settings: WebhookSettings,
  server?: WebhookServer,
): Promise<void> {
  await configureWebhooks(plane, settings);
  await until(
    async () => {
      await webhooksAnswer(plane);
      const asked = new Set((await server?.records())?.map((one) => one['webhook']));
      return server === undefined || asked.size === 2 ? true : null;
    },
    { what: 'the API server calls both webhooks of the new server' },
  );
}

export function adminKubectl({ tools, adminConfig, folder }: ControlPlane): Kubectl {
  return kubectlOf({ kubectl: tools('kubectl'), kubeconfig: adminConfig, home: folder });
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vramgate-e2e-'));
  guardFolder(folder);
  return folder;
}

export interface PlaneSettings {
  readonly withControllers: boolean;
  readonly apiServerFlags?: (folder: string) => Promise<readonly string[]>;
}

export async function startPlane(
  folder: string,
  tools: Tools,
  { withControllers, apiServerFlags }: PlaneSettings,
): Promise<ControlPlane> {
  const flags = apiServerFlags === undefined ? [] : await apiServerFlags(folder);
  return startControlPlane({ folder, tools, withControllers, apiServerFlags: flags });
}

/** The decision record of an object, from our log; it is written after the answer. */
export async function recordOf(
  server: Pick<WebhookServer, 'records'>,
  webhook: 'mutate' | 'validate',
  name: string,
): Promise<Members> {
  const ask = async () => {
    const found = (await server.records()).filter((one) => one['webhook'] === webhook);
    return found.findLast((one) => JSON.stringify(one['subject']).includes(`"name":"${name}"`)) ?? null;
  };
  return until(ask, { what: `a ${webhook} record of ${name}`, limitMs: 10_000 });
}

/** The API server's own account of its requests. */
export async function auditEvents(
  { auditLog }: ControlPlane,
  resource: string,
  name: string,
): Promise<readonly Members[]> {
  const events = jsonLines(await readFile(auditLog, 'utf8'));
  return events.filter((event) => {
    const text = JSON.stringify(event['objectRef'] ?? {});
    return text.includes(`"resource":"${resource}"`) && text.includes(`"name":"${name}"`);
  });
}

/** Every log of a stage's folder. */
export async function logsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  return names.filter((name) => name.endsWith('.log')).map((name) => join(folder, name));
}

/** Copies the logs of a stage's folder to `target`. */
export async function keepLogs(folder: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const log of await logsIn(folder)) await copyFile(log, join(target, basename(log)));
}
