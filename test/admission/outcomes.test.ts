import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/admission/handle.ts';
import { applyPatch, type PatchOperation } from '../../src/admission/json-patch.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import {
  at,
  codesOf,
  created,
  deployment,
  envelope,
  FACTS,
  FITS,
  factsWith,
  fill,
  glance,
  handle,
  INCOMPLETE,
  isMembers,
  MALFORMED,
  type Members,
  NOT_OURS,
  patchOf,
  read,
  recorded,
  type Subject,
  UNDERSIZED,
  UNKNOWN_MODEL,
  updated,
} from './subjects.ts';

/** The outcome table of the contract (§5), one row a test, for both webhooks. */

const ALLOWED = { allowed: true, code: null, isPatched: false, warns: false };
const DENIED = { allowed: false, code: 403, isPatched: false };

function both(body: unknown, facts?: Facts): { readonly mutate: Outcome; readonly validate: Outcome } {
  return { mutate: handle('mutate', body, facts), validate: handle('validate', body, facts) };
}

/** Neither a verdict nor a warning nor a patch, from either webhook. */
function expectLeftAlone(body: unknown, facts?: Facts): void {
  const { mutate, validate } = both(body, facts);

  expect(glance(mutate)).toEqual(ALLOWED);
  expect(glance(validate)).toEqual(ALLOWED);
}

function terminating(object: Members): Members {
  at(object, 'metadata')['deletionTimestamp'] = '2026-11-25T12:00:00Z';
  return object;
}

function withMember(object: Members, path: readonly string[], key: string, value: unknown): Members {
  at(object, ...path)[key] = value;
  return object;
}

/** The recorded object of another kind, with the subject's container in it. */
function otherKind(file: string, subject: Subject, podSpec: readonly string[]): Members {
  const review = recorded(file);
  const object = at(review, 'request', 'object');
  at(object, 'metadata')['annotations'] = { ...subject.annotations };
  delete at(object, 'metadata')['managedFields'];
  fill(at(object, ...podSpec), subject);
  at(object, ...podSpec, 'containers', 0)['image'] = 'vllm/vllm-openai:v0.11.0';
  return review;
}

function patched(object: unknown, outcome: Outcome): unknown {
  const operations: readonly PatchOperation[] = JSON.parse(JSON.stringify(patchOf(outcome)));
  return applyPatch(object, operations);
}

