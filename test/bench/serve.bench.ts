import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { LoopbackApi, type Stored } from '../cluster/loopback.ts';
import { imageEnvironment, imageFlags } from '../support/image-flags.ts';
import { type Figure, median, processorMilliseconds, report, residentMiB } from './measure.ts';

/**
 * The process of the webhook against a bare Node HTTPS server that echoes bodies, under the same load. Limits of issue 8:
 * ready within 400 ms of its start, lists of the cluster aside, which is a time of this machine and of what else it does;
 * with 5,000 nodes at most twice the resident memory. Memory is taken twice, each time with the same for both: Node as the
 * image runs it, and Node as it comes.
 */

const READY_MS = 400;

const STARTS = 11;
const NODES = 5_000;
const REVIEWS = 3_000;
const CONNECTIONS = 16;
const CLI = 'dist/vramgate.mjs';
const FIXTURES = 'test/fixtures/nodes';
const BODY = readFileSync('test/fixtures/admission-reviews/01-apply-create.user.create.deployment.json');

const ECHO = `
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';
const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
const server = createServer({ cert, key }, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => response.end(Buffer.concat(chunks)));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ msg: 'serving', port: server.address().port })));
process.on('SIGTERM', () => process.exit(0));
`;

/** How Node is run. */
interface Runtime {
  readonly name: string;
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const IMAGE: Runtime = { name: 'as the image', flags: imageFlags(), environment: imageEnvironment() };
const PLAIN: Runtime = { name: 'plain node', flags: [], environment: {} };

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  /** Of health and readiness; the echo has none. */
  readonly metricsPort: number | undefined;
  readonly milliseconds: number;
}

/** Until the line that says where it serves; it is written when the process is ready. */
function start(argv: readonly string[], { flags, environment }: Runtime): Promise<Started> {
  const began = process.hrtime.bigint();
  const child = spawn(process.execPath, [...flags, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return new Promise((resolve, reject) => {
    let printed = '';
    child.once('close', (code) => reject(new Error(`${argv.join(' ')} ended with ${code}: ${printed}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      printed = (printed + chunk.toString('utf8')).slice(-10_000);
      const line = printed.split('\n').find((one) => one.includes('"msg":"serving"') && one.endsWith('}'));
      if (line === undefined) return;
      const milliseconds = Number(process.hrtime.bigint() - began) / 1e6;
      const { port, metricsPort } = JSON.parse(line) as {
        readonly port: number;
        readonly metricsPort?: number;
      };
      resolve({ child, port, metricsPort, milliseconds });
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await closed;
}

function post(port: number, agent: Agent, ca: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': BODY.length };
  const options = {
    host: '127.0.0.1',
    port,
    path: '/validate',
    method: 'POST',
    servername: 'localhost',
    ca,
    agent,
    headers,
  };
  return new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      response.resume();
      response.on('end', resolve);
      if (response.statusCode !== 200) reject(new Error(`HTTP ${response.statusCode}`));
    });
    call.on('error', reject);
    call.end(BODY);
  });
}

/** Highest resident memory seen while `CONNECTIONS` clients send `REVIEWS` requests. */
async function load({ child, port }: Started, ca: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let highest = residentMiB(child.pid);
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < REVIEWS) {
      sent += 1;
      await post(port, agent, ca);
      if (sent % 100 === 0) highest = Math.max(highest, residentMiB(child.pid));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  agent.destroy();
  return highest;
}

/** Nodes as providers label them, each fixture again and again under new names. */
function manyNodes(): readonly Stored[] {
  const recorded = readdirSync(FIXTURES)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap(
      (file) => (parse(readFileSync(join(FIXTURES, file), 'utf8')) as { items: readonly Stored[] }).items,
    );
  return Array.from({ length: NODES }, (_, at) => {
    const node = recorded[at % recorded.length];
    return { ...node, metadata: { ...node?.metadata, name: `node-${at}` } };
  });
}

const folder = mkdtempSync(join(tmpdir(), 'vramgate-bench-'));
const { ca, pair } = await throwawayCertificate(['localhost', '127.0.0.1']);
const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
writeFileSync(cert, pair.cert);
writeFileSync(key, pair.key);
writeFileSync(join(folder, 'echo.mjs'), ECHO);
writeFileSync(join(folder, 'config.yaml'), 'server: { host: 127.0.0.1, drainSeconds: 0, stopSeconds: 0 }\n');

const echo = [join(folder, 'echo.mjs'), cert, key];
const files = [
  `--tls-cert-file=${cert}`,
  `--tls-private-key-file=${key}`,
  `--config=${join(folder, 'config.yaml')}`,
];
const serve = [CLI, 'serve', '--port=0', '--metrics-port=0', ...files];

const api = await LoopbackApi.start();
api.put('/api/v1/nodes', ...manyNodes());
api.put('/api/v1/namespaces', { metadata: { name: 'default' } });
const kubeconfig = join(folder, 'kubeconfig');
writeFileSync(kubeconfig, api.kubeconfig);
const inCluster = [...serve, `--kubeconfig=${kubeconfig}`];

interface Start {
  readonly milliseconds: number;
  /** What the main thread had computed by then: a busy machine does not count. */
  readonly computing: number;
}

async function readyIn(argv: readonly string[]): Promise<Start> {
  const { child, metricsPort, milliseconds } = await start(argv, IMAGE);
  const computing = processorMilliseconds(child.pid);
  if (metricsPort !== undefined) {
    const { status } = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
    if (status !== 200) throw new Error(`/readyz answers ${status} after the line that says it serves`);
  }
  await end(child);
  return { milliseconds, computing };
}

function startFigures(what: string, starts: readonly Start[], limit: number | null): readonly Figure[] {
  const times = starts.map(({ milliseconds }) => milliseconds);
  const computing = median(starts.map((one) => one.computing));
  return [
    { what: `${what} ready, median of ${STARTS}`, value: median(times), unit: 'ms', limit },
    { what: `${what} ready, fastest of them`, value: Math.min(...times), unit: 'ms', limit: null },
    { what: `${what}, computing until then, median`, value: computing, unit: 'ms', limit: null },
  ];
}

async function memoryOf(argv: readonly string[], runtime: Runtime): Promise<number> {
  const started = await start(argv, runtime);
  const highest = await load(started, ca);
  await end(started.child);
  return highest;
}

async function memoryFigures(runtime: Runtime): Promise<readonly Figure[]> {
  const bare = await memoryOf(echo, runtime);
  const webhook = await memoryOf(inCluster, runtime);
  const what = `${REVIEWS} reviews, ${runtime.name}`;
  return [
    { what: `bare HTTPS echo, ${what}`, value: bare, unit: 'MiB', limit: null },
    {
      what: `vramgate serve, ${NODES} nodes, ${what}`,
      value: webhook,
      unit: 'MiB',
      limit: Math.round(2 * bare),
    },
  ];
}

const bareStarts: Start[] = [];
const starts: Start[] = [];
for (let turn = 0; turn < STARTS; turn += 1) {
  bareStarts.push(await readyIn(echo));
  starts.push(await readyIn(serve));
}
const figures: readonly Figure[] = [
  ...startFigures('bare HTTPS echo', bareStarts, null),
  ...startFigures('vramgate serve', starts, READY_MS),
  ...(await memoryFigures(IMAGE)),
  ...(await memoryFigures(PLAIN)),
];
await api.stop();
rmSync(folder, { recursive: true, force: true });
report(figures);
