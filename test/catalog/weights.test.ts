import { describe, expect, it } from 'vitest';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { checkpointFor, findModel, parseQuantizationName } from '../../src/catalog/resolve.ts';
import type { CheckpointEntry, ModelEntry } from '../../src/catalog/types.ts';
import { weightBytes } from '../../src/sizing/weights.ts';
import { GB, GIB } from '../../src/units.ts';

function modelOf(id: string): ModelEntry {
  const match = findModel(builtinCatalog, id);
  if (match === null) throw new Error(`no model ${id}`);
  return match.model;
}

function sizeOf(model: ModelEntry, checkpoint: CheckpointEntry | null): number {
  if (model.shape === null || checkpoint === null) throw new Error(`${model.id} has no such checkpoint`);
  return weightBytes(model.shape, checkpoint.weights);
}

function recipeSize(modelId: string, recipeName: string): number {
  const { shape } = modelOf(modelId);
  const recipe = builtinCatalog.recipes.find((one) => one.name === recipeName);
  if (shape === null || recipe === undefined) throw new Error(`no ${modelId} in ${recipeName}`);
  return weightBytes(shape, { kind: 'tensors', formats: recipe.formats, unquantizedExpertLayers: 0 });
}

/** The table has two decimals; its int4_mixed Maverick lies 0.0066 GB above the sum of its own terms. */
const ROUNDING = 0.0067;

function offBy(value: number, want: number): number {
  return Math.abs(value - want);
}

describe('weights by recipe (llama4-memory.md §1)', () => {
  it.each([
    ['bf16', 217.28, 202.36, 803.17, 748.01],
    ['fp16', 217.28, 202.36, 803.17, 748.01],
    ['routed-fp8-row', 120.71, 112.42, 416.88, 388.25],
    ['ffn-fp8', 114.64, 106.77, 407.7, 379.7],
    ['ffn-int8', 114.64, 106.77, 407.7, 379.7],
    ['modelopt-fp8', 111.59, 103.92, 404.54, 376.76],
    ['ffn-w4a16', 64.87, 60.42, 215.94, 201.11],
    ['ffn-attention-int4-zp', 60.8, 56.63, 213.01, 198.38],
    ['ffn-nvfp4', 69.69, 64.9, 234.48, 218.38],
    ['modelopt-nvfp4', 65.34, 60.86, 230.14, 214.34],
    ['meta-int4-mixed', 63.34, 58.99, 219.09, 204.04],
    ['linearised-nf4', 60.42, 56.27, 211.55, 197.02],
    ['hf-nf4', 203.84, 189.84, 785.24, 731.31],
  ])('%s', (recipe, wantScoutGb, wantScoutGib, wantMaverickGb, wantMaverickGib) => {
    expect(offBy(recipeSize('scout', recipe) / GB, wantScoutGb)).toBeLessThan(ROUNDING);
    expect(offBy(recipeSize('scout', recipe) / GIB, wantScoutGib)).toBeLessThan(ROUNDING);
    expect(offBy(recipeSize('maverick', recipe) / GB, wantMaverickGb)).toBeLessThan(ROUNDING);
    expect(offBy(recipeSize('maverick', recipe) / GIB, wantMaverickGib)).toBeLessThan(ROUNDING);
  });

  it("takes the safe 403 GiB for Meta's FP8 Maverick: its last expert layer as bf16", () => {
    const match = findModel(builtinCatalog, 'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8');
    expect(match?.checkpoint?.weights).toMatchObject({ unquantizedExpertLayers: 1 });
    const size = sizeOf(modelOf('maverick'), match?.checkpoint ?? null);
    expect(size / GIB).toBeCloseTo(403.24, 1);
    expect(size / GB).toBeCloseTo(433, 0);
  });
});

describe('files', () => {
  it.each([
    ['scout:UD-IQ1_S', 31.51],
    ['scout:UD-Q4_K_XL', 57.74],
    ['scout:Q4_K_M', 60.86],
    ['scout:Q8_0', 106.64],
    ['maverick:Q4_K_M', 216.18],
    ['maverick:Q8_0', 396.52],
    ['llama4:scout', 60.6],
  ])('%s is %f GiB without its projector', (id, wantGib) => {
    const weights = findModel(builtinCatalog, id)?.checkpoint?.weights;
    expect(weights?.kind).toBe('file');
    if (weights?.kind === 'file') {
      expect(weights.bytes / GIB).toBeCloseTo(wantGib, 2);
      expect(weights.projectorBytes / GIB).toBeCloseTo(1.6, 1);
    }
  });
});

describe('what a short name means', () => {
  it.each([
    ['scout', 'bf16', 'meta-llama/Llama-4-Scout-17B-16E-Instruct'],
    ['scout', 'fp16', 'scout:fp16'],
    ['scout', 'fp8', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic'],
    ['scout', 'int8', 'scout:int8'],
    ['scout', 'int4', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16'],
    ['scout', 'w4a16', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16'],
    ['scout', 'awq', 'scout:awq'],
    ['scout', 'gptq', 'scout:gptq'],
    ['scout', 'nf4', 'unsloth/Llama-4-Scout-17B-16E-Instruct-unsloth-bnb-4bit'],
    ['scout', 'nvfp4', 'RedHatAI/Llama-4-Scout-17B-16E-Instruct-NVFP4'],
    ['scout', 'Q4_K_M', 'scout:Q4_K_M'],
    ['scout', 'Q5_K_M', 'scout:Q6_K'],
    ['scout', 'UD-Q8_K_XL', 'scout:BF16'],
    ['maverick', 'fp8', 'meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8'],
    ['maverick', 'int4', 'RedHatAI/Llama-4-Maverick-17B-128E-Instruct-quantized.w4a16'],
    ['maverick', 'Q4_K_M', 'ollama:llama4:maverick'],
  ])('%s %s is %s', (id, name, wantId) => {
    const quantization = parseQuantizationName(name);
    if (quantization === null) throw new Error(name);
    expect(checkpointFor(modelOf(id), quantization, true)?.id).toBe(wantId);
  });

  it('keeps base and Instruct apart, and lets the other kind answer where it alone has the format', () => {
    const scout = modelOf('scout');
    expect(checkpointFor(scout, 'fp8', false)).toMatchObject({ id: 'scout-base:fp8', maxContext: 262_144 });
    expect(checkpointFor(scout, 'bf16', false)?.maxContext).toBe(262_144);
    expect(checkpointFor(scout, 'bf16', true)?.maxContext).toBe(10_485_760);
    expect(checkpointFor(modelOf('maverick'), 'bf16', true)?.maxContext).toBe(1_048_576);
    expect(checkpointFor(scout, 'awq', false)?.isInstruct).toBe(true);
  });

  it('knows no checkpoint of a model that was never released', () => {
    const behemoth = modelOf('behemoth');
    expect(behemoth).toMatchObject({ isReleased: false, shape: null, checkpoints: [] });
    expect(checkpointFor(behemoth, 'fp8', true)).toBeNull();
  });

  it.each(['scout', 'maverick'])('of %s is never cheaper than another candidate of its format', (id) => {
    const model = modelOf(id);
    const excluded = [/:(?:int4|fp8)_mixed$/, /Linearized/];
    const own = model.checkpoints.filter((one) => !excluded.some((pattern) => pattern.test(one.id)));
    for (const meant of own.filter((one) => one.isShortNameFor)) {
      const rivals = own.filter(
        (one) => one.quantization === meant.quantization && one.isInstruct === meant.isInstruct,
      );
      expect(sizeOf(model, meant)).toBe(Math.max(...rivals.map((one) => sizeOf(model, one))));
    }
  });
});
