import { type ClusterApi, createApi } from '../cluster/api.ts';
import { findConnection } from '../cluster/connect.ts';
import { ApiError, ApiUnreachable } from '../cluster/errors.ts';
import { plain } from '../plan/message.ts';
import type { FreeDevices, Inventory, Policy } from '../plan/types.ts';
import type { WorkloadKind } from '../workload/kind.ts';
import { loadConfig, loadInventory } from './facts.ts';
import { oneOf, parseFlags } from './flags.ts';
import { EXIT, type Io, UsageError } from './io.ts';
import { isRefused, textAt } from './judge.ts';
import { terminalJson, terminalYaml } from './reports/json.ts';
import { type Change, changes, readBaseline } from './scan/baseline.ts';
import { workloadsOf } from './scan/collect.ts';
import { judgeFound, type ScanJudged, type Scanned, scannedOf } from './scan/elements.ts';
import { surroundings } from './scan/facts.ts';
import { ScanPods } from './scan/pods.ts';
import { writeReports } from './scan/policy-reports.ts';
import { changesTable, scanTable } from './scan/table.ts';
import { Waiting } from './scan/waiting.ts';

export const SCAN_USAGE = `usage: vramgate scan [options]

  -n, --namespace NAME      one namespace; left out: all
  --kubeconfig FILE         left out: KUBECONFIG, ~/.kube/config, or the pod's service account
  --kube-context NAME       a context of the kubeconfig (--context means tokens elsewhere in vramgate)
  --infer                   judges what is recognised as serving a known model, too, without any annotation
  --config FILE             the webhook's configuration
  --inventory FILE          stands for the cluster's nodes
  --baseline FILE           prints only the verdicts that differ from this scan (its JSON)
  --write-reports           writes PolicyReports (wgpolicyk8s.io) or Reports (openreports.io); else nothing is written
  --strict                  warnings and unknowns exit with 3
  -o, --output FORM         table (default), json, yaml

exit codes: 0 nothing would be refused, 3 something would be, 2 something cannot be read, 1 a fault of vramgate
`;

