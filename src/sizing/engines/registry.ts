import type { EngineProfile } from '../engine-profile.ts';
import { llamaCpp } from './llama-cpp.ts';
import { ollama } from './ollama.ts';
import { sglang } from './sglang.ts';
import { tensorrtLlm } from './tensorrt-llm.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm.ts';

/** Every engine that can be sized, by the contract's name. */
const ENGINES: ReadonlyMap<string, (version: string | null) => EngineProfile> = new Map([
  ['llama.cpp', llamaCpp],
  ['ollama', ollama],
  ['sglang', sglang],
  ['tensorrt-llm', tensorrtLlm],
  ['tgi', tgi],
  ['vllm', vllm],
]);

export const SIZED_ENGINES: readonly string[] = [...ENGINES.keys()];

/** Versions are a user's text: no more of them are kept than a cluster has images. */
const MOST_KEPT = 256;
const kept = new Map<string, EngineProfile>();

/** What an engine is like at a version; null when no engine has that name. The same profile for the same question. */
export function engineProfile(engine: string, version: string | null): EngineProfile | null {
  const key = `${engine} ${version === null ? '' : `=${version}`}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const profile = ENGINES.get(engine)?.(version) ?? null;
  if (profile === null) return null;
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, profile);
  return profile;
}
