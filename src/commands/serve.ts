import { handleReview, type Judge } from '../admission/handle.ts';
import { parseServeOptions, SERVE_USAGE, type ServeOptions } from '../config/serve-options.ts';
import { createLog, type Log } from '../observe/logger.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { decide } from '../pipeline/decide.ts';
import { decisionRecord } from '../pipeline/record.ts';
import { createApp } from '../server/app.ts';
import { type KeyPair, readKeyPair } from '../server/certificate-files.ts';
import { createLifecycle, type Lifecycle } from '../server/lifecycle.ts';
import { listenPlain, listenTls } from '../server/listen.ts';
import { createProbes } from '../server/probes.ts';
import { throwawayCertificate } from '../server/throwaway-certificate.ts';
import { watchFiles } from '../server/watch-files.ts';
import { loadConfig, loadInventory, readText } from './facts.ts';
import { EXIT, UsageError } from './io.ts';
import { createSnapshots, type Snapshots } from './serve/snapshots.ts';

export interface ServeIo {
  readonly out: { readonly write: (text: string) => unknown; readonly fd?: number; readonly isTTY?: boolean };
  readonly err: (text: string) => void;
  /** Resolves when the process is asked to end. */
  readonly stopped: Promise<void>;
}

const JUDGE: Judge = { decide, record: decisionRecord };

/** `vramgate serve`: the webhook, until the process is asked to end. */
export async function runServe(argv: readonly string[], io: ServeIo): Promise<number> {
  if (argv.includes('--help')) {
    io.err(`${SERVE_USAGE}\n`);
    return EXIT.fits;
  }
  const reading = parseServeOptions(argv);
  if ('mistake' in reading) throw new UsageError(`${reading.mistake}\n${SERVE_USAGE}`);
  return serve(reading.options, io);
}

async function serve(options: ServeOptions, io: ServeIo): Promise<number> {
  const config = await loadConfig(options.configFile);
  const inventory = await loadInventory(options.inventoryFile, config.catalog);
  const pair = await certificateOf(options);
  const snapshots = createSnapshots({ policy: config.policy, catalog: config.catalog }, () => inventory);
  const log = createLog({ level: config.logLevel, sink: io.out });
  const metrics = createMetrics();
  const lifecycle = createLifecycle();
  let expiresAt = pair.expiresAt;
  const probes = createProbes({
    lifecycle,
    notReady: () => (expiresAt.getTime() > Date.now() ? null : 'certificate expired'),
    metrics,
  });
  const probeListener = await listenPlain(probes, { host: config.server.host, port: options.metricsPort });
  const listener = await listenTls(appOf(snapshots, { log, metrics, lifecycle }), {
    host: config.server.host,
    port: options.port,
    pair,
    maxConnections: config.server.maxConnections,
    clientCa: await clientCaOf(config.server.clientCaFile),
  });
  const unwatch = watchCertificate(options, pair, { log, metrics, lifecycle }, (next) => {
    listener.swap(next);
    expiresAt = next.expiresAt;
    metrics.certificateExpires(next.expiresAt);
  });
  metrics.certificateExpires(pair.expiresAt);
  metrics.configured(config.policy.hash);
  lifecycle.enter('ready');
  log.info('serving', {
    port: listener.port,
    metricsPort: probeListener.port,
    inventory: inventory.state,
    policyHash: config.policy.hash,
  });
  await io.stopped;
  log.info('draining');
  unwatch();
  await listener.stop(lifecycle, {
    drainMs: config.server.drainSeconds * 1000,
    stopMs: config.server.stopSeconds * 1000,
  });
  await probeListener.close();
  metrics.stop();
  log.info('stopped');
  log.flush();
  return EXIT.fits;
}

async function certificateOf(options: ServeOptions): Promise<KeyPair> {
  if (options.certificate === null) return (await throwawayCertificate(['localhost', '127.0.0.1'])).pair;
  try {
    return await readKeyPair(options.certificate);
  } catch (error) {
    throw new UsageError(
      `the certificate cannot be used: ${error instanceof Error ? error.message : 'unknown error'}`,
    );
  }
}

async function clientCaOf(file: string | null): Promise<string | null> {
  return file === null ? null : readText(file);
}

interface Parts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
}

function appOf(snapshots: Snapshots, { log, metrics, lifecycle }: Parts): ReturnType<typeof createApp> {
  return createApp({
    lifecycle,
    answer: (webhook, review) => {
      const arrival = { review, webhook, time: new Date().toISOString() };
      const { answer, record } = handleReview(arrival, snapshots.factsFor(review.namespace), JUDGE);
      return {
        answer,
        afterwards: (durationMicroseconds) => {
          const measured = { ...record, durationMicroseconds };
          log.decision(measured);
          metrics.decided(measured);
        },
      };
    },
    failed: (failure, detail, error) => {
      metrics.failed(failure);
      const text = error instanceof Error ? (error.stack ?? error.message) : null;
      log.warn('request without verdict', { failure, detail, error: text });
    },
    entered: metrics.entered,
    left: metrics.left,
  });
}

function watchCertificate(
  { certificate }: ServeOptions,
  initial: KeyPair,
  { log, metrics }: Parts,
  swap: (pair: KeyPair) => void,
): () => void {
  if (certificate === null) return () => undefined;
  let served = initial.cert;
  return watchFiles({
    files: [certificate.certFile, certificate.keyFile],
    onChange: async () => {
      try {
        const pair = await readKeyPair(certificate);
        if (pair.cert === served) return;
        swap(pair);
        served = pair.cert;
        log.info('certificate swapped');
      } catch {
        // A half-written pair, or a key that does not match yet: the last good pair goes on serving.
        metrics.failed('certificate');
        log.warn('certificate kept');
      }
    },
  });
}
