import type { ParseArgsOptionsConfig } from 'node:util';
import { oneOf, parseFlags } from './flags.ts';
import { UsageError } from './io.ts';

export const SIZE_OPTIONS = {
  model: { type: 'string' },
  context: { type: 'string' },
  quantization: { type: 'string' },
  method: { type: 'string' },
  engine: { type: 'string' },
  'engine-version': { type: 'string' },
  gpu: { type: 'string' },
  gpus: { type: 'string' },
  'tensor-parallel': { type: 'string' },
  'pipeline-parallel': { type: 'string' },
  'kv-cache-dtype': { type: 'string' },
  'hybrid-kv-cache': { type: 'string' },
  concurrency: { type: 'string' },
  'max-num-seqs': { type: 'string' },
  'max-num-batched-tokens': { type: 'string' },
  'cuda-graph-max-bs': { type: 'string' },
  'memory-fraction': { type: 'string' },
  'gpu-memory-utilization': { type: 'string' },
  'mem-fraction-static': { type: 'string' },
  'enforce-eager': { type: 'boolean' },
  'text-only': { type: 'boolean' },
  workload: { type: 'string' },
  'training-method': { type: 'string' },
  config: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

export const SIZE_USAGE = `usage: vramgate size --model NAME [options]

  --model NAME                 scout, maverick, behemoth, or a checkpoint such as
                               meta-llama/Llama-4-Scout-17B-16E-Instruct
  --context N                  tokens: 131072, 128K (x1024), 128k (x1000); default: the checkpoint's maximum
  --quantization NAME          bf16 fp16 fp8 int8 int4 w4a16 awq gptq nf4 nvfp4, or a GGUF type such as Q4_K_M
  --method computed|published  default: computed
  --engine NAME                vllm sglang llama.cpp tensorrt-llm tgi ollama; default: vllm
  --engine-version X           such as 0.11.0; unknown means the costlier case
  --gpu PRODUCT                a catalog product, or a family such as H100 (its smallest product decides)
  --gpus N                     GPUs of one replica
  --tensor-parallel N          default: --gpus
  --pipeline-parallel N        default: 1
  --kv-cache-dtype NAME        auto, bf16, fp8, or the engine's own names
  --hybrid-kv-cache auto|on|off
  --concurrency N              full-length sequences at once; default: 1
  --max-num-seqs N  --max-num-batched-tokens N  --cuda-graph-max-bs N
  --memory-fraction F          the engine's own fraction (also --gpu-memory-utilization, --mem-fraction-static)
  --enforce-eager  --text-only
  --workload inference|training  --training-method full|bf16-adamw|lora|qlora
  --config FILE                the webhook's configuration: its catalog rows can be named too
  -o, --output table|json|yaml default: table

exit codes: 0 fits or no GPU named, 3 does not fit, 2 wrong input, 1 a fault of vramgate
`;

/** Of `solve`: what is asked for, beside what describes the workload. */
export const SOLVE_OPTIONS = { for: { type: 'string' }, ...SIZE_OPTIONS } as const;

export const SOLVE_USAGE = `usage: vramgate solve --for context|concurrency|gpus --model NAME --gpu PRODUCT [options]

  --for context        largest context that fits on --gpus N
  --for concurrency    most sequences of --context N that fit at once on --gpus N
  --for gpus           smallest valid number of GPUs; --gpus N, where given, is the most to look at

The other options are those of vramgate size; see vramgate size --help.

exit codes: 0 solved, 3 nothing fits, 2 wrong input, 1 a fault of vramgate
`;

export type Flag = keyof typeof SOLVE_OPTIONS;
export type Values = { readonly [K in Flag]?: string | boolean | undefined };

export function readFlags(argv: readonly string[], options: ParseArgsOptionsConfig = SIZE_OPTIONS): Values {
  return parseFlags(argv, options);
}

export function textOf(values: Values, flag: Flag): string | null {
  const value = values[flag];
  return typeof value === 'string' ? value : null;
}

export function chosen<T extends string>(values: Values, flag: Flag, allowed: readonly T[]): T | null {
  const text = textOf(values, flag);
  return text === null ? null : oneOf(text, allowed, `--${flag}`);
}

export function countOf(values: Values, flag: Flag): number | null {
  const text = textOf(values, flag);
  if (text === null) return null;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--${flag} ${text}: must be a whole number from 1`);
}