describe('a created workload', () => {
  it('that is not ours is allowed, and its record says so', () => {
    expectLeftAlone(created(NOT_OURS));
    expect(handle('validate', created(NOT_OURS)).record).toMatchObject({ verdict: 'ignore', findings: [] });
  });

  it('that fits as written is allowed', () => {
    expectLeftAlone(created(FITS));
    expect(handle('validate', created(FITS)).record.verdict).toBe('allow');
  });

  it('that fits after edits gets a minimal patch, and what comes of it is allowed and patched no more', () => {
    const object = deployment(INCOMPLETE);
    const { mutate } = both(envelope(object));
    const stored = patched(object, mutate);
    const again = both(envelope(stored));

    expect(glance(mutate)).toEqual({ ...ALLOWED, isPatched: true });
    expect(glance(again.mutate)).toEqual(ALLOWED);
    expect(glance(again.validate)).toEqual(ALLOWED);
    expect(patchOf(mutate).every(({ path }) => !/managedFields|replicas|image|env/.test(String(path)))).toBe(
      true,
    );
  });

  it('that was to be edited and was not is refused by /validate with what is missing', () => {
    const { validate } = both(created(INCOMPLETE));

    expect(glance(validate)).toMatchObject(DENIED);
    expect(codesOf(validate)).toContain('gpu-count-missing');
    expect(validate.answer.response.status?.message).toContain('nvidia.com/gpu');
  });

  it('that does not fit is denied by /validate with arithmetic and causes, and left alone by /mutate', () => {
    const { mutate, validate } = both(created(UNDERSIZED));
    const { status } = validate.answer.response;

    expect(glance(mutate)).toEqual(ALLOWED);
    expect(glance(validate)).toMatchObject(DENIED);
    expect(status?.reason).toBe('Forbidden');
    expect(status?.message).toMatch(
      /^.* needs [\d.,]+ GiB per GPU on 1 GPU .*79\.1 GiB of NVIDIA-H100-80GB-HBM3/,
    );
    expect(status?.details.causes.find(({ reason }) => reason === 'does-not-fit')?.field).toBe(
      'spec.template.spec.containers[0].resources.limits[nvidia.com/gpu]',
    );
  });

  it('with a malformed value is denied with 422 at the annotation', () => {
    const { mutate, validate } = both(created(MALFORMED));
    const { status } = validate.answer.response;

    expect(glance(mutate)).toEqual(ALLOWED);
    expect(status).toMatchObject({ code: 422, reason: 'BadRequest' });
    expect(status?.details.causes[0]?.field).toBe('metadata.annotations[vramgate.io/context]');
  });

  it('is recorded by each webhook with what its caller was told', () => {
    const { mutate, validate } = both(created(UNDERSIZED), FACTS);

    expect(mutate.record).toMatchObject({ verdict: 'deny', allowed: true, patchPaths: [] });
    expect(validate.record).toMatchObject({ verdict: 'deny', allowed: false });
  });

  it.each([
    ['warn', true],
    ['audit', false],
  ] as const)('that does not fit is allowed in mode %s, with warnings: %s', (mode, warns) => {
    for (const subject of [UNDERSIZED, MALFORMED]) {
      const { mutate, validate } = both(created(subject), factsWith({ mode }));

      expect(glance(mutate)).toEqual(ALLOWED);
      expect(glance(validate)).toEqual({ ...ALLOWED, warns });
      expect(validate.record).toMatchObject({ verdict: 'deny', allowed: true, mode });
    }
  });

  it('takes the mode of its namespace, no laxer than minimumMode', () => {
    const labelled = { ...FACTS, namespaceMode: 'audit' } as const;
    const floored = { ...factsWith({ minimumMode: 'warn' }), namespaceMode: 'audit' } as const;

    expect(glance(handle('validate', created(UNDERSIZED), labelled))).toEqual(ALLOWED);
    expect(glance(handle('validate', created(UNDERSIZED), floored))).toEqual({ ...ALLOWED, warns: true });
  });

  it('takes the mode of a single finding code', () => {
    const facts = factsWith({ codeModes: new Map([['does-not-fit', 'warn']]) });

    expect(glance(handle('validate', created(UNDERSIZED), facts))).toEqual({ ...ALLOWED, warns: true });
    expect(glance(handle('validate', created(MALFORMED), facts))).toMatchObject({
      allowed: false,
      code: 422,
    });
  });

  it.each([
    ['warn', { allowed: true, code: null, isPatched: false, warns: true }],
    ['allow', ALLOWED],
    ['deny', { allowed: false, code: 403 }],
  ] as const)(
    'that cannot be sized is, under unknown: %s, %j, and never out of the record',
    (unknown, want) => {
      const { mutate, validate } = both(created(UNKNOWN_MODEL), factsWith({ unknown }));

      expect(glance(mutate)).toEqual(ALLOWED);
      expect(glance(validate)).toMatchObject(want);
      expect(codesOf(validate)).toContain('unknown-model');
    },
  );

  it.each([
    [{ capacity: 'warn' }, { allowed: true, warns: true }],
    [{ capacity: 'ignore' }, { allowed: true, warns: false }],
    [
      { capacity: 'deny', inventory: 'partial' },
      { allowed: true, warns: true },
    ],
    [
      { capacity: 'deny', inventory: 'complete' },
      { allowed: false, code: 403 },
    ],
  ] as const)('that no known node could hold is, under %j, %j', (policy, want) => {
    const elsewhere: Subject = {
      ...FITS,
      annotations: { ...FITS.annotations, 'vramgate.io/gpu': 'H200' },
      nodeSelector: { 'nvidia.com/gpu.product': 'NVIDIA-H200' },
    };
    const outcome = handle('validate', created(elsewhere), factsWith(policy));

    expect(glance(outcome)).toMatchObject(want);
    expect(codesOf(outcome)).toContain('no-node-fits');
  });

  it.each([
    ['ignore', ALLOWED],
    ['warn', { ...ALLOWED, warns: true }],
    ['judge', DENIED],
  ] as const)(
    'that serves Llama 4 without an annotation is, under unannotated: %s, %j',
    (unannotated, want) => {
      const { mutate, validate } = both(created(NOT_OURS), factsWith({ unannotated }));

      expect(glance(mutate)).toEqual(ALLOWED);
      expect(glance(validate)).toMatchObject(want);
    },
  );

  it('that ran before unannotated: judge came may be updated', () => {
    const scaled = withMember(deployment(NOT_OURS), ['spec'], 'replicas', 2);
    const body = updated(scaled, deployment(NOT_OURS));

    expect(glance(handle('validate', body, factsWith({ unannotated: 'judge' })))).toMatchObject({
      allowed: true,
      warns: true,
    });
  });

  it('of Behemoth is judged by the published figures, always with a warning', () => {
    // 6.2 TB in 16 bit at 4K by the article; 6.2e12 / 8 / 2^30 is 721.8 GiB on each of eight GPUs.
    const behemoth: Subject = {
      annotations: { 'vramgate.io/model': 'behemoth', 'vramgate.io/context': '4K' },
      args: ['--tensor-parallel-size=8', '--max-model-len=4096'],
      gpus: 8,
      nodeSelector: FITS.nodeSelector,
    };
    const { validate } = both(created(behemoth));

    expect(glance(validate)).toMatchObject({ allowed: false, warns: true });
    expect(validate.answer.response.warnings?.join()).toContain('unreleased-model');
    expect(validate.answer.response.status?.message).toContain('721.8 GiB per GPU on 8 GPUs');
  });

  it('that does not fit but spills to the CPU by itself is allowed with a warning', () => {
    const object = deployment({ ...UNDERSIZED, args: [] });
    const container = at(object, 'spec', 'template', 'spec', 'containers', 0);
    container['image'] = 'ollama/ollama:0.6.7';
    container['env'] = [{ name: 'OLLAMA_CONTEXT_LENGTH', value: '131072' }];
    delete container['command'];
    const { validate } = both(envelope(object));

    expect(glance(validate)).toMatchObject({ allowed: true, warns: true });
    expect(codesOf(validate)).toContain('spills-to-cpu');
  });
});

