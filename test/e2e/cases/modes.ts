import { describe, expect, it } from 'vitest';
import type { InstalledStage } from '../harness/installed.ts';
import { BF16, type Manifest, ON_H100, scoutDeployment } from '../harness/manifests.ts';
import { at } from '../harness/members.ts';
import { until } from '../harness/process.ts';

const UNDERSIZED = { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' };

function undersized(annotations: Readonly<Record<string, string>> = UNDERSIZED): Manifest {
  return scoutDeployment({
    name: 'undersized',
    annotations,
    args: ['--model', BF16, '--max-model-len=1048576', '--tensor-parallel-size=4'],
    gpus: 4,
    nodeSelector: ON_H100,
  });
}

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
      create('default', undersized({ ...UNDERSIZED, 'vramgate.io/exempt': reason }));

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
    it('is admitted with a warning, never in silence', async () => {
      const manifest = scoutDeployment({
        name: 'unknown',
        annotations: { 'vramgate.io/model': 'llama-5-huge' },
        args: ['--model', 'example.com/llama-5-huge', '--tensor-parallel-size=8'],
        gpus: 8,
        nodeSelector: ON_H100,
      });
      const reply = await create('default', manifest);
      expect(reply.status).toBe(201);
      expect(reply.warnings.join('\n')).toContain('unknown-model');
    });
  });
}
