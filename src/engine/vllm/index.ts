import { isAtLeast, parseVersion } from '../../sizing/version.ts';
import type { Engine, ImageRole, ReadInput } from '../engine.ts';
import { type Environment, knownValue, variableState } from '../environment.ts';
import {
  type FlagReader,
  firstSet,
  isOn,
  parseMembers,
  readKey,
  readNumber,
  readSwitch,
  readText,
} from '../flag-values.ts';
import { type Grammar, lastOf } from '../flags.ts';
import { type ImageReference, releaseOf } from '../image.ts';
import {
  draftFromJson,
  draftOf,
  draftReading,
  finishReading,
  gibReading,
  type Opened,
  openLaunch,
  type ReadingDraft,
  readIdentities,
  readLora,
  switchReading,
  withPositional,
} from '../reading.ts';
import { splitWords } from '../split-words.ts';
import { ABSENT, type EngineReading, type Reading } from '../types.ts';
import type { Word } from '../words.ts';
import { GRAMMAR, KSERVE_GRAMMAR, OFFLINE_GRAMMAR } from './flags.ts';
import { launcherAt } from './launchers.ts';

const NOT_THE_ENGINE = /router|bench|exporter|gateway|proxy|operator|controller/;

function imageRole({ name, repository }: ImageReference): ImageRole | null {
  if (NOT_THE_ENGINE.test(name)) return null;
  if (name.startsWith('vllm-openai') || name === 'huggingfaceserver') return 'entrypoint';
  return /(?:^|[-_])vllm(?:[-_]|$)/.test(name) || repository.endsWith('llm-d/llm-d') ? 'other' : null;
}

/** Tags of the project's own images and their mirrors only: other vendors count their own releases. */
function imageVersion(image: ImageReference | null): string | null {
  if (image === null) return null;
  if (image.name.startsWith('vllm-openai')) return releaseOf(image.tag);
  // `rocm/vllm:rocm6.3.1_instinct_vllm0.8.3_20250410`
  return releaseOf(/vllm[_-]?v?(\d{1,3}\.\d{1,3}\.\d{1,3})(?=[_-]|$)/.exec(image.tag ?? '')?.[1] ?? null);
}

function read(input: ReadInput): EngineReading {
  return readVllm(openLaunch(input, grammarOf(input), undefined, additionalArgs(input)));
}

function grammarOf({ recognition, scene }: ReadInput): Grammar {
  const dialect = recognition.invocation?.dialect;
  if (dialect === 'offline') return OFFLINE_GRAMMAR;
  return dialect === 'kserve' || scene.image?.name === 'huggingfaceserver' ? KSERVE_GRAMMAR : GRAMMAR;
}

/** KServe's image puts VLLM_ADDITIONAL_ARGS before its args; vLLM itself knows no such variable. */
function additionalArgs({ recognition, scene }: ReadInput): readonly Word[] {
  if (recognition.recognisedBy === 'command' || scene.launch.form !== 'entrypoint') return [];
  const variable = scene.launch.environment.variables.get('VLLM_ADDITIONAL_ARGS');
  return variable === undefined ? [] : splitWords(variable.value, variable.path);
}

export function readVllm(opened: Opened): EngineReading {
  const { reader, input } = opened;
  const environment = opened.invocation?.environment ?? input.scene.launch.environment;
  // Filled in, not put together from parts: six of ten manifests come here, and each part is a copy of its members.
  const draft = draftReading('vllm', opened);
  draft.version = versionReading(input);
  draft.identities = readIdentities(opened, ['model']);
  readSizes(draft, reader);
  readParallelism(draft, reader);
  readMemory(draft, reader, environment);
  readFeatures(draft, reader, environment);
  const { flagSites } = finishReading(draft, opened);
  draft.flagSites = withPositional(flagSites, modelSite(opened));
  return draft;
}

function modelSite({ reader }: Opened): Word | null {
  return lastOf(reader.flags, 'model') === null ? (reader.flags.positionals[0] ?? null) : null;
}

function versionReading({ scene }: ReadInput): Reading<string> {
  const value = imageVersion(scene.image);
  if (value === null) return ABSENT;
  return { state: 'set', value, path: [...scene.container.path, 'image'], text: scene.container.image ?? '' };
}

function readSizes(draft: ReadingDraft, reader: FlagReader): void {
  draft.context = contextReading(readNumber(reader, 'context'));
  draft.quantization = readText(reader, 'quantization');
  draft.weightDtype = readText(reader, 'weight-dtype');
  draft.kvCacheDtype = readText(reader, 'kv-cache-dtype');
  draft.maxNumSeqs = readNumber(reader, 'max-num-seqs');
  draft.maxNumBatchedTokens = readNumber(reader, 'max-num-batched-tokens');
  draft.blockSize = readNumber(reader, 'block-size');
}

/** `auto` and -1: vLLM takes what fits. */
function contextReading(reading: Reading<number>): Reading<number | 'auto'> {
  return reading.state === 'set' && reading.value === -1 ? { ...reading, value: 'auto' } : reading;
}

function readParallelism(draft: ReadingDraft, reader: FlagReader): void {
  draft.tensorParallel = readNumber(reader, 'tensor-parallel');
  draft.pipelineParallel = readNumber(reader, 'pipeline-parallel');
  draft.dataParallel = readNumber(reader, 'data-parallel');
  draft.dataParallelLocal = localRanks(reader);
  draft.expertParallel = switchReading(reader, 'expert-parallel');
  draft.nodes = nodes(reader);
}

