import type { EngineProfile } from './engine-profile.ts';
import type { KvDtype } from './shapes.ts';

/** One K/V type by name and bits per element. */
export function kvType(name: string, bits: number): KvDtype {
  return { name, keyBits: bits, valueBits: bits };
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
