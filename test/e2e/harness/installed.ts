import { join } from 'node:path';
import { type Balancer, startBalancer } from './balancer.ts';
import {
  CHART,
  chartArguments,
  type Helm,
  helmOf,
  mountAt,
  removeService,
  routeToLocalhost,
  tokenOf,
  translateArguments,
  writeValues,
} from './chart.ts';
import { type Stage, webhooksAnswer } from './cluster.ts';
import type { ControlPlane } from './control-plane.ts';
import { addNodes, cpuNode, fixtureNodes, NODE_FIXTURES, nameOf, nodesReady, startKwok } from './kwok.ts';
import type { Members } from './members.ts';
import { createObject } from './objects.ts';
import { createAuthority } from './pki.ts';
import { type Program, until } from './process.ts';
import type { Binary } from './recipes.ts';
import { NAMESPACE, SERVER_NAME, SERVICE } from './webhook-configuration.ts';
import { startWebhookServer, type WebhookServer } from './webhook-server.ts';

/** A cluster with simulated nodes in which the chart is installed, and two replicas of the built server behind it. */
export interface InstalledStage extends Stage {
  readonly helm: Helm;
  readonly kwok: Program;
  readonly balancer: Balancer;
  readonly replicas: readonly WebhookServer[];
  /** Another replica with the arguments that the chart gives, not behind the balancer yet; `nodeFile` of test/fixtures/nodes in place of the cluster's nodes. */
  readonly addReplica: (name: string, nodeFile?: string) => Promise<WebhookServer>;
  /** `helm upgrade` with further values; every replica takes the configuration of it over. */
  readonly upgrade: (values: Members) => Promise<void>;
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

async function addAllNodes(plane: ControlPlane, settings: InstalledSettings): Promise<void> {
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
async function ownCertificates(plane: ControlPlane): Promise<unknown> {
  const authority = await createAuthority('e2e webhook CA');
  const { cert, key } = await authority.issue({ commonName: SERVER_NAME, hosts: [SERVER_NAME] });
  const { ca } = authority;
  await createObject(plane, '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
  await createObject(plane, `/api/v1/namespaces/${NAMESPACE}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: TLS_SECRET },
    stringData: { 'tls.crt': cert, 'tls.key': key },
  });
  return { mode: 'existing-secret', existingSecret: { name: TLS_SECRET, caBundle: ca } };
}

/** Starts the server with the arguments, files and credentials that a Pod of the chart gets. */
async function startReplica(
  plane: ControlPlane,
  name: string,
  { kubeconfig, nodeFile }: { readonly kubeconfig: string; readonly nodeFile?: string | undefined },
): Promise<WebhookServer> {
  const mounts = {
    '/etc/vramgate': configFolder(plane, name),
    '/etc/vramgate-tls': join(plane.folder, name, 'tls'),
  };
  await mountAt(plane, 'configmaps', SERVICE, mounts['/etc/vramgate']);
  const chartArgs = translateArguments(await chartArguments(plane), mounts);
  if (!chartArgs.includes('--self-managed-tls')) {
    await mountAt(plane, 'secrets', TLS_SECRET, mounts['/etc/vramgate-tls']);
  }
  const nodes = nodeFile === undefined ? [] : ['--inventory', join(NODE_FIXTURES, nodeFile)];
  const args = [...chartArgs, '--kubeconfig', kubeconfig, ...nodes];
  return startWebhookServer({ folder: plane.folder, name, args });
}

/** Where a replica's ConfigMap is mounted. */
function configFolder(plane: ControlPlane, name: string): string {
  return join(plane.folder, name, 'config');
}

const TAKEN_OVER = 'vramgate_refreshes_total{subject="config",result="applied"}';

/** What the kubelet does after an upgrade: it mounts the new ConfigMap. Resolves when the replica has taken it over. */
export async function remountConfig(plane: ControlPlane, replica: WebhookServer): Promise<void> {
  const { name } = replica.program;
  const taken = async () => (await replica.sample(TAKEN_OVER)) || 0;
  const before = await taken();
  await mountAt(plane, 'configmaps', SERVICE, configFolder(plane, name));
  await until(async () => ((await taken()) > before ? true : null), {
    what: `${name} takes its new configuration over`,
    program: replica.program,
  });
}

export async function installChart(stage: Stage, settings: InstalledSettings): Promise<InstalledStage> {
  const { plane } = stage;
  const kwok = await startKwok(plane);
  await addAllNodes(plane, settings);
  const balancer = await startBalancer();
  const isSelfManaged = settings.isSelfManaged === true;
  const certificates = isSelfManaged ? { mode: 'self-managed' } : await ownCertificates(plane);
  const helm = helmOf(plane, 'helm-4');
  const all = { ...chartValues(balancer.port, certificates), ...settings.values };
  const values = await writeValues(plane, all);
  await helm(['install', SERVICE, CHART, '-n', NAMESPACE, '--create-namespace', '-f', values]);
  await routeToLocalhost(plane);
  const replicas: WebhookServer[] = [];
  const addReplica = async (name: string, nodeFile?: string): Promise<WebhookServer> => {
    // What the chart's roles allow is all that a replica may do.
    const kubeconfig = await plane.configOfToken(SERVICE, await tokenOf(plane, SERVICE));
    const replica = await startReplica(plane, name, { kubeconfig, nodeFile });
    replicas.push(replica);
    return replica;
  };
  const pair = await Promise.all([addReplica('replica-1'), addReplica('replica-2')]);
  balancer.use(pair.map((one) => one.port));
  await webhooksAnswer(plane);
  const upgrade = async (more: Members) => {
    await removeService(plane);
    const file = await writeValues(plane, more, 'more-values');
    await helm(['upgrade', SERVICE, CHART, '-n', NAMESPACE, '--reset-then-reuse-values', '-f', file]);
    await routeToLocalhost(plane);
    const running = replicas.filter((one) => !one.program.hasEnded());
    await Promise.all(running.map((one) => remountConfig(plane, one)));
  };
  const records = async () => {
    const all = await Promise.all(replicas.map((one) => one.records()));
    return all.flat().sort((one, other) => String(one['time']).localeCompare(String(other['time'])));
  };
  return { ...stage, helm, kwok, balancer, replicas, addReplica, upgrade, records };
}
