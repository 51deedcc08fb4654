import { engineOf } from './registry.ts';
import type { EngineName, FlagConcept } from './types.ts';

/** A flag with its value as this engine spells it; null where the engine has no such flag. */
export function spellFlag(
  engine: EngineName,
  concept: FlagConcept,
  value: number | string,
): readonly string[] | null {
  const name = engineOf(engine)?.spelling.get(concept);
  return name === undefined ? null : [name, String(value)];
}
