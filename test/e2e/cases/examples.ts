import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type WebhookCounters, webhookCounters } from '../harness/api-metrics.ts';
import { auditEvents } from '../harness/cluster.ts';
import {
  EXAMPLE_INVENTORY,
  EXAMPLES,
  type Example,
  type ExampleObject,
  withoutDigest,
  writtenOf,
} from '../harness/examples.ts';
import type { InstalledStage } from '../harness/installed.ts';
import { type Run, run, warningsIn } from '../harness/kubectl.ts';
import { type Manifest, SCOUT_128K, W4A16 } from '../harness/manifests.ts';
import { at, isMembers, listAt, type Members } from '../harness/members.ts';
import { storedObject } from '../harness/objects.ts';
import { until } from '../harness/process.ts';
import { VALIDATING } from '../harness/webhook-configuration.ts';
import { BUNDLE } from '../harness/webhook-server.ts';

// Every example by real kubectl, into a cluster with the nodes of manifests/inventory.yaml. What is expected is what a
// person has read in the golden files of `npm test`.

/** Two nodes with one pipeline stage each, by an author who leaves GPUs and placement out. */
const GROUP: Manifest = {
  apiVersion: 'leaderworkerset.x-k8s.io/v1',
  kind: 'LeaderWorkerSet',
  metadata: { name: 'group', annotations: SCOUT_128K },
  spec: {
    replicas: 2,
    leaderWorkerTemplate: {
      size: 2,
      workerTemplate: {
        spec: {
          containers: [
            {
              name: 'vllm',
              image: 'vllm/vllm-openai:v0.11.0',
              args: ['--model', W4A16, '--max-model-len=131072', '--pipeline-parallel-size=2'],
            },
          ],
        },
      },
    },
  },
};

const OBJECTS = EXAMPLES.flatMap(({ objects }) => objects);
const isReviewed = ({ golden }: ExampleObject) => at(golden, 'record') !== undefined;
const isRefused = ({ golden }: ExampleObject) => at(golden, 'validate', 'allowed') === false;
const isGenerated = ({ object }: ExampleObject) => at(object, 'metadata', 'generateName') !== undefined;
/** Its API is in no cluster of ours. */
const isForeign = ({ object }: ExampleObject) => at(object, 'kind') === 'InferenceService';

