import type { Config } from '../config/file.ts';
import { parseServeOptions, SERVE_USAGE, type ServeOptions } from '../config/serve-options.ts';
import { createLog, type LineSink, type Log } from '../observe/logger.ts';
import { createMetrics } from '../observe/metrics.ts';
import type { KeyPair } from '../server/certificate-files.ts';
import { createLifecycle } from '../server/lifecycle.ts';
import { type Listener, listenPlain, listenTls, PATIENCE, type Trouble } from '../server/listen.ts';
import { createProbes } from '../server/probes.ts';
import { seldom } from '../server/seldom.ts';
import { EXIT, UsageError } from './io.ts';
import { createWebhooks } from './serve/answering.ts';
import { openCertificate } from './serve/certificate.ts';
import type { Certificate } from './serve/certificate-source.ts';
import { openClientCa } from './serve/client-ca.ts';
import { type ClusterWatch, findCluster, watchCluster } from './serve/cluster.ts';
import {
  configOf,
  inventoryOfFile,
  readOptional,
  watchConfig,
  watchInventory,
} from './serve/configuration.ts';
import { keepHeapSmall } from './serve/memory.ts';
import { messageOf, type Running } from './serve/running.ts';
import { createSnapshots } from './serve/snapshots.ts';
import { warmUp, warmUpFurther } from './serve/warm-up.ts';

export interface ServeIo {
  readonly out: LineSink;
  readonly err: (text: string) => void;
  /** Resolves when the process is asked to end. */
  readonly stopped: Promise<void>;
}

/** `vramgate serve`: the webhook, until the process is asked to end. */
export async function runServe(argv: readonly string[], io: ServeIo): Promise<number> {
  if (argv.includes('--help')) {
    io.err(`${SERVE_USAGE}\n`);
    return EXIT.fits;
  }
  keepHeapSmall();
  const reading = parseServeOptions(argv);
  if ('mistake' in reading) throw new UsageError(`${reading.mistake}\n${SERVE_USAGE}`);
  const cleanup = new AsyncDisposableStack();
  try {
    await serve(reading.options, io, cleanup);
  } finally {
    await cleanup.disposeAsync();
  }
  return EXIT.fits;
}

/** Everything that must be ended, whatever happens, goes on `cleanup`: it is undone in reverse order. */
async function serve(options: ServeOptions, io: ServeIo, cleanup: AsyncDisposableStack): Promise<void> {
  const configFile = await readOptional(options.configFile);
  const config = configOf(configFile);
  const inventoryFile = await readOptional(options.inventoryFile);
  const running: Running = {
    log: await openLog(config, io.out),
    metrics: createMetrics(),
    lifecycle: createLifecycle(),
    snapshots: createSnapshots(config, inventoryOfFile(inventoryFile)),
  };
  const { log, metrics, lifecycle, snapshots } = running;
  cleanup.defer(log.flush);
  cleanup.defer(metrics.stop);
  metrics.configured(config.policy.hash, config.catalog.version);
  metrics.inventoryIs(snapshots.inventoryStatus);
  const certificate = await openCertificate(options, running);
  const probePort = await openProbes(options, { config, certificate, running, cleanup });
  log.info('starting', { metricsPort: probePort });
  const pair = await certificate.first(io.stopped);
  if (pair === null) return;
  const listener = await openWebhooks(options, pair, { config, certificate, running, cleanup });
  cleanup.defer(watchConfig(configFile, config, running));
  cleanup.defer(watchInventory(inventoryFile, running));
  const cluster = await openCluster(options, { config, running, cleanup });
  // While the lists of the cluster are on their way.
  warmUp(running);
  await cluster?.settled();
  lifecycle.enter('ready');
  log.info('serving', {
    port: listener.port,
    metricsPort: probePort,
    inventory: snapshots.factsFor(null).inventory.state,
    policyHash: config.policy.hash,
    catalogVersion: config.catalog.version,
  });
  await Promise.all([io.stopped, warmUpFurther(running)]);
  log.info('draining');
  await listener.stop(lifecycle, {
    drainMs: config.server.drainSeconds * 1000,
    stopMs: config.server.stopSeconds * 1000,
  });
  log.info('stopped');
}

/** Lines for a person are made by the schema of records, which a log for programs does without. */
async function openLog({ logLevel: level }: Config, sink: LineSink): Promise<Log> {
  if (sink.isTTY !== true) return createLog({ level, sink });
  const { humanLine } = await import('../observe/human-line.ts');
  return createLog({ level, sink, forPerson: humanLine });
}

interface Opening {
  readonly config: Config;
  readonly certificate: Certificate;
  readonly running: Running;
  readonly cleanup: AsyncDisposableStack;
}

type Opened = Pick<Opening, 'config' | 'running' | 'cleanup'>;

async function openCluster(
  options: ServeOptions,
  { config, running, cleanup }: Opened,
): Promise<ClusterWatch | null> {
  const connection = config.cluster.watch ? await findCluster(options) : null;
  if (connection === null) return null;
  const watchesNodes = options.inventoryFile === null;
  const watch = await watchCluster({ config, connection, watchesNodes }, running);
  cleanup.defer(watch.stop);
  return watch;
}

async function openProbes(options: ServeOptions, opening: Opening): Promise<number> {
  const { config, certificate, running, cleanup } = opening;
  const { lifecycle, metrics } = running;
  const probes = createProbes({ lifecycle, notReady: certificate.notReady, metrics });
  const address = { host: config.server.host, port: options.metricsPort };
  const listener = await listenPlain(probes, address).catch((error: unknown) => {
    throw new UsageError(`--metrics-port ${options.metricsPort}: ${messageOf(error)}`);
  });
  cleanup.defer(listener.close);
  return listener.port;
}

// A scanner or a broken client calls many times a second; one line a while says as much.
const TROUBLE_EVERY_MS = 10_000;

async function openWebhooks(options: ServeOptions, pair: KeyPair, opening: Opening): Promise<Listener> {
  const { config, certificate, running, cleanup } = opening;
  const { host, maxConnections, clientCaFile } = config.server;
  const clientCa = await openClientCa(clientCaFile, running);
  const tell = seldom<Trouble>((what, times) => {
    running.log.warn('connections without a request', { what, times });
  }, TROUBLE_EVERY_MS);
  const trouble = (what: Trouble): void => {
    running.metrics.disconnected(what);
    tell(what);
  };
  const settings = {
    host,
    port: options.port,
    pair,
    maxConnections,
    clientCa: clientCa.first,
    patience: PATIENCE,
    trouble,
  };
  const listener = await listenTls(createWebhooks(running), settings).catch((error: unknown) => {
    throw new UsageError(`--port ${options.port}: ${messageOf(error)}`);
  });
  cleanup.defer(listener.close);
  cleanup.defer(certificate.watch(listener.swap));
  cleanup.defer(clientCa.watch(listener.trust));
  return listener;
}
