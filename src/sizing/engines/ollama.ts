import type { EngineProfile } from '../engine-profile.ts';
import { kvType } from '../kv-dtype.ts';
import { GGML_KV_TYPES, ggmlProfile } from './ggml.ts';

/** `OLLAMA_KV_CACHE_TYPE` (`envconfig/config.go`): f16, q8_0, q4_0. */
const NAMES = new Set(['f16', 'fp16', 'q8_0', 'q4_0']);
const KV_DTYPES = new Map([
  ['auto', kvType('f16', 16)],
  ...GGML_KV_TYPES.filter(([name]) => NAMES.has(name)),
]);

export function ollama(version: string | null): EngineProfile {
  return ggmlProfile({ name: 'ollama', title: 'Ollama', version, kvDtypes: KV_DTYPES });
}