describe('an exempt workload', () => {
  const EXEMPT = {
    ...UNDERSIZED.annotations,
    'vramgate.io/exempt': 'capacity test until Friday, ticket 4711',
  };
  const RIGHTS = factsWith({ exemptions: { users: ['admin'], groups: ['gpu-admins'], namespaces: ['lab'] } });
  const stranger = { userInfo: { username: 'eve', groups: ['system:authenticated'] } };

  it('with a reason is allowed and recorded', () => {
    const body = created({ ...UNDERSIZED, annotations: EXEMPT });

    expectLeftAlone(body);
    expect(codesOf(handle('validate', body))).toContain('exempt');
  });

  it.each(['', 'true', 'because'])('with the unusable reason %j is judged as if it had none', (reason) => {
    const annotations = { ...UNDERSIZED.annotations, 'vramgate.io/exempt': reason };
    const outcome = handle('validate', created({ ...UNDERSIZED, annotations }));

    expect(glance(outcome)).toMatchObject(DENIED);
    expect(codesOf(outcome)).toContain('exemption-unusable');
  });

  it.each<readonly [string, Members, boolean]>([
    ['the user', { userInfo: { username: 'admin', groups: [] } }, true],
    ['a group', { userInfo: { username: 'x', groups: ['gpu-admins'] } }, true],
    ['the namespace', { ...stranger, namespace: 'lab' }, true],
    ['nobody', stranger, false],
    ['no user at all', { userInfo: null }, false],
  ])('where %s has the right: %j, exempt %s', (_who, changes, isExempt) => {
    const outcome = handle('validate', created({ ...UNDERSIZED, annotations: EXEMPT }, changes), RIGHTS);

    expect(outcome.answer.response.allowed).toBe(isExempt);
  });

  it('stays exempt when somebody without the right changes something else', () => {
    const object = deployment({ ...UNDERSIZED, annotations: EXEMPT });
    const scaled = withMember(deployment({ ...UNDERSIZED, annotations: EXEMPT }), ['spec'], 'replicas', 3);

    expectLeftAlone(updated(scaled, object, stranger), RIGHTS);
  });

  it('does not become exempt when somebody without the right adds the annotation', () => {
    const body = updated(deployment({ ...UNDERSIZED, annotations: EXEMPT }), deployment(FITS), stranger);
    const outcome = handle('validate', body, RIGHTS);

    expect(glance(outcome)).toMatchObject(DENIED);
    expect(codesOf(outcome)).toContain('exemption-unusable');
  });
});

