import { readWorkload, type WorkloadReading } from '../../src/workload/read-workload.ts';
import type { Container, PodSpec, PodTemplate, Workload } from '../../src/workload/types.ts';

export type Json = Record<string, unknown>;

export const ENGINE: Json = {
  name: 'engine',
  image: 'vllm/vllm-openai:v0.11.0',
  args: ['--model', 'meta-llama/Llama-4-Scout-17B-16E-Instruct'],
  resources: { limits: { 'nvidia.com/gpu': '8' } },
};

export function podTemplate(spec: Json = {}, metadata: Json = {}): Json {
  return { metadata, spec: { containers: [ENGINE], ...spec } };
}

/** One object of every kind, the given pod template where its kind wants it. */
export const OBJECTS: Readonly<Record<string, (template: Json) => Json>> = {
  CronJob: (template) => object('batch/v1', 'CronJob', { jobTemplate: { spec: { template } } }),
  DaemonSet: (template) => object('apps/v1', 'DaemonSet', { template }),
  Deployment: (template) => object('apps/v1', 'Deployment', { replicas: 2, template }),
  Job: (template) => object('batch/v1', 'Job', { template }),
  JobSet: (template) =>
    object('jobset.x-k8s.io/v1alpha2', 'JobSet', {
      replicatedJobs: [{ name: 'serve', template: { spec: { template } } }],
    }),
  LeaderWorkerSet: (template) =>
    object('leaderworkerset.x-k8s.io/v1', 'LeaderWorkerSet', {
      leaderWorkerTemplate: { workerTemplate: template },
    }),
  Pod: (template) => {
    const { metadata, spec } = template;
    return { apiVersion: 'v1', kind: 'Pod', metadata: { ...METADATA, ...(metadata as Json) }, spec };
  },
  ReplicaSet: (template) => object('apps/v1', 'ReplicaSet', { replicas: 2, template }),
  StatefulSet: (template) => object('apps/v1', 'StatefulSet', { replicas: 2, template }),
};

const METADATA: Json = { name: 'llama', namespace: 'ml' };

export function object(apiVersion: string, kind: string, spec: Json, metadata: Json = {}): Json {
  return { apiVersion, kind, metadata: { ...METADATA, ...metadata }, spec };
}

export function asWorkload(reading: WorkloadReading): Workload {
  if (reading.kind !== 'workload') throw new Error(`read as ${reading.kind}`);
  return reading.workload;
}

/** Reads an object that must be without any finding. */
export function readClean(value: unknown): Workload {
  const reading = readWorkload(value);
  if (reading.kind === 'workload' && reading.findings.length > 0) {
    throw new Error(JSON.stringify(reading.findings));
  }
  return asWorkload(reading);
}

export function findingsOf(value: unknown): readonly string[] {
  const reading = readWorkload(value);
  if (reading.kind !== 'workload' && reading.kind !== 'malformed') throw new Error(`read as ${reading.kind}`);
  return reading.findings.map(({ code, path }) => `${code} ${path.join('.')}`);
}

export function firstTemplate(workload: Workload): PodTemplate {
  const [template] = workload.templates;
  if (template === undefined) throw new Error('no template');
  return template;
}

/** The pod spec of a clean Deployment whose template has this spec. */
export function podSpec(spec: Json): PodSpec {
  return firstTemplate(readClean(object('apps/v1', 'Deployment', { template: podTemplate(spec) }))).spec;
}

export function container(value: Json): Container {
  const [first] = podSpec({ containers: [{ name: 'engine', ...value }] }).containers;
  if (first === undefined) throw new Error('no container');
  return first;
}
