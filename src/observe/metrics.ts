import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { DecisionRecord } from '../pipeline/types.ts';

const ERROR_CLASSES = ['unreadable', 'too-large', 'deadline', 'internal', 'not-ready'] as const;

/** What went wrong without a verdict. A closed list, because a label must be one. */
export type ErrorClass = (typeof ERROR_CLASSES)[number];

const NO_REQUESTS = ['connection', 'http', 'dropped'] as const;

/** Why a connection ended without a request (`Trouble` of src/server). */
export type NoRequest = (typeof NO_REQUESTS)[number];

/** What is read again while the process runs. */
export type Refreshed = 'config' | 'inventory' | 'certificate' | 'client-ca';

/** `kept`: the new one cannot be used, the last good one stays. `started`: the first one is in use. */
export type Refresh = 'started' | 'applied' | 'kept';

/** What is known of the cluster at the time of a scrape. */
export interface InventoryStatus {
  readonly classes: number;
  readonly nodes: number;
  /** When it was last read or confirmed; null while it is unknown. */
  readonly asOf: Date | null;
}

export interface Metrics {
  /** Counts one decision, its findings and its duration. */
  readonly decided: (record: DecisionRecord) => void;
  readonly failed: (errorClass: ErrorClass) => void;
  /** A connection that ended without a request. */
  readonly disconnected: (reason: NoRequest) => void;
  readonly entered: () => void;
  readonly left: () => void;
  readonly certificateExpires: (at: Date) => void;
  readonly configured: (policyHash: string, catalogVersion: string) => void;
  readonly refreshed: (subject: Refreshed, refresh: Refresh) => void;
  /** Whether a watch of the cluster is in step. `resource` is one of a closed list. */
  readonly watched: (resource: string, isCurrent: boolean) => void;
  /** Asked at every scrape. */
  readonly inventoryIs: (status: () => InventoryStatus) => void;
  readonly contentType: string;
  readonly text: () => Promise<string>;
  /** Ends the event-loop monitor. */
  readonly stop: () => void;
}

// From a tenth of a millisecond to the timeout that the chart gives a validating webhook (5 s).
const DURATION_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

function decisionMetrics(registers: Registry[]) {
  return {
    decisions: new Counter({
      name: 'vramgate_decisions_total',
      help: 'Reviews answered, by webhook, verdict, mode and whether the object was let in.',
      labelNames: ['webhook', 'verdict', 'mode', 'allowed'] as const,
      registers,
    }),
    durations: new Histogram({
      name: 'vramgate_decision_duration_seconds',
      help: 'Time from the whole request to its answer.',
      labelNames: ['webhook'] as const,
      buckets: DURATION_BUCKETS,
      registers,
    }),
    findings: new Counter({
      name: 'vramgate_findings_total',
      help: 'Findings of the validating webhook, by code.',
      labelNames: ['code'] as const,
      registers,
    }),
  };
}

function processMetrics(registers: Registry[]) {
  return {
    errors: new Counter({
      name: 'vramgate_errors_total',
      help: 'What was not answered with a verdict, by class.',
      labelNames: ['class'] as const,
      registers,
    }),
    disconnects: new Counter({
      name: 'vramgate_connections_without_request_total',
      help: 'Connections that ended without a request: no handshake or a reset, no HTTP or not in time, more than are taken.',
      labelNames: ['reason'] as const,
      registers,
    }),
    inFlight: new Gauge({ name: 'vramgate_in_flight_reviews', help: 'Reviews being answered.', registers }),
    expiry: new Gauge({
      name: 'vramgate_certificate_expiry_timestamp_seconds',
      help: 'End of the serving certificate, in seconds since 1970.',
      registers,
    }),
    config: new Gauge({
      name: 'vramgate_config_info',
      help: 'Always 1; the labels are the hash of the policy and the version of the catalog in effect.',
      labelNames: ['policy', 'catalog'] as const,
      registers,
    }),
  };
}

