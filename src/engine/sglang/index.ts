import { finding } from '../../findings.ts';
import { isAtLeast, parseVersion } from '../../sizing/version.ts';
import type { Engine, ImageRole, Launcher, ReadInput } from '../engine.ts';
import { knownValue } from '../environment.ts';
import { type FlagReader, firstSet, isOn, readNumber, readSwitch, readText } from '../flag-values.ts';
import { lastOf } from '../flags.ts';
import { type ImageReference, releaseOf } from '../image.ts';
import { baseReading, draftOf, gibReading, openLaunch, readIdentities, readLora } from '../reading.ts';
import { pythonLauncher } from '../recognise.ts';
import { ABSENT, type DraftModel, type EngineReading, type Reading } from '../types.ts';
import { programName, quote, type Word } from '../words.ts';
import { grammarFor } from './flags.ts';

const MODULES: ReadonlyMap<string, string> = new Map([
  ['sglang.launch_server', 'server'],
  // Benchmarks that run the engine in their own process; `bench_serving` is a client of a server.
  ['sglang.bench_offline_throughput', 'server'],
  ['sglang.bench_one_batch', 'server'],
  ['dynamo.sglang', 'server'],
  ['dynamo.sglang.worker', 'server'],
]);

function launcherAt(words: readonly Word[], at: number): Launcher | null {
  const isServe = programName(words[at]) === 'sglang' && words[at + 1]?.text === 'serve';
  return isServe ? { length: 2, dialect: 'server' } : pythonLauncher(words, at, MODULES);
}

const NOT_THE_ENGINE = /router|bench|exporter|gateway|operator/;

/** The project's image starts nothing by itself: its args are a whole command. */
function imageRole({ name }: ImageReference): ImageRole | null {
  return /(?:^|[-_])sglang(?:[-_]|$)/.test(name) && !NOT_THE_ENGINE.test(name) ? 'other' : null;
}

function imageVersion({ scene }: ReadInput): Reading<string> {
  const { image } = scene;
  const value = image?.repository.endsWith('lmsysorg/sglang') === true ? releaseOf(image.tag) : null;
  if (value === null) return ABSENT;
  return { state: 'set', value, path: [...scene.container.path, 'image'], text: scene.container.image ?? '' };
}

/**
 * Releases before this one take plain whole numbers. The exact release is not verified (engine-flags.md §9): an
 * unknown one is taken as new, which refuses nothing that would run.
 */
const FIRST_WITH_SUFFIXES = [0, 5, 0, 0] as const;

function takesSuffixes(version: Reading<string>): boolean {
  const release = version.state === 'set' ? parseVersion(version.value) : null;
  return release === null || isAtLeast(release, FIRST_WITH_SUFFIXES);
}

function read(input: ReadInput): EngineReading {
  const version = imageVersion(input);
  const opened = openLaunch(input, grammarFor(takesSuffixes(version)));
  const { reader } = opened;
  const environment = opened.invocation?.environment ?? input.scene.launch.environment;
  const longContext = knownValue(environment, 'SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN');
  const parts = {
    version,
    identities: readIdentities(opened, ['model']),
    ...sizes(reader),
    ...parallelism(reader),
    ...memory(reader),
    enforceEager: isOn(reader, 'eager'),
    multimodalRequested: isOn(reader, 'multimodal'),
    allowsLongContext:
      longContext === '1' || longContext?.toLowerCase() === 'true' || overridesPositions(reader),
    draft: draft(reader),
    lora: readLora(reader, usesLora(reader), { maxLoras: 8, maxRank: 16 }),
  };
  return { ...baseReading('sglang', opened), ...parts };
}

type Part<K extends keyof EngineReading> = Pick<EngineReading, K>;

function sizes(
  reader: FlagReader,
): Part<
  | 'context'
  | 'quantization'
  | 'weightDtype'
  | 'kvCacheDtype'
  | 'maxNumSeqs'
  | 'maxNumBatchedTokens'
  | 'blockSize'
> {
  return {
    context: readNumber(reader, 'context'),
    quantization: readText(reader, 'quantization'),
    weightDtype: readText(reader, 'weight-dtype'),
    kvCacheDtype: kvCacheDtype(reader),
    maxNumSeqs: readNumber(reader, 'max-num-seqs'),
    maxNumBatchedTokens: prefill(reader),
    blockSize: readNumber(reader, 'block-size'),
  };
}

