import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Api, createApi } from './api.ts';
import { type Component, createComponent } from './component.ts';
import { type Authority, createAuthority, type Subject, serviceAccountKey } from './pki.ts';
import { freePort } from './process.ts';
import type { Tools } from './tools.ts';

/** etcd and kube-apiserver, and where asked for the controllers and the scheduler, on loopback (control-plane.md). */
export interface ControlPlane {
  readonly folder: string;
  readonly tools: Tools;
  readonly port: number;
  readonly authority: Authority;
  /** As a member of system:masters. */
  readonly api: Api;
  readonly adminConfig: string;
  readonly auditLog: string;
  readonly component: (name: string) => Component;
  /** Writes a kubeconfig with a bearer token. */
  readonly configOfToken: (name: string, token: string) => Promise<string>;
}

export interface ControlPlaneSettings {
  readonly folder: string;
  readonly tools: Tools;
  /** The controller-manager and the scheduler too. */
  readonly withControllers: boolean;
  /** Further flags of the API server. */
  readonly apiServerFlags?: readonly string[];
}

const ADMIN: Subject = { commonName: 'e2e-admin', organization: 'system:masters' };
const SERVICE_RANGE = '10.0.0.0/24';

// Bodies of what the suite is about, nothing of the machinery's own chatter.
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'Metadata', verbs: ['delete'], resources: [{ group: 'admissionregistration.k8s.io' }] },
    {
      level: 'Request',
      resources: [
        { group: '', resources: ['pods'] },
        { group: 'apps' },
        { group: 'batch' },
        { group: 'leaderworkerset.x-k8s.io' },
        { group: 'jobset.x-k8s.io' },
      ],
    },
    { level: 'None' },
  ],
};

interface Ports {
  readonly etcd: number;
  readonly peer: number;
  readonly api: number;
  readonly manager: number;
  readonly scheduler: number;
}

interface Layout {
  readonly settings: ControlPlaneSettings;
  readonly ports: Ports;
  readonly authority: Authority;
  readonly files: Files;
}

interface Files {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly accountPrivate: string;
  readonly accountPublic: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly adminConfig: string;
  readonly managerConfig: string;
  readonly schedulerConfig: string;
}

function filesIn(folder: string): Files {
  return {
    ca: join(folder, 'ca.crt'),
    serverCert: join(folder, 'apiserver.crt'),
    serverKey: join(folder, 'apiserver.key'),
    accountPrivate: join(folder, 'service-account.key'),
    accountPublic: join(folder, 'service-account.pub'),
    auditPolicy: join(folder, 'audit-policy.json'),
    auditLog: join(folder, 'audit.log'),
    adminConfig: join(folder, 'admin.kubeconfig'),
    managerConfig: join(folder, 'manager.kubeconfig'),
    schedulerConfig: join(folder, 'scheduler.kubeconfig'),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function writeKubeconfig(
  file: string,
  { authority, ports }: Pick<Layout, 'authority' | 'ports'>,
  user: Readonly<Record<string, string>>,
): Promise<void> {
  const server = `https://127.0.0.1:${ports.api}`;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'e2e',
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'e2e' } }],
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': base64(authority.ca) } }],
    users: [{ name: 'e2e', user }],
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
}

async function writeCertificateConfig(file: string, layout: Layout, subject: Subject): Promise<void> {
  const { cert, key } = await layout.authority.issue(subject);
  const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
  await writeKubeconfig(file, layout, user);
}

async function writeFiles(layout: Layout): Promise<void> {
  const { authority, files } = layout;
  const server = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1', 'localhost'] });
  const account = serviceAccountKey();
  await Promise.all([
    writeFile(files.ca, authority.ca),
    writeFile(files.serverCert, server.cert),
    writeFile(files.serverKey, server.key, { mode: 0o600 }),
    writeFile(files.accountPrivate, account.privateKey, { mode: 0o600 }),
    writeFile(files.accountPublic, account.publicKey),
    writeFile(files.auditPolicy, JSON.stringify(AUDIT_POLICY)),
    writeCertificateConfig(files.adminConfig, layout, ADMIN),
    writeCertificateConfig(files.managerConfig, layout, { commonName: 'system:kube-controller-manager' }),
    writeCertificateConfig(files.schedulerConfig, layout, { commonName: 'system:kube-scheduler' }),
  ]);
}

function etcd({ settings: { folder, tools }, ports }: Layout): Component {
  const url = `http://127.0.0.1:${ports.etcd}`;
  return createComponent({
    name: 'etcd',
    command: tools('etcd'),
    logFile: join(folder, 'etcd.log'),
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=http://127.0.0.1:${ports.peer}`,
      '--unsafe-no-fsync',
    ],
    isReady: async () => (await fetch(`${url}/health`)).ok,
  });
}

