import { describe, expect, it } from 'vitest';
import { effectiveGpuRequest, gpuFormOf, gpuRequests } from '../../src/workload/gpu-request.ts';
import { container, findingsOf, type Json, object, podSpec, podTemplate } from './objects.ts';

const GPU = 'nvidia.com/gpu';

function deploymentWith(resources: Json): Json {
  const template = podTemplate({ containers: [{ name: 'engine', resources }] });
  return object('apps/v1', 'Deployment', { template });
}

const RESOURCES = 'spec.template.spec.containers.0.resources';

describe('gpuFormOf', () => {
  it.each([
    ['nvidia.com/gpu', 'gpu'],
    ['amd.com/gpu', 'gpu'],
    ['habana.ai/gaudi', 'gpu'],
    ['gpu.intel.com/i915', 'gpu'],
    ['gpu.intel.com/xe', 'gpu'],
    ['nvidia.com/gpu.shared', 'shared'],
    ['nvidia.com/mig-1g.10gb.shared', 'shared'],
    ['nvidia.com/mig-3g.40gb', 'mig'],
    ['nvidia.com/mig-1g.24gb.me.all', 'mig'],
    ['nvidia.com/gpumem', 'hami'],
    ['nvidia.com/gpumem-percentage', 'hami'],
    ['nvidia.com/gpucores', 'hami'],
    ['amd.com/cpx_nps4', 'other-accelerator'],
    ['amd.com/dpx_nps1', 'other-accelerator'],
    ['gpu.intel.com/tiles', 'other-accelerator'],
    ['google.com/tpu', 'other-accelerator'],
    ['aws.amazon.com/neuron', 'other-accelerator'],
    ['cpu', null],
    ['memory', null],
    ['nvidia.com/hostdev', null],
    ['rdma/ib', null],
    ['__proto__', null],
  ])('knows %s as %s', (resource, want) => {
    expect(gpuFormOf(resource)).toBe(want);
  });
});

describe('gpuRequests', () => {
  const path = ['spec', 'template', 'spec', 'containers', 0, 'resources'];

  it('reads limits before requests, numbers and strings alike', () => {
    const resources = { limits: { [GPU]: 8, cpu: 4 }, requests: { [GPU]: '8', memory: '1Gi' } };
    expect(gpuRequests(container({ resources }))).toEqual([
      { resource: GPU, count: 8, path: [...path, 'limits', GPU], form: 'gpu' },
    ]);
  });

  it('takes a request where there is no limit', () => {
    expect(gpuRequests(container({ resources: { requests: { 'nvidia.com/mig-3g.40gb': '1' } } }))).toEqual([
      {
        resource: 'nvidia.com/mig-3g.40gb',
        count: 1,
        path: [...path, 'requests', 'nvidia.com/mig-3g.40gb'],
        form: 'mig',
      },
    ]);
  });

  it('tells a count of 0 from no request', () => {
    expect(gpuRequests(container({ resources: { limits: { [GPU]: '0' } } }))).toMatchObject([{ count: 0 }]);
    expect(gpuRequests(container({}))).toEqual([]);
  });

  it.each(['8', 8, '8000m', '0.008k', '8e0'])('counts %j as 8', (quantity) => {
    expect(gpuRequests(container({ resources: { limits: { [GPU]: quantity } } }))).toMatchObject([
      { count: 8 },
    ]);
  });
});

describe('findings about accelerators', () => {
  it.each([
    ['a fraction', { limits: { [GPU]: '500m' } }, [`malformed-object ${RESOURCES}.limits.${GPU}`]],
    ['a negative count', { limits: { [GPU]: -1 } }, [`malformed-object ${RESOURCES}.limits.${GPU}`]],
    ['a text', { limits: { [GPU]: '$GPUS' } }, [`malformed-object ${RESOURCES}.limits.${GPU}`]],
    ['a truth value', { limits: { [GPU]: true } }, [`malformed-object ${RESOURCES}.limits.${GPU}`]],
    [
      'limit and request that differ',
      { limits: { [GPU]: 8 }, requests: { [GPU]: '4' } },
      [`malformed-object ${RESOURCES}.requests.${GPU}`],
    ],
    [
      'limit and request that are the same number',
      { limits: { [GPU]: 8 }, requests: { [GPU]: '8000m' } },
      [],
    ],
    ['memory that differs', { limits: { memory: '2Gi' }, requests: { memory: '1Gi' } }, []],
  ])('%s', (_, resources, want) => {
    expect(findingsOf(deploymentWith(resources))).toEqual(want);
  });
});

describe('effectiveGpuRequest', () => {
  function with_(count: number | string | null, more: Json = {}): Json {
    return { name: 'c', ...(count === null ? {} : { resources: { limits: { [GPU]: count } } }), ...more };
  }
  const sidecar = { restartPolicy: 'Always' };

  it.each([
    ['one container', [with_(8)], [], 8],
    ['the sum of containers', [with_(4), with_(4), with_(null)], [], 8],
    ['a larger init container', [with_(1)], [with_(2)], 2],
    ['a smaller init container', [with_(4)], [with_(2)], 4],
    ['a sidecar beside the containers', [with_(4)], [with_(1, sidecar)], 5],
    ['a sidecar started before an init container', [with_(1)], [with_(1, sidecar), with_(4)], 5],
    ['a sidecar started after an init container', [with_(1)], [with_(4), with_(1, sidecar)], 4],
    ['two sidecars and one init container', [with_(2)], [with_(1, sidecar), with_(6), with_(1, sidecar)], 7],
    ['an engine that is a sidecar', [with_(null)], [with_(8, sidecar)], 8],
    ['zero written out', [with_('0')], [], 0],
    ['no request at all', [with_(null)], [with_(null)], null],
  ])('%s', (_, containers, initContainers, want) => {
    expect(effectiveGpuRequest(podSpec({ containers, initContainers }), GPU)).toBe(want);
  });

  it('keeps resources apart', () => {
    const spec = podSpec({ containers: [with_(8)] });
    expect(effectiveGpuRequest(spec, 'amd.com/gpu')).toBeNull();
  });
});
