import type { JsonPath } from '../../findings.ts';
import type { Engine, ImageRole, Launcher, ReadInput } from '../engine.ts';
import { type FlagReader, firstSet, isOn, readNumber, readText } from '../flag-values.ts';
import { lastOf } from '../flags.ts';
import type { ImageReference } from '../image.ts';
import { baseReading, draftOf, openLaunch, readIdentities, variableFlags } from '../reading.ts';
import { pythonLauncher } from '../recognise.ts';
import { ABSENT, type EngineReading, type Reading } from '../types.ts';
import { programName, type Word } from '../words.ts';
import { GRAMMAR, PYTHON_GRAMMAR, VARIABLES } from './flags.ts';

const PYTHON: ReadonlyMap<string, string> = new Map([['llama_cpp.server', 'python']]);

function launcherAt(words: readonly Word[], at: number): Launcher | null {
  if (programName(words[at]) === 'llama-server') return { length: 1, dialect: 'server' };
  return pythonLauncher(words, at, PYTHON);
}

function imageRole({ name, repository, tag }: ImageReference): ImageRole | null {
  const isOwn = name === 'llama.cpp' || repository.endsWith('/llama-server') || name === 'llama-cpp-server';
  if (!isOwn) return null;
  return tag === null || /^(?:server|full)/.test(tag) ? 'entrypoint' : 'other';
}

/** `server-cuda-b4719`: builds are numbered. */
function imageVersion({ scene }: ReadInput): Reading<string> {
  const build =
    scene.image?.name === 'llama.cpp' ? /-(b\d{3,6})$/.exec(scene.image.tag ?? '')?.[1] : undefined;
  if (build === undefined) return ABSENT;
  return {
    state: 'set',
    value: build,
    path: [...scene.container.path, 'image'],
    text: scene.container.image ?? '',
  };
}

function read(input: ReadInput): EngineReading {
  const isPython = input.recognition.invocation?.dialect === 'python';
  const opened = openLaunch(input, isPython ? PYTHON_GRAMMAR : GRAMMAR, variableFlags(input, VARIABLES));
  const { reader } = opened;
  const draftModel = readText(reader, 'draft-model');
  const parts = {
    version: imageVersion(input),
    identities: readIdentities(opened, ['hub-repository', 'model', 'hub-file', 'model-url']),
    ...sizes(reader),
    tensorParallel: splitMode(reader),
    partialOffload: partialOffload(reader),
    isOffloadFixed: isOffloadFixed(reader),
    // The server takes a longer context than the model was trained for, and says so in its log.
    allowsLongContext: true,
    hybridKv: fullWindow(reader),
    textOnly: isOn(reader, 'text-only'),
    multimodalRequested: lastOf(reader.flags, 'multimodal') !== null,
    draft:
      draftModel.state === 'absent'
        ? null
        : draftOf(draftModel.state === 'set' ? draftModel.value : null, null),
  };
  const base = baseReading('llama.cpp', opened);
  return { ...base, ...parts, isOpaque: base.isOpaque || isPython || hidesVariables(input) };
}

/** Every flag has a variable, and a ConfigMap may set any of them. */
function hidesVariables({ scene }: ReadInput): boolean {
  return scene.launch.environment.hasUnseen;
}

type Part<K extends keyof EngineReading> = Pick<EngineReading, K>;

function sizes(
  reader: FlagReader,
): Part<
  'context' | 'quantization' | 'kvCacheDtype' | 'kvCacheDtypeV' | 'maxNumSeqs' | 'maxNumBatchedTokens'
> {
  const slots = readNumber(reader, 'max-num-seqs');
  return {
    context: context(reader),
    quantization: quantization(reader),
    kvCacheDtype: readText(reader, 'kv-cache-dtype'),
    kvCacheDtypeV: readText(reader, 'kv-cache-dtype-v'),
    // -1: the server chooses.
    maxNumSeqs: slots.state === 'set' && slots.value < 1 ? ABSENT : slots,
    maxNumBatchedTokens: readNumber(reader, 'max-num-batched-tokens'),
  };
}

