import { parseArgs } from 'node:util';

export interface ServeOptions {
  readonly configFile: string | null;
  readonly inventoryFile: string | null;
  /** null: the pod's service account, where there is one. */
  readonly kubeconfig: string | null;
  /** A context of the kubeconfig; null: its current one. */
  readonly kubeContext: string | null;
  /** null: a throwaway certificate is made at start. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | null;
  /** 0: any free port. */
  readonly port: number;
  readonly metricsPort: number;
}

export type ServeOptionsReading =
  | { readonly options: ServeOptions }
  /** A mistake of the caller: one sentence. */
  | { readonly mistake: string };

const DEFAULT_PORT = 8443;
const DEFAULT_METRICS_PORT = 8080;
const MAX_PORT = 65_535;

export const SERVE_USAGE =
  'usage: vramgate serve [--config FILE] [--tls-cert-file FILE --tls-private-key-file FILE] [--inventory FILE] [--kubeconfig FILE [--kube-context NAME]] [--port N] [--metrics-port N]';

const FLAGS = {
  config: { type: 'string' },
  inventory: { type: 'string' },
  kubeconfig: { type: 'string' },
  'kube-context': { type: 'string' },
  'tls-cert-file': { type: 'string' },
  'tls-private-key-file': { type: 'string' },
  port: { type: 'string' },
  'metrics-port': { type: 'string' },
} as const;

type Flags = { readonly [K in keyof typeof FLAGS]?: string | undefined };

function portOf(text: string | undefined, fallback: number): number | null {
  if (text === undefined) return fallback;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= MAX_PORT ? port : null;
}

function readFlags(argv: readonly string[]): Flags | { readonly mistake: string } {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    return { mistake: error instanceof Error ? error.message : 'the arguments cannot be read' };
  }
}

function optionsOf(flags: Flags): ServeOptionsReading {
  const port = portOf(flags.port, DEFAULT_PORT);
  const metricsPort = portOf(flags['metrics-port'], DEFAULT_METRICS_PORT);
  if (port === null) return { mistake: '--port must be a number from 0 to 65535' };
  if (metricsPort === null) return { mistake: '--metrics-port must be a number from 0 to 65535' };
  const [certFile, keyFile] = [flags['tls-cert-file'], flags['tls-private-key-file']];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    return { mistake: '--tls-cert-file and --tls-private-key-file belong together' };
  }
  const certificate = certFile === undefined || keyFile === undefined ? null : { certFile, keyFile };
  const [kubeconfig, kubeContext] = [flags.kubeconfig ?? null, flags['kube-context'] ?? null];
  if (kubeContext !== null && kubeconfig === null) return { mistake: '--kube-context needs --kubeconfig' };
  const [configFile, inventoryFile] = [flags.config ?? null, flags.inventory ?? null];
  return { options: { configFile, inventoryFile, kubeconfig, kubeContext, certificate, port, metricsPort } };
}

/** `argv` is what follows `serve`. */
export function parseServeOptions(argv: readonly string[]): ServeOptionsReading {
  const flags = readFlags(argv);
  return 'mistake' in flags ? flags : optionsOf(flags);
}