const SCAN_OPTIONS = {
  namespace: { type: 'string', short: 'n' },
  kubeconfig: { type: 'string' },
  'kube-context': { type: 'string' },
  infer: { type: 'boolean' },
  config: { type: 'string' },
  inventory: { type: 'string' },
  baseline: { type: 'string' },
  'write-reports': { type: 'boolean' },
  strict: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

const OUTPUTS = ['table', 'json', 'yaml'] as const;
type Flags = ReturnType<typeof parseFlags<typeof SCAN_OPTIONS>>;

/** `vramgate scan`: the webhook's verdict on what a cluster runs already. */
export async function runScan(argv: readonly string[], io: Io): Promise<number> {
  const flags = parseFlags(argv, SCAN_OPTIONS);
  if (flags.help === true) {
    io.out(SCAN_USAGE);
    return EXIT.fits;
  }
  const output = oneOf(flags.output ?? 'table', OUTPUTS, '--output');
  const baseline = flags.baseline === undefined ? null : await readBaseline(flags.baseline);
  const api = openApi(flags);
  try {
    const { scanned, unseen, notices } = await scan(api, flags);
    for (const one of [...unseen, ...notices]) io.err(`vramgate: ${plain(one)}\n`);
    const differing =
      baseline === null
        ? null
        : changes(
            baseline,
            scanned.map(({ element }) => element),
          );
    io.out(printed(scanned, differing, output, io));
    if (flags['write-reports'] === true) await report(api, scanned, flags, io);
    return exitCode(scanned, unseen.length > 0, flags.strict === true);
  } catch (error) {
    if (error instanceof ApiUnreachable || error instanceof ApiError)
      throw new UsageError(`the cluster: ${plain(error.message)}`);
    throw error;
  } finally {
    api.close();
  }
}

function openApi(flags: Flags): ClusterApi {
  const choice = { kubeconfig: flags.kubeconfig ?? null, context: flags['kube-context'] ?? null };
  try {
    const connection = findConnection({ ...choice, isInteractive: true });
    if (connection !== null) return createApi(connection);
  } catch (error) {
    if (error instanceof ApiUnreachable) throw new UsageError(error.message);
    throw error;
  }
  throw new UsageError('no cluster: name a --kubeconfig, or set KUBECONFIG');
}

interface Scan {
  readonly scanned: readonly Scanned[];
  readonly unseen: readonly string[];
  readonly notices: readonly string[];
}

/** Unannotated objects are judged only where that was asked for, whatever the webhook's policy says. */
function scanPolicy(policy: Policy, infer: boolean): Policy {
  return { ...policy, unannotated: infer ? 'judge' : 'ignore' };
}

async function scan(api: ClusterApi, flags: Flags): Promise<Scan> {
  const config = await loadConfig(flags.config ?? null);
  const given = flags.inventory === undefined ? null : await loadInventory(flags.inventory, config);
  const around = await surroundings(api, config, given);
  const policy = scanPolicy(config.policy, flags.infer === true);
  const { inventory, free } = withoutPods(around.inventory);
  const facts = { policy, catalog: config.catalog, inventory };
  const judged: ScanJudged[] = [];
  const unseen = [...around.unseen];
  const waiting = new Waiting();
  const pods = new ScanPods(flags.namespace ?? null);
  const onUnseen = (problem: string, { kind }: WorkloadKind): void => {
    unseen.push(problem);
    if (kind === 'Pod') pods.miss();
  };
  for await (const found of workloadsOf(api, flags.namespace ?? null, onUnseen)) {
    waiting.see(found);
    pods.see(found);
    const namespaceMode = around.modes.get(textAt(found.object['metadata'], 'namespace') ?? '') ?? null;
    const one = judgeFound(found, { ...facts, namespaceMode });
    // What a registered kind owns, and what is nobody's model, is not ours: it is not even kept.
    if (one.judged.decision.verdict !== 'ignore') judged.push(one);
  }
  const isWaiting = waiting.workloads();
  const isAny = judged.some(({ found }) => isWaiting(found));
  const left = around.nodes === null || !isAny ? { free, notices: [] } : await pods.leave(api, around.nodes);
  const scanned = judged.map((one) => scannedOf(one, isWaiting(one.found) ? left.free : null));
  return { scanned, unseen, notices: [...around.notices, ...left.notices] };
}

/** What runs is judged without regard to what is free: it has its GPUs. */
function withoutPods(inventory: Inventory): {
  readonly inventory: Inventory;
  readonly free: FreeDevices | null;
} {
  if (inventory.state === 'unknown') return { inventory, free: null };
  const { free = null, ...rest } = inventory;
  return { inventory: rest, free };
}

async function report(api: ClusterApi, scanned: readonly Scanned[], flags: Flags, io: Io): Promise<void> {
  const written = await writeReports(api, scanned, flags.namespace ?? null, io.now());
  if (written === null)
    throw new UsageError('the cluster has neither wgpolicyk8s.io nor openreports.io: no report was written');
  io.err(`vramgate: ${written} report${written === 1 ? '' : 's'} written\n`);
}

function printed(
  scanned: readonly Scanned[],
  differing: readonly Change[] | null,
  output: (typeof OUTPUTS)[number],
  io: Io,
): string {
  const values = differing ?? scanned.map(({ element }) => element);
  if (output === 'json') return `${terminalJson(values, 2)}\n`;
  if (output === 'yaml') return terminalYaml(values);
  const hasColour = io.isTerminal && io.env['NO_COLOR'] === undefined;
  return differing === null ? scanTable(scanned, hasColour) : changesTable(differing);
}

/** Contract §6: 2 wins over 3. */
function exitCode(scanned: readonly Scanned[], isPartial: boolean, isStrict: boolean): number {
  if (isPartial) return EXIT.usage;
  return scanned.some(({ judged }) => isRefused(judged, isStrict)) ? EXIT.doesNotFit : EXIT.fits;
}