describe('what is never judged', () => {
  const undersized = deployment(UNDERSIZED);

  it.each<readonly [string, Members]>([
    ['DELETE', { operation: 'DELETE', object: null, oldObject: undersized }],
    ['CONNECT', { operation: 'CONNECT', object: { kind: 'PodExecOptions' }, subResource: 'exec' }],
    [
      'a scale',
      { operation: 'UPDATE', subResource: 'scale', object: { kind: 'Scale', spec: { replicas: 9 } } },
    ],
    ['a status', { operation: 'UPDATE', subResource: 'status', object: undersized, oldObject: undersized }],
    ['ephemeral containers', { operation: 'UPDATE', subResource: 'ephemeralcontainers', object: undersized }],
    ['a subresource without an object', { subResource: 'binding', object: null }],
  ])('%s is allowed', (_what, changes) => {
    expectLeftAlone(envelope(undersized, changes));
  });

  it.each<readonly [string, unknown, unknown]>([
    ['the new object', terminating(deployment(UNDERSIZED)), undersized],
    ['the old object alone', undersized, terminating(deployment(FITS))],
    ['both, malformed now', terminating(deployment(MALFORMED)), terminating(deployment(FITS))],
  ])('an UPDATE of a terminating object is allowed: %s', (_what, object, oldObject) => {
    expectLeftAlone(updated(object, oldObject));
  });

  it.each([
    ['apps/v1', 'Deployment'],
    ['batch/v1', 'Job'],
    ['leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet'],
  ])('what a %s %s controls is allowed: its owner was judged', (apiVersion, kind) => {
    const owner = { apiVersion, kind, name: 'owner', uid: 'u', controller: true };

    expectLeftAlone(envelope(ownedBy(owner)));
  });

  it('what another controller owns is judged, and never patched', () => {
    const owner = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
      name: 'r',
      uid: 'u',
      controller: true,
    };
    const incomplete = both(envelope(ownedBy(owner, INCOMPLETE)));

    expect(glance(handle('validate', envelope(ownedBy(owner))))).toMatchObject(DENIED);
    expect(patchOf(incomplete.mutate)).toEqual([]);
  });

  it('an owner that does not control is no owner', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid: 'u' };

    expect(glance(handle('validate', envelope(ownedBy(owner))))).toMatchObject(DENIED);
  });

  function ownedBy(owner: Members, subject: Subject = UNDERSIZED): Members {
    return withMember(deployment(subject), ['metadata'], 'ownerReferences', [owner]);
  }
});

