import { FINDINGS, formatPath, type Severity, severityOf } from '../../findings.ts';
import type { Facts } from '../../pipeline/types.ts';
import { type Checked, type CheckReport, effectOf, nameOf } from '../judge.ts';

/** SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Rules are the finding codes. */

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const LEVELS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

const RULE_IDS = Object.keys(FINDINGS).filter((code) => isCode(code));

function isCode(code: string): code is keyof typeof FINDINGS {
  return Object.hasOwn(FINDINGS, code);
}

function ruleOf(code: keyof typeof FINDINGS): unknown {
  return {
    id: code,
    shortDescription: { text: FINDINGS[code].summary },
    defaultConfiguration: { level: LEVELS[severityOf(code)] },
  };
}

/** RFC 3986; a folder's separators stay. Standard input has no file: SARIF allows a name for it. */
function uriOf(file: string): string {
  return file === '-' ? 'stdin' : file.split('/').map(encodeURIComponent).join('/');
}

function locationOf(file: string, line: number | null, logical: string | null): unknown {
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(file) },
      ...(line !== null && { region: { startLine: line } }),
    },
    ...(logical !== null && { logicalLocations: [{ fullyQualifiedName: logical }] }),
  };
}

function resultsOf(one: Checked, facts: Facts): readonly unknown[] {
  const { manifest, decision } = one;
  return decision.findings.map((found) => {
    const path = formatPath(found.path);
    const effect = effectOf(found, one, facts);
    const ways = effect === 'error' ? decision.remedies.map(({ text }) => text) : [];
    return {
      ruleId: found.code,
      ruleIndex: RULE_IDS.indexOf(found.code),
      level: LEVELS[effect],
      message: { text: `${nameOf(one)}: ${found.message}` },
      locations: [locationOf(manifest.file, manifest.lineOf(found.path), path === '' ? null : path)],
      properties: { verdict: decision.verdict, remedies: ways },
    };
  });
}

export function sarifReport({ checked, unreadable }: CheckReport, facts: Facts, version: string): unknown {
  const notifications = unreadable.map(({ file, line, message }) => ({
    level: 'error',
    message: { text: message },
    locations: [locationOf(file, line, null)],
  }));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'vramgate', version, rules: RULE_IDS.map(ruleOf) } },
        invocations: [
          { executionSuccessful: unreadable.length === 0, toolExecutionNotifications: notifications },
        ],
        columnKind: 'utf16CodeUnits',
        results: checked.flatMap((one) => resultsOf(one, facts)),
      },
    ],
  };
}