function refreshMetrics(registers: Registry[]): Metrics['refreshed'] {
  const refreshes = new Counter({
    name: 'vramgate_refreshes_total',
    help: 'Configuration, inventory file or certificate read anew: applied, or kept as it was because the new one is bad.',
    labelNames: ['subject', 'result'] as const,
    registers,
  });
  const last = new Gauge({
    name: 'vramgate_last_refresh_successful',
    help: '1 while what was last read is in use; 0 while a bad new one is ignored.',
    labelNames: ['subject'] as const,
    registers,
  });
  return (subject, refresh) => {
    last.set({ subject }, refresh === 'kept' ? 0 : 1);
    if (refresh !== 'started') refreshes.inc({ subject, result: refresh });
  };
}

function watchMetrics(registers: Registry[]): Metrics['watched'] {
  const current = new Gauge({
    name: 'vramgate_cluster_watch_current',
    help: '1 while a resource of the cluster is watched; 0 while it is forbidden, absent, or the API server is away.',
    labelNames: ['resource'] as const,
    registers,
  });
  return (resource, isCurrent) => current.set({ resource }, isCurrent ? 1 : 0);
}

/** Read at the scrape, so that none of the three can be older than the facts that reviews see. */
function inventoryMetrics(registers: Registry[], status: () => InventoryStatus): void {
  new Gauge({
    name: 'vramgate_inventory_classes',
    help: 'Classes of equal nodes; 0 where the inventory is unknown.',
    registers,
    collect() {
      this.set(status().classes);
    },
  });
  new Gauge({
    name: 'vramgate_inventory_nodes',
    help: 'GPU nodes that are known.',
    registers,
    collect() {
      this.set(status().nodes);
    },
  });
  new Gauge({
    name: 'vramgate_inventory_age_seconds',
    help: 'Time since the inventory was last read or confirmed; NaN where it is unknown.',
    registers,
    collect() {
      const { asOf } = status();
      this.set(asOf === null ? Number.NaN : (Date.now() - asOf.getTime()) / 1000);
    },
  });
}

/** The worst delay since the last scrape. */
function eventLoopLag(registers: Registry[]): () => void {
  const monitor = monitorEventLoopDelay({ resolution: 10 });
  monitor.enable();
  new Gauge({
    name: 'vramgate_event_loop_lag_seconds',
    help: 'Longest delay of the event loop since the last scrape.',
    registers,
    collect() {
      this.set(monitor.max / NANOSECONDS);
      monitor.reset();
    },
  });
  return () => monitor.disable();
}

/** A registry of its own: two servers in one process (tests) do not count into each other. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const { decisions, durations, findings } = decisionMetrics(registers);
  const { errors, disconnects, inFlight, expiry, config } = processMetrics(registers);
  // From the start on, so that the first error is an increase that an alert can see.
  for (const one of ERROR_CLASSES) errors.inc({ class: one }, 0);
  for (const reason of NO_REQUESTS) disconnects.inc({ reason }, 0);
  const stop = eventLoopLag(registers);

  function decided(record: DecisionRecord): void {
    const { webhook, verdict, mode } = record;
    decisions.inc({ webhook, verdict, mode, allowed: String(record.allowed) });
    durations.observe({ webhook }, record.durationMicroseconds / MICROSECONDS);
    // Both webhooks find the same things in the same object: counted where the verdict is given.
    if (webhook === 'validate') for (const { code } of record.findings) findings.inc({ code });
  }

  return {
    decided,
    failed: (errorClass) => errors.inc({ class: errorClass }),
    disconnected: (reason) => disconnects.inc({ reason }),
    entered: () => inFlight.inc(),
    left: () => inFlight.dec(),
    certificateExpires: (at) => expiry.set(at.getTime() / 1000),
    configured: (policy, catalog) => {
      config.reset();
      config.set({ policy, catalog }, 1);
    },
    refreshed: refreshMetrics(registers),
    watched: watchMetrics(registers),
    inventoryIs: (status) => inventoryMetrics(registers, status),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    stop,
  };
}
