import { createRecall } from '../../recall.ts';
import type { EngineProfile } from '../engine-profile.ts';
import { llamaCpp } from './llama-cpp.ts';
import { ollama } from './ollama.ts';
import { sglang } from './sglang.ts';
import { tensorrtLlm } from './tensorrt-llm.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm.ts';

/** Versions are a user's text: no more of an engine's are kept than a cluster has images of it. */
const MOST_KEPT = 64;

/** Every engine that can be sized, by the contract's name. */
const ENGINES: ReadonlyMap<string, ProfileOf> = new Map([
  ['llama.cpp', kept(llamaCpp)],
  ['ollama', kept(ollama)],
  ['sglang', kept(sglang)],
  ['tensorrt-llm', kept(tensorrtLlm)],
  ['tgi', kept(tgi)],
  ['vllm', kept(vllm)],
]);

export const SIZED_ENGINES: readonly string[] = [...ENGINES.keys()];

/** What an engine is like at a version; null when no engine has that name. The same profile for the same question. */
export function engineProfile(engine: string, version: string | null): EngineProfile | null {
  return ENGINES.get(engine)?.(version) ?? null;
}

type ProfileOf = (version: string | null) => EngineProfile;

function kept(profileOf: ProfileOf): ProfileOf {
  const versions = createRecall<EngineProfile>(MOST_KEPT);
  let unversioned: EngineProfile | null = null;
  return (version) => {
    if (version !== null) return versions(version, () => profileOf(version));
    unversioned ??= profileOf(null);
    return unversioned;
  };
}
