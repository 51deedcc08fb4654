import type { EngineProfile } from '../engine-profile.ts';
import { kvType, kvTypes } from '../kv-dtype.ts';
import { exactly } from '../spread.ts';
import { unmeasuredProfile } from './unmeasured.ts';

const KV_DTYPES = kvTypes([
  ['fp8_e4m3fn', kvType('fp8_e4m3fn', 8)],
  ['fp8_e5m2', kvType('fp8_e5m2', 8)],
]);

/** `TGI_WIGGLE_ROOM` (`server/text_generation_server/models/globals.py`): share of the free memory that blocks take. */
const WIGGLE_ROOM = 0.9;

/** `--cuda-memory-fraction` is 1.0; `--num-shard` unset takes every visible GPU (`launcher/src/main.rs`). */
export function tgi(version: string | null): EngineProfile {
  return unmeasuredProfile({
    name: 'tgi',
    title: 'TGI',
    version,
    defaultGpus: 'all',
    kvDtypes: KV_DTYPES,
    supportsPipelineParallel: false,
    /** Positions are rotated as they come. */
    ropeElementBytes: exactly(0),
    blockSize: 16,
    /** `--max-concurrent-requests`. */
    sequences: 128,
    batchedTokens: 8192,
    fraction: 1,
    fractionMeaning: 'of the memory that the GPU reports; 0.9 of what then remains holds the KV cache',
    budget: (input) =>
      input.fixedBytes + WIGGLE_ROOM * (input.fraction * input.usableBytes - input.fixedBytes),
    graphsAreInBudget: true,
  });
}