/** vLLM's plain `fp8` is no choice here (engine-flags.md §6). */
function kvCacheDtype(reader: FlagReader): Reading<string> {
  const reading = readText(reader, 'kv-cache-dtype');
  if (reading.state === 'set' && reading.value === 'fp8') {
    const message = `SGLang refuses ${quote('fp8')} for the KV cache; write fp8_e4m3 or fp8_e5m2`;
    reader.findings.push(finding('malformed-flag', reading.path, message));
  }
  return reading;
}

/** Chunked prefill off (-1): a prefill may take up to the prefill limit. */
function prefill(reader: FlagReader): Reading<number> {
  const chunk = readNumber(reader, 'max-num-batched-tokens');
  const isOff = chunk.state === 'set' && chunk.value <= 0;
  const limit = readNumber(reader, 'prefill-tokens');
  return isOff ? limit : chunk;
}

function parallelism(
  reader: FlagReader,
): Part<
  | 'tensorParallel'
  | 'pipelineParallel'
  | 'dataParallel'
  | 'dataParallelKind'
  | 'expertParallel'
  | 'hasDpAttention'
  | 'nodes'
> {
  return {
    tensorParallel: readNumber(reader, 'tensor-parallel'),
    pipelineParallel: readNumber(reader, 'pipeline-parallel'),
    dataParallel: readNumber(reader, 'data-parallel'),
    dataParallelKind: 'copies',
    expertParallel: readNumber(reader, 'expert-parallel'),
    hasDpAttention: isOn(reader, 'dp-attention'),
    nodes: readNumber(reader, 'nodes'),
  };
}

function memory(
  reader: FlagReader,
): Part<'memoryFraction' | 'cpuOffloadBytes' | 'cudaGraphMaxBs' | 'hybridKv' | 'swaFullTokensRatio'> {
  return {
    memoryFraction: readNumber(reader, 'memory-fraction'),
    cpuOffloadBytes: gibReading(readNumber(reader, 'cpu-offload')),
    cudaGraphMaxBs: readNumber(reader, 'cuda-graph-max-bs'),
    hybridKv: hybridKv(reader),
    swaFullTokensRatio: readNumber(reader, 'swa-ratio'),
  };
}

/** Off by one flag in newer releases, on by another in older ones (engine-facts.md §6). */
function hybridKv(reader: FlagReader): Reading<'on' | 'off'> {
  const off = lastOf(reader.flags, 'hybrid-off');
  const on = lastOf(reader.flags, 'hybrid-ratio');
  return firstSet<'on' | 'off'>(
    off === null ? ABSENT : { state: 'set', value: 'off', path: off.path, text: off.flag },
    on === null ? ABSENT : { state: 'set', value: 'on', path: on.path, text: on.flag },
  );
}

function draft(reader: FlagReader): DraftModel | null {
  const method = readText(reader, 'draft-method');
  const model = readText(reader, 'draft-model');
  if (method.state === 'absent' && model.state === 'absent') return null;
  if (method.state === 'unknown' || model.state === 'unknown') return { id: null, isEagle: true };
  return draftOf(model.state === 'set' ? model.value : null, method.state === 'set' ? method.value : null);
}

function usesLora(reader: FlagReader): boolean {
  return readSwitch(reader, 'lora') ?? lastOf(reader.flags, 'lora-paths') !== null;
}

function overridesPositions(reader: FlagReader): boolean {
  const overrides = readText(reader, 'model-overrides');
  return overrides.state === 'set' && /max_position_embeddings|rope_scaling/.test(overrides.value);
}

export const sglang: Engine = {
  name: 'sglang',
  signature: { launcherAt, imageRole, variables: [] },
  read,
  spelling: new Map([
    ['context', '--context-length'],
    ['tensor-parallel', '--tp-size'],
    ['pipeline-parallel', '--pp-size'],
    ['kv-cache-dtype', '--kv-cache-dtype'],
    ['max-num-seqs', '--max-running-requests'],
    ['max-num-batched-tokens', '--chunked-prefill-size'],
    ['model', '--model-path'],
  ]),
};
