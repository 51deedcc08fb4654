import { finding } from '../../findings.ts';
import type { Engine, ImageRole, Launcher, ReadInput } from '../engine.ts';
import { type FlagReader, isOn, readNumber, readText } from '../flag-values.ts';
import { lastOf } from '../flags.ts';
import { type ImageReference, releaseOf } from '../image.ts';
import { baseReading, type Opened, openLaunch, readIdentities, withPositional } from '../reading.ts';
import { pythonLauncher } from '../recognise.ts';
import { ABSENT, type EngineReading, type Reading } from '../types.ts';
import { programName, type Word } from '../words.ts';
import { DYNAMO_GRAMMAR, GRAMMAR } from './flags.ts';

const MODULES: ReadonlyMap<string, string> = new Map([['dynamo.trtllm', 'dynamo']]);

/** `trtllm-serve [serve] MODEL`. */
function launcherAt(words: readonly Word[], at: number): Launcher | null {
  if (programName(words[at]) === 'trtllm-serve') {
    return { length: words[at + 1]?.text === 'serve' ? 2 : 1, dialect: 'serve' };
  }
  return pythonLauncher(words, at, MODULES);
}

/** Triton with the TensorRT-LLM backend: the model repository says the rest. */
function imageRole({ name, repository, tag }: ImageReference): ImageRole | null {
  if (
    /(?:^|\/)tensorrt-?llm(?:\/|$)/.test(repository) ||
    /(?:^|[-_])(?:trtllm|tensorrtllm|tensorrt-llm)(?:[-_]|$)/.test(name)
  ) {
    return 'other';
  }
  return name === 'tritonserver' && /trtllm/.test(tag ?? '') ? 'other' : null;
}

function imageVersion({ scene }: ReadInput): Reading<string> {
  const { image } = scene;
  const value =
    image?.repository.endsWith('nvidia/tensorrt-llm/release') === true ? releaseOf(image.tag) : null;
  if (value === null) return ABSENT;
  return { state: 'set', value, path: [...scene.container.path, 'image'], text: scene.container.image ?? '' };
}

function read(input: ReadInput): EngineReading {
  const isDynamo = input.recognition.invocation?.dialect === 'dynamo';
  const opened = openLaunch(input, isDynamo ? DYNAMO_GRAMMAR : GRAMMAR);
  return { ...readTensorrtLlm(opened), version: imageVersion(input) };
}

export function readTensorrtLlm(opened: Opened): EngineReading {
  const { reader } = opened;
  const parts = {
    identities: readIdentities(opened, ['model']),
    context: readNumber(reader, 'context'),
    kvCacheDtype: kvCacheDtype(reader),
    tensorParallel: readNumber(reader, 'tensor-parallel'),
    pipelineParallel: readNumber(reader, 'pipeline-parallel'),
    expertParallel: readNumber(reader, 'expert-parallel'),
    hasDpAttention: isOn(reader, 'dp-attention'),
    memoryFraction: readNumber(reader, 'memory-fraction'),
    maxNumSeqs: readNumber(reader, 'max-num-seqs'),
    maxNumBatchedTokens: readNumber(reader, 'max-num-batched-tokens'),
  };
  reportConfigFile(reader);
  const base = baseReading('tensorrt-llm', opened);
  const bare = reader.grammar.maxPositionals === 0 ? null : (reader.flags.positionals[0] ?? null);
  return { ...base, ...parts, flagSites: withPositional(base.flagSites, bare) };
}

/** With a config file the dtype usually lives there (engine-flags.md §6). */
function kvCacheDtype(reader: FlagReader): Reading<string> {
  const flagged = readText(reader, 'kv-cache-dtype');
  const file = lastOf(reader.flags, 'config-file');
  if (flagged.state !== 'absent' || file === null) return flagged;
  return { state: 'unknown', path: file.path, text: file.value?.raw ?? file.flag };
}

/** Here the file beats the command line, unlike in vLLM and SGLang (engine-flags.md §5, case 22). */
function reportConfigFile(reader: FlagReader): void {
  const file = lastOf(reader.flags, 'config-file');
  if (file === null) return;
  const message =
    'this file overrides the flags of the command line, and cannot be read; the flags were judged';
  reader.findings.push(finding('unknown-value', file.path, message));
}

export const tensorrtLlm: Engine = {
  name: 'tensorrt-llm',
  signature: { launcherAt, imageRole, variables: [] },
  read,
  spelling: new Map([
    ['context', '--max_seq_len'],
    ['tensor-parallel', '--tp_size'],
    ['pipeline-parallel', '--pp_size'],
    ['kv-cache-dtype', '--kv_cache_dtype'],
    ['max-num-seqs', '--max_batch_size'],
    ['max-num-batched-tokens', '--max_num_tokens'],
  ]),
};