/** A Ray cluster may be made of the pods of other objects: how many there are stands nowhere in the launch. */
function nodes(reader: FlagReader): Reading<number> {
  const backend = readText(reader, 'executor');
  const isRay = backend.state === 'set' && backend.value.toLowerCase() === 'ray';
  return firstSet<number>(
    readNumber(reader, 'nodes'),
    isRay ? { state: 'unknown', path: backend.path, text: backend.text } : ABSENT,
  );
}

/** A rank of its own, or an external load balancer: one rank a pod (engine-flags.md §6). */
function localRanks(reader: FlagReader): Reading<number> {
  const rank = lastOf(reader.flags, 'data-parallel-rank') ?? lastOf(reader.flags, 'external-lb');
  if (rank === null) return readNumber(reader, 'data-parallel-local');
  return { state: 'set', value: 1, path: rank.path, text: rank.flag };
}

function readMemory(draft: ReadingDraft, reader: FlagReader, environment: Environment): void {
  draft.memoryFraction = readNumber(reader, 'memory-fraction');
  draft.kvCacheBytes = readNumber(reader, 'kv-cache-bytes');
  draft.cpuOffloadBytes = gibReading(readNumber(reader, 'cpu-offload'));
  draft.cudaGraphMaxBs = readNumber(reader, 'cuda-graph-max-bs');
  draft.hybridKv = hybridKv(reader, environment);
  draft.kvConnector = connector(reader);
}

/** Turned off by flag or variable, whichever says so; on where either asks for it (engine-facts.md §1). */
function hybridKv(reader: FlagReader, environment: Environment): Reading<'on' | 'off'> {
  const last = lastOf(reader.flags, 'hybrid-off');
  const flagged: Reading<'on' | 'off'> =
    last === null
      ? ABSENT
      : { state: 'set', value: isOn(reader, 'hybrid-off') ? 'off' : 'on', path: last.path, text: last.flag };
  const variable = hybridVariable(environment);
  if (variable.state === 'set' && variable.value === 'off') return variable;
  return firstSet(flagged, variable);
}

const HYBRID_VARIABLE = 'VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE';

function hybridVariable(environment: Environment): Reading<'on' | 'off'> {
  const found = variableState(environment, HYBRID_VARIABLE);
  if (found.state === 'absent') return ABSENT;
  if (found.state === 'unknown') return { ...found, text: HYBRID_VARIABLE };
  return {
    state: 'set',
    value: found.text.trim() === '1' ? 'on' : 'off',
    path: found.path,
    text: found.text,
  };
}

function connector(reader: FlagReader): Reading<string> {
  const named = readKey(reader, 'kv-connector', 'kv_connector');
  if (named.state !== 'absent') return named;
  const offload = lastOf(reader.flags, 'kv-offload');
  return offload === null
    ? ABSENT
    : { state: 'set', value: 'OffloadingConnector', path: offload.path, text: offload.flag };
}

function readFeatures(draft: ReadingDraft, reader: FlagReader, environment: Environment): void {
  const draftModel = readText(reader, 'draft-model');
  draft.enforceEager = isOn(reader, 'eager');
  draft.textOnly = isOn(reader, 'text-only') || refusesImages(reader, draft.version);
  draft.allowsLongContext = allowsLongContext(reader, environment);
  draft.draft =
    draftFromJson(reader) ?? (draftModel.state === 'set' ? draftOf(draftModel.value, null) : null);
  draft.lora = readLora(reader, readSwitch(reader, 'lora') === true, { maxLoras: 1, maxRank: 16 });
}

const NO_IMAGES = /^\s*image\s*=\s*0\s*$/;

/** An image limit of 0 keeps the vision tower from being loaded; not in every release, so an unknown one counts it. */
function refusesImages(reader: FlagReader, version: Reading<string>): boolean {
  if (lastOf(reader.flags, 'image-limit') === null) return false;
  const release = version.state === 'set' ? parseVersion(version.value) : null;
  if (release === null || !isAtLeast(release, [0, 10, 1, 0])) return false;
  const limit = readKey(reader, 'image-limit', 'image');
  const text = readText(reader, 'image-limit');
  if (text.state === 'set' && NO_IMAGES.test(text.value)) return true;
  return limit.state === 'set' && limit.value === '0';
}

/** Positions beyond the checkpoint's are refused unless a variable or an override allows them (§5, case 5). */
function allowsLongContext(reader: FlagReader, environment: Environment): boolean {
  const variable = knownValue(environment, 'VLLM_ALLOW_LONG_MAX_MODEL_LEN')?.trim().toLowerCase();
  if (variable === '1' || variable === 'true' || lastOf(reader.flags, 'rope-scaling') !== null) return true;
  const overrides = reader.flags.occurrences.get('model-overrides') ?? [];
  return overrides.some(({ key, value }) => {
    if (key !== null) return OVERRIDES.test(key);
    const members = parseMembers(value?.text ?? '');
    return members !== null && OVERRIDES.test(JSON.stringify(members));
  });
}

const OVERRIDES = /max_position_embeddings|rope_scaling|rope_parameters/;

export const vllm: Engine = {
  name: 'vllm',
  signature: { launcherAt, imageRole, variables: ['VLLM_ADDITIONAL_ARGS'] },
  read,
  spelling: new Map([
    ['context', '--max-model-len'],
    ['tensor-parallel', '--tensor-parallel-size'],
    ['pipeline-parallel', '--pipeline-parallel-size'],
    ['kv-cache-dtype', '--kv-cache-dtype'],
    ['max-num-seqs', '--max-num-seqs'],
    ['max-num-batched-tokens', '--max-num-batched-tokens'],
    ['model', '--model'],
  ]),
};