function collectionOf({ object }: ExampleObject): string {
  const apiVersion = String(object['apiVersion']);
  const plural = `${String(object['kind']).toLowerCase()}s`;
  const namespace = at(object, 'metadata', 'namespace') ?? 'default';
  const scope = plural === 'namespaces' ? '' : `/namespaces/${namespace}`;
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}${scope}/${plural}`;
}

function nameOf({ object }: ExampleObject, printed = ''): string {
  const prefix = String(at(object, 'metadata', 'generateName'));
  const generated = new RegExp(`/(${prefix}\\S+) created`).exec(printed)?.[1];
  return String(at(object, 'metadata', 'name') ?? generated);
}

const nameIn = (object: unknown) => `${at(object, 'kind')} ${at(object, 'metadata', 'name')}`;

function applied({ path }: Example, flags: readonly string[]): readonly string[] {
  return [...flags, '-f', path];
}

export function describeExamples(stage: () => InstalledStage): void {
  const stored = async (one: ExampleObject, name = nameOf(one)): Promise<unknown> => {
    const { status, json } = await stage().plane.api.call(`${collectionOf(one)}/${name}`);
    return status === 404 ? null : json;
  };

  async function recordOf(example: ExampleObject, webhook: string): Promise<Members> {
    const { golden, object } = example;
    const subject = at(golden, 'record', 'subject');
    // /validate sees the name that was made in between.
    const keys = isGenerated(example) ? ['kind', 'generateName'] : ['kind', 'name'];
    const namespace = at(subject, 'namespace') ?? 'default';
    const same = (one: Members) =>
      one['webhook'] === webhook &&
      one['operation'] === 'CREATE' &&
      at(one, 'subject', 'namespace') === namespace &&
      keys.every((key) => at(one, 'subject', key) === at(subject, key));
    const find = async () => (await stage().records()).find(same) ?? null;
    return until(find, { what: `a ${webhook} record of ${at(object, 'metadata', 'name')}`, limitMs: 10_000 });
  }

  /** The record of the log is the golden one, but for who asked. */
  async function expectRecords(one: ExampleObject): Promise<void> {
    const golden = at(one.golden, 'record');
    // The API server sends defaults along (`resources: {}`), so that the same edits have other paths.
    const { uid, subject, patchPaths, ...expected } = isMembers(golden) ? golden : {};
    const record = await recordOf(one, 'mutate');
    expect(JSON.parse(withoutDigest(JSON.stringify(record)))).toMatchObject(expected);
    expect(at(await recordOf(one, 'validate'), 'allowed')).toBe(!isRefused(one));
  }

  async function expectAudited(one: ExampleObject, name: string): Promise<void> {
    const resource = collectionOf(one).split('/').at(-1) ?? '';
    const events = await auditEvents(stage().plane, resource, name);
    const created = events.find((event) => at(event, 'verb') === 'create' || at(event, 'verb') === 'patch');
    const { verdict } = one.golden;
    // What /mutate has filled in fits, where /validate sees it.
    const expected = verdict === 'patch' ? expect.stringMatching(/^(?:allow|warn)$/) : verdict;
    expect(at(created, 'annotations', `${VALIDATING}/verdict`)).toEqual(expected);
  }

  async function expectRefused(one: ExampleObject, { stderr }: Run): Promise<void> {
    const status = at(one.golden, 'validate', 'status');
    const denied = `admission webhook "${VALIDATING}" denied the request: ${at(status, 'message')}`;
    expect(stderr).toContain(denied);
    expect(await stored(one)).toBeNull();
    // What kubectl does not print: code, and each finding with its field.
    const path = `${collectionOf(one)}?dryRun=All`;
    const reply = await stage().plane.api.call(path, { method: 'POST', body: one.object });
    expect(reply.status).toBe(at(status, 'code'));
    expect(reply.json).toMatchObject({ message: denied, reason: at(status, 'reason') });
    expect(at(reply.json, 'details', 'causes')).toEqual(at(status, 'details', 'causes'));
    expect(reply.warnings).toEqual(listAt(one.golden, 'validate', 'warnings'));
  }

  async function expectStored(one: ExampleObject, stdout: string): Promise<void> {
    const name = nameOf(one, stdout);
    expect(writtenOf(await stored(one, name))).toEqual(writtenOf(one.edited));
    if (isReviewed(one) && one.golden['verdict'] !== 'ignore' && !isGenerated(one))
      await expectAudited(one, name);
  }

  async function expectExample(example: Example): Promise<void> {
    const verb = example.objects.some(isGenerated) ? 'create' : 'apply';
    const result = await stage().kubectl.try(applied(example, [verb]));
    const own = example.objects.filter((one) => !isForeign(one));
    if (own.length < example.objects.length) {
      expect(result.stderr).toContain(
        'no matches for kind "InferenceService" in version "serving.kserve.io/v1beta1"',
      );
    }
    const refused = own.filter(isRefused);
    expect(result.status, result.stderr).toBe(
      refused.length + example.objects.length - own.length > 0 ? 1 : 0,
    );
    expect(warningsIn(result.stderr)).toEqual(
      own.flatMap(({ golden }) => listAt(golden, 'validate', 'warnings')),
    );
    for (const one of refused) await expectRefused(one, result);
    for (const one of own.filter((each) => !isRefused(each))) await expectStored(one, result.stdout);
    for (const one of own.filter((each) => isReviewed(each) && each.golden['verdict'] !== 'ignore')) {
      await expectRecords(one);
    }
  }

  describe('every example of manifests/examples', () => {
    let before: WebhookCounters;

    beforeAll(async () => {
      before = await webhookCounters(stage().plane.api, VALIDATING);
      const made = OBJECTS.filter(({ object }) => object['kind'] === 'Namespace').map((one) => nameOf(one));
      const namespaces = new Set(
        OBJECTS.map(({ object }) => String(at(object, 'metadata', 'namespace') ?? 'default')),
      );
      const missing = [...namespaces].filter((name) => name !== 'default' && !made.includes(name));
      const items = missing.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
      await stage().kubectl.run(['create', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
    });

    it.each(EXAMPLES.map((example) => [example.name, example] as const))(
      '%s: stored, warned about or refused as `npm test` says',
      async (_name, example) => {
        await expectExample(example);
      },
    );

    it('what `mutate` prints is what is stored', async () => {
      const printed = EXAMPLES.flatMap(({ mutated, objects }) =>
        (mutated ?? []).map((object, index) => ({ object, one: objects[index] })),
      );
      expect(printed.length).toBeGreaterThan(EXAMPLES.length / 2);
      for (const { object, one } of printed) {
        if (one === undefined || isGenerated(one) || isForeign(one)) continue;
        expect(writtenOf(await stored(one))).toEqual(writtenOf(object));
      }
    });

    it('a LeaderWorkerSet that leaves the GPUs out is stored as `mutate` prints it, and stays so', async () => {
      const { plane, kubectl } = stage();
      const file = join(plane.folder, 'group.json');
      await writeFile(file, JSON.stringify(GROUP));
      const args = [BUNDLE, 'mutate', '-f', file, '--inventory', EXAMPLE_INVENTORY];
      const printed = await run(process.execPath, args);
      expect(printed.status, printed.stderr).toBe(0);
      const read = () => storedObject(plane, { resource: 'leaderworkersets', name: 'group' });

      await kubectl.run(['apply', '-f', file]);
      const first = await read();
      expect(writtenOf(first)).toEqual(writtenOf(parse(printed.stdout)));
      expect(at(first, 'metadata', 'annotations')).toHaveProperty(['vramgate.io/applied']);
      expect(at(first, 'spec', 'replicas')).toBe(2);
      expect(at(first, 'spec', 'leaderWorkerTemplate', 'size')).toBe(2);
      // Its lists have no keys: an applied file takes away all that we set, and it is put back.
      await kubectl.run(['apply', '-f', file]);
      expect(await read()).toMatchObject({ metadata: { generation: 1 }, spec: Object(first['spec']) });
    });

    describe.each([
      { how: 'client-side', flags: [] },
      { how: 'server-side', flags: ['--server-side', '--force-conflicts'] },
    ])('all that were admitted, $how', ({ flags }) => {
      const again = EXAMPLES.filter(({ objects }) =>
        objects.every((one) => !isRefused(one) && !isGenerated(one) && !isForeign(one)),
      );
      const files = again.flatMap(({ path }) => ['-f', path]);
      const seen = () => Promise.all(again.flatMap(({ objects }) => objects.map((one) => stored(one))));
      const steady = (objects: readonly unknown[]) =>
        objects.map((one) => [
          nameIn(one),
          at(one, 'metadata', 'generation'),
          at(one, 'spec'),
          writtenOf(one),
        ]);

      // The first server-side one moves fields and the annotation of the client-side one, as kubectl does.
      beforeAll(async () => {
        if (flags.length > 0) await stage().kubectl.run(['apply', ...flags, ...files]);
      });

      it('applied again: no generation moves', async () => {
        const before = steady(await seen());
        await stage().kubectl.run(['apply', ...flags, ...files]);
        expect(steady(await seen())).toEqual(before);
      });

      it('diff: nothing', async () => {
        const diff = await stage().kubectl.try(['diff', ...flags, ...files]);
        expect([diff.status, diff.stdout]).toEqual([0, '']);
      });
    });

    it('the API server has counted every refusal, and no call without an answer', async () => {
      const refused = OBJECTS.filter(isRefused).length;
      const { rejections, failedOpen } = await webhookCounters(stage().plane.api, VALIDATING);
      // Once by kubectl and once by a dry run.
      expect(rejections - before.rejections).toBe(2 * refused);
      expect(failedOpen).toBe(before.failedOpen);
    });
  });
}
