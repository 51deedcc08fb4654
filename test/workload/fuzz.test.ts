import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveGpuRequest, gpuRequests } from '../../src/workload/gpu-request.ts';
import { placementOwner } from '../../src/workload/ownership.ts';
import { readWorkload } from '../../src/workload/read-workload.ts';
import { type Json, OBJECTS, podTemplate } from './objects.ts';

const MAKERS = Object.values(OBJECTS);

/** Whatever a reading allows to be asked, asked. */
function exercise(value: unknown): void {
  const reading = readWorkload(value);
  if (reading.kind !== 'workload') return;
  for (const template of reading.workload.templates) {
    placementOwner(reading.workload, template);
    effectiveGpuRequest(template.spec, 'nvidia.com/gpu');
    for (const { count } of template.spec.containers.flatMap(gpuRequests)) {
      expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
    }
  }
}

const anyJson = fc.jsonValue({ maxDepth: 6 });

/** A field of a real object, replaced by anything. */
function withReplaced(root: unknown, [step, ...rest]: readonly number[], replacement: unknown): unknown {
  if (step === undefined || typeof root !== 'object' || root === null) return replacement;
  const keys = Object.keys(root);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return replacement;
  const copy: Json | unknown[] = Array.isArray(root) ? [...root] : { ...root };
  Reflect.set(copy, key, withReplaced(Reflect.get(root, key), rest, replacement));
  return copy;
}

const FULL = podTemplate(
  {
    initContainers: [{ name: 'i', restartPolicy: 'Always', resources: { limits: { 'nvidia.com/gpu': 1 } } }],
    nodeSelector: { a: 'b' },
    tolerations: [{ key: 'a', operator: 'Exists' }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }],
        },
      },
    },
    volumes: [{ name: 'shm', emptyDir: { medium: 'Memory' } }],
    schedulingGates: [{ name: 'g' }],
    resourceClaims: [{ name: 'c' }],
  },
  { labels: { a: 'b' }, annotations: { a: 'b' } },
);

describe('readWorkload never throws', () => {
  it('for any JSON', () => {
    fc.assert(fc.property(anyJson, exercise), { numRuns: 500 });
  });

  it('for any JSON as spec or metadata of every kind', () => {
    fc.assert(
      fc.property(fc.constantFrom(...MAKERS), anyJson, anyJson, (make, spec, metadata) => {
        exercise({ ...make(FULL), metadata });
        exercise({ ...make(FULL), spec });
        exercise(make({ spec, metadata }));
      }),
      { numRuns: 500 },
    );
  });

  it('for any field of a real object replaced by anything', () => {
    const steps = fc.array(fc.nat({ max: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...MAKERS), steps, anyJson, (make, path, replacement) => {
        exercise(withReplaced(make(FULL), path, replacement));
      }),
      { numRuns: 3000 },
    );
  });

  it('for keys of the prototype', () => {
    const names = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf');
    fc.assert(
      fc.property(fc.constantFrom(...MAKERS), names, anyJson, (make, name, value) => {
        const poisoned: unknown = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`);
        exercise({ ...make(FULL), metadata: { labels: poisoned, annotations: poisoned } });
        exercise(make(podTemplate({ nodeSelector: poisoned, affinity: poisoned, volumes: [poisoned] })));
        exercise({ apiVersion: `${name}/v1`, kind: name, spec: poisoned });
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
    );
  });

  it('for brackets a million deep', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const depth = 1_000_000;
      const deep: unknown = JSON.parse(`${open.repeat(depth)}1${close.repeat(depth)}`);
      for (const make of MAKERS) {
        exercise({ ...make(FULL), spec: deep });
        exercise(make(podTemplate({ containers: deep, affinity: deep })));
      }
    }
  });
});