/** 0 is the model's own maximum; `-fit on` shrinks what is not set. */
function context(reader: FlagReader): Reading<number | 'auto'> {
  const reading = readNumber(reader, 'context');
  if (reading.state !== 'absent') return reading.state === 'set' && reading.value === 0 ? ABSENT : reading;
  const fit = readText(reader, 'fit');
  return fit.state === 'set' && fit.value === 'on' ? { ...fit, value: 'auto' } : ABSENT;
}

/** `-hf user/repo:Q4_K_M`; without a quant the server takes Q4_K_M. */
function quantization(reader: FlagReader): Reading<string> {
  const repository = readText(reader, 'hub-repository');
  if (repository.state !== 'set' || lastOf(reader.flags, 'hub-file') !== null) return ABSENT;
  const colon = repository.value.indexOf(':');
  return { ...repository, value: colon === -1 ? 'Q4_K_M' : repository.value.slice(colon + 1) };
}

/** All visible GPUs are used, unless splitting is turned off. */
function splitMode(reader: FlagReader): Reading<number> {
  const mode = readText(reader, 'split-mode');
  return mode.state === 'set' && mode.value === 'none' ? { ...mode, value: 1 } : ABSENT;
}

/** Layers of every Llama 4 model (48) and its output layer: fewer on the GPU leave weights in host memory. */
const ALL_LAYERS = 49;

function partialOffload(reader: FlagReader): Reading<string> {
  const switched = lastOf(reader.flags, 'cpu-experts');
  const layers = readNumber(reader, 'cpu-expert-layers');
  return firstSet(
    switched === null ? ABSENT : set(switched.flag, switched.path),
    layers.state === 'set' && layers.value > 0 ? set(`-ncmoe ${layers.value}`, layers.path) : ABSENT,
    overriddenTensors(reader),
    gpuLayers(reader),
  );
}

function set(value: string, path: JsonPath): Reading<string> {
  return { state: 'set', value, path, text: value };
}

function overriddenTensors(reader: FlagReader): Reading<string> {
  const rule = readText(reader, 'override-tensor');
  return rule.state === 'set' && /=\s*CPU\b/.test(rule.value) ? rule : ABSENT;
}

function gpuLayers(reader: FlagReader): Reading<string> {
  const layers = readText(reader, 'gpu-layers');
  if (layers.state !== 'set') return layers;
  const count = /^\d{1,4}/.exec(layers.value)?.[0];
  return count !== undefined && Number(count) < ALL_LAYERS ? { ...layers, value: `-ngl ${count}` } : ABSENT;
}

/** `-ngl all` or all layers in numbers, and `-fit off`: nothing is left that the server could shrink. */
function isOffloadFixed(reader: FlagReader): boolean {
  const fit = readText(reader, 'fit');
  if (fit.state === 'set' && fit.value === 'off') return true;
  const layers = readText(reader, 'gpu-layers');
  return layers.state === 'set' && layers.value !== 'auto' && gpuLayers(reader).state === 'absent';
}

/** `--swa-full` keeps every token of the chunked layers too. */
function fullWindow(reader: FlagReader): Reading<'on' | 'off'> {
  const last = lastOf(reader.flags, 'hybrid-off');
  return last === null ? ABSENT : { state: 'set', value: 'off', path: last.path, text: last.flag };
}

export const llamaCpp: Engine = {
  name: 'llama.cpp',
  signature: {
    launcherAt,
    imageRole,
    variables: ['LLAMA_ARG_MODEL', 'LLAMA_ARG_HF_REPO', 'LLAMA_ARG_MODEL_URL', 'LLAMA_ARG_CTX_SIZE'],
  },
  read,
  spelling: new Map([
    ['context', '--ctx-size'],
    ['kv-cache-dtype', '--cache-type-k'],
    ['max-num-seqs', '--parallel'],
    ['model', '--model'],
  ]),
};
