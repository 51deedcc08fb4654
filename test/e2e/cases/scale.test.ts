import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { median, residentMiB } from '../../bench/measure.ts';
import { CHART } from '../harness/chart.ts';
import { applyWebhooks, type CertificateFiles, type Stage, writeCertificate } from '../harness/cluster.ts';
import { addNodes, fixtureNodes, startKwok } from '../harness/kwok.ts';
import { askFitting, wrongOf } from '../harness/load.ts';
import { at, isMembers, type Members } from '../harness/members.ts';
import { createAuthority } from '../harness/pki.ts';
import { until } from '../harness/process.ts';
import { useStage } from '../harness/suite.ts';
import { API_SERVER_TOOLS } from '../harness/tools.ts';
import { startWebhookServer, type WebhookServer } from '../harness/webhook-server.ts';

/** One webhook in a cluster without a node, and one in the same cluster with 5,000. */

const NODES = 5_000;
const KNOWN = 'vramgate_inventory_nodes';

interface ScaleStage extends Stage {
  readonly certificate: CertificateFiles;
}

const stage = useStage<ScaleStage>({
  name: 'scale',
  tools: [...API_SERVER_TOOLS, 'kwok'],
  withControllers: false,
  // Nobody here takes away the taint that this one gives to every new node.
  apiServerFlags: async () => ['--disable-admission-plugins=TaintNodesByCondition'],
  prepare: async ({ plane, kubectl }) => {
    // Nobody here reads the leases, and 5,000 of them are renewed 500 times a second.
    await startKwok(plane, ['--node-lease-duration-seconds=0']);
    const authority = await createAuthority('e2e webhook CA');
    return {
      plane,
      kubectl,
      certificate: await writeCertificate(join(plane.folder, 'certificate'), authority),
    };
  },
});

interface Figures {
  readonly readyMs: number;
  readonly residentMiB: number;
  readonly decisionUs: number;
}

const PROVIDERS = ['dgx-h100.yaml', 'eks-karpenter.yaml', 'aks.yaml', 'oke.yaml', 'amd-mi300x.yaml'];

/** Nodes with GPUs as several providers label them, again and again under new names. */
async function manyNodes(): Promise<readonly Members[]> {
  const recorded = (await Promise.all(PROVIDERS.map(fixtureNodes))).flat();
  return Array.from({ length: NODES }, (_, index) => {
    const { metadata, ...node } = recorded[index % recorded.length] ?? {};
    return { ...node, metadata: { ...(isMembers(metadata) ? metadata : {}), name: `node-${index}` } };
  });
}

async function startWatching(name: string): Promise<readonly [server: WebhookServer, readyMs: number]> {
  const { plane, certificate } = stage();
  const start = performance.now();
  const server = await startWebhookServer({
    folder: plane.folder,
    name,
    args: [
      ...['--kubeconfig', plane.adminConfig, '--tls-cert-file', certificate.certFile],
      ...['--tls-private-key-file', certificate.keyFile],
    ],
  });
  return [server, performance.now() - start];
}

const untilKnown = (server: WebhookServer) =>
  until(async () => ((await server.sample(KNOWN)) === NODES ? true : null), {
    what: `${server.program.name} knows all nodes`,
    limitMs: 90_000,
  });

const ASKED = 60;

/** Its figures after it has judged one object after the other, through the API server. */
async function measured(server: WebhookServer, readyMs: number): Promise<Figures> {
  const { plane, certificate } = stage();
  await applyWebhooks(plane, { port: server.port, ca: certificate.ca });
  const answers = [];
  for (let turn = 0; turn < ASKED; turn += 1) answers.push(await askFitting(plane.api));
  expect(wrongOf(answers)).toEqual([]);
  const records = (await server.records()).filter((one) => one['webhook'] === 'validate').slice(-ASKED / 2);
  const decisionUs = median(records.map((one) => Number(one['durationMicroseconds'])));
  return { readyMs, residentMiB: residentMiB(server.program.pid), decisionUs };
}

async function memoryLimitMiB(): Promise<number> {
  const values: unknown = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'));
  return Number(/^(\d+)Mi$/.exec(String(at(values, 'resources', 'limits', 'memory')))?.[1]);
}

function show(what: string, { readyMs, residentMiB, decisionUs }: Figures): string {
  return `${what}: ready after ${readyMs.toFixed(0)} ms, ${residentMiB.toFixed(0)} MiB resident, a decision in ${decisionUs.toFixed(0)} us`;
}

describe('5,000 nodes', () => {
  it('are known, fit into the memory that the chart allows, and a decision does not grow with them', async () => {
    const { plane } = stage();
    const [watching, emptyReady] = await startWatching('empty');
    expect(await watching.sample(KNOWN)).toBe(0);
    const empty = await measured(watching, emptyReady);

    const nodes = await manyNodes();
    await addNodes(plane, nodes);
    // The one that was there follows.
    await untilKnown(watching);
    await watching.program.kill();

    const [server, readyMs] = await startWatching('full');
    // On a machine with less to spare it is ready after 10 s without them, and learns of them later.
    await untilKnown(server);
    const full = await measured(server, readyMs);
    console.log(`${show('no node', empty)}\n${show('5,000 nodes', full)}`);

    // A Pod over its limit is killed.
    expect(full.residentMiB).toBeLessThan(await memoryLimitMiB());
    // Of 5,000 nodes a few shapes are left: linear it would be a thousand times as much.
    expect(full.decisionUs / empty.decisionUs).toBeLessThan(10);
  }, 240_000);
});
