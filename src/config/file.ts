import { LineCounter, parseDocument } from 'yaml';
import * as z from 'zod';
import { formatPath, type JsonPath } from '../findings.ts';
import type { Policy } from '../plan/types.ts';
import { policyOf } from './policy.ts';
import { type ConfigFile, configSchema, type ServerConfig } from './schema.ts';

export interface Config {
  readonly policy: Policy;
  readonly server: ServerConfig;
  readonly logLevel: ConfigFile['logLevel'];
}

/** Something in a configuration file that cannot be used. */
export interface ConfigFinding {
  /** `policy.capacity`, or `line 3` where the text is not YAML. */
  readonly path: string;
  readonly message: string;
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

function crossChecks({ policy }: ConfigFile): readonly ConfigFinding[] {
  if (policy.capacity !== 'deny' || policy.inventory === 'complete') return [];
  const message =
    'deny needs policy.inventory: complete, because an unknown node could hold what no known one can';
  return [{ path: 'policy.capacity', message }];
}

function configOf(file: ConfigFile): Config {
  return Object.freeze({ policy: policyOf(file.policy), server: file.server, logLevel: file.logLevel });
}

/** Everything that is wrong is said at once. An empty text is the defaults. */
export function parseConfig(text: string): ConfigReading {
  if (text.length > MAX_TEXT) return refused([{ path: '', message: 'larger than 1 MiB' }]);
  const yaml = readYaml(text);
  if (yaml.findings.length > 0) return refused(yaml.findings);
  const parsed = configSchema.safeParse(yaml.value);
  if (!parsed.success) return refused(parsed.error.issues.flatMap(findingsOf));
  const findings = crossChecks(parsed.data);
  return findings.length > 0 ? refused(findings) : { config: configOf(parsed.data), findings: [] };
}

export function defaultConfig(): Config {
  return configOf(configSchema.parse({}));
}

/**
 * JSON Schema of the file as its author writes it: every key is optional. The chart wants draft-07, which every
 * Helm 3 and 4 reads.
 */
export function configJsonSchema(target: 'draft-2020-12' | 'draft-07' = 'draft-2020-12'): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', target });
}
