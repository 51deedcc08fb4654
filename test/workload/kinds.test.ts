import { describe, expect, it } from 'vitest';
import type { Workload } from '../../src/workload/types.ts';
import { findingsOf, type Json, object, podTemplate, readClean } from './objects.ts';

const template = podTemplate();

function roles(workload: Workload): readonly (readonly [string, number, string])[] {
  return workload.templates.map(({ role, podsPerReplica, path }) => [role, podsPerReplica, path.join('.')]);
}

describe('Deployment', () => {
  function deployment(spec: Json): Json {
    return object('apps/v1', 'Deployment', { template, ...spec });
  }

  function rolling(replicas: number, rollingUpdate?: Json): Json {
    return deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate } });
  }

  it.each([
    ['the default of one replica', deployment({}), 1, 0],
    ['the default of four', deployment({ replicas: 4 }), 1, 1],
    ['the default of ten: surge up, unavailable down', deployment({ replicas: 10 }), 3, 2],
    ['whole numbers', rolling(4, { maxSurge: 0, maxUnavailable: 1 }), 0, 1],
    ['percentages', rolling(8, { maxSurge: '50%', maxUnavailable: '10%' }), 4, 0],
    ['one of both', rolling(2, { maxUnavailable: 0 }), 1, 0],
    [
      'both round to nothing: one may be unavailable',
      rolling(2, { maxSurge: 0, maxUnavailable: '1%' }),
      0,
      1,
    ],
    ['more unavailable than there are', rolling(2, { maxSurge: 0, maxUnavailable: 5 }), 0, 2],
    ['no replicas', rolling(0), 0, 0],
    ['over a hundred per cent', rolling(3, { maxSurge: '200%', maxUnavailable: 0 }), 6, 0],
    ['an empty strategy', deployment({ strategy: {} }), 1, 0],
  ])('resolves the surge: %s', (_, value, maxSurge, maxUnavailable) => {
    expect(readClean(value).surge).toEqual({ maxSurge, maxUnavailable });
  });

  it('does not surge when it recreates', () => {
    expect(readClean(deployment({ strategy: { type: 'Recreate' } })).surge).toBeNull();
  });

  it.each(['25', '-1%', 'x%', -1, 1.5, true, {}])(
    'reports a surge of %j and takes the default',
    (maxSurge) => {
      expect(findingsOf(rolling(2, { maxSurge }))).toEqual([
        'malformed-object spec.strategy.rollingUpdate.maxSurge',
      ]);
    },
  );

  it('may change its template', () => {
    expect(readClean(deployment({ replicas: 3 }))).toMatchObject({ replicas: 3, isTemplateImmutable: false });
  });
});

describe('kinds that do not surge', () => {
  it.each([
    ['apps/v1', 'StatefulSet', 4],
    ['apps/v1', 'ReplicaSet', 4],
    ['apps/v1', 'DaemonSet', 1],
  ])('%s %s', (apiVersion, kind, replicas) => {
    const workload = readClean(object(apiVersion, kind, { replicas: 4, template }));
    expect(workload).toMatchObject({ replicas, surge: null, isTemplateImmutable: false });
  });
});

describe('Job and CronJob', () => {
  it('counts the pods that run at once', () => {
    expect(roles(readClean(object('batch/v1', 'Job', { parallelism: 3, template })))).toEqual([
      ['pod', 3, 'spec.template'],
    ]);
    const jobTemplate = { spec: { parallelism: 2, template } };
    expect(roles(readClean(object('batch/v1', 'CronJob', { jobTemplate })))).toEqual([
      ['pod', 2, 'spec.jobTemplate.spec.template'],
    ]);
  });

  it.each([
    [{}, true],
    [{ suspend: false }, true],
    [{ suspend: true }, false],
  ])('Job with %j: immutable %s', (spec, want) => {
    expect(readClean(object('batch/v1', 'Job', { template, ...spec })).isTemplateImmutable).toBe(want);
  });

  it('lets a CronJob change, suspended or not', () => {
    const spec = { suspend: false, jobTemplate: { spec: { template } } };
    expect(readClean(object('batch/v1', 'CronJob', spec)).isTemplateImmutable).toBe(false);
  });
});

