import { beforeAll, describe, expect, it } from 'vitest';
import { callsDuring } from '../harness/api-metrics.ts';
import { recordOf } from '../harness/cluster.ts';
import type { InstalledStage } from '../harness/installed.ts';
import { type Run, warningsIn } from '../harness/kubectl.ts';
import {
  type Manifest,
  MILLION,
  SCOUT_128K,
  scoutDeployment,
  undersizedScout,
  unknownModel,
  W4A16,
} from '../harness/manifests.ts';
import { at, type Members } from '../harness/members.ts';
import { argsOf, isStored, limitsOf, storedObject } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { MUTATING, VALIDATING } from '../harness/webhook-configuration.ts';
import { expectTold } from './told.ts';

// What an operator sets beside the mode, by an upgrade of the installed chart. Nothing is a dry run, and everybody but the
// harness is an ordinary user: who asks is what some of it is about.

const POLICY = {
  minimumMode: 'warn',
  unknown: 'deny',
  unannotated: 'warn',
  exemptions: { users: ['alice'], groups: ['gpu-approvers'], namespaces: ['sandbox'] },
};

/** Labels of the namespaces, which a tenant may set. */
const NAMESPACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sandbox: {},
  lax: { 'vramgate.io/mode': 'audit' },
  strict: { 'vramgate.io/mode': 'enforce' },
  excluded: {},
  unselected: { gpus: 'none' },
};

const WEBHOOKS = {
  excludedNamespaces: ['excluded'],
  namespaceSelector: { matchExpressions: [{ key: 'gpus', operator: 'NotIn', values: ['none'] }] },
};

const ALICE = ['--as=alice'];
const BOB = ['--as=bob'];
const CAROL = ['--as=carol', '--as-group=gpu-approvers'];

const REASON = 'load test of the driver, until Friday';
const NEED = 'Llama 4 Scout (bf16, 1,048,576 tokens) needs';

const MISFIT = ['does-not-fit', 'missing-shm'];
const MISSING_SHM = expect.stringMatching(/^missing-shm: /);

const undersized = (name: string, exempt?: string) =>
  undersizedScout({
    name,
    annotations: exempt === undefined ? MILLION : { ...MILLION, 'vramgate.io/exempt': exempt },
    replicas: 0,
  });

const unknown = (name: string) => unknownModel({ name, replicas: 0 });

