import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { allCounters } from '../harness/api-metrics.ts';
import type { ControlPlane } from '../harness/control-plane.ts';
import { at, jsonLines, type Members } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { MUTATING, VALIDATING } from '../harness/webhook-configuration.ts';

/** Whatever a file of cases has started. */
interface Accounts {
  readonly plane: ControlPlane;
  /** Of all replicas, also of those that are gone. */
  readonly records: () => Promise<readonly Members[]>;
}

interface Books {
  readonly mutate: readonly Members[];
  readonly validate: readonly Members[];
  readonly rejections: readonly number[];
}

/** Our log is written after the answer, so it may be behind; a call that failed open has no record. */
async function settled({ plane, records }: Accounts): Promise<Books> {
  const ask = async (): Promise<Books | null> => {
    const counters = await allCounters(plane.api, [MUTATING, VALIDATING]);
    const all = await records();
    const [mutate = [], validate = []] = ['mutate', 'validate'].map((webhook) =>
      all.filter((one) => one['webhook'] === webhook),
    );
    const answered = counters.map(({ requests, failedOpen }) => requests - failedOpen);
    const isEven = answered[0] === mutate.length && answered[1] === validate.length;
    return isEven ? { mutate, validate, rejections: counters.map((one) => one.rejections) } : null;
  };
  return until(ask, { what: 'as many records as calls that the API server counts', limitMs: 15_000 });
}

/**
 * The last case of a file: of everything that its cases asked, our log, the counters of the API server and its audit log
 * tell the same. A call that the API server makes again after a conflict has a record and no audit entry of its own.
 */
export function itKeepsThreeBooks(accounts: () => Accounts): void {
  it('log, metrics and audit log agree on every review of these cases', async () => {
    const { plane } = accounts();
    const { mutate, validate, rejections } = await settled(accounts());
    expect(mutate.length).toBeGreaterThan(0);
    expect(rejections).toEqual([0, validate.filter((one) => one['allowed'] === false).length]);

    const verdicts = new Map(validate.map((one) => [one['decision'], one['verdict']]));
    const edits = new Set(mutate.map((one) => one['decision']));
    const events = jsonLines(await readFile(plane.auditLog, 'utf8'));
    const audited = events.filter(
      (event) => at(event, 'annotations', `${VALIDATING}/decision`) !== undefined,
    );
    expect(audited.length).toBeGreaterThan(0);
    for (const { annotations } of audited) {
      const decision = at(annotations, `${VALIDATING}/decision`);
      expect(verdicts.get(decision), `the record of ${decision}`).toBe(
        at(annotations, `${VALIDATING}/verdict`),
      );
      const edited = at(annotations, `${MUTATING}/decision`);
      if (edited !== undefined) expect(edits).toContain(edited);
    }
  });
}
