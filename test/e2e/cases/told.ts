import { expect } from 'vitest';
import { auditEvents, recordOf, type Stage } from '../harness/cluster.ts';
import { at, listAt, type Members } from '../harness/members.ts';
import { VALIDATING } from '../harness/webhook-configuration.ts';

export interface Told {
  readonly verdict: string;
  readonly allowed: boolean;
  readonly mode: string;
  /** Who asked. */
  readonly user: string;
  /** Of the findings, in their order. */
  readonly codes: readonly string[];
}

interface Telling extends Pick<Stage, 'plane'> {
  readonly records: () => Promise<readonly Members[]>;
}

/** The last request for a Deployment: our log says this of it, and the audit log of the API server the same. */
export async function expectTold(stage: Telling, name: string, told: Told): Promise<void> {
  const { verdict, allowed, mode, user, codes } = told;
  const record = await recordOf(stage, 'validate', name);
  const found = listAt(record, 'findings').map((one) => at(one, 'code'));
  expect({ ...record, codes: found }).toMatchObject({ verdict, allowed, mode, subject: { user }, codes });
  const key = `${VALIDATING}/decision`;
  const events = await auditEvents(stage.plane, 'deployments', name);
  const event = events.find((one) => at(one, 'annotations', key) === record['decision']);
  expect(event?.['annotations']).toMatchObject({
    [`${VALIDATING}/policy`]: record['policyHash'],
    [`${VALIDATING}/verdict`]: verdict,
    [`${VALIDATING}/codes`]: [...new Set(codes)].sort().join(','),
  });
  expect(at(event, 'responseStatus', 'code')).toBeOneOf(allowed ? [200, 201] : [403, 422]);
}
