import type { EngineProfile } from '../../src/sizing/engine-profile.ts';
import { engineProfile as find } from '../../src/sizing/engines/registry.ts';

export type { EngineProfile };

/** A profile that must exist. */
export function engineProfile(name: string, version: string | null): EngineProfile {
  const profile = find(name, version);
  if (profile === null) throw new RangeError(`no engine ${name}`);
  return profile;
}
