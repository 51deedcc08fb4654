import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, inject } from 'vitest';
import { type Balancer, startBalancer } from './balancer.ts';
import {
  adminKubectl,
  applyWebhooks,
  type CertificateFiles,
  keepLogs,
  type Stage,
  startFileServer,
  startPlane,
  writeCertificate,
} from './cluster.ts';
import type { ControlPlane } from './control-plane.ts';
import { type InstalledSettings, type InstalledStage, installChart, stopInstalled } from './installed.ts';
import { type Authority, createAuthority } from './pki.ts';
import { tailOf } from './process.ts';
import { API_SERVER_TOOLS, type Binary, CLUSTER_TOOLS, type Minor, toolsOf } from './tools.ts';
import type { WebhookServer } from './webhook-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly minor: Minor;
  }
}

// The whole first build took 9 minutes on two idle cores (control-plane.md), and a start may have to wait for it.
const START_LIMIT_MS = 45 * 60_000;

const KEPT = new URL('../logs/', import.meta.url).pathname;

export interface FileServerStage extends Stage {
  readonly server: WebhookServer;
  readonly certificate: CertificateFiles;
}

export interface Staging<T extends Stage> {
  readonly name: string;
  readonly tools: readonly Binary[];
  readonly withControllers: boolean;
  /** Further flags of the API server; the folder is the control plane's. */
  readonly apiServerFlags?: (folder: string) => Promise<readonly string[]>;
  readonly prepare: (stage: Stage) => Promise<T>;
  /** Ends what `prepare` started. */
  readonly finish: (stage: T) => Promise<void>;
  /** Logs of what `prepare` started, most telling first. */
  readonly logs: (stage: T) => readonly string[];
}

/**
 * Registers the hooks of a file: start, end, and after a failed case the logs, printed in part and kept whole.
 * The returned function gives the stage to a running case.
 */
export function useStage<T extends Stage>(staging: Staging<T>): () => T {
  let stage: T | null = null;
  let hasFailed = false;

  const keep = async (plane: ControlPlane, logs: readonly string[], isWanted: boolean) => {
    const all = [...logs, plane.auditLog, ...plane.components.map((one) => one.logFile)];
    const target = isWanted ? join(KEPT, `${staging.name}-${inject('minor')}-${Date.now()}`) : null;
    await keepLogs(plane.folder, all, target);
    if (target !== null) console.error(`the logs of ${staging.name} are in ${target}`);
  };

  beforeAll(async () => {
    const tools = await toolsOf(inject('minor'), staging.tools);
    const plane = await startPlane(tools, staging);
    try {
      stage = await staging.prepare({ plane, kubectl: adminKubectl(plane) });
    } catch (error) {
      await plane.stop();
      await keep(plane, [], true);
      throw error;
    }
  }, START_LIMIT_MS);

  afterEach(({ task }) => {
    if (task.result?.state !== 'fail' || stage === null) return;
    hasFailed = true;
    const [first] = staging.logs(stage);
    if (first !== undefined) console.error(`last lines of ${first}:\n${tailOf(first)}`);
  });

  afterAll(async () => {
    if (stage === null) return;
    await staging.finish(stage);
    await stage.plane.stop();
    await keep(stage.plane, staging.logs(stage), hasFailed);
  });

  return () => {
    if (stage === null) throw new Error('the stage is not set');
    return stage;
  };
}

/** The built server with certificate files and an inventory file behind hand-written configurations. */
export function useFileServer(name: string): () => FileServerStage {
  return useStage<FileServerStage>({
    name,
    tools: API_SERVER_TOOLS,
    withControllers: false,
    prepare: async ({ plane, kubectl }) => {
      const authority = await createAuthority('e2e webhook CA');
      const certificate = await writeCertificate(join(plane.folder, 'certificate'), authority);
      const server = await startFileServer(plane.folder, certificate);
      await applyWebhooks(plane, kubectl, { port: server.port, ca: certificate.ca });
      return { plane, kubectl, server, certificate };
    },
    finish: ({ server }) => server.stop(),
    logs: ({ server }) => [server.program.logFile],
  });
}

export interface ReplicaStage extends Stage {
  readonly balancer: Balancer;
  readonly authority: Authority;
  readonly certificate: CertificateFiles;
  /** Starts a replica that is not behind the balancer yet. */
  readonly start: (name: string) => Promise<WebhookServer>;
  readonly started: readonly WebhookServer[];
}

/** Any number of file servers behind a balancer; each case starts and ends its own. */
export function useReplicas(name: string): () => ReplicaStage {
  return useStage<ReplicaStage>({
    name,
    tools: API_SERVER_TOOLS,
    withControllers: false,
    prepare: async ({ plane, kubectl }) => {
      const authority = await createAuthority('e2e webhook CA');
      const certificate = await writeCertificate(join(plane.folder, 'certificate'), authority);
      const balancer = await startBalancer();
      const started: WebhookServer[] = [];
      const start = async (replica: string) => {
        const server = await startFileServer(plane.folder, certificate, replica);
        started.push(server);
        return server;
      };
      return { plane, kubectl, balancer, authority, certificate, start, started };
    },
    finish: async ({ started, balancer }) => {
      await Promise.all(started.map((one) => one.stop()));
      await balancer.stop();
    },
    logs: ({ started }) => started.map((one) => one.program.logFile),
  });
}

/** A cluster with controllers, simulated nodes and the chart, installed by real Helm. */
export function useInstalledChart(settings: InstalledSettings): () => InstalledStage {
  return useStage<InstalledStage>({
    name: settings.name,
    tools: [...CLUSTER_TOOLS, ...(settings.moreTools ?? [])],
    withControllers: true,
    prepare: (stage) => installChart(stage, settings),
    finish: stopInstalled,
    logs: ({ replicas, kwok }) => [...replicas.map((one) => one.program.logFile), kwok.logFile],
  });
}
