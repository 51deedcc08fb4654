import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { findGpus, findModel } from '../../src/catalog/resolve.ts';
import { type Config, defaultConfig, parseConfig } from '../../src/config/file.ts';
import type { Policy } from '../../src/plan/types.ts';

function read(text: string): Config {
  const { config, findings } = parseConfig(text, builtinCatalog);
  if (config === null) throw new Error(JSON.stringify(findings));
  return config;
}

function policy(text: string): Policy {
  return read(`policy: ${text}`).policy;
}

function faults(text: string): readonly string[] {
  return parseConfig(text, builtinCatalog).findings.map(({ path, message }) => `${path}: ${message}`);
}

const SOURCE = 'source: { url: https://wiki.example.com/gpus, date: 2026-08-01 }';
const GPU = `{ product: ACME-X1, families: [X1], vendor: nvidia, arch: hopper, computeCapability: "9.0", memoryMib: 81559,
  usableGib: 79.1, hasBf16: true, typicalPerNode: [8], resource: nvidia.com/gpu, ${SOURCE} }`;

describe('the configuration file', () => {
  it('that is empty gives the defaults of the contract', () => {
    expect(read('').policy).toMatchObject({
      mode: 'enforce',
      minimumMode: null,
      unknown: 'warn',
      capacity: 'warn',
      unannotated: 'ignore',
      inventory: 'partial',
      disclose: true,
      method: 'computed',
      placement: 'node-selector',
      headroomBytes: 0,
    });
    expect(read('')).toEqual(defaultConfig(builtinCatalog));
    expect(read('').catalog).toBe(builtinCatalog);
  });

  const REACHABLE: readonly (readonly [string, Partial<Policy>])[] = [
    ['{ mode: audit }', { mode: 'audit' }],
    ['{ minimumMode: warn }', { minimumMode: 'warn' }],
    [
      '{ codeModes: { close-call: audit, does-not-fit: warn } }',
      {
        codeModes: new Map([
          ['close-call', 'audit'],
          ['does-not-fit', 'warn'],
        ]),
      },
    ],
    ['{ unknown: deny }', { unknown: 'deny' }],
    ['{ capacity: ignore }', { capacity: 'ignore' }],
    ['{ capacity: deny, inventory: complete }', { capacity: 'deny', inventory: 'complete' }],
    ['{ unannotated: judge }', { unannotated: 'judge' }],
    ['{ disclose: false }', { disclose: false }],
    ['{ method: published }', { method: 'published' }],
    ['{ defaultEngine: sglang }', { defaultEngine: 'sglang' }],
    ['{ defaultEngine: null }', { defaultEngine: null }],
    ['{ placement: affinity }', { placement: 'affinity' }],
    ['{ missingFlag: warn }', { missingFlag: 'warn' }],
    [
      '{ gpuTaints: [{ key: team, value: ml }, { key: gpu }] }',
      {
        gpuTaints: [
          { key: 'team', value: 'ml' },
          { key: 'gpu', value: null },
        ],
      },
    ],
    [
      '{ exemptions: { users: [ann], groups: [ops], namespaces: [lab] } }',
      { exemptions: { users: ['ann'], groups: ['ops'], namespaces: ['lab'] } },
    ],
  ];

  it.each(REACHABLE)('takes policy %s', (text, want) => {
    expect(policy(text)).toMatchObject(want);
  });

  // https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/: Ki is 1024, k is 1000.
  it.each([
    ['0', 0],
    ['2Gi', 2_147_483_648],
    ['512Mi', 536_870_912],
    ['1.5G', 1_500_000_000],
    ['1k', 1000],
    ['1234567', 1_234_567],
    ['"1234567"', 1_234_567],
  ])('takes a headroom of %s as %d bytes', (text, want) => {
    expect(policy(`{ headroom: ${text} }`).headroomBytes).toBe(want);
  });

  it('takes GPUs by product, alias and family, in the order given', () => {
    const h100 = findGpus(builtinCatalog, 'H100').map((gpu) => gpu.product);
    const { preferGpus } = policy('{ preferGpus: [nvidia-l40s, H100] }');

    expect(h100.length).toBeGreaterThan(1);
    expect(preferGpus).toEqual(['NVIDIA-L40S', ...h100]);
  });

  it('takes a price of a product before that of its family', () => {
    const prices = policy('{ prices: { NVIDIA-H100-NVL: 2.5, H100: 3 } }').prices;

    expect(prices.get('NVIDIA-H100-NVL')).toBe(2.5);
    expect(prices.get('NVIDIA-H100-80GB-HBM3')).toBe(3);
  });
});

