import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isOwnedByRegisteredKind } from '../../src/workload/ownership.ts';
import { readWorkload } from '../../src/workload/read-workload.ts';
import { WORKLOAD_KINDS } from '../../src/workload/registry.ts';
import { asWorkload, firstTemplate, type Json, OBJECTS, podTemplate, readClean } from './objects.ts';

const FOLDER = new URL('../../src/workload/kinds/', import.meta.url);

function kebab(kind: string): string {
  return kind.replace(/(?<=.)(?=[A-Z])/g, '-').toLowerCase();
}

describe('registry', () => {
  it('lists every file of kinds/, and nothing else', () => {
    const want = readdirSync(FOLDER).sort();
    expect(WORKLOAD_KINDS.map(({ kind }) => `${kebab(kind)}.ts`).sort()).toEqual(want);
  });

  it('has the same exports in every file', async () => {
    for (const file of readdirSync(FOLDER)) {
      const module: object = await import(new URL(file, FOLDER).href);
      expect([file, Object.keys(module).sort()]).toEqual([
        file,
        ['group', 'kind', 'readShape', 'resource', 'version'],
      ]);
    }
  });

  it('is covered by this suite', () => {
    expect(Object.keys(OBJECTS).sort()).toEqual(WORKLOAD_KINDS.map(({ kind }) => kind).sort());
  });
});

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((current, step) => (current as Json)[step], value);
}

describe.each(WORKLOAD_KINDS.map((known) => [known.kind, known] as const))('%s', (kind, known) => {
  const make = OBJECTS[kind] ?? ((): Json => ({}));

  it('reads its identity and one template without findings', () => {
    const workload = readClean(make(podTemplate()));
    expect(workload).toMatchObject({
      group: known.group,
      version: known.version,
      kind,
      namespace: 'ml',
      name: 'llama',
      controller: null,
      isTerminating: false,
      groupSize: 1,
    });
    expect(workload.templates).toHaveLength(1);
    expect(firstTemplate(workload).podsPerReplica).toBe(1);
  });

  it('gives paths that lead to what was read', () => {
    const value = make(podTemplate({ initContainers: [{ name: 'init' }] }));
    const { path, spec } = firstTemplate(readClean(value));
    expect(valueAt(value, path)).toHaveProperty('spec');
    expect(valueAt(value, spec.path)).toHaveProperty('containers');
    for (const { path: containerPath, name } of [...spec.containers, ...spec.initContainers]) {
      expect(valueAt(value, [...containerPath, 'name'])).toBe(name);
    }
  });

  it('reads labels and annotations of the template, strings or not', () => {
    const metadata = { labels: { app: 'llama' }, annotations: { 'vramgate.io/context': 131072 } };
    const { labels, annotations } = firstTemplate(readClean(make(podTemplate({}, metadata))));
    expect(labels).toEqual(new Map([['app', 'llama']]));
    expect(annotations).toEqual(new Map([['vramgate.io/context', 131072]]));
  });

  it('reports a missing spec and still reads the metadata', () => {
    const { spec: _, ...value }: Json = make(podTemplate());
    const reading = readWorkload(value);
    expect(asWorkload(reading)).toMatchObject({ name: 'llama', templates: [] });
    expect(reading).toMatchObject({ findings: [{ code: 'malformed-object', path: ['spec'] }] });
  });

  it('reports a template without containers at their path', () => {
    const value = make({ spec: {} });
    const reading = readWorkload(value);
    const { path } = firstTemplate(asWorkload(reading));
    expect(reading).toMatchObject({
      findings: [{ code: 'malformed-object', path: [...path, 'spec', 'containers'] }],
    });
  });

  it('is recognised as an owner, in whatever version', () => {
    for (const version of [known.version, 'v9']) {
      const apiVersion = known.group === '' ? version : `${known.group}/${version}`;
      expect(isOwnedByRegisteredKind({ apiVersion, kind, name: 'x' })).toBe(true);
    }
  });

  it('is not judged in a version that it does not know', () => {
    const apiVersion = known.group === '' ? 'v0' : `${known.group}/v0`;
    expect(readWorkload({ ...make(podTemplate()), apiVersion })).toMatchObject({
      kind: 'not-judged',
      version: 'v0',
      kindName: kind,
      name: 'llama',
    });
  });

  it('is something else in another group', () => {
    expect(readWorkload({ ...make(podTemplate()), apiVersion: 'example.com/v1' })).toEqual({
      kind: 'other',
      group: 'example.com',
      kindName: kind,
    });
  });
});
