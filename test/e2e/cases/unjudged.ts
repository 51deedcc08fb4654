import { beforeAll, describe, expect, it } from 'vitest';
import type { InstalledStage } from '../harness/installed.ts';
import { undersizedScout } from '../harness/manifests.ts';
import { listAt } from '../harness/members.ts';
import { isStored } from '../harness/objects.ts';
import { until } from '../harness/process.ts';

/** What may still be done to a workload that does not fit and runs all the same. Ends with every Deployment deleted. */
export function describeUnjudged(stage: () => InstalledStage): void {
  describe('what came in while nobody judged', () => {
    const name = 'came-in';
    const undersized = undersizedScout({ name, replicas: 0 });

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
      const gone = async () =>
        (await isStored(stage().plane, { resource: 'deployments', name })) ? null : true;
      await until(gone, { what: 'the Deployment is gone' });
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
