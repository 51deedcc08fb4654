import { describe, expect, it } from 'vitest';
import { read, SCOUT, script, VLLM_IMAGE } from './containers.ts';

const PATH = ['spec', 'containers', 0, 'env', 0];

function visibleWith(env: Readonly<Record<string, string | null>>): unknown {
  return read({ image: VLLM_IMAGE, args: [`--model=${SCOUT}`], env }).visibleGpus;
}

// CUDA Programming Guide 5.2.1.1, with its own values, and ROCm 7.1, "GPU isolation variables".
describe('variables that hide GPUs', () => {
  it.each([
    ['CUDA_VISIBLE_DEVICES', '2,1', 2],
    ['CUDA_VISIBLE_DEVICES', '0,2,-1,1', 2],
    ['CUDA_VISIBLE_DEVICES', '', 0],
    ['CUDA_VISIBLE_DEVICES', '-1', 0],
    ['CUDA_VISIBLE_DEVICES', 'GPU-8932f937-d72c-4106-c12f-20bd9faed9f6', 1],
    ['CUDA_VISIBLE_DEVICES', 'GPU-8932f937', 1],
    ['CUDA_VISIBLE_DEVICES', 'MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/2', 1],
    ['HIP_VISIBLE_DEVICES', '0,2', 2],
    ['ROCR_VISIBLE_DEVICES', '0,GPU-4b2c1a9f-8d3e-6f7a-b5c9-2e4d8a1f6c3b', 2],
  ])('%s=%s leaves %i', (name, value, count) => {
    expect(visibleWith({ [name]: value })).toEqual({ state: 'set', value: count, path: PATH, text: name });
  });

  it('hide none where none is set', () => {
    expect(visibleWith({ NVIDIA_VISIBLE_DEVICES: 'all' })).toEqual({ state: 'absent' });
  });

  it.each([null, '0,0'])('say nothing that can be read as %s', (value) => {
    expect(visibleWith({ CUDA_VISIBLE_DEVICES: value })).toMatchObject({ state: 'unknown', path: PATH });
  });

  it('are read from a script, for the engine that it starts', () => {
    const text = `CUDA_VISIBLE_DEVICES=0,1 vllm serve ${SCOUT} --tensor-parallel-size 2`;
    const { visibleGpus } = script(text, { env: { CUDA_VISIBLE_DEVICES: '0' } });

    expect(visibleGpus).toMatchObject({ state: 'set', value: 2 });
  });

  it('are nothing of one engine where a script starts several', () => {
    const one = `CUDA_VISIBLE_DEVICES=0 vllm serve ${SCOUT}`;

    expect(script(`${one} &\n${one.replace('=0', '=1')}`).visibleGpus).toEqual({ state: 'absent' });
  });
});
