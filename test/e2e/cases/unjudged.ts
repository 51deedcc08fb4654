import { beforeAll, describe, expect, it } from 'vitest';
import type { InstalledStage } from '../harness/installed.ts';
import { BF16, ON_H100, scoutDeployment } from '../harness/manifests.ts';
import { listAt } from '../harness/members.ts';
import { until } from '../harness/process.ts';

/** What may still be done to a workload that does not fit and runs all the same. Ends with every Deployment deleted. */
export function describeUnjudged(stage: () => InstalledStage): void {
  describe('what came in while nobody judged', () => {
    const name = 'came-in';
    const undersized = scoutDeployment({
      name,
      annotations: { 'vramgate.io/model': 'scout', 'vramgate.io/context': '1M' },
      args: ['--model', BF16, '--max-model-len=1048576', '--tensor-parallel-size=4'],
      gpus: 4,
      nodeSelector: ON_H100,
      replicas: 0,
    });

    beforeAll(async () => {
      const { kubectl, balancer, replicas } = stage();
      balancer.cut();
      await kubectl.run(['apply', '-f', '-'], undersized);
      balancer.use(replicas.slice(0, 2).map((one) => one.port));
    });

    it('can be labelled, annotated and scaled, with a warning where it is judged', async () => {
      const { kubectl } = stage();
      await kubectl.run(['label', 'deployment', name, 'team=one']);
      const annotated = await kubectl.run(['annotate', 'deployment', name, 'example.com/note=hello']);
      expect(annotated.stderr).toMatch(/^Warning: .*/);
      await kubectl.run(['scale', 'deployment', name, '--replicas=1']);
      await kubectl.run(['scale', 'deployment', name, '--replicas=0']);
    });

    it('is refused when its author makes it worse', async () => {
      const worse = await stage().kubectl.try([
        'annotate',
        '--overwrite',
        'deployment',
        name,
        'vramgate.io/concurrency=4',
      ]);
      expect(worse.status).toBe(1);
      expect(worse.stderr).toContain('denied the request');
    });

    it('can always be deleted, its finalizer included', async () => {
      const { kubectl } = stage();
      const finalizers = (value: unknown) => JSON.stringify({ metadata: { finalizers: value } });
      await kubectl.run([
        'patch',
        'deployment',
        name,
        '--type=merge',
        '-p',
        finalizers(['example.com/hold']),
      ]);
      await kubectl.run(['delete', 'deployment', name, '--wait=false']);
      await kubectl.run(['patch', 'deployment', name, '--type=merge', '-p', finalizers(null)]);
      await until(async () => ((await kubectl.try(['get', 'deployment', name])).status === 1 ? true : null), {
        what: 'the Deployment is gone',
      });
    });

    it('deletecollection takes everything', async () => {
      const { plane } = stage();
      const path = '/apis/apps/v1/namespaces/default/deployments';
      expect(listAt((await plane.api.call(path)).json, 'items')).not.toEqual([]);
      expect((await plane.api.call(path, { method: 'DELETE' })).status).toBe(200);
      const none = async () =>
        listAt((await plane.api.call(path)).json, 'items').length === 0 ? true : null;
      await until(none, { what: 'all Deployments are gone' });
    });
  });
}
