import { describe, expect, it } from 'vitest';
import { GIB, MIB } from '../../src/units.ts';
import { classesOf, fixtureText, readText } from './nodes.ts';

function complaints(text: string): readonly string[] {
  const reading = readText(text);
  if (reading.findings.length > 0) expect(reading.inventory.state).toBe('unknown');
  return reading.findings.map(({ path, message }) => `${path}: ${message}`);
}

describe('inventory files', () => {
  it('knows that an empty list is empty, which is not knowing nothing', () => {
    expect(readText('kind: List\nitems: []').inventory).toEqual({
      state: 'known',
      classes: [],
      ageSeconds: null,
    });
  });

  it('reads several documents as one list, and refuses the same node twice', () => {
    const twice = `${fixtureText('degraded.yaml')}---\n${fixtureText('degraded.yaml')}`;
    expect(complaints(twice)).toEqual(['[1].metadata.name: is the name of an earlier node']);
    const both = `${fixtureText('degraded.yaml')}---\n${fixtureText('dgx-h100.yaml')}`;
    expect(classesOf(readText(both)).map(({ id }) => id)).toEqual([
      '8x NVIDIA-H100-80GB-HBM3',
      '7x NVIDIA-H100-80GB-HBM3',
    ]);
  });

  it.each([
    ['an empty file', '', ': holds neither nodes nor shapes'],
    ['a workload', 'kind: Deployment', ': must be nodes as kubectl prints them, or a list of shapes'],
    ['a list without items', 'kind: List', ': must be nodes as kubectl prints them, or a list of shapes'],
    ['text', 'nodes', ': must be nodes as kubectl prints them, or a list of shapes'],
    ['a list of something else', 'kind: List\nitems: [{kind: Event}]', 'items[0].kind: must be Node'],
    ['a pod without a name', 'kind: List\nitems: [{kind: Pod}]', 'items[0].metadata.name: must be set'],
    ['an item that is no object', 'kind: List\nitems: [7]', 'items[0]: must be a Node'],
    ['a node without a name', 'kind: Node', 'metadata.name: must be set'],
    [
      'a label that YAML made a number',
      'kind: Node\nmetadata: {name: a, labels: {nvidia.com/gpu.count: 8}}',
      'metadata.labels[nvidia.com/gpu.count]: must be a string, not a number; quote it',
    ],
    [
      'labels in a list',
      'kind: Node\nmetadata: {name: a, labels: [x]}',
      'metadata.labels: must be a mapping, not a list',
    ],
    [
      'half a GPU',
      'kind: Node\nmetadata: {name: a}\nstatus: {allocatable: {nvidia.com/gpu: "0.5"}}',
      'status.allocatable[nvidia.com/gpu]: must be a whole number of devices',
    ],
    [
      'a taint that is no mapping',
      'kind: Node\nmetadata: {name: a}\nspec: {taints: [gpu]}',
      'spec.taints[0]: must be a mapping, not a string',
    ],
    [
      'nodes and shapes in one file',
      'kind: Node\nmetadata: {name: a}\n---\nshapes: []',
      '[1]: shapes cannot be mixed with nodes',
    ],
    ['shapes twice', 'shapes: []\n---\nshapes: []', '[1]: shapes must stand in one document'],
  ])('says where %s is wrong', (_, text, complaint) => {
    expect(complaints(text)).toEqual([complaint]);
  });

  it('says everything that is wrong at once', () => {
    const text = 'kind: List\nitems: [{kind: Pod}, {kind: Node, metadata: {name: a, labels: {b: true}}}]';
    expect(complaints(text)).toHaveLength(2);
  });

  it('takes labels that look like members of every object for labels', () => {
    const text = 'kind: Node\nmetadata: {name: a, labels: {__proto__: x, constructor: y}}';
    expect(readText(text).findings).toEqual([]);
  });
});

