import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { type Balancer, startBalancer } from './balancer.ts';
import {
  adminKubectl,
  type CertificateFiles,
  keepLogs,
  logsIn,
  type Stage,
  startFileServer,
  startPlane,
  temporaryFolder,
  writeCertificate,
} from './cluster.ts';
import { type InstalledSettings, type InstalledStage, installChart } from './installed.ts';
import { type Authority, createAuthority } from './pki.ts';
import { killPrograms, tailOf } from './process.ts';
import type { Binary, Minor } from './recipes.ts';
import { API_SERVER_TOOLS, CLUSTER_TOOLS, toolsOf } from './tools.ts';
import type { WebhookServer } from './webhook-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly minor: Minor;
  }
}

// The whole first build took 9 minutes on two idle cores (control-plane.md), and a start may have to wait for it.
const START_LIMIT_MS = 45 * 60_000;

const KEPT = new URL('../logs/', import.meta.url).pathname;

/** Further flags of the API server; the folder is the control plane's. */
type ApiServerFlags = (folder: string) => Promise<readonly string[]>;

export interface Staging<T extends Stage> {
  readonly name: string;
  readonly tools: readonly Binary[];
  readonly withControllers: boolean;
  readonly apiServerFlags?: ApiServerFlags;
  readonly prepare: (stage: Stage) => Promise<T>;
}

/** The end of every log that was written to since then. The audit log is one long line per request, and only kept. */
async function printLogs(folder: string, since: number): Promise<void> {
  const logs = (await logsIn(folder)).filter((log) => basename(log) !== 'audit.log');
  for (const log of logs) {
    if ((await stat(log)).mtimeMs < since) continue;
    console.error(`last lines of ${log}:\n${tailOf(log)}`);
  }
}

/**
 * Registers the hooks of a file: start, end, and after a failed case the logs, printed in part and kept whole.
 * The returned function gives the stage to a running case.
 */
export function useStage<T extends Stage>(staging: Staging<T>): () => T {
  let stage: T | null = null;
  let folder = '';
  let hasFailed = false;

  const end = async () => {
    // Nobody needs their data any more, and the graceful end of an API server takes seconds.
    await killPrograms();
    if (hasFailed) {
      const target = join(KEPT, `${staging.name}-${inject('minor')}-${Date.now()}`);
      await keepLogs(folder, target);
      console.error(`the logs of ${staging.name} are in ${target}`);
    }
    await rm(folder, { recursive: true, force: true });
  };

  beforeAll(async () => {
    const tools = await toolsOf(inject('minor'), staging.tools);
    folder = await temporaryFolder();
    const since = Date.now();
    try {
      const plane = await startPlane(folder, tools, staging);
      stage = await staging.prepare({ plane, kubectl: adminKubectl(plane) });
    } catch (error) {
      hasFailed = true;
      await printLogs(folder, since);
      await end();
      throw error;
    }
  }, START_LIMIT_MS);

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    hasFailed = true;
    await printLogs(folder, task.result.startTime ?? 0);
  });

  afterAll(async () => {
    if (stage !== null) await end();
  });

  return () => {
    if (stage === null) throw new Error('the stage is not set');
    return stage;
  };
}

export interface ReplicaStage extends Stage {
  readonly balancer: Balancer;
  readonly authority: Authority;
  readonly certificate: CertificateFiles;
  /** Starts a replica that is not behind the balancer yet; one with a CA for its clients asks them for a certificate. */
  readonly start: (name: string, clientCaFile?: string) => Promise<WebhookServer>;
  /** Also those that a case has started in its own way. */
  readonly started: WebhookServer[];
}

/** An API server alone, and any number of file servers behind a balancer; each case starts and ends its own. */
export function useReplicas(name: string, apiServerFlags?: ApiServerFlags): () => ReplicaStage {
  return useStage<ReplicaStage>({
    name,
    tools: API_SERVER_TOOLS,
    withControllers: false,
    ...(apiServerFlags !== undefined && { apiServerFlags }),
    prepare: async ({ plane, kubectl }) => {
      const authority = await createAuthority('e2e webhook CA');
      const certificate = await writeCertificate(join(plane.folder, 'certificate'), authority);
      const balancer = await startBalancer();
      const started: WebhookServer[] = [];
      const start = async (replica: string, clientCaFile?: string) => {
        const server = await startFileServer(plane.folder, certificate, replica, clientCaFile ?? null);
        started.push(server);
        return server;
      };
      return { plane, kubectl, balancer, authority, certificate, start, started };
    },
  });
}

/** A cluster with controllers, simulated nodes and the chart, installed by real Helm. */
export function useInstalledChart(settings: InstalledSettings): () => InstalledStage {
  return useStage<InstalledStage>({
    name: settings.name,
    tools: [...CLUSTER_TOOLS, ...(settings.moreTools ?? [])],
    withControllers: true,
    prepare: (stage) => installChart(stage, settings),
  });
}