function apiServer({ settings, ports, files }: Layout, api: Api): Component {
  return createComponent({
    name: 'kube-apiserver',
    command: settings.tools('kube-apiserver'),
    logFile: join(settings.folder, 'kube-apiserver.log'),
    args: [
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      `--cert-dir=${settings.folder}`,
      `--tls-cert-file=${files.serverCert}`,
      `--tls-private-key-file=${files.serverKey}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${ports.api}`,
      `--service-cluster-ip-range=${SERVICE_RANGE}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${files.accountPublic}`,
      `--service-account-signing-key-file=${files.accountPrivate}`,
      `--client-ca-file=${files.ca}`,
      '--authorization-mode=RBAC',
      '--allow-privileged=true',
      `--audit-policy-file=${files.auditPolicy}`,
      `--audit-log-path=${files.auditLog}`,
      '--profiling=false',
      // Without the controller-manager nobody makes the account that this plug-in waits for.
      ...(settings.withControllers ? [] : ['--disable-admission-plugins=ServiceAccount']),
      ...(settings.apiServerFlags ?? []),
    ],
    isReady: async () => (await api.call('/readyz')).status === 200,
  });
}

/** Both answer /healthz on a port of their own with a certificate of their own making. */
function controller(layout: Layout, name: 'kube-controller-manager' | 'kube-scheduler', api: Api): Component {
  const { settings, ports, files } = layout;
  const isManager = name === 'kube-controller-manager';
  const config = isManager ? files.managerConfig : files.schedulerConfig;
  const lockless = ['--leader-elect=false', '--bind-address=127.0.0.1'];
  const own = isManager
    ? [
        '--use-service-account-credentials=true',
        `--service-account-private-key-file=${files.accountPrivate}`,
        `--root-ca-file=${files.ca}`,
        // Simulated kubelets send no heartbeats: after 50 s every node would be unreachable, and no Pod ready again.
        '--node-monitor-grace-period=24h',
        // Every 15 s by default, which is also how late it looks at a new one.
        '--horizontal-pod-autoscaler-sync-period=1s',
        `--secure-port=${ports.manager}`,
        `--cert-dir=${settings.folder}`,
      ]
    : [`--secure-port=${ports.scheduler}`, `--cert-dir=${settings.folder}`];
  return createComponent({
    name,
    command: settings.tools(name),
    logFile: join(settings.folder, `${name}.log`),
    args: [
      `--kubeconfig=${config}`,
      `--authentication-kubeconfig=${config}`,
      `--authorization-kubeconfig=${config}`,
      ...lockless,
      ...own,
    ],
    // What the suite needs of the manager is its account controller; the scheduler has nothing to wait for.
    isReady: async () =>
      !isManager || (await api.call('/api/v1/namespaces/default/serviceaccounts/default')).status === 200,
  });
}

/** What a failed start has started, `killPrograms` ends; the same at the end of a control plane. */
export async function startControlPlane(settings: ControlPlaneSettings): Promise<ControlPlane> {
  const { folder, tools } = settings;
  await mkdir(folder, { recursive: true });
  const [etcdPort, peer, apiPort, manager, scheduler] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const ports = { etcd: etcdPort, peer, api: apiPort, manager, scheduler };
  const authority = await createAuthority('e2e CA');
  const layout = { settings, ports, authority, files: filesIn(folder) };
  await writeFiles(layout);
  const client = await authority.issue(ADMIN);
  const api = createApi({ port: ports.api, ca: authority.ca, client });
  const controllers = settings.withControllers
    ? [controller(layout, 'kube-controller-manager', api), controller(layout, 'kube-scheduler', api)]
    : [];
  const [store, server] = [etcd(layout), apiServer(layout, api)];
  await store.start();
  await server.start();
  await Promise.all(controllers.map((one) => one.start()));
  const components = [store, server, ...controllers];
  return {
    folder,
    tools,
    port: ports.api,
    authority,
    api,
    adminConfig: layout.files.adminConfig,
    auditLog: layout.files.auditLog,
    component: (name) => {
      const found = components.find((one) => one.name === name);
      if (found === undefined) throw new Error(`there is no ${name}`);
      return found;
    },
    configOfToken: async (name, token) => {
      const file = join(folder, `${name}.kubeconfig`);
      await writeKubeconfig(file, layout, { token });
      return file;
    },
  };
}
