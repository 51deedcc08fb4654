import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import {
  findGpus,
  findModel,
  gpuNames,
  modelNames,
  nearest,
  parseQuantizationName,
  quantizationNames,
} from '../../src/catalog/resolve.ts';

const SCOUT = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';
const SCOUT_FP8 = 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic';
const SCOUT_NF4 = 'unsloth/Llama-4-Scout-17B-16E-Instruct-unsloth-bnb-4bit';
const MAVERICK_FP8 = 'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8';

function checkpointNamed(text: string): string | null | undefined {
  const match = findModel(builtinCatalog, text);
  return match === null ? undefined : (match.checkpoint?.id ?? null);
}

describe('findModel', () => {
  it.each([
    ['scout', 'scout'],
    ['  Scout ', 'scout'],
    ['MAVERICK', 'maverick'],
    ['behemoth', 'behemoth'],
    ['Llama 4 Scout', 'scout'],
  ])('%j names a model, no checkpoint', (text, wantId) => {
    const match = findModel(builtinCatalog, text);
    expect(match?.model.id).toBe(wantId);
    expect(match?.checkpoint).toBeNull();
  });

  it.each([
    // Ids and aliases, case aside.
    [SCOUT, SCOUT],
    [SCOUT.toLowerCase(), SCOUT],
    [`${SCOUT}/`, SCOUT],
    ['unsloth/Llama-4-Scout-17B-16E-Instruct', SCOUT],
    ['meta-llama/Llama-4-Scout-17B-16E', 'meta-llama/Llama-4-Scout-17B-16E'],
    ['RedHatAI/Llama-4-Maverick-17B-128E-Instruct-FP8', MAVERICK_FP8],
    ['nvidia/Llama-4-Scout-17B-16E-Instruct-NVFP4', 'nvidia/Llama-4-Scout-17B-16E-Instruct-FP4'],
    ['nvidia/Llama-4-Scout-17B-16E-Instruct-FP8', 'nvidia/Llama-4-Scout-17B-16E-Instruct-FP8'],
    ['llama4:scout', 'ollama:llama4:scout'],
    ['llama4:16x17b', 'ollama:llama4:scout'],
    ['llama4:latest', 'ollama:llama4:scout'],
    ['llama4:17b-scout-16e-instruct-q8_0', 'scout:Q8_0'],
    ['registry.ollama.ai/library/llama4:17b-maverick-128e-instruct-fp16', 'maverick:F16'],
    ['registry.ollama.ai/library/llama4:maverick', 'ollama:llama4:maverick'],
    ['scout:q4_k_m', 'scout:Q4_K_M'],
    // The last part of an id, also under other owners and in paths.
    ['Llama-4-Scout-17B-16E-Instruct', SCOUT],
    ['acme/Llama-4-Scout-17B-16E-Instruct', SCOUT],
    ['/models/meta-llama/Llama-4-Scout-17B-16E-Instruct', SCOUT],
    ['s3://weights/llama-4-scout-17b-16e-instruct/', SCOUT],
    [
      `/root/.cache/huggingface/hub/models--meta-llama--Llama-4-Scout-17B-16E-Instruct/snapshots/92f3b1597`,
      SCOUT,
    ],
    ['nvcr.io/nim/meta/llama-4-scout-17b-16e-instruct:1.3.0', SCOUT],
    [`${SCOUT}@main`, SCOUT],
    // A precision behind a known name: the costliest of that format.
    ['acme/Llama-4-Scout-17B-16E-Instruct-FP8', SCOUT_FP8],
    ['Llama-4-Scout-17B-16E-Instruct-FP8-dynamic', SCOUT_FP8],
    ['acme/Llama-4-Scout-17B-16E-Instruct-FP8-block', SCOUT_FP8],
    ['amd/Llama-4-Scout-17B-16E-Instruct-FP8-KV', SCOUT_FP8],
    ['acme/Llama-4-Maverick-17B-128E-Instruct-FP8', MAVERICK_FP8],
    ['acme/Llama-4-Scout-17B-16E-Instruct-NVFP4', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-NVFP4'],
    [
      'acme/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16',
      `RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16`,
    ],
    [
      'oci://registry.redhat.io/rhelai1/modelcar-llama-4-scout-17b-16e-instruct-quantized-w4a16:1.5',
      'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16',
    ],
    [
      'acme/Llama-4-Scout-17B-16E-Instruct-W4A16-G128',
      'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16',
    ],
    ['acme/Llama-4-Scout-17B-16E-Instruct-quantized.w8a8', 'scout:int8'],
    ['acme/Llama-4-Scout-17B-16E-Instruct-AWQ', 'scout:awq'],
    ['acme/Llama-4-Scout-17B-16E-Instruct-GPTQ-Int4', 'scout:gptq'],
    ['acme/Llama-4-Scout-17B-16E-Instruct-bnb-4bit', SCOUT_NF4],
    ['acme/Llama-4-Scout-17B-16E-Instruct-BF16', SCOUT],
    // GGUF files and repositories.
    ['Llama-4-Scout-17B-16E-Instruct-Q4_K_M-00001-of-00002.gguf', 'scout:Q4_K_M'],
    ['/m/UD-Q4_K_XL/Llama-4-Scout-17B-16E-Instruct-UD-Q4_K_XL-00001-of-00002.gguf', 'scout:UD-Q4_K_XL'],
    ['Llama-4-Scout-17B-16E-Instruct.Q8_0.gguf', 'scout:Q8_0'],
    ['meta-llama_Llama-4-Scout-17B-16E-Instruct-Q4_K_M.gguf', 'scout:Q4_K_M'],
    ['Llama-4-Scout-17B-16E-Instruct-BF16-00001-of-00005.gguf', 'scout:BF16'],
    ['unsloth/Llama-4-Scout-17B-16E-Instruct-GGUF:UD-Q4_K_XL', 'scout:UD-Q4_K_XL'],
    ['unsloth/Llama-4-Scout-17B-16E-Instruct-GGUF', 'scout:Q4_K_M'],
    ['Llama-4-Scout-17B-16E-Instruct-Q5_K_M.gguf', 'scout:Q6_K'],
  ])('%s is the checkpoint %s', (text, wantId) => {
    expect(checkpointNamed(text)).toBe(wantId);
  });

  it.each([
    'meta-llama/Llama-4-8B',
    'meta-llama/Llama-4-8B-FP8',
    'meta-llama/Llama-3.1-405B-Instruct',
    'Llama-4-Scout-17B-16E-Instruct-Chat',
    'acme/scout-chat',
    '/models/scout',
    '/mnt/models',
    'scout-FP8',
    'llama4',
    'Q4_K_M.gguf',
    '-FP8',
    '/',
    '',
    ':',
    '@',
    'constructor',
    '__proto__',
    'toString',
    `${'x/'.repeat(400)}scout`,
  ])('does not infer a model from %j', (text) => {
    expect(findModel(builtinCatalog, text)).toBeNull();
  });

  it('finds every id and alias of the catalog as itself', () => {
    for (const model of builtinCatalog.models) {
      for (const checkpoint of model.checkpoints) {
        for (const name of [checkpoint.id, ...checkpoint.aliases]) {
          expect(findModel(builtinCatalog, name.toUpperCase())?.checkpoint).toBe(checkpoint);
        }
      }
    }
  });
});

describe('findGpus', () => {
  it.each([
    ['NVIDIA-H100-80GB-HBM3', ['NVIDIA-H100-80GB-HBM3']],
    ['nvidia-h100-80gb-hbm3', ['NVIDIA-H100-80GB-HBM3']],
    ['NVIDIA H100 80GB HBM3', ['NVIDIA-H100-80GB-HBM3']],
    ['nvidia-h100-mega-80gb', ['NVIDIA-H100-80GB-HBM3']],
    ['H100_NVLINK_80GB', ['NVIDIA-H100-80GB-HBM3']],
    ['A100-SXM4-40GB', ['NVIDIA-A100-SXM4-40GB']],
    ['nvidia-tesla-a100', ['NVIDIA-A100-SXM4-40GB']],
    ['nvidia-a100-80gb', ['NVIDIA-A100-SXM4-80GB']],
    ['A100_PCIE_80GB', ['NVIDIA-A100-80GB-PCIe']],
    ['NVIDIA-T4', ['Tesla-T4']],
    ['nvidia-l4', ['NVIDIA-L4']],
    ['l40s', ['NVIDIA-L40S']],
    ['MI300X', ['AMD_Instinct_MI300X_OAM']],
    ['AMD Instinct MI300X', ['AMD_Instinct_MI300X_OAM']],
    ['74a1', ['AMD_Instinct_MI300X_OAM']],
    ['A100-SXM4-40GB-MIG-1g.5gb', ['NVIDIA-A100-SXM4-40GB-MIG-1g.5gb']],
    ['Gaudi3', ['Gaudi3']],
    ['H100-80GB', ['NVIDIA-H100-80GB-HBM3', 'NVIDIA-H100-PCIe']],
    ['h100', ['NVIDIA-H100', 'NVIDIA-H100-80GB-HBM3', 'NVIDIA-H100-NVL', 'NVIDIA-H100-PCIe']],
  ])('%s is %j', (text, wantProducts) => {
    expect(findGpus(builtinCatalog, text).map((gpu) => gpu.product)).toEqual(wantProducts);
  });

  it.each(['NVIDIA-H100-80GB-HBM', 'H1000', '', '__proto__', 'hasOwnProperty'])('knows no %j', (text) => {
    expect(findGpus(builtinCatalog, text)).toEqual([]);
  });

  it('counts no MIG slice to a family', () => {
    const families = new Set(builtinCatalog.gpus.flatMap((gpu) => gpu.families));
    for (const family of families) {
      expect(findGpus(builtinCatalog, family).every((gpu) => gpu.mig === null)).toBe(true);
    }
  });
});

describe('nearest', () => {
  it.each([
    [gpuNames(builtinCatalog), 'NVIDIA-H100-80GB-HBM', 'NVIDIA-H100-80GB-HBM3'],
    [gpuNames(builtinCatalog), 'nvidia-h010-80gb-hbm3', 'NVIDIA-H100-80GB-HBM3'],
    [gpuNames(builtinCatalog), 'MI300', 'MI300X'],
    [modelNames(builtinCatalog), 'scuot', 'scout'],
    [modelNames(builtinCatalog), 'mavrick', 'maverick'],
    [modelNames(builtinCatalog), 'meta-llama/Llama-4-Scout-17B-16E-Instuct', SCOUT],
    [quantizationNames(builtinCatalog), 'fp9', 'fp8'],
    [quantizationNames(builtinCatalog), 'Q4_KM', 'Q4_K_M'],
  ])('of the names, to %2$s', (names, text, want) => {
    expect(nearest(names, text, 3)).toContain(want);
    expect(nearest(names, text, 1)).toHaveLength(1);
  });

  it.each(['completely different', '', ' ', 'x'.repeat(1000)])('offers nothing for %j', (text) => {
    expect(nearest(modelNames(builtinCatalog), text, 3)).toEqual([]);
  });

  it('puts the closest first and equals in order of name', () => {
    expect(nearest(['fp16', 'bf16', 'fp8'], 'fp6', 3)).toEqual(['fp16', 'fp8', 'bf16']);
    expect(nearest(['ab'], 'ba', 1)).toEqual(['ab']);
  });
});

describe('parseQuantizationName', () => {
  it.each([
    ['bf16', 'bf16'],
    ['BF16', 'bf16'],
    [' FP8 ', 'fp8'],
    ['W4A16', 'w4a16'],
    ['q4_k_m', 'gguf:Q4_K_M'],
    ['UD-Q4_K_XL', 'gguf:UD-Q4_K_XL'],
    ['ud-iq1_s', 'gguf:UD-IQ1_S'],
    ['IQ2_XXS', 'gguf:IQ2_XXS'],
    ['Q8_0', 'gguf:Q8_0'],
    ['gguf:Q4_K_M', 'gguf:Q4_K_M'],
    ['F16', 'gguf:F16'],
    ['MXFP4', 'gguf:MXFP4'],
  ])('%s is %s', (text, want) => {
    expect(parseQuantizationName(text)).toBe(want);
  });

  it.each(['', 'fp7', 'q9_k_m', '4bit', 'Q4', 'constructor', '__proto__', 'gguf:'])('%j is none', (text) => {
    expect(parseQuantizationName(text)).toBeNull();
  });

  it('reads every name that it lists', () => {
    const names = quantizationNames(builtinCatalog);
    expect(names.map(parseQuantizationName)).not.toContain(null);
    expect(new Set(names).size).toBe(names.length);
  });
});