describe('ways to create', () => {
  it('a dry run is judged and patched like any other, and recorded as one', () => {
    const { mutate, validate } = both(created(INCOMPLETE, { dryRun: true }));

    expect(patchOf(mutate)).toEqual(patchOf(handle('mutate', created(INCOMPLETE))));
    expect(validate.record.dryRun).toBe(true);
    expect(glance(handle('validate', created(UNDERSIZED, { dryRun: true })))).toMatchObject(DENIED);
  });

  it('generateName arrives at /mutate without a name, and is recorded', () => {
    const object = deployment(INCOMPLETE);
    const metadata = at(object, 'metadata');
    delete metadata['name'];
    metadata['generateName'] = 'scout-';
    const { record, answer } = handle('mutate', envelope(object, { name: '' }));

    expect(record.subject).toMatchObject({ name: null, generateName: 'scout-' });
    expect(answer.response.patch).toBeDefined();
  });

  it('apply-as-create is a CREATE with PatchOptions', () => {
    const options = {
      kind: 'PatchOptions',
      apiVersion: 'meta.k8s.io/v1',
      force: true,
      fieldManager: 'kubectl',
    };
    const { mutate } = both(created(INCOMPLETE, { operation: 'CREATE', options }));

    expect(patchOf(mutate)).toEqual(patchOf(handle('mutate', created(INCOMPLETE))));
  });

  it('fields that no version knows yet are let through', () => {
    const body = created(FITS, {
      podCertificates: [{ a: 1 }],
      userInfo: { username: 'u', uid: '7', extra: {} },
    });
    at(body)['somethingNew'] = true;

    expectLeftAlone(body);
  });
});