describe('declared shapes', () => {
  function shapes(text: string) {
    return classesOf(readText(text));
  }

  it('gives the catalog’s device, with the labels that the pool will carry as keys', () => {
    const [h100] = shapes(
      '- {product: H100-SXM, gpus: 8, labels: {pool: big}, taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]}',
    );
    expect(h100).toMatchObject({
      id: '8x NVIDIA-H100-80GB-HBM3',
      resource: 'nvidia.com/gpu',
      gpusPerNode: 8,
      nodes: 0,
      source: 'declared',
      placementKeys: ['pool'],
      taints: [{ key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' }],
    });
    expect(h100?.device?.totalBytes).toBe(81559 * MIB);
  });

  it('reads a list and a mapping with shapes alike', () => {
    const one = 'product: NVIDIA-L40S, gpus: 4';
    expect(shapes(`shapes: [{${one}}]`)).toEqual(shapes(`- {${one}}`));
  });

  it('takes a stated memory, in GiB or as a quantity, over the catalog’s', () => {
    const memoryOf = (memory: string) =>
      shapes(`- {product: NVIDIA-L40S, gpus: 1, memory: ${memory}}`)[0]?.device?.totalBytes;
    // 48 GB boards report 46068 MiB with ECC and 49140 without (gpu-catalog.md §1.3).
    expect(memoryOf('49140Mi')).toBe(49140 * MIB);
    expect(memoryOf('44')).toBe(44 * GIB);
  });

  it('keeps apart two shapes that look alike', () => {
    const text = '[{product: NVIDIA-L40S, gpus: 1}, {product: NVIDIA-L40S, gpus: 1, labels: {spot: "true"}}]';
    expect(shapes(text).map(({ id }) => id)).toEqual(['1x NVIDIA-L40S #1', '1x NVIDIA-L40S #2']);
  });

  it.each([
    ['[{gpus: 8}]', '[0].product: must name a GPU of the catalog'],
    ['[{product: NVIDIA-L40S, gpus: 0}]', '[0].gpus: must be a whole number of at least 1, not a number'],
    ['[{product: NVIDIA-L40S, gpus: "8"}]', '[0].gpus: must be a whole number of at least 1, not a string'],
    [
      '[{product: NVIDIA-L40S, gpus: 1, nodes: -1}]',
      '[0].nodes: must be a whole number of at least 0, not a number',
    ],
    [
      '[{product: NVIDIA-L40S, gpus: 1, lables: {}}]',
      '[0].lables: is not a field here; known are product, gpus, nodes, resource, labels, taints, memory, name',
    ],
    [
      '[{product: NVIDIA-L40S, gpus: 1, memory: lots}]',
      '[0].memory: must be a quantity such as 81559Mi, or a number of GiB',
    ],
    [
      '[{product: NVIDIA-L40S, gpus: 1, resource: gpu}]',
      '[0].resource: must be an extended resource such as nvidia.com/gpu',
    ],
    [
      '[{product: NVIDIA-L40S, gpus: 1, taints: [{key: a, effect: Never}]}]',
      '[0].taints[0].effect: must be one of NoSchedule, PreferNoSchedule, NoExecute',
    ],
    ['{shapes: all}', 'shapes: must be a list, not a string'],
    ['{shapes: [], nodes: []}', 'nodes: is not a field here; known are shapes'],
    ['[[]]', '[0]: must be a mapping with product and gpus, not a list'],
    [
      '[{name: a, product: NVIDIA-L40S, gpus: 1}, {name: a, product: NVIDIA-L40S, gpus: 2}]',
      '[1].name: is the name of an earlier shape',
    ],
  ])('refuses %s', (text, complaint) => {
    expect(complaints(text)).toEqual([complaint]);
  });

  it('names the products near a misspelt one, and those that a family could mean', () => {
    expect(complaints('[{product: NVIDIA-L40X, gpus: 1}]')[0]).toMatch(
      /not in the catalog; near it are .*"NVIDIA-L40S"/,
    );
    expect(complaints('[{product: H100, gpus: 1}]')[0]).toMatch(
      /names several products: .*"NVIDIA-H100-NVL".*choose one/,
    );
  });
});
