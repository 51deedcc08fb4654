import { beforeAll, describe, expect, inject, it } from 'vitest';
import { webhookCounters } from '../harness/api-metrics.ts';
import { applyWebhooks, auditEvents, recordOf } from '../harness/cluster.ts';
import {
  fittingScout,
  H100,
  SCOUT_128K,
  scoutDeployment,
  undersizedScout,
  W4A16,
} from '../harness/manifests.ts';
import { at, isMembers, type Members } from '../harness/members.ts';
import { argsOf, generationOf, limitsOf, podSpecOf, storedObject } from '../harness/objects.ts';
import { KUBERNETES_VERSIONS } from '../harness/recipes.ts';
import type { ReplicaStage } from '../harness/suite.ts';
import { givenAssets } from '../harness/tools.ts';
import { MUTATING, VALIDATING } from '../harness/webhook-configuration.ts';
import type { WebhookServer } from '../harness/webhook-server.ts';

const FITTING = fittingScout('scout-fits');
const INCOMPLETE = scoutDeployment({ name: 'scout-patched' });
const UNDERSIZED = undersizedScout({ name: 'scout-refused' });

export function describeAdmission(stage: () => ReplicaStage): void {
  const stored = (name: string) => storedObject(stage().plane, { resource: 'deployments', name });

  async function auditAnnotations(name: string): Promise<Members> {
    const [first] = await auditEvents(stage().plane, 'deployments', name);
    const found = at(first, 'annotations');
    if (!isMembers(found)) throw new Error(`no audit annotations of ${name}`);
    return found;
  }

  describe('the built server behind a real API server', () => {
    let server: WebhookServer;

    beforeAll(async () => {
      const { plane, certificate, start } = stage();
      server = await start('admission');
      await applyWebhooks(plane, { port: server.port, ca: certificate.ca }, server);
    });

    it('runs on the version that the module of its programs names', async () => {
      const { json } = await stage().plane.api.call('/version');
      const built = KUBERNETES_VERSIONS[inject('minor')];
      expect(at(json, 'gitVersion')).toEqual(givenAssets() === null ? built : expect.stringMatching(/^v1\./));
    });

    it('lets through what fits, as it was written', async () => {
      const before = await webhookCounters(stage().plane.api, VALIDATING);
      const applied = await stage().kubectl.run(['apply', '-f', '-'], FITTING);
      expect(applied.stdout).toBe('deployment.apps/scout-fits created\n');

      const deployment = await stored('scout-fits');
      expect(at(deployment, 'metadata', 'annotations')).not.toHaveProperty('vramgate.io/applied');
      expect(argsOf(deployment)).toEqual(argsOf(FITTING));
      expect(limitsOf(deployment)).toEqual({
        'nvidia.com/gpu': '4',
      });

      const after = await webhookCounters(stage().plane.api, VALIDATING);
      expect(after.requests - before.requests).toBe(1);
      expect(after.rejections).toBe(before.rejections);
      const record = await recordOf(server, 'validate', 'scout-fits');
      expect(record).toMatchObject({ allowed: true, requestedGpus: 4, patchPaths: [], dryRun: false });
      expect(await auditAnnotations('scout-fits')).toMatchObject({
        [`${MUTATING}/policy`]: record['policyHash'],
        [`${VALIDATING}/decision`]: record['decision'],
        [`${VALIDATING}/verdict`]: record['verdict'],
      });
    });

    it('fills in count, placement, toleration and flag where they are missing', async () => {
      await stage().kubectl.run(['apply', '-f', '-'], INCOMPLETE);

      const deployment = await stored('scout-patched');
      // Two H100 by the bill (README of src/sizing): 4 bit weights and 128K tokens of bf16 cache are over 80 GiB.
      const container = at(podSpecOf(deployment), 'containers', 0);
      expect(at(container, 'resources')).toEqual({
        limits: { 'nvidia.com/gpu': '2' },
        requests: { 'nvidia.com/gpu': '2' },
      });
      expect(at(container, 'args')).toEqual([
        '--model',
        W4A16,
        '--max-model-len=131072',
        '--tensor-parallel-size',
        '2',
      ]);
      expect(at(podSpecOf(deployment), 'nodeSelector')).toEqual({ 'nvidia.com/gpu.product': H100 });
      expect(at(podSpecOf(deployment), 'tolerations')).toEqual([
        { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
      ]);
      const annotations = at(deployment, 'metadata', 'annotations');
      expect(annotations).toMatchObject(SCOUT_128K);
      expect(at(annotations, 'vramgate.io/applied')).toEqual(expect.stringContaining('"nvidia.com/gpu",2]'));
      // On the object, never on the template: another value there would restart the model.
      expect(at(deployment, 'spec', 'template', 'metadata')).not.toHaveProperty('annotations');

      const record = await recordOf(server, 'mutate', 'scout-patched');
      expect(record).toMatchObject({ allowed: true, plannedGpus: 2 });
      expect(record['patchPaths']).toContain('/spec/template/spec/containers/0/resources');
    });

    it('refuses what cannot run, with need, offer and ways out in the one message that kubectl prints', async () => {
      const before = await webhookCounters(stage().plane.api, VALIDATING);
      const refused = await stage().kubectl.try(['apply', '-f', '-'], UNDERSIZED);

      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(
        `Error from server (Forbidden): error when creating "STDIN": admission webhook "${VALIDATING}" denied the request: Llama 4 Scout (bf16, 1,048,576 tokens) needs`,
      );
      expect(refused.stderr).toContain('Ways out, each checked:');
      const missing = await stage().kubectl.try(['get', 'deployment', 'scout-refused']);
      expect(missing.stderr).toContain('not found');

      const after = await webhookCounters(stage().plane.api, VALIDATING);
      expect(after.rejections - before.rejections).toBe(1);
      expect(after.failedOpen).toBe(before.failedOpen);
      const record = await recordOf(server, 'validate', 'scout-refused');
      expect(record).toMatchObject({ allowed: false, verdict: 'deny' });
      expect(await auditAnnotations('scout-refused')).toMatchObject({
        [`${VALIDATING}/verdict`]: 'deny',
        [`${VALIDATING}/codes`]: expect.stringContaining('does-not-fit'),
      });
    });

    it('answers a server-side dry run with the edited object, and nothing is stored', async () => {
      const manifest = scoutDeployment({ name: 'scout-dry' });
      const printed = await stage().kubectl.run(
        ['apply', '--dry-run=server', '-o', 'json', '-f', '-'],
        manifest,
      );

      expect(limitsOf(JSON.parse(printed.stdout))).toEqual({ 'nvidia.com/gpu': '2' });
      expect((await stage().kubectl.try(['get', 'deployment', 'scout-dry'])).stderr).toContain('not found');
      expect(await recordOf(server, 'validate', 'scout-dry')).toMatchObject({ dryRun: true });
    });

    it.each([
      { how: 'client-side', flags: [] },
      { how: 'server-side', flags: ['--server-side', '--force-conflicts'] },
    ])('keeps the generation when the same file is applied again, $how', async ({ how, flags }) => {
      const manifest = scoutDeployment({ name: `scout-again-${how}` });
      const apply = () => stage().kubectl.run(['apply', ...flags, '-f', '-'], manifest);
      await apply();
      const first = await stored(`scout-again-${how}`);
      await apply();
      await apply();
      const last = await stored(`scout-again-${how}`);

      expect(generationOf(last)).toBe(1);
      expect(at(last, 'spec')).toEqual(at(first, 'spec'));
      expect(limitsOf(last)).toEqual({ 'nvidia.com/gpu': '2' });
    });
  });
}