describe('an update', () => {
  it('of metadata alone is neither refused nor patched, though the object would be refused today', () => {
    const labelled = withMember(deployment(UNDERSIZED), ['metadata'], 'labels', { team: 'new' });
    const { mutate, validate } = both(updated(labelled, deployment(UNDERSIZED)));

    expect(glance(mutate)).toEqual(ALLOWED);
    expect(glance(validate)).toMatchObject({ allowed: true, warns: true });
    expect(codesOf(validate)).toContain('still-undersized');
  });

  it.each<readonly [string, (object: Members) => Members]>([
    ['replicas', (object) => withMember(object, ['spec'], 'replicas', 4)],
    ['a label', (object) => withMember(object, ['metadata'], 'labels', { a: 'b' })],
    ['a finalizer', (object) => withMember(object, ['metadata'], 'finalizers', ['example.com/hold'])],
    ['the strategy', (object) => withMember(object, ['spec'], 'strategy', { type: 'Recreate' })],
    [
      'the restart annotation',
      (object) =>
        withMember(object, ['spec', 'template', 'metadata'], 'annotations', {
          'kubectl.kubernetes.io/restartedAt': '2026-11-25T12:00:00Z',
        }),
    ],
  ])('of %s never edits a template that could be completed', (_what, change) => {
    // Stored before the webhook was installed: incomplete, and nothing of ours on it.
    const outcome = handle('mutate', updated(change(deployment(INCOMPLETE)), deployment(INCOMPLETE)));

    expect(patchOf(outcome)).toEqual([]);
  });

  it('of a re-applied file gives exactly the stored template back', () => {
    const object = deployment(INCOMPLETE);
    const stored = patched(object, handle('mutate', envelope(object)));
    const reapplied = handle('mutate', updated(object, stored));
    const result = patched(object, reapplied);

    expect(result).toEqual(stored);
    expect(glance(handle('validate', updated(result, stored)))).toEqual(ALLOWED);
  });

  it('that makes a fitting object undersized is refused', () => {
    expect(glance(handle('validate', updated(deployment(UNDERSIZED), deployment(FITS))))).toMatchObject(
      DENIED,
    );
  });

  it('that only shrinks the shortfall is allowed with a finding', () => {
    const two: Subject = {
      ...UNDERSIZED,
      args: UNDERSIZED.args.map((arg) => arg.replace('size=1', 'size=2')),
      gpus: 2,
    };
    const outcome = handle('validate', updated(deployment(two), deployment(UNDERSIZED)));

    expect(outcome.answer.response.allowed).toBe(true);
    expect(codesOf(outcome)).toContain('still-undersized');
  });

  it('of an object that was malformed before is not refused for it', () => {
    const broken = (labels: Members): Members => {
      const object = withMember(deployment(FITS), ['spec', 'template', 'spec'], 'tolerations', { all: true });
      return withMember(object, ['metadata'], 'labels', labels);
    };

    expect(glance(handle('validate', envelope(broken({}))))).toMatchObject({ allowed: false, code: 422 });
    expect(glance(handle('validate', updated(broken({ a: 'b' }), broken({}))))).toMatchObject({
      allowed: true,
    });
    expect(patchOf(handle('mutate', updated(broken({ a: 'b' }), broken({}))))).toEqual([]);
  });

  it('of a kind that is not judged is refused under unknown: deny only when it is new', () => {
    const service = {
      apiVersion: 'serving.kserve.io/v1beta1',
      kind: 'InferenceService',
      metadata: { name: 's', annotations: { 'vramgate.io/model': 'scout' } },
      spec: {},
    };
    const kind = { group: 'serving.kserve.io', version: 'v1beta1', kind: 'InferenceService' };
    const facts = factsWith({ unknown: 'deny' });

    expect(glance(handle('validate', envelope(service, { kind }), facts))).toMatchObject(DENIED);
    expect(glance(handle('validate', updated(service, service, { kind }), facts))).toMatchObject({
      allowed: true,
      warns: true,
    });
  });

  it.each<readonly [string, unknown]>([
    ['a path that is not there', ['gpus', ['spec', 'nowhere'], 'nvidia.com/gpu', 8]],
    [
      'a container that was taken away',
      ['gpus', ['spec', 'template', 'spec', 'containers', 5], 'nvidia.com/gpu', 8],
    ],
    ['a list that is none', ['args', ['spec', 'template', 'spec', 'containers', 0, 'ports'], true, ['x']]],
    ['the root', ['selector', [], 'a', 'b']],
    [
      'arguments of a container that was taken away',
      ['args', ['spec', 'template', 'spec', 'containers', 5, 'args'], false, ['x']],
    ],
  ])('with a forged record of %s is answered, and an undersized object still refused', (_what, row) => {
    const applied = JSON.stringify({ set: [row], from: { model: 'scout' } });
    const forge = (subject: Subject): Members =>
      deployment({ ...subject, annotations: { ...subject.annotations, 'vramgate.io/applied': applied } });

    for (const body of [envelope(forge(UNDERSIZED)), updated(forge(UNDERSIZED), forge(FITS))]) {
      expect(glance(handle('validate', body))).toMatchObject(DENIED);
    }
    expect(
      patchOf(handle('mutate', envelope(forge(FITS)))).every(
        ({ path }) => path === '/metadata/annotations/vramgate.io~1applied',
      ),
    ).toBe(true);
  });

  it('that removes the annotations is recorded, and judged by what the command line says', () => {
    const { validate } = both(updated(deployment(NOT_OURS), deployment(UNDERSIZED)));

    expect(validate.record.verdict).not.toBe('ignore');
  });

  it('without oldObject is judged like a new one', () => {
    expect(
      glance(handle('validate', envelope(deployment(UNDERSIZED), { operation: 'UPDATE' }))),
    ).toMatchObject(DENIED);
  });
});

