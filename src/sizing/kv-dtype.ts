import type { EngineProfile } from './engine-profile.ts';
import type { KvDtype } from './shapes.ts';

/** One K/V type by name and bits per element. */
export function kvType(name: string, bits: number): KvDtype {
  return { name, keyBits: bits, valueBits: bits };
}

const BF16 = kvType('bf16', 16);
const FP16 = kvType('fp16', 16);

/** The 16-bit types by every name that engines of the PyTorch family give them, and the contract's plain `fp8`. */
export const COMMON_KV_TYPES: readonly (readonly [string, KvDtype])[] = [
  ['bf16', BF16],
  ['bfloat16', BF16],
  ['fp16', FP16],
  ['float16', FP16],
  ['half', FP16],
  ['fp8', kvType('fp8', 8)],
];

/** `auto` is the 16-bit type that the model computes in. */
export function kvTypes(own: readonly (readonly [string, KvDtype])[]): ReadonlyMap<string, KvDtype> {
  return new Map([['auto', BF16], ...COMMON_KV_TYPES, ...own]);
}

/**
 * The type that an engine means by a name of its own, `auto` included; null when it has none of that name.
 * `valueName` where V is set apart from K.
 */
export function kvDtype(profile: EngineProfile, name: string, valueName: string = name): KvDtype | null {
  const key = profile.kvDtypes.get(name.toLowerCase()) ?? null;
  if (valueName === name || key === null) return key;
  const value = profile.kvDtypes.get(valueName.toLowerCase()) ?? null;
  if (value === null) return null;
  return { name: `${key.name}/${value.name}`, keyBits: key.keyBits, valueBits: value.valueBits };
}