describe('Pod', () => {
  it('is its own template, and immutable', () => {
    const workload = readClean({ apiVersion: 'v1', kind: 'Pod', ...template });
    expect(roles(workload)).toEqual([['pod', 1, '']]);
    expect(workload).toMatchObject({ replicas: 1, isTemplateImmutable: true, name: null, namespace: null });
  });
});

describe('LeaderWorkerSet', () => {
  function lws(group: Json, spec: Json = {}): Json {
    return object('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', { leaderWorkerTemplate: group, ...spec });
  }

  it('has one leader and size - 1 workers', () => {
    const workload = readClean(
      lws({ size: 4, leaderTemplate: template, workerTemplate: template }, { replicas: 3 }),
    );
    expect(workload).toMatchObject({ replicas: 3, groupSize: 4, surge: null });
    expect(roles(workload)).toEqual([
      ['leader', 1, 'spec.leaderWorkerTemplate.leaderTemplate'],
      ['worker', 3, 'spec.leaderWorkerTemplate.workerTemplate'],
    ]);
  });

  it.each([[{}], [{ leaderTemplate: null }]])('makes every pod from workerTemplate with %j', (leader) => {
    const workload = readClean(lws({ size: 2, workerTemplate: template, ...leader }));
    expect(roles(workload)).toEqual([['leader-and-worker', 2, 'spec.leaderWorkerTemplate.workerTemplate']]);
  });

  it('is a group of one by default', () => {
    const workload = readClean(lws({ workerTemplate: template }));
    expect(workload).toMatchObject({ replicas: 1, groupSize: 1 });
  });

  it('refuses a group without pods', () => {
    expect(findingsOf(lws({ size: 0, workerTemplate: template }))).toEqual([
      'malformed-object spec.leaderWorkerTemplate.size',
    ]);
  });

  it('needs a worker template', () => {
    expect(findingsOf(lws({ leaderTemplate: template }))).toEqual([
      'malformed-object spec.leaderWorkerTemplate.workerTemplate',
    ]);
  });
});

describe('JobSet', () => {
  function jobSet(spec: Json): Json {
    return object('jobset.x-k8s.io/v1alpha2', 'JobSet', spec);
  }
  const job = { spec: { parallelism: 2, template } };

  it('has a template for each replicated job', () => {
    const replicatedJobs = [
      { name: 'leader', template: { spec: { template } } },
      { name: 'worker', replicas: 3, template: job },
    ];
    const workload = readClean(jobSet({ replicatedJobs }));
    expect(workload).toMatchObject({ replicas: 1, isTemplateImmutable: true });
    expect(roles(workload)).toEqual([
      ['leader', 1, 'spec.replicatedJobs.0.template.spec.template'],
      ['worker', 6, 'spec.replicatedJobs.1.template.spec.template'],
    ]);
  });

  it('may change while it is suspended', () => {
    const value = jobSet({ suspend: true, replicatedJobs: [{ name: 'a', template: job }] });
    expect(readClean(value).isTemplateImmutable).toBe(false);
  });

  it('reports every job that cannot be read, and reads the others', () => {
    const replicatedJobs = [{ name: 'a' }, 7, { template: job }];
    expect(findingsOf(jobSet({ replicatedJobs }))).toEqual([
      'malformed-object spec.replicatedJobs.1',
      'malformed-object spec.replicatedJobs.0.template',
      'malformed-object spec.replicatedJobs.2.name',
    ]);
  });

  it('needs jobs', () => {
    expect(findingsOf(jobSet({}))).toEqual(['malformed-object spec.replicatedJobs']);
  });
});
