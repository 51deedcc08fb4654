import { describe, expect, it } from 'vitest';
import { findServing } from '../../src/engine/serving.ts';
import { makeContainer, makePod, SCOUT, VLLM_IMAGE } from './containers.ts';

const vllm = makeContainer({ name: 'vllm', image: VLLM_IMAGE, args: [SCOUT], gpus: '8' });
const plainGpu = makeContainer({ name: 'gpu', image: 'corp/llm:1', gpus: '8' });
const sidecar = makeContainer({
  name: 'sidecar',
  image: 'corp/proxy:1',
  args: ['--model', SCOUT, '--port', '1'],
});

describe('the serving container', () => {
  it('is the named one', () => {
    expect(findServing(makePod([vllm, plainGpu]), 'gpu', null)).toEqual({
      kind: 'one',
      container: plainGpu,
      engine: null,
    });
  });

  it('is not found under another name', () => {
    expect(findServing(makePod([vllm, sidecar]), 'x', null)).toEqual({
      kind: 'no-such-container',
      wanted: 'x',
      names: ['vllm', 'sidecar'],
    });
  });

  it('is the GPU container that starts an engine', () => {
    expect(findServing(makePod([plainGpu, sidecar, vllm]), null, null)).toMatchObject({
      kind: 'one',
      container: vllm,
    });
  });

  it('is not chosen between two', () => {
    const second = { ...vllm, name: 'second' };
    expect(findServing(makePod([vllm, second]), null, null)).toEqual({
      kind: 'several',
      containers: [vllm, second],
    });
    expect(findServing(makePod([plainGpu, { ...plainGpu, name: 'b' }]), null, null).kind).toBe('several');
  });

  it('is the GPU container without a signature, beside an image that only looks like one', () => {
    const image = makeContainer({ name: 'cpu', image: VLLM_IMAGE });
    expect(findServing(makePod([image, plainGpu]), null, null)).toEqual({
      kind: 'one',
      container: plainGpu,
      engine: null,
    });
  });

  it('is the container that clearly starts an engine, beside a GPU container that starts none', () => {
    const launched = makeContainer({ name: 'cpu', command: ['vllm', 'serve', SCOUT] });
    expect(findServing(makePod([plainGpu, launched]), null, null)).toMatchObject({
      kind: 'one',
      container: launched,
    });
  });

  it('may ask for no GPU at all', () => {
    const launched = makeContainer({ image: VLLM_IMAGE, args: [SCOUT] });
    expect(findServing(makePod([sidecar, launched]), null, null)).toEqual({
      kind: 'one',
      container: launched,
      engine: 'vllm',
    });
    expect(findServing(makePod([sidecar]), null, null)).toEqual({ kind: 'none' });
  });

  it.each([
    'amd.com/gpu',
    'habana.ai/gaudi',
    'gpu.intel.com/i915',
    'nvidia.com/gpu.shared',
    'nvidia.com/mig-3g.40gb',
  ])('asks for %s', (resource) => {
    const container = makeContainer({ limits: new Map([[resource, '1']]) });
    expect(findServing(makePod([sidecar, container]), null, null)).toMatchObject({ kind: 'one', container });
  });

  it('may be an engine that an annotation names', () => {
    expect(findServing(makePod([vllm]), null, 'vllm')).toEqual({
      kind: 'one',
      container: vllm,
      engine: 'vllm',
    });
    expect(findServing(makePod([vllm]), null, 'sglang')).toEqual({
      kind: 'one',
      container: vllm,
      engine: null,
    });
  });
});

describe('a pod with more text than is looked at', () => {
  it('is judged by its images beyond that', () => {
    const text = 'x'.repeat(60 * 1024);
    const padding = Array.from({ length: 5 }, () => makeContainer({ image: 'corp/x:1', args: [text] }));
    const hidden = makeContainer({ command: ['vllm', 'serve', SCOUT] });
    expect(findServing(makePod([hidden, ...padding]), null, null)).toMatchObject({
      kind: 'one',
      container: hidden,
    });
    expect(findServing(makePod([...padding, hidden]), null, null)).toEqual({ kind: 'none' });
    expect(findServing(makePod([...padding, vllm]), null, null)).toMatchObject({
      kind: 'one',
      container: vllm,
    });
  });
});
