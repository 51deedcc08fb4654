import { join } from 'node:path';
import { type Balancer, startBalancer } from './balancer.ts';
import {
  CHART,
  chartArguments,
  type Helm,
  helmOf,
  mountAt,
  routeToLocalhost,
  translateArguments,
  writeValues,
} from './chart.ts';
import { type Stage, webhooksAnswer, writeCertificate } from './cluster.ts';
import { addNodes, cpuNode, fixtureNodes, NODE_FIXTURES, nameOf, nodesReady, startKwok } from './kwok.ts';
import type { Members } from './members.ts';
import { createAuthority } from './pki.ts';
import type { Program } from './process.ts';
import type { Binary } from './recipes.ts';
import { NAMESPACE, SERVICE } from './webhook-configuration.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

/** A cluster with simulated nodes in which the chart is installed, and two replicas of the built server behind it. */
export interface InstalledStage extends Stage {
  readonly helm: Helm;
  readonly kwok: Program;
  readonly balancer: Balancer;
  readonly replicas: readonly WebhookServer[];
  /** Another replica with the arguments that the chart gives, not behind the balancer yet; `nodeFile` of test/fixtures/nodes in place of the cluster's nodes. */
  readonly addReplica: (name: string, nodeFile?: string) => Promise<WebhookServer>;
  /** Every decision record of both replicas, by time. */
  readonly records: () => Promise<readonly Members[]>;
}

export interface InstalledSettings {
  readonly name: string;
  /** Files of test/fixtures/nodes. */
  readonly nodeFiles: readonly string[];
  readonly moreNodes?: readonly Members[];
  /** Who makes the certificates; files of the suite's own where absent. */
  readonly isSelfManaged?: boolean;
  readonly moreTools?: readonly Binary[];
  /** Further values of the chart. */
  readonly values?: Members;
}

const TLS_SECRET = 'vramgate-e2e-tls';

/** Values of the chart as this suite installs it: everything on loopback, and a short drain. */
export function chartValues(port: number, certificates: unknown, config: unknown = {}): Members {
  const server = { host: '127.0.0.1', drainSeconds: 1, stopSeconds: 5 };
  const more = typeof config === 'object' ? config : {};
  return { service: { port }, certificates, config: { server, ...more } };
}

/** The credentials that the Pods of the chart would be mounted: what its roles allow is all that a replica may do. */
async function serviceAccountConfig({ kubectl, plane }: Stage): Promise<string> {
  const { stdout } = await kubectl.run(['create', 'token', SERVICE, '-n', NAMESPACE, '--duration=8h']);
  return plane.configOfToken(SERVICE, stdout.trim());
}

async function addAllNodes({ plane }: Stage, settings: InstalledSettings): Promise<void> {
  const files = await Promise.all(settings.nodeFiles.map(fixtureNodes));
  const nodes = [cpuNode('cpu-1'), cpuNode('cpu-2'), ...files.flat(), ...(settings.moreNodes ?? [])];
  await addNodes(plane, nodes);
  await nodesReady(plane, ['cpu-1', 'cpu-2']);
  // A cordoned or broken node of a fixture never becomes ready; its kubelet would not either.
  await nodesReady(plane, nodes.filter(isUsable).map(nameOf));
}

function isUsable(node: Members): boolean {
  return !JSON.stringify(node['spec'] ?? {}).includes('node.kubernetes.io/');
}

/** A pair of the suite's own in a Secret, and the values that point the chart at it. */
async function ownCertificates({ kubectl, plane }: Stage): Promise<unknown> {
  const authority = await createAuthority('e2e webhook CA');
  const { ca, certFile, keyFile } = await writeCertificate(join(plane.folder, 'certificate'), authority);
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  await kubectl.run([
    ...['create', 'secret', 'tls', TLS_SECRET, '-n', NAMESPACE],
    ...[`--cert=${certFile}`, `--key=${keyFile}`],
  ]);
  return { mode: 'existing-secret', existingSecret: { name: TLS_SECRET, caBundle: ca } };
}

/** Starts the server with the arguments, files and credentials that a Pod of the chart gets. */
async function startReplica(
  stage: Stage,
  name: string,
  { kubeconfig, nodeFile }: { readonly kubeconfig: string; readonly nodeFile?: string | undefined },
): Promise<WebhookServer> {
  const { kubectl, plane } = stage;
  const mounts = {
    '/etc/vramgate': configFolder(stage, name),
    '/etc/vramgate-tls': join(plane.folder, name, 'tls'),
  };
  await mountAt(kubectl, 'configmap', SERVICE, mounts['/etc/vramgate']);
  const chartArgs = translateArguments(await chartArguments(kubectl), mounts);
  if (!chartArgs.includes('--self-managed-tls')) {
    await mountAt(kubectl, 'secret', TLS_SECRET, mounts['/etc/vramgate-tls']);
  }
  const nodes = nodeFile === undefined ? [] : ['--inventory', join(NODE_FIXTURES, nodeFile)];
  const args = [...chartArgs, '--kubeconfig', kubeconfig, ...nodes];
  return startWebhookServer({ folder: plane.folder, name, args });
}

/** Where a replica's ConfigMap is mounted. */
export function configFolder({ plane }: Stage, name: string): string {
  return join(plane.folder, name, 'config');
}

export async function installChart(stage: Stage, settings: InstalledSettings): Promise<InstalledStage> {
  const { plane, kubectl } = stage;
  const kwok = await startKwok(plane);
  await addAllNodes(stage, settings);
  const balancer = await startBalancer();
  const isSelfManaged = settings.isSelfManaged === true;
  const certificates = isSelfManaged ? { mode: 'self-managed' } : await ownCertificates(stage);
  const helm = helmOf(plane, 'helm-4');
  const all = { ...chartValues(balancer.port, certificates), ...settings.values };
  const values = await writeValues(plane, all);
  await helm(['install', SERVICE, CHART, '-n', NAMESPACE, '--create-namespace', '-f', values]);
  await routeToLocalhost(kubectl);
  const replicas: WebhookServer[] = [];
  const addReplica = async (name: string, nodeFile?: string): Promise<WebhookServer> => {
    const kubeconfig = await serviceAccountConfig(stage);
    const replica = await startReplica(stage, name, { kubeconfig, nodeFile });
    replicas.push(replica);
    return replica;
  };
  const pair = await Promise.all([addReplica('replica-1'), addReplica('replica-2')]);
  balancer.use(pair.map((one) => one.port));
  await webhooksAnswer(plane);
  const records = async () => {
    const all = await Promise.all(replicas.map((one) => one.records()));
    return all.flat().sort((one, other) => String(one['time']).localeCompare(String(other['time'])));
  };
  return { ...stage, helm, kwok, balancer, replicas, addReplica, records };
}
