import { decisionRecord } from '../../pipeline/record.ts';
import type { DecisionRecord, Facts } from '../../pipeline/types.ts';
import { memberOf } from '../../workload/json-value.ts';
import { type Checked, textAt } from '../judge.ts';
import { terminalJson } from './json.ts';

/** One decision record a line: the webhook's record of the same object, but for what only a request has. */
export function recordLines(checked: readonly Checked[], facts: Facts, now: Date): string {
  const time = now.toISOString();
  return checked.map((one) => `${terminalJson(recordOf(one, facts, time), 0)}\n`).join('');
}

function recordOf(
  { manifest, kind, namespace, decision, patch }: Checked,
  facts: Facts,
  time: string,
): DecisionRecord {
  const metadata = memberOf(manifest.object, 'metadata');
  const identity = {
    uid: null,
    time,
    webhook: 'check',
    operation: 'CREATE',
    dryRun: false,
    namespace,
    name: textAt(metadata, 'name'),
    generateName: textAt(metadata, 'generateName'),
    kind,
    user: null,
    durationMicroseconds: 0,
  } as const;
  const paths = patch.map(({ path }) => path);
  return decisionRecord(decision, identity, facts, paths);
}
