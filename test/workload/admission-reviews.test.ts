import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placementOwner } from '../../src/workload/ownership.ts';
import { readWorkload } from '../../src/workload/read-workload.ts';
import { findKind } from '../../src/workload/registry.ts';
import { asWorkload } from './objects.ts';

interface Review {
  readonly request: {
    readonly kind: { readonly group: string; readonly kind: string };
    readonly name: string;
    readonly object: unknown;
    readonly oldObject: unknown;
  };
}

const FOLDER = new URL('../fixtures/admission-reviews/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));

function read(file: string): Review['request'] {
  const review: Review = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
  return review.request;
}

describe('requests as a real API server sent them', () => {
  it('are all here', () => {
    expect(FILES).toHaveLength(36);
  });

  it.each(FILES)('%s is read without findings', (file) => {
    const request = read(file);
    const objects = [request.object, request.oldObject].filter((object) => object !== null);
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      const reading = readWorkload(object);
      const isOurs = findKind(request.kind.group, request.kind.kind) !== null;
      expect(reading.kind).toBe(isOurs ? 'workload' : 'other');
      if (reading.kind !== 'workload') continue;
      expect(reading.findings).toEqual([]);
      expect(reading.workload.kind).toBe(request.kind.kind);
      expect(reading.workload.templates).toHaveLength(1);
    }
  });

  it.each([
    ['01-apply-create.deployment-controller.create.replicaset.json', 'Deployment'],
    ['01-apply-create.replicaset-controller.create.pod.json', 'ReplicaSet'],
    ['11-generate-name.job-controller.create.pod.json', 'Job'],
    ['16-statefulset.statefulset-controller.create.pod.json', 'StatefulSet'],
    ['12-bare-pod.user.create.pod.json', undefined],
  ])('%s is controlled by %s', (file, want) => {
    expect(asWorkload(readWorkload(read(file).object)).controller?.kind).toBe(want);
  });

  it.each([
    ['10-delete-foreground.generic-garbage-collector.update.deployment.json', true],
    ['19-remove-finalizer.user.update.statefulset.json', true],
    ['02-apply-update.user.update.deployment.json', false],
  ])('%s: terminating %s', (file, want) => {
    expect(asWorkload(readWorkload(read(file).oldObject)).isTerminating).toBe(want);
  });

  it('leaves the placement of an ordinary Deployment to us', () => {
    const workload = asWorkload(readWorkload(read('01-apply-create.user.create.deployment.json').object));
    expect(workload.templates.map((template) => placementOwner(workload, template))).toEqual([null]);
  });
});
