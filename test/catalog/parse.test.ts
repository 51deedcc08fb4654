import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { type CatalogReading, extendCatalog, parseCatalogSources } from '../../src/catalog/parse.ts';
import { checkpointFor, findGpus, findModel, instanceType } from '../../src/catalog/resolve.ts';
import { weightBytes } from '../../src/sizing/weights.ts';
import { SOURCE } from './sources.ts';

function extend(text: string, file = 'extra.yaml'): CatalogReading {
  return extendCatalog(builtinCatalog, [{ file, text }]);
}

const GPU_FIELDS = `vendor: nvidia
    arch: hopper
    computeCapability: '9.0'
    memoryMib: 100000
    usableGib: 96.5
    hasBf16: true
    typicalPerNode: [8]
    resource: nvidia.com/gpu
    ${SOURCE}`;

const TEXT_CONFIG = `num_hidden_layers: 8, hidden_size: 1024, vocab_size: 32000, num_attention_heads: 8,
        num_key_value_heads: 4, head_dim: 128, intermediate_size: 2048, intermediate_size_mlp: 4096,
        num_local_experts: 4, num_experts_per_tok: 1, interleave_moe_layer_step: 2, attention_chunk_size: 8192,
        max_position_embeddings: 65536, rope_theta: 500000.0, torch_dtype: bfloat16`;

describe('an operator’s additions', () => {
  it('give a fine-tune the weights of its base, in every format', () => {
    const { catalog, findings } = extend(`models:
  - id: acme-chat
    base: Scout
    aliases: [acme/scout-chat-v2]
    maxContext: 131072
    ${SOURCE}`);
    expect(findings).toEqual([]);
    const match = findModel(catalog, 'acme/scout-chat-v2');
    expect(match).toMatchObject({
      model: { id: 'acme-chat', name: 'acme-chat' },
      checkpoint: { id: 'acme-chat:bf16' },
    });
    expect(match?.checkpoint).toMatchObject({ maxContext: 131_072, isInstruct: true, hasVision: true });
    const fp8 = findModel(catalog, 'mirror/scout-chat-v2-FP8')?.checkpoint;
    expect(fp8?.id).toBe('acme-chat:fp8');
    const scout = findModel(builtinCatalog, 'scout')?.model;
    if (scout === undefined || match === null) throw new Error('no scout');
    for (const format of ['bf16', 'fp8', 'int4', 'nf4', 'gguf:Q4_K_M'] as const) {
      const tuned = checkpointFor(match.model, format, true);
      expect(tuned?.weights).toEqual(checkpointFor(scout, format, true)?.weights);
    }
  });

  it('read a pasted config.json, its other fields passed over', () => {
    const { catalog, findings } = extend(`models:
  - id: acme-moe
    config:
      architectures: [Llama4ForCausalLM]
      text_config: { ${TEXT_CONFIG} }
    checkpoints:
      - { id: acme/moe, quantization: bf16, recipe: bf16, ${SOURCE} }
      - { id: acme/moe-int4, quantization: int4, recipe: ffn-w4a16, ${SOURCE} }
      - { id: acme/moe-gguf, quantization: Q4_K_M, file: { gb: 1.5 }, ${SOURCE} }
    ${SOURCE}`);
    expect(findings).toEqual([]);
    const model = findModel(catalog, 'acme-moe')?.model;
    expect(model?.shape).toMatchObject({
      layers: 8,
      fullAttentionStep: 4,
      tiedEmbeddings: false,
      vision: null,
    });
    expect(
      model?.checkpoints.map((one) => [one.id, one.maxContext, one.hasVision, one.isShortNameFor]),
    ).toEqual([
      ['acme/moe', 65_536, false, true],
      ['acme/moe-gguf', 65_536, false, true],
      ['acme/moe-int4', 65_536, false, true],
    ]);
    if (model?.shape === undefined || model.shape === null) throw new Error('no shape');
    const gguf = findModel(catalog, 'acme/moe-gguf')?.checkpoint;
    expect(gguf === null || gguf === undefined ? 0 : weightBytes(model.shape, gguf.weights)).toBe(
      1_500_000_000,
    );
  });

  it('add GPUs and instance types, and replace where they say so', () => {
    const { catalog, findings } = extend(`gpus:
  - product: NVIDIA-H999
    families: [H999]
    ${GPU_FIELDS}
  - product: NVIDIA-L20
    replaces: true
    ${GPU_FIELDS}
instanceTypes:
  - { name: acme.8xh999, product: NVIDIA-H999, gpus: 8, ${SOURCE} }
  - { name: p5.48xlarge, product: NVIDIA-H999, gpus: 4, replaces: true, ${SOURCE} }`);
    expect(findings).toEqual([]);
    expect(findGpus(catalog, 'h999')).toMatchObject([
      { memoryMib: 100_000, fp8: 'unknown', nvlinkDomain: 1 },
    ]);
    expect(findGpus(catalog, 'NVIDIA-L20')[0]?.device).not.toBeNull();
    expect(catalog.gpus).toHaveLength(builtinCatalog.gpus.length + 1);
    expect(instanceType(catalog, 'acme.8xh999')?.gpus).toBe(8);
    expect(instanceType(catalog, 'p5.48xlarge')).toMatchObject({ product: 'NVIDIA-H999', gpus: 4 });
  });

  it('leave the base as it was and change the version', () => {
    const before = JSON.stringify(builtinCatalog);
    const { catalog } = extend(`instanceTypes:\n  - { name: a.1, product: NVIDIA-L4, gpus: 1, ${SOURCE} }`);
    expect(JSON.stringify(builtinCatalog)).toBe(before);
    expect(catalog.version).toMatch(/^[0-9a-f]{16}$/);
    expect(catalog.version).not.toBe(builtinCatalog.version);
    expect(JSON.parse(JSON.stringify(catalog))).toEqual(catalog);
    expect(extend('').catalog).toEqual(builtinCatalog);
    expect(extend('# nothing\n').catalog.version).toBe(builtinCatalog.version);
  });

  it('lose only the row that is wrong', () => {
    const { catalog, findings } = extend(`instanceTypes:
  - { name: bad, product: NVIDIA-L4, gpus: 0, ${SOURCE} }
  - { name: good, product: NVIDIA-L4, gpus: 1, ${SOURCE} }`);
    expect(findings.map((finding) => finding.path)).toEqual(['extra.yaml: instanceTypes[bad].gpus']);
    expect(instanceType(catalog, 'good')?.gpus).toBe(1);
    expect(instanceType(catalog, 'bad')).toBeNull();
  });
});

