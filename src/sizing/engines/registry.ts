import { createRecall } from '../../recall.ts';
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
const profiles = createRecall<EngineProfile | null>(MOST_KEPT);

/** What an engine is like at a version; null when no engine has that name. The same profile for the same question. */
export function engineProfile(engine: string, version: string | null): EngineProfile | null {
  const key = version === null ? engine : `${engine} ${version}`;
  return profiles(key, () => ENGINES.get(engine)?.(version) ?? null);
}
