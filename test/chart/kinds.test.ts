import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readWorkload } from '../../src/workload/read-workload.ts';
import { WORKLOAD_KINDS } from '../../src/workload/registry.ts';
import { asWorkload, OBJECTS, podTemplate } from '../workload/objects.ts';

interface ChartKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly templates: readonly string[];
}

const FILE = new URL('../../charts/vramgate/files/kinds.yaml', import.meta.url);
const { kinds } = parse(readFileSync(FILE, 'utf8')) as { readonly kinds: readonly ChartKind[] };

/** `spec.replicatedJobs[].template` for the path of one template. */
function pattern(path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

describe('files/kinds.yaml', () => {
  it('lists the kinds that the engine judges', () => {
    const listed = kinds.map(({ group, version, kind, resource }) => ({ group, version, kind, resource }));
    const judged = WORKLOAD_KINDS.map(({ group, version, kind, resource }) => ({
      group,
      version,
      kind,
      resource,
    }));
    expect(listed).toEqual(judged);
  });

  it.each(kinds.map((one) => [one.kind, one] as const))(
    '%s: knows where its pod templates are',
    (kind, one) => {
      const object = OBJECTS[kind]?.(podTemplate()) ?? {};
      const paths = asWorkload(readWorkload(object)).templates.map(({ path }) => pattern(path));
      // A Pod is its own template: the key on its metadata is the object's own.
      expect(one.templates).toEqual(expect.arrayContaining(paths.filter((path) => path !== '')));
    },
  );

  it('knows both templates of a LeaderWorkerSet, and no third', () => {
    const template = podTemplate();
    const object = {
      apiVersion: 'leaderworkerset.x-k8s.io/v1',
      kind: 'LeaderWorkerSet',
      metadata: { name: 'llama', namespace: 'ml' },
      spec: { leaderWorkerTemplate: { size: 2, leaderTemplate: template, workerTemplate: template } },
    };
    const paths = asWorkload(readWorkload(object)).templates.map(({ path }) => pattern(path));
    expect(kinds.find(({ kind }) => kind === 'LeaderWorkerSet')?.templates).toEqual(paths);
  });
});
