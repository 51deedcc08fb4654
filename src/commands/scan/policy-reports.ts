import type { ClusterApi } from '../../cluster/api.ts';
import { isStatus } from '../../cluster/errors.ts';
import { resourcePath } from '../../cluster/paths.ts';
import { memberOf } from '../../workload/json-value.ts';
import { textAt } from '../judge.ts';
import type { Scanned } from './elements.ts';

/**
 * Reports in the form that policy dashboards read: wgpolicyk8s.io v1alpha2 PolicyReport and openreports.io v1alpha1
 * Report, whose results have the same members (openreports/reports-api apis/openreports.io/v1alpha1).
 */

interface ReportApi {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
}

const APIS: readonly ReportApi[] = [
  { group: 'wgpolicyk8s.io', version: 'v1alpha2', resource: 'policyreports', kind: 'PolicyReport' },
  { group: 'openreports.io', version: 'v1alpha1', resource: 'reports', kind: 'Report' },
];

const NAME = 'vramgate-scan';
const LABELS = { 'app.kubernetes.io/managed-by': 'vramgate' } as const;
const SELECTOR = 'app.kubernetes.io/managed-by=vramgate';

type Result = 'pass' | 'fail' | 'warn' | 'error' | 'skip';
const RESULTS: readonly Result[] = ['pass', 'fail', 'warn', 'error', 'skip'];

function resultOf({ judged }: Scanned): Result {
  const { verdict, findings } = judged.decision;
  if (verdict === 'deny') return 'fail';
  if (verdict === 'warn') return 'warn';
  return findings.some(({ code }) => code === 'exempt') ? 'skip' : 'pass';
}

function propertiesOf({ element }: Scanned): Readonly<Record<string, string>> {
  const { requested, unused, missing } = element.gpus;
  const counts = { ...(requested !== null && { requested }), unused, missing };
  return Object.fromEntries(Object.entries(counts).map(([key, value]) => [`gpus-${key}`, String(value)]));
}

function resultEntry(scanned: Scanned, now: Date): Readonly<Record<string, unknown>> {
  const { found, judged } = scanned;
  const { findings } = judged.decision;
  const result = resultOf(scanned);
  const metadata = memberOf(found.object, 'metadata');
  return {
    source: 'vramgate',
    policy: 'vramgate',
    rule: findings[0]?.code ?? 'fits',
    category: 'GPU memory',
    ...(result === 'fail' && { severity: 'high' }),
    result,
    scored: true,
    message: findings.map(({ code, message }) => `${code}: ${message}`).join('\n'),
    timestamp: { seconds: Math.floor(now.getTime() / 1000), nanos: 0 },
    resources: [
      {
        apiVersion: found.object['apiVersion'],
        kind: judged.kind,
        name: textAt(metadata, 'name'),
        namespace: textAt(metadata, 'namespace'),
        uid: textAt(metadata, 'uid') ?? '',
      },
    ],
    properties: propertiesOf(scanned),
  };
}

function reportBody(api: ReportApi, namespace: string, scanned: readonly Scanned[], now: Date) {
  const summary = Object.fromEntries(
    RESULTS.map((result) => [result, scanned.filter((one) => resultOf(one) === result).length]),
  );
  return {
    apiVersion: `${api.group}/${api.version}`,
    kind: api.kind,
    metadata: { name: NAME, namespace, labels: LABELS },
    ...(api.group === 'openreports.io' && { source: 'vramgate' }),
    summary,
    results: scanned.map((one) => resultEntry(one, now)),
  };
}

/** The first of the two that the cluster has; null: neither. */
async function findReportApi(api: ClusterApi): Promise<ReportApi | null> {
  for (const one of APIS) {
    try {
      await api.get(`/apis/${one.group}/${one.version}`);
      return one;
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
    }
  }
  return null;
}

/** resourceVersion of our reports by namespace. */
async function existing(
  api: ClusterApi,
  target: ReportApi,
  namespace: string | null,
): Promise<Map<string, string>> {
  const path = resourcePath({ ...target, ...(namespace !== null && { namespace }) });
  const versions = new Map<string, string>();
  for await (const { items } of api.list(path, { query: { labelSelector: SELECTOR } })) {
    for (const item of items) {
      const metadata = memberOf(item, 'metadata');
      const [where, version] = [textAt(metadata, 'namespace'), textAt(metadata, 'resourceVersion')];
      if (textAt(metadata, 'name') === NAME && where !== null && version !== null)
        versions.set(where, version);
    }
  }
  return versions;
}

/**
 * One report for each namespace that has anything to report, or had: then it is emptied. Returns how many were
 * written; null where the cluster has neither API. @throws ApiError, ApiUnreachable
 */
export async function writeReports(
  api: ClusterApi,
  scanned: readonly Scanned[],
  namespace: string | null,
  now: Date,
): Promise<number | null> {
  const target = await findReportApi(api);
  if (target === null) return null;
  const versions = await existing(api, target, namespace);
  const spaces = new Set([...versions.keys(), ...scanned.flatMap(({ judged }) => judged.namespace ?? [])]);
  for (const space of spaces) {
    const own = scanned.filter(({ judged }) => judged.namespace === space);
    const body = reportBody(target, space, own, now);
    const resourceVersion = versions.get(space);
    const path = resourcePath({ ...target, namespace: space });
    if (resourceVersion === undefined) await api.create(path, body);
    else await api.update(`${path}/${NAME}`, { ...body, metadata: { ...body.metadata, resourceVersion } });
  }
  return spaces.size;
}
