import type { EngineProfile } from '../engine-profile.ts';
import { kvTypes } from '../kv-dtype.ts';
import { between } from '../spread.ts';
import { unmeasuredProfile } from './unmeasured.ts';

const KV_DTYPES = kvTypes([]);

/**
 * Chunks are a mask only: all layers keep every token (`modeling_llama.py`@3a5901cd, `config_utils.py`@00679c66).
 * The KV pool is a fraction, 0.9, of what is free once weights and peak are taken
 * (`_util.py` `_cal_max_memory`@00043967).
 */
export function tensorrtLlm(version: string | null): EngineProfile {
  return unmeasuredProfile({
    name: 'tensorrt-llm',
    title: 'TensorRT-LLM',
    version,
    defaultGpus: 'one',
    kvDtypes: KV_DTYPES,
    supportsPipelineParallel: true,
    /** `RopeParams.create_rope_const_params` makes an fp32 table of max_position_embeddings; not seen in a log, so from none. */
    ropeElementBytes: between(0, 4, 4),
    /** `tokens_per_block`. */
    blockSize: 32,
    /** `max_batch_size` and `max_num_tokens` of `trtllm-serve`. */
    sequences: 2048,
    batchedTokens: 8192,
    fraction: 0.9,
    fractionMeaning: 'of what is free once weights and peak are taken: the KV cache',
    budget: (input) => input.fixedBytes + input.fraction * (input.usableBytes - input.fixedBytes),
    graphsAreInBudget: false,
  });
}
