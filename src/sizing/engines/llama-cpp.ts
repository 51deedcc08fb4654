import type { EngineProfile } from '../engine-profile.ts';
import { kvType } from '../kv-dtype.ts';
import { GGML_KV_TYPES, ggmlProfile } from './ggml.ts';

const KV_DTYPES = new Map([['auto', kvType('f16', 16)], ...GGML_KV_TYPES]);

/** `--n-gpu-layers` deals whole layers to every visible GPU; `-fit` shrinks what was not set. */
export function llamaCpp(version: string | null): EngineProfile {
  return ggmlProfile({ name: 'llama.cpp', title: 'llama.cpp', version, kvDtypes: KV_DTYPES });
}