export function describePolicies(stage: () => InstalledStage): void {
  const apply = (manifest: Manifest, namespace: string, who: readonly string[]) =>
    stage().kubectl.try(['apply', '-n', namespace, ...who, '-f', '-'], manifest);
  const where = (name: string, namespace = 'default') =>
    ({ resource: 'deployments', name, namespace }) as const;

  async function expectRefused(run: Run, name: string, namespace: string, message: string): Promise<void> {
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`admission webhook "${VALIDATING}" denied the request: ${message}`);
    expect(await isStored(stage().plane, where(name, namespace))).toBe(false);
  }

  /** As its author wrote it: what does not fit is not edited. */
  async function expectStored(run: Run, manifest: Manifest, namespace: string): Promise<Members> {
    expect(run.status, run.stderr).toBe(0);
    const object = await storedObject(
      stage().plane,
      where(String(at(manifest, 'metadata', 'name')), namespace),
    );
    expect(argsOf(object)).toEqual(argsOf(manifest));
    expect(limitsOf(object)).toEqual(limitsOf(manifest));
    expect(at(object, 'metadata', 'annotations')).not.toHaveProperty(['vramgate.io/applied']);
    return object;
  }

  describe('policies of an operator', () => {
    beforeAll(async () => {
      const { kubectl, upgrade } = stage();
      const items = Object.entries(NAMESPACES).map(([name, labels]) => ({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels },
      }));
      await kubectl.run(['create', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
      const subjects = ['--user=alice', '--user=bob', '--group=gpu-approvers'];
      await kubectl.run(['create', 'clusterrolebinding', 'tenants', '--clusterrole=edit', ...subjects]);
      await upgrade({ config: { policy: POLICY }, webhooks: WEBHOOKS });
      const path = '/apis/apps/v1/namespaces/default/deployments?dryRun=All';
      const plain = scoutDeployment({ name: 'asked-until-known', annotations: {} });
      const known = async () => {
        const { warnings } = await stage().plane.api.call(path, { method: 'POST', body: plain });
        return warnings.length > 0 ? true : null;
      };
      await until(known, { what: 'the API server knows the new conditions' });
    });

    describe('exemptions: who may', () => {
      it.each([
        { who: ALICE, user: 'alice', namespace: 'default', why: 'a user of the list' },
        { who: CAROL, user: 'carol', namespace: 'default', why: 'a member of a group of the list' },
        { who: BOB, user: 'bob', namespace: 'sandbox', why: 'anybody in a namespace of the list' },
      ])('$why: stored as it was written, in silence', async ({ who, user, namespace }) => {
        const manifest = undersized(`exempt-by-${user}`, REASON);
        const run = await apply(manifest, namespace, who);
        await expectStored(run, manifest, namespace);
        expect(warningsIn(run.stderr)).toEqual([]);
        const told = { verdict: 'allow', allowed: true, mode: 'enforce', user, codes: ['exempt'] };
        await expectTold(stage(), `exempt-by-${user}`, told);
      });

      it.each([
        { who: BOB, user: 'bob', name: 'no-right', exempt: REASON, problem: 'this user may not exempt' },
        {
          who: ALICE,
          user: 'alice',
          name: 'no-reason',
          exempt: 'true',
          problem: 'needs a reason of at least',
        },
      ])(
        '$user, $name: refused as if there were none, and told why',
        async ({ who, user, name, exempt, problem }) => {
          const run = await apply(undersized(name, exempt), 'default', who);
          await expectRefused(run, name, 'default', NEED);
          expect(warningsIn(run.stderr)).toEqual([expect.stringContaining(problem), MISSING_SHM]);
          const codes = ['exemption-unusable', ...MISFIT];
          await expectTold(stage(), name, { verdict: 'deny', allowed: false, mode: 'enforce', user, codes });
        },
      );

      it('later updates of whoever leaves the reason as it is; who changes it is asked for the right', async () => {
        const { kubectl } = stage();
        const annotate = (...pairs: readonly string[]) =>
          kubectl.try(['annotate', '--overwrite', 'deployment', 'exempt-by-alice', ...BOB, ...pairs]);
        const noted = await annotate('example.com/note=hello');
        expect([noted.status, warningsIn(noted.stderr)]).toEqual([0, []]);
        const exempt = { verdict: 'allow', allowed: true, mode: 'enforce', user: 'bob', codes: ['exempt'] };
        await expectTold(stage(), 'exempt-by-alice', exempt);

        const worse = await annotate('vramgate.io/exempt=because I say so', 'vramgate.io/concurrency=4');
        expect(worse.status).toBe(1);
        expect(worse.stderr).toContain('denied the request: Llama 4 Scout');
        const object = await storedObject(stage().plane, where('exempt-by-alice'));
        expect(at(object, 'metadata', 'annotations', 'vramgate.io/exempt')).toBe(REASON);
      });
    });

    describe('minimumMode: warn', () => {
      it('under a label audit: stored, and told all the same', async () => {
        const manifest = undersized('under-audit');
        const run = await apply(manifest, 'lax', BOB);
        await expectStored(run, manifest, 'lax');
        expect(warningsIn(run.stderr)).toEqual([expect.stringContaining('does-not-fit'), MISSING_SHM]);
        const codes = MISFIT;
        await expectTold(stage(), 'under-audit', {
          verdict: 'deny',
          allowed: true,
          mode: 'warn',
          user: 'bob',
          codes,
        });
      });

      it('under a label enforce: refused', async () => {
        await expectRefused(
          await apply(undersized('under-enforce'), 'strict', BOB),
          'under-enforce',
          'strict',
          NEED,
        );
        const codes = MISFIT;
        await expectTold(stage(), 'under-enforce', {
          verdict: 'deny',
          allowed: false,
          mode: 'enforce',
          user: 'bob',
          codes,
        });
      });
    });

    describe('unknown: deny', () => {
      const codes = ['unknown-model'];

      it('a model of no catalog is refused', async () => {
        const run = await apply(unknown('unknown'), 'default', BOB);
        await expectRefused(
          run,
          'unknown',
          'default',
          'no model of this name is in the catalog; known: behemoth, maverick, scout [unknown-model at',
        );
        await expectTold(stage(), 'unknown', {
          verdict: 'deny',
          allowed: false,
          mode: 'enforce',
          user: 'bob',
          codes,
        });
      });

      it('in a namespace of mode warn it is stored, with a warning', async () => {
        const manifest = unknown('unknown-told');
        const run = await apply(manifest, 'lax', BOB);
        await expectStored(run, manifest, 'lax');
        expect(warningsIn(run.stderr)).toEqual([expect.stringContaining('unknown-model')]);
        await expectTold(stage(), 'unknown-told', {
          verdict: 'deny',
          allowed: true,
          mode: 'warn',
          user: 'bob',
          codes,
        });
      });

      it('what is known and fits is filled in as ever', async () => {
        const run = await apply(scoutDeployment({ name: 'known', replicas: 0 }), 'default', BOB);
        expect(run.status, run.stderr).toBe(0);
        expect(limitsOf(await storedObject(stage().plane, where('known')))).toEqual({
          'nvidia.com/gpu': '1',
        });
      });
    });

    describe('unannotated: warn', () => {
      it('Llama 4 without a key of ours is stored as it was written, with a warning', async () => {
        const manifest = scoutDeployment({ name: 'plain', annotations: {}, replicas: 0 });
        const run = await apply(manifest, 'default', BOB);
        await expectStored(run, manifest, 'default');
        expect(warningsIn(run.stderr)).toEqual([
          expect.stringContaining('annotate it with vramgate.io/model'),
        ]);
        const codes = ['unannotated'];
        await expectTold(stage(), 'plain', {
          verdict: 'warn',
          allowed: true,
          mode: 'enforce',
          user: 'bob',
          codes,
        });
      });

      it('anything else is looked at and left alone, in silence', async () => {
        const args = ['--model', 'mistralai/Mistral-7B-v0.3'];
        const other = scoutDeployment({ name: 'other', annotations: {}, args, gpus: 1, replicas: 0 });
        const run = await apply(other, 'default', BOB);
        await expectStored(run, other, 'default');
        expect(warningsIn(run.stderr)).toEqual([]);
        expect(await recordOf(stage(), 'validate', 'other')).toMatchObject({
          verdict: 'ignore',
          findings: [],
        });
      });
    });

    it.each(['excluded', 'unselected'])(
      'a namespace that the values leave out, %s: nobody is asked',
      async (out) => {
        const create = async (namespace: string) => {
          const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
          const body = scoutDeployment({
            name: 'left-out',
            annotations: SCOUT_128K,
            args: ['--model', W4A16],
          });
          const { status } = await stage().plane.api.call(`${path}?dryRun=All`, { method: 'POST', body });
          expect(status).toBe(201);
        };
        const calls = (namespace: string) =>
          callsDuring(stage().plane.api, [MUTATING, VALIDATING], () => create(namespace));
        expect(await calls(out)).toEqual([0, 0]);
        expect(await calls('sandbox')).toEqual([1, 1]);
      },
    );
  });
}
