import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { allCounters, type WebhookCounters } from '../harness/api-metrics.ts';
import type { ControlPlane } from '../harness/control-plane.ts';
import { at, jsonLines, type Members } from '../harness/members.ts';
import { until } from '../harness/process.ts';
import { MUTATING, VALIDATING, VALIDATING_ENFORCED } from '../harness/webhook-configuration.ts';

/** Whatever a file of cases has started. */
interface Accounts {
  readonly plane: ControlPlane;
  /** Of all replicas, also of those that are gone. */
  readonly records: () => Promise<readonly Members[]>;
}

interface Books {
  readonly mutate: readonly Members[];
  readonly validate: readonly Members[];
  /** That the API server has counted, of a call that was answered. */
  readonly refusals: readonly [mutate: number, validate: number];
}

const VALIDATORS = [VALIDATING, VALIDATING_ENFORCED];

const answered = (entries: readonly WebhookCounters[]) =>
  entries.reduce((sum, one) => sum + one.requests - one.failedOpen - one.failedClosed, 0);
const refused = (entries: readonly WebhookCounters[]) =>
  entries.reduce((sum, one) => sum + one.rejections - one.failedClosed, 0);

/** Our log is written after the answer, so it may be behind; a call that failed, open or closed, has no record. */
async function settled({ plane, records }: Accounts): Promise<Books> {
  const ask = async (): Promise<Books | null> => {
    const counters = await allCounters(plane.api, [MUTATING, ...VALIDATORS]);
    const [editing, judging] = [counters.slice(0, 1), counters.slice(1)];
    const all = await records();
    const [mutate = [], validate = []] = ['mutate', 'validate'].map((webhook) =>
      all.filter((one) => one['webhook'] === webhook),
    );
    const isEven = answered(editing) === mutate.length && answered(judging) === validate.length;
    return isEven ? { mutate, validate, refusals: [refused(editing), refused(judging)] } : null;
  };
  return until(ask, { what: 'as many records as calls that the API server counts', limitMs: 15_000 });
}

/**
 * The last case of a file: of everything that its cases asked, our log, the counters of the API server and its audit log
 * tell the same. A call that the API server makes again after a conflict has a record and no audit entry of its own.
 * Not for faults.test.ts, where a replica may answer what the API server has stopped waiting for, or be killed before it
 * has logged what it answered; nor for scale.test.ts, which asks one question again and again and checks every answer.
 */
export function itKeepsThreeBooks(accounts: () => Accounts): void {
  it('log, metrics and audit log agree on every review of these cases', async () => {
    const { plane } = accounts();
    const { mutate, validate, refusals } = await settled(accounts());
    expect(mutate.length).toBeGreaterThan(0);
    expect(refusals).toEqual([0, validate.filter((one) => one['allowed'] === false).length]);

    const verdicts = new Map(validate.map((one) => [one['decision'], one['verdict']]));
    const edits = new Set(mutate.map((one) => one['decision']));
    const events = jsonLines(await readFile(plane.auditLog, 'utf8'));
    const audited = events.flatMap(({ annotations }) => {
      const judge = VALIDATORS.find((one) => at(annotations, `${one}/decision`) !== undefined);
      return judge === undefined ? [] : [{ annotations, judge }];
    });
    expect(audited.length).toBeGreaterThan(0);
    for (const { annotations, judge } of audited) {
      const decision = at(annotations, `${judge}/decision`);
      expect(verdicts.get(decision), `the record of ${decision}`).toBe(at(annotations, `${judge}/verdict`));
      const edited = at(annotations, `${MUTATING}/decision`);
      if (edited !== undefined) expect(edits).toContain(edited);
    }
  });
}
