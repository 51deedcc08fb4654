import { LineCounter, parseDocument } from 'yaml';
import type * as z from 'zod';
import { extendCatalog } from '../catalog/parse.ts';
import type { Catalog } from '../catalog/types.ts';
import { formatPath, type JsonPath } from '../findings.ts';
import type { Draft } from '../inventory/classes.ts';
import { type DeclaredDrafts, readDeclaredDrafts } from '../inventory/declared.ts';
import type { Policy } from '../plan/types.ts';
import type { ConfigFinding } from './finding.ts';
import { resolveGpus } from './gpu-names.ts';
import { policyOf } from './policy.ts';
import { type ClusterConfig, type ConfigFile, configSchema, type ServerConfig } from './schema.ts';

export interface Config {
  readonly policy: Policy;
  /** The built-in catalog with the rows of this file. */
  readonly catalog: Catalog;
  /** What the operator says that pools may bring, under this catalog. */
  readonly shapes: readonly Draft[];
  readonly cluster: ClusterConfig;
  readonly server: ServerConfig;
  readonly logLevel: ConfigFile['logLevel'];
}

/** `config` is null when there is any finding: a configuration counts whole or not at all. */
export type ConfigReading =
  | { readonly config: Config; readonly findings: readonly [] }
  | { readonly config: null; readonly findings: readonly ConfigFinding[] };

// A configuration is a page of text; more is the wrong file.
const MAX_TEXT = 1024 * 1024;

function refused(findings: readonly ConfigFinding[]): ConfigReading {
  return { config: null, findings };
}

function readYaml(text: string): { readonly value: unknown; readonly findings: readonly ConfigFinding[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const findings = document.errors.map(({ pos, message }) => ({
    path: `line ${lineCounter.linePos(pos[0]).line}`,
    message,
  }));
  if (findings.length > 0) return { value: null, findings };
  try {
    return { value: document.toJS() ?? {}, findings };
  } catch {
    // Aliases are resolved here; too many of them (a "billion laughs" file) throw.
    return { value: null, findings: [{ path: '', message: 'its aliases cannot be resolved' }] };
  }
}

function pathOf(path: readonly PropertyKey[]): JsonPath {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

/** An unknown key is named at its own path, not at that of the object that holds it. */
function findingsOf(issue: z.core.$ZodIssue): readonly ConfigFinding[] {
  const path = pathOf(issue.path);
  if (issue.code !== 'unrecognized_keys') return [{ path: formatPath(path), message: issue.message }];
  return issue.keys.map((key) => ({ path: formatPath([...path, key]), message: 'no such key' }));
}

function crossChecks({ policy, cluster }: ConfigFile): readonly ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  if (policy.capacity === 'deny' && policy.inventory !== 'complete') {
    const message =
      'deny needs policy.inventory: complete, because an unknown node could hold what no known one can';
    findings.push({ path: 'policy.capacity', message });
  }
  if (cluster.pods && !cluster.watch) {
    findings.push({ path: 'cluster.pods', message: 'true needs cluster.watch: true' });
  }
  return findings;
}

/** An absent section leaves the catalog as it is, its version too. */
function catalogWith(base: Catalog, rows: unknown): ReturnType<typeof extendCatalog> {
  if (rows === undefined || rows === null) return { catalog: base, findings: [] };
  return extendCatalog(base, [{ path: 'catalog', value: rows }]);
}

function shapesOf(value: unknown, catalog: Catalog): DeclaredDrafts {
  if (value === undefined || value === null) return { drafts: [], findings: [] };
  if (Array.isArray(value)) return readDeclaredDrafts(value, catalog, ['shapes']);
  return { drafts: [], findings: [{ path: 'shapes', message: 'must be a list of shapes' }] };
}

function configOf(file: ConfigFile, base: Catalog): ConfigReading {
  const { catalog, findings: inCatalog } = catalogWith(base, file.catalog);
  const { policy, findings: inPolicy } = resolveGpus(file.policy, catalog);
  const { drafts: shapes, findings: inShapes } = shapesOf(file.shapes, catalog);
  const findings = [...crossChecks(file), ...inCatalog, ...inPolicy, ...inShapes];
  if (findings.length > 0) return refused(findings);
  const { cluster, server, logLevel } = file;
  const config = { policy: policyOf(policy), catalog, shapes, cluster, server, logLevel };
  return { config: Object.freeze(config), findings: [] };
}

/** Everything that is wrong is said at once. An empty text is the defaults. @param base what `catalog` adds to. */
export function parseConfig(text: string, base: Catalog): ConfigReading {
  if (text.length > MAX_TEXT) return refused([{ path: '', message: 'larger than 1 MiB' }]);
  const yaml = readYaml(text);
  if (yaml.findings.length > 0) return refused(yaml.findings);
  const parsed = configSchema.safeParse(yaml.value);
  return parsed.success ? configOf(parsed.data, base) : refused(parsed.error.issues.flatMap(findingsOf));
}

export function defaultConfig(base: Catalog): Config {
  const { policy, cluster, server, logLevel } = configSchema.parse({});
  return Object.freeze({ policy: policyOf(policy), catalog: base, shapes: [], cluster, server, logLevel });
}