interface BadRow {
  readonly what: string;
  readonly text: string;
  readonly wantPath: string;
  readonly wantMessage: RegExp;
}

const BAD: readonly BadRow[] = [
  {
    what: 'a row without a source',
    text: 'instanceTypes:\n  - { name: x.1, product: NVIDIA-L4, gpus: 1 }',
    wantPath: 'extra.yaml: instanceTypes[x.1].source',
    wantMessage: /expected object/,
  },
  {
    what: 'a source that is no address',
    text: 'instanceTypes:\n  - { name: x.1, product: NVIDIA-L4, gpus: 1, source: { url: somewhere, date: 2026-08-01 } }',
    wantPath: 'extra.yaml: instanceTypes[x.1].source.url',
    wantMessage: /URL/,
  },
  {
    what: 'a misspelt field',
    text: `gpus:\n  - product: NVIDIA-X\n    memoryMiB: 5\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].memoryMiB',
    wantMessage: /no such key/,
  },
  {
    what: 'a value of the wrong type',
    text: `gpus:\n  - product: NVIDIA-X\n    nominalGb: eighty\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].nominalGb',
    wantMessage: /expected number/,
  },
  {
    what: 'memory in bytes',
    text: `gpus:\n  - product: NVIDIA-X\n    ${GPU_FIELDS.replace('100000', '85899345920')}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].memoryMib',
    wantMessage: /1048575/,
  },
  {
    what: 'more usable than there is',
    text: `gpus:\n  - product: NVIDIA-X\n    ${GPU_FIELDS.replace('96.5', '98')}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].usableGib',
    wantMessage: /must not exceed memoryMib/,
  },
  {
    what: 'a product that is there already',
    text: `gpus:\n  - product: nvidia-h200\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[nvidia-h200].product',
    wantMessage: /names another row already/,
  },
  {
    what: 'an alias that is another product’s',
    text: `gpus:\n  - product: NVIDIA-X\n    aliases: [H100_NVLINK_80GB]\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].aliases',
    wantMessage: /H100_NVLINK_80GB names another row already/,
  },
  {
    what: 'a replacement of nothing',
    text: `gpus:\n  - product: NVIDIA-X\n    replaces: true\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].replaces',
    wantMessage: /no such row/,
  },
  {
    what: 'an instance type of an unknown product',
    text: `instanceTypes:\n  - { name: x.1, product: NVIDIA-X, gpus: 1, ${SOURCE} }`,
    wantPath: 'extra.yaml: instanceTypes[x.1].product',
    wantMessage: /no GPU has the product NVIDIA-X/,
  },
  {
    what: 'a model id that is there already',
    text: `models:\n  - { id: SCOUT, base: scout, ${SOURCE} }`,
    wantPath: 'extra.yaml: models[SCOUT].id',
    wantMessage: /names another row already/,
  },
  {
    what: 'a base that nobody knows',
    text: `models:\n  - { id: mine, base: llama-5, ${SOURCE} }`,
    wantPath: 'extra.yaml: models[mine].base',
    wantMessage: /no model with a known architecture is named llama-5/,
  },
  {
    what: 'a base without an architecture',
    text: `models:\n  - { id: mine, base: behemoth, ${SOURCE} }`,
    wantPath: 'extra.yaml: models[mine].base',
    wantMessage: /no model with a known architecture/,
  },
  {
    what: 'checkpoints without an architecture',
    text: `models:\n  - { id: mine, checkpoints: [{}], ${SOURCE} }`,
    wantPath: 'extra.yaml: models[mine].config',
    wantMessage: /give config or base/,
  },
  {
    what: 'a checkpoint of an unknown recipe',
    text: `models:\n  - id: mine\n    base: scout\n    checkpoints: [{ id: a/b, quantization: fp8, recipe: magic, ${SOURCE} }]\n    ${SOURCE}`,
    wantPath: 'extra.yaml: models[mine].checkpoints[a/b].recipe',
    wantMessage: /no recipe is named magic/,
  },
  {
    what: 'a checkpoint with recipe and file',
    text: `models:\n  - id: mine\n    base: scout\n    checkpoints: [{ id: a/b, quantization: fp8, recipe: ffn-fp8, file: { gb: 1 }, ${SOURCE} }]\n    ${SOURCE}`,
    wantPath: 'extra.yaml: models[mine].checkpoints[a/b].recipe',
    wantMessage: /either recipe or file/,
  },
  {
    what: 'a quantization that the contract does not know',
    text: `models:\n  - id: mine\n    base: scout\n    checkpoints: [{ id: a/b, quantization: fp7, recipe: ffn-fp8, ${SOURCE} }]\n    ${SOURCE}`,
    wantPath: 'extra.yaml: models[mine].checkpoints[a/b].quantization',
    wantMessage: /not a quantization/,
  },
  {
    what: 'a configuration with a field missing',
    text: `models:\n  - id: mine\n    config: { text_config: { ${TEXT_CONFIG.replace('head_dim: 128, ', '')} } }\n    ${SOURCE}`,
    wantPath: 'extra.yaml: models[mine].config.text_config.head_dim',
    wantMessage: /expected number/,
  },
  {
    what: 'a recipe of an unknown format',
    text: `recipes:\n  - { name: mine, components: { router: fp2 }, ${SOURCE} }`,
    wantPath: 'extra.yaml: recipes[mine].components.router',
    wantMessage: /no format is named fp2/,
  },
  {
    what: 'a published figure of an unknown model',
    text: `published:\n  - { model: mine, workload: inference, format: int4, context: 4K, size: 1 GB, ${SOURCE} }`,
    wantPath: 'extra.yaml: published[mine inference int4 4K].model',
    wantMessage: /no model has the id mine/,
  },
  {
    what: 'a published figure that is there already',
    text: `published:\n  - { model: scout, workload: inference, format: int4, context: 4K, size: 1 GB, ${SOURCE} }`,
    wantPath: 'extra.yaml: published[scout inference int4 4K].context',
    wantMessage: /names another row already/,
  },
  {
    what: 'a row that is no object',
    text: 'gpus: [5]',
    wantPath: 'extra.yaml: gpus[0]',
    wantMessage: /object/,
  },
  { what: 'an unknown section', text: 'gpu: []', wantPath: 'extra.yaml: gpu', wantMessage: /no such key/ },
  { what: 'a list instead of sections', text: '- 1', wantPath: 'extra.yaml', wantMessage: /object/ },
  { what: 'text that is no YAML', text: 'gpus: [', wantPath: 'extra.yaml', wantMessage: /line 1/ },
  { what: 'a key given twice', text: 'gpus: []\ngpus: []', wantPath: 'extra.yaml', wantMessage: /unique/ },
  {
    what: 'two documents',
    text: 'gpus: []\n---\ngpus: []',
    wantPath: 'extra.yaml',
    wantMessage: /documents/,
  },
  {
    what: 'aliases of aliases',
    text: `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\ngpus: [*c,*c,*c]`,
    wantPath: 'extra.yaml',
    wantMessage: /alias/,
  },
  {
    what: 'a prototype key',
    text: `gpus:\n  - product: NVIDIA-X\n    __proto__: { isEstimated: true }\n    ${GPU_FIELDS}`,
    wantPath: 'extra.yaml: gpus[NVIDIA-X].__proto__',
    wantMessage: /no such key/,
  },
  {
    what: 'a prototype section',
    text: '__proto__: { gpus: [] }',
    wantPath: 'extra.yaml: __proto__',
    wantMessage: /no such key/,
  },
];

describe('a source that is wrong', () => {
  it.each(BAD)('$what: file, row and field are named', ({ text, wantPath, wantMessage }) => {
    const { catalog, findings } = extend(text);
    const found = findings.filter((finding) => finding.path === wantPath);
    expect(findings.map((finding) => finding.path)).toContain(wantPath);
    expect(found.map((finding) => finding.message).join('\n')).toMatch(wantMessage);
    if (!text.includes('checkpoints') && !text.includes('replaces')) {
      expect(catalog.version).toBe(builtinCatalog.version);
    }
  });

  it('reports every fault at once, each with its file', () => {
    const { findings } = extendCatalog(builtinCatalog, [
      { file: 'a.yaml', text: 'gpus: [' },
      { file: 'b.yaml', text: `instanceTypes:\n  - { name: X, product: nothing, gpus: 0, ${SOURCE} }` },
    ]);
    expect(new Set(findings.map((finding) => finding.path.split(':')[0]))).toEqual(
      new Set(['a.yaml', 'b.yaml']),
    );
    expect(findings.map((finding) => finding.path)).toContain('b.yaml: instanceTypes[X].name');
    expect(findings.map((finding) => finding.path)).toContain('b.yaml: instanceTypes[X].gpus');
  });

  it('refuses the second of two rows in two files', () => {
    const text = `instanceTypes:\n  - { name: x.1, product: NVIDIA-L4, gpus: 1, ${SOURCE} }`;
    const { catalog, findings } = extendCatalog(builtinCatalog, [
      { file: 'a.yaml', text },
      { file: 'b.yaml', text },
    ]);
    expect(findings.map((finding) => finding.path)).toEqual(['b.yaml: instanceTypes[x.1].name']);
    expect(catalog.instanceTypes).toHaveLength(builtinCatalog.instanceTypes.length + 1);
  });

  it('makes an empty catalog of nothing', () => {
    expect(parseCatalogSources([])).toMatchObject({ catalog: { models: [], gpus: [] }, findings: [] });
  });

  it('takes a section that was read already, with paths that go on from where it stands', () => {
    const value = {
      instanceTypes: [{ name: 'x.1', product: 'NVIDIA-L4', gpus: 0, source: {} }],
      gpu: [],
    };
    const { findings } = extendCatalog(builtinCatalog, [{ path: 'catalog', value }]);
    const paths = findings.map((finding) => finding.path);
    expect(paths).toEqual(['catalog.gpu']);

    const { findings: inRow } = extendCatalog(builtinCatalog, [
      { path: 'catalog', value: { instanceTypes: value.instanceTypes } },
    ]);
    expect(inRow.map((finding) => finding.path)).toContain('catalog.instanceTypes[x.1].gpus');
  });
});
