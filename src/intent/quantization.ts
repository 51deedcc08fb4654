import type { Quantization } from '../catalog/types.ts';

/**
 * Formats that hold the same kind of data: a checkpoint of one answers for an annotation of another.
 * `int4` is the contract's word for any 4-bit integer format; fp16 and bf16 weigh the same.
 */
const FAMILIES: readonly (readonly Quantization[])[] = [
  ['bf16', 'fp16'],
  ['int4', 'w4a16', 'awq', 'gptq'],
];

export function isSameFormat(one: Quantization, other: Quantization): boolean {
  if (one === other) return true;
  return FAMILIES.some((family) => family.includes(one) && family.includes(other));
}

/**
 * What an engine's quantization flag does to a 16-bit checkpoint while loading it. Words of vLLM, SGLang and TGI
 * (reference engine-flags.md §6); flags that only name the format of an already quantized checkpoint are absent.
 */
const ONLINE: ReadonlyMap<string, Quantization> = new Map([
  ['fp8', 'fp8'],
  ['w8a8_fp8', 'fp8'],
  ['fp8_per_tensor', 'fp8'],
  ['fp8_per_block', 'fp8'],
  ['fp8_per_channel', 'fp8'],
  ['int8_per_channel_weight_only', 'int8'],
  ['experts_int8', 'int8'],
  ['w8a8_int8', 'int8'],
  ['bitsandbytes', 'nf4'],
  ['bitsandbytes-nf4', 'nf4'],
  ['bitsandbytes-fp4', 'nf4'],
  ['nvfp4_online', 'nvfp4'],
  ['nvfp4_per_token', 'nvfp4'],
]);

/** The format that a flag quantizes a 16-bit checkpoint to, or null when the flag does not quantize online. */
export function onlineFormat(flag: string): Quantization | null {
  return ONLINE.get(flag.toLowerCase()) ?? null;
}

/**
 * Flags that name the format in which the checkpoint was stored (vLLM's and SGLang's words, and those of a NIM profile,
 * whose image holds the quantized checkpoint). `compressed-tensors`, `modelopt`, `quark`, `gguf` say how, not what.
 */
const STORED: ReadonlyMap<string, Quantization> = new Map([
  ['awq', 'awq'],
  ['auto_awq', 'awq'],
  ['awq_marlin', 'awq'],
  ['gptq', 'gptq'],
  ['auto_gptq', 'gptq'],
  ['gptq_marlin', 'gptq'],
  ['fbgemm_fp8', 'fp8'],
  ['modelopt_fp8', 'fp8'],
  ['modelopt_fp4', 'nvfp4'],
  ['nim-fp8', 'fp8'],
  ['nim-fp4', 'nvfp4'],
  ['nim-nvfp4', 'nvfp4'],
  ['nim-int8', 'int8'],
  ['nim-int4', 'int4'],
]);

/** The format of the stored checkpoint that a flag names, or null where it names none. */
export function storedFormat(flag: string): Quantization | null {
  return STORED.get(flag.toLowerCase()) ?? null;
}