describe('templates that cannot change', () => {
  const JOB = '11-generate-name.user.create.job.json';
  const POD_SPEC = ['spec', 'template', 'spec'];

  function job(subject: Subject, suspend: boolean, labels: Members = {}): Members {
    const object = at(otherKind(JOB, subject, POD_SPEC), 'request', 'object');
    at(object, 'spec')['suspend'] = suspend;
    at(object, 'metadata')['labels'] = labels;
    return object;
  }

  function jobReview(object: Members, oldObject: Members): Members {
    const review = recorded(JOB);
    Object.assign(at(review, 'request'), { operation: 'UPDATE', object, oldObject });
    return review;
  }

  it('a running Job is not patched, and says so', () => {
    const changed = withMember(job(INCOMPLETE, false), ['metadata'], 'labels', { a: 'b' });
    const { mutate, validate } = both(jobReview(changed, job(INCOMPLETE, false)));

    expect(patchOf(mutate)).toEqual([]);
    expect(validate.answer.response.allowed).toBe(true);
  });

  it('a running Job whose annotation changes is not patched either', () => {
    const other = { ...INCOMPLETE, annotations: { ...INCOMPLETE.annotations, 'vramgate.io/context': '64K' } };
    const { mutate } = both(jobReview(job(other, false), job(INCOMPLETE, false)));

    expect(patchOf(mutate)).toEqual([]);
    expect(codesOf(mutate)).toContain('immutable-template');
  });

  // 48 GB of memory; no label of a flavor is known to this cluster's inventory in the second case.
  it.each([{ 'nvidia.com/gpu.product': 'NVIDIA-L40S' }, { 'cloud.google.com/gke-accelerator': 'nvidia-l4' }])(
    'the unsuspend by Kueue to %j is neither patched nor refused',
    (flavor) => {
      const queue = { 'kueue.x-k8s.io/queue-name': 'gpus' };
      const strict = factsWith({ capacity: 'deny', inventory: 'complete', unknown: 'deny' });
      for (const subject of [FITS, UNDERSIZED, MALFORMED]) {
        const started = job(subject, false, queue);
        at(started, ...POD_SPEC)['nodeSelector'] = flavor;
        const { mutate, validate } = both(jobReview(started, job(subject, true, queue)), strict);

        expect(patchOf(mutate)).toEqual([]);
        // What fits somewhere is not judged by the flavor's selector: Kueue chose it, and answers for it.
        const isUnfit = subject !== FITS;
        expect(glance(validate)).toMatchObject({ allowed: true });
        expect(codesOf(validate).includes('still-undersized')).toBe(isUnfit);
      }
    },
  );

  it('a Job that nobody queues is judged when its author starts it with another selector', () => {
    const started = job(FITS, false);
    at(started, ...POD_SPEC)['nodeSelector'] = { 'nvidia.com/gpu.product': 'NVIDIA-L40S' };
    const strict = factsWith({ capacity: 'deny', inventory: 'complete' });

    expect(glance(handle('validate', jobReview(started, job(FITS, true)), strict))).toMatchObject(DENIED);
  });

  it('a Pod spec is not patched on UPDATE', () => {
    const review = otherKind('12-bare-pod.user.create.pod.json', INCOMPLETE, ['spec']);
    const before = at(otherKind('12-bare-pod.user.create.pod.json', NOT_OURS, ['spec']), 'request', 'object');
    Object.assign(at(review, 'request'), { operation: 'UPDATE', oldObject: before });

    expect(patchOf(handle('mutate', review))).toEqual([]);
  });
});

describe('the record of a review', () => {
  it('names the subresource, so that a reader sees what was left alone', () => {
    const { record } = handle('validate', recorded('03-scale.user.update.scale-scale.json'));

    expect(record.subject.kind).toBe('Scale/scale');
  });

  it('lists the paths of the patch and never its values', () => {
    const outcome = handle('mutate', created(INCOMPLETE));

    expect(outcome.record.patchPaths).toEqual(patchOf(outcome).map(({ path }) => path));
    expect(JSON.stringify(outcome.record)).not.toContain('HF_TOKEN');
  });

  it('has the same decision id from every replica, and another for the other webhook', () => {
    const [one, two] = [handle('mutate', created(FITS)), handle('mutate', created(FITS))];

    expect(two.record.decision).toBe(one.record.decision);
    expect(handle('validate', created(FITS)).record.decision).not.toBe(one.record.decision);
  });

  it('is about a review that was read whole', () => {
    expect(isMembers(read(created(FITS)).object)).toBe(true);
  });
});
