import { describe, expect, it } from 'vitest';
import type { InstalledStage } from '../harness/installed.ts';
import { warningsIn } from '../harness/kubectl.ts';
import { type Manifest, MILLION, undersizedScout, unknownModel } from '../harness/manifests.ts';
import { at } from '../harness/members.ts';
import { argsOf, limitsOf, storedObject } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { expectTold } from './told.ts';

const undersized = (annotations: Readonly<Record<string, string>> = MILLION) =>
  undersizedScout({ name: 'undersized', annotations });

export function describeModes(stage: () => InstalledStage): void {
  function create(namespace: string, body: Manifest) {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;
    return stage().plane.api.call(path, { method: 'POST', body });
  }

  /** Both replicas learn of a label by watching: ask until one answer after the other is the new one. */
  async function untilEveryReplica(
    namespace: string,
    isExpected: (status: number, warnings: readonly string[]) => boolean,
  ) {
    await until(
      async () => {
        const replies = [];
        for (let turn = 0; turn < 4; turn += 1) replies.push(await create(namespace, undersized()));
        return replies.every(({ status, warnings }) => isExpected(status, warnings)) ? true : null;
      },
      { what: `the mode of ${namespace} is known`, limitMs: 30_000 },
    );
  }

  describe('the mode of a namespace', () => {
    it('enforce, warn and audit, changed by its label at run time', async () => {
      const { kubectl } = stage();
      const label = (mode: string) =>
        kubectl.run(['label', '--overwrite', 'namespace', 'team', `vramgate.io/mode=${mode}`]);
      await kubectl.run(['create', 'namespace', 'team']);
      expect((await create('team', undersized())).status).toBe(403);

      await label('warn');
      await untilEveryReplica('team', (status) => status === 201);
      const warned = await create('team', undersized());
      expect(warned.warnings.join('\n')).toMatch(/does-not-fit/);
      expect((await create('default', undersized())).status).toBe(403);
      const records = (await stage().records()).filter((one) => at(one, 'subject', 'namespace') === 'team');
      const validated = records.filter((one) => one['webhook'] === 'validate');
      expect(validated.at(-1)).toMatchObject({ mode: 'warn', verdict: 'deny', allowed: true, dryRun: true });

      await label('audit');
      await untilEveryReplica('team', (status, warnings) => status === 201 && warnings.length === 0);

      await kubectl.run(['label', 'namespace', 'team', 'vramgate.io/mode-']);
      await untilEveryReplica('team', (status) => status === 403);
    });
  });

  describe('exemption', () => {
    const exempt = (reason: string) =>
      create('default', undersized({ ...MILLION, 'vramgate.io/exempt': reason }));

    it('lets through with a reason, and the record says so', async () => {
      expect((await exempt('load test of the driver, until Friday')).status).toBe(201);
      const record = await until(
        async () => {
          const found = (await stage().records()).filter((one) =>
            JSON.stringify(one['findings']).includes('exempt'),
          );
          return found.at(-1) ?? null;
        },
        { what: 'a record of the exemption', limitMs: 10_000 },
      );
      expect(at(record, 'allowed')).toBe(true);
    });

    it.each(['', 'true'])('does not with %j for a reason', async (reason) => {
      expect((await exempt(reason)).status).not.toBe(201);
    });
  });

  describe('a model that no catalog knows', () => {
    it('is stored as it was written, with a warning, never in silence', async () => {
      const { plane, kubectl } = stage();
      const manifest = unknownModel({ name: 'unknown-warned', replicas: 0 });
      const { stderr } = await kubectl.run(['apply', '-f', '-'], manifest);
      expect(warningsIn(stderr)).toEqual([expect.stringContaining('unknown-model')]);
      const object = await storedObject(plane, { resource: 'deployments', name: 'unknown-warned' });
      expect([argsOf(object), limitsOf(object)]).toEqual([argsOf(manifest), limitsOf(manifest)]);
      await expectTold(stage(), 'unknown-warned', {
        ...{ verdict: 'warn', allowed: true, mode: 'enforce', user: 'e2e-admin' },
        codes: ['unknown-model'],
      });
    });
  });
}
