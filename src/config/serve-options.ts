import { parseArgs } from 'node:util';

export interface ServeOptions {
  readonly configFile: string | null;
  readonly inventoryFile: string | null;
  /** null: the pod's service account, where there is one. */
  readonly kubeconfig: string | null;
  /** A context of the kubeconfig; null: its current one. */
  readonly kubeContext: string | null;
  readonly certificate: CertificateChoice;
  /** 0: any free port. */
  readonly port: number;
  readonly metricsPort: number;
}

export type CertificateChoice =
  | { readonly kind: 'files'; readonly certFile: string; readonly keyFile: string }
  | SelfManagedChoice
  /** Made at start, for localhost. */
  | { readonly kind: 'throwaway' };

export interface SelfManagedChoice {
  readonly kind: 'self-managed';
  readonly secret: NamespacedName;
  readonly service: NamespacedName;
  /** Names; at least one of the two lists has one. */
  readonly mutating: readonly string[];
  readonly validating: readonly string[];
}

export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

export type ServeOptionsReading =
  | { readonly options: ServeOptions }
  /** A mistake of the caller: one sentence. */
  | { readonly mistake: string };

const DEFAULT_PORT = 8443;
const DEFAULT_METRICS_PORT = 8080;
const MAX_PORT = 65_535;

export const SERVE_USAGE = `usage: vramgate serve [options]

  --config FILE                 the configuration, read again when it changes
  --inventory FILE              kubectl get nodes[,pods -A] -o yaml, or declared shapes; read again when it changes
  --port N                      HTTPS: /mutate and /validate (8443)
  --metrics-port N              HTTP: /healthz, /readyz and /metrics (8080)
  --kubeconfig FILE [--kube-context NAME]
                                how to reach the cluster (the pod's service account)

certificates, one of:
  --tls-cert-file FILE --tls-private-key-file FILE
                                mounted files, read again when they change
  --self-managed-tls            CA and certificate of our own, renewed in time, with
    --tls-secret NAMESPACE/NAME     the Secret that holds them; it exists, empty at first
    --tls-service NAMESPACE/NAME    the Service that the API server calls
    --mutating-webhook-configuration NAME, --validating-webhook-configuration NAME
                                    whose caBundle is kept up to date; both may be repeated
  neither                       a throwaway certificate for localhost`;

const FLAGS = {
  config: { type: 'string' },
  inventory: { type: 'string' },
  kubeconfig: { type: 'string' },
  'kube-context': { type: 'string' },
  'tls-cert-file': { type: 'string' },
  'tls-private-key-file': { type: 'string' },
  'self-managed-tls': { type: 'boolean' },
  'tls-secret': { type: 'string' },
  'tls-service': { type: 'string' },
  'mutating-webhook-configuration': { type: 'string', multiple: true },
  'validating-webhook-configuration': { type: 'string', multiple: true },
  port: { type: 'string' },
  'metrics-port': { type: 'string' },
} as const;

type Flags = ReturnType<typeof parseFlags>;
type Mistake = { readonly mistake: string };

function parseFlags(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: FLAGS, strict: true, allowPositionals: false }).values;
}

function readFlags(argv: readonly string[]): { readonly flags: Flags } | Mistake {
  try {
    return { flags: parseFlags(argv) };
  } catch (error) {
    return { mistake: error instanceof Error ? error.message : 'the arguments cannot be read' };
  }
}

function portOf(text: string | undefined, fallback: number): number | null {
  if (text === undefined) return fallback;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= MAX_PORT ? port : null;
}

/** Both parts are DNS labels or subdomains: they become a path and a host name. */
function namespacedName(text: string | undefined): NamespacedName | null {
  const found = /^([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9.-]{0,252})$/.exec(text ?? '');
  const [, namespace, name] = found ?? [];
  return namespace === undefined || name === undefined ? null : { namespace, name };
}

const SELF_MANAGED_FLAGS = [
  'tls-secret',
  'tls-service',
  'mutating-webhook-configuration',
  'validating-webhook-configuration',
] as const;

function selfManagedOf(flags: Flags): SelfManagedChoice | Mistake {
  const secret = namespacedName(flags['tls-secret']);
  const service = namespacedName(flags['tls-service']);
  if (secret === null) return { mistake: '--self-managed-tls needs --tls-secret NAMESPACE/NAME' };
  if (service === null) return { mistake: '--self-managed-tls needs --tls-service NAMESPACE/NAME' };
  const mutating = flags['mutating-webhook-configuration'] ?? [];
  const validating = flags['validating-webhook-configuration'] ?? [];
  if (mutating.length + validating.length === 0) {
    return {
      mistake:
        '--self-managed-tls needs --validating-webhook-configuration NAME or --mutating-webhook-configuration NAME',
    };
  }
  return { kind: 'self-managed', secret, service, mutating, validating };
}

function certificateOf(flags: Flags): CertificateChoice | Mistake {
  const [certFile, keyFile] = [flags['tls-cert-file'], flags['tls-private-key-file']];
  const hasFiles = certFile !== undefined || keyFile !== undefined;
  if (flags['self-managed-tls'] === true) {
    return hasFiles
      ? { mistake: '--self-managed-tls and --tls-cert-file exclude each other' }
      : selfManagedOf(flags);
  }
  const stray = SELF_MANAGED_FLAGS.find((name) => flags[name] !== undefined);
  if (stray !== undefined) return { mistake: `--${stray} belongs to --self-managed-tls` };
  if (certFile !== undefined && keyFile !== undefined) return { kind: 'files', certFile, keyFile };
  return hasFiles
    ? { mistake: '--tls-cert-file and --tls-private-key-file belong together' }
    : { kind: 'throwaway' };
}

function optionsOf(flags: Flags): ServeOptionsReading {
  const port = portOf(flags.port, DEFAULT_PORT);
  const metricsPort = portOf(flags['metrics-port'], DEFAULT_METRICS_PORT);
  if (port === null) return { mistake: '--port must be a number from 0 to 65535' };
  if (metricsPort === null) return { mistake: '--metrics-port must be a number from 0 to 65535' };
  const [kubeconfig, kubeContext] = [flags.kubeconfig ?? null, flags['kube-context'] ?? null];
  if (kubeContext !== null && kubeconfig === null) return { mistake: '--kube-context needs --kubeconfig' };
  const certificate = certificateOf(flags);
  if ('mistake' in certificate) return certificate;
  const [configFile, inventoryFile] = [flags.config ?? null, flags.inventory ?? null];
  return { options: { configFile, inventoryFile, kubeconfig, kubeContext, certificate, port, metricsPort } };
}

/** `argv` is what follows `serve`. */
export function parseServeOptions(argv: readonly string[]): ServeOptionsReading {
  const reading = readFlags(argv);
  return 'mistake' in reading ? reading : optionsOf(reading.flags);
}