describe('a configuration that cannot be used', () => {
  it.each([
    ['policy: { mod: audit }', 'policy.mod: no such key'],
    ['polcy: {}', 'polcy: no such key'],
    ['policy: { mode: strict }', /^policy\.mode: .*"enforce"/],
    ['policy: { minimumMode: off }', /^policy\.minimumMode: /],
    ['policy: { codeModes: { does-not-fitt: warn } }', 'policy.codeModes.does-not-fitt: no such key'],
    ['policy: { codeModes: { does-not-fit: off } }', /^policy\.codeModes\.does-not-fit: /],
    ['policy: { headroom: 2 GiB }', /^policy\.headroom: /],
    ['policy: { headroom: -1 }', /^policy\.headroom: /],
    ['policy: { prices: { H100: -3 } }', /^policy\.prices\.H100: /],
    ['policy: { prices: { H1OO: 3 } }', /^policy\.prices\.H1OO: .*H100/],
    ['policy: { preferGpus: [L40S, H1OO] }', /^policy\.preferGpus\[1\]: .*H100/],
    ['policy: { defaultGpu: A1000 }', /^policy\.defaultGpu: no GPU of the catalog/],
    ['cluster: { watch: false, pods: true }', /^cluster\.pods: true needs cluster\.watch: true/],
    ['policy: { capacity: deny }', /^policy\.capacity: deny needs policy\.inventory: complete/],
    ['policy: { gpuTaints: [{ value: x }] }', /^policy\.gpuTaints\[0\]\.key: /],
    ['server: { drainSeconds: 301 }', /^server\.drainSeconds: /],
    ['server: { maxConnections: 0 }', /^server\.maxConnections: /],
    ['logLevel: loud', /^logLevel: /],
    ['policy: [', /^line 1: /],
    ['policy: {}\npolicy: {}', /^line 2: .*unique/],
    ['policy: {}\n---\npolicy: {}', /document/],
    ['- 1', /object/],
    ['__proto__: { policy: { mode: audit } }', '__proto__: no such key'],
    ['catalog: { gpu: [] }', 'catalog.gpu: no such key'],
    ['catalog: []', /^catalog: /],
    [`catalog: { gpus: [${GPU.replace('81559', '3')}] }`, /^catalog\.gpus\[ACME-X1\]\.memoryMib: /],
    [
      `catalog: { gpus: [${GPU.replace('ACME-X1', 'NVIDIA-L4')}] }`,
      /^catalog\.gpus\[NVIDIA-L4\]\.product: .*already/,
    ],
    [`catalog: { models: [{ id: acme, base: llama-5, ${SOURCE} }] }`, /^catalog\.models\[acme\]\.base: /],
    [
      'a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]',
      /aliases cannot be resolved/,
    ],
  ])('%s is refused whole, at its path', (text, want) => {
    const found = faults(text);

    expect(found.join('\n')).toMatch(typeof want === 'string' ? want : new RegExp(want.source, 'm'));
    expect(parseConfig(text, builtinCatalog).config).toBeNull();
  });

  it('is told everything at once', () => {
    expect(
      faults('policy: { mod: audit, headroom: x }\nserver: { port: 1 }').map((one) => one.split(':')[0]),
    ).toEqual(['policy.headroom', 'policy.mod', 'server.port']);
  });

  it('is refused over 1 MiB, before it is parsed', () => {
    expect(faults(`# ${'x'.repeat(1024 * 1024)}`)).toEqual([': larger than 1 MiB']);
  });
});

describe("an operator's catalog", () => {
  it('is found by the same names as the built-in one, and has another version', () => {
    const { catalog } = read(
      `catalog: { gpus: [${GPU}], models: [{ id: acme-chat, base: scout, aliases: [acme/chat], ${SOURCE} }] }`,
    );

    expect(findGpus(catalog, 'X1').map((gpu) => gpu.product)).toEqual(['ACME-X1']);
    expect(findModel(catalog, 'acme/chat')?.model.id).toBe('acme-chat');
    expect(catalog.version).not.toBe(builtinCatalog.version);
    expect(findGpus(builtinCatalog, 'X1')).toEqual([]);
  });

  it('is written as docs/catalog.example.yaml shows: a fine-tune, and the fields of a config.json', () => {
    const file = new URL('../../docs/catalog.example.yaml', import.meta.url);
    const { catalog } = read(readFileSync(file, 'utf8'));
    const custom = findModel(catalog, 'acme/moe-bf16');

    expect(findModel(catalog, 'acme/scout-chat')?.checkpoint?.maxContext).toBe(262_144);
    expect(custom?.model.shape).toMatchObject({ hiddenSize: 5120, layers: 48, vision: null });
  });

  it('can be named by the policy of the same file', () => {
    expect(read(`policy: { preferGpus: [X1] }\ncatalog: { gpus: [${GPU}] }`).policy.preferGpus).toEqual([
      'ACME-X1',
    ]);
  });

  it('that is empty or null changes nothing', () => {
    expect(read('catalog: null').catalog.version).toBe(builtinCatalog.version);
    expect(read('catalog: {}').catalog.version).toBe(builtinCatalog.version);
  });
});

describe('the hash of a policy', () => {
  const plain = policy('{ mode: warn }').hash;

  it.each(['{ mode: "warn" }', '{ unknown: warn, mode: warn }', '{ mode: warn, prices: {} } # a comment'])(
    'is the same for %s',
    (text) => {
      expect(policy(text).hash).toBe(plain);
    },
  );

  it.each([
    '{ mode: audit }',
    '{ codeModes: { close-call: audit } }',
    '{ headroom: 1Gi }',
    '{ prices: { NVIDIA-L4: 1 } }',
    '{ preferGpus: [NVIDIA-L4] }',
    '{ exemptions: { users: [ann] } }',
    '{ gpuTaints: [] }',
  ])('changes with %s', (text) => {
    expect(policy(text).hash).not.toBe(policy('{}').hash);
  });

  it('does not depend on the order of prices and codes', () => {
    expect(policy('{ prices: { NVIDIA-L4: 1, NVIDIA-L40S: 2 } }').hash).toBe(
      policy('{ prices: { NVIDIA-L40S: 2, NVIDIA-L4: 1 } }').hash,
    );
  });
});
