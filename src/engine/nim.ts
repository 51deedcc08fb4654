import { finding, type JsonPath } from '../findings.ts';
import type { ReadInput, Scene } from './engine.ts';
import { type Environment, knownValue, variableState } from './environment.ts';
import { mergeFlags } from './flag-conflicts.ts';
import { type Concept, type FlagSpec, flag, NO_FLAGS, type ParsedFlags } from './flags.ts';
import { modelIdentities, sortIdentities } from './identity.ts';
import { openLaunch, settable, variableFlags } from './reading.ts';
import { splitWords } from './split-words.ts';
import { GRAMMAR as TENSORRT_GRAMMAR } from './tensorrt-llm/flags.ts';
import { readTensorrtLlm } from './tensorrt-llm/index.ts';
import {
  ABSENT,
  type EngineName,
  type EngineReading,
  type FlagConcept,
  type ModelIdentity,
  type Reading,
} from './types.ts';
import { GRAMMAR as VLLM_GRAMMAR } from './vllm/flags.ts';
import { readVllm } from './vllm/index.ts';
import { makeWord } from './words.ts';

/**
 * NVIDIA NIM is no engine: an image with a model inside that starts vLLM, TensorRT-LLM or SGLang, and is told by
 * variables (engine-flags.md §6; command line > NIM_PASSTHROUGH_ARGS > NIM_* > profile).
 */
const REPOSITORY = /(?:^|\/)nim\/(.+)$/;

export function isNim({ image }: Scene): boolean {
  return image !== null && REPOSITORY.test(image.repository);
}

const PROFILE = 'NIM_MODEL_PROFILE';

/** A readable profile names its engine (`vllm-bf16-tp8-pp1`); a hash says nothing, and most are TensorRT-LLM. */
export function nimEngine({ launch }: Scene): EngineName {
  const { environment } = launch;
  const profile = knownValue(environment, PROFILE) ?? '';
  if (knownValue(environment, 'NIM_USE_SGLANG') === '1' || profile.startsWith('sglang')) return 'sglang';
  const isVllm =
    profile.startsWith('vllm') || environment.variables.get('NIM_PASSTHROUGH_ARGS') !== undefined;
  return isVllm ? 'vllm' : 'tensorrt-llm';
}

const VARIABLES: readonly (readonly [string, FlagSpec])[] = [
  ['NIM_TENSOR_PARALLEL_SIZE', flag('tensor-parallel', [], 'int', 1)],
  ['NIM_PIPELINE_PARALLEL_SIZE', flag('pipeline-parallel', [], 'int', 1)],
  ['NIM_MAX_MODEL_LEN', flag('context', [], 'int', 1)],
  ['NIM_MAX_NUM_SEQS', flag('max-num-seqs', [], 'int', 1)],
  ['NIM_KVCACHE_PERCENT', flag('memory-fraction', [], 'fraction')],
  ['NIM_GPU_MEM_FRACTION', flag('memory-fraction', [], 'fraction')],
  ['NIM_SERVED_MODEL_NAME', flag('served-name', [])],
  ['NIM_NUM_COMPUTE_NODES', flag('nodes', [], 'int', 1)],
];

const SETTABLE: readonly (readonly [FlagConcept, string])[] = [
  ['context', 'NIM_MAX_MODEL_LEN'],
  ['tensor-parallel', 'NIM_TENSOR_PARALLEL_SIZE'],
  ['pipeline-parallel', 'NIM_PIPELINE_PARALLEL_SIZE'],
  ['max-num-seqs', 'NIM_MAX_NUM_SEQS'],
];

export function readNim(input: ReadInput): EngineReading {
  const engine = nimEngine(input.scene);
  const { environment } = input.scene.launch;
  const variables = mergeFlags([profileFlags(environment), variableFlags(input, VARIABLES)]);
  const passthrough = environment.variables.get('NIM_PASSTHROUGH_ARGS');
  const before = passthrough === undefined ? [] : splitWords(passthrough.value, passthrough.path);
  const reading =
    engine === 'tensorrt-llm'
      ? readTensorrtLlm(openLaunch(input, TENSORRT_GRAMMAR, variables))
      : readVllm(openLaunch(input, VLLM_GRAMMAR, variables, before));
  return {
    ...reading,
    engine,
    // The image counts its own releases, and no flag of ours reaches the engine.
    version: ABSENT,
    append: null,
    variables: settable(input, SETTABLE),
    isOpaque: reading.isOpaque || environment.hasUnseen,
    tensorParallel:
      reading.tensorParallel.state === 'absent' ? imageChooses(input.scene) : reading.tensorParallel,
    quantization: reading.quantization.state === 'absent' ? precision(input.scene) : reading.quantization,
    identities: sortIdentities([...nimIdentities(input.scene), ...reading.identities]),
    findings: [...reading.findings, ...precisionFindings(input.scene)],
  };
}

/** `…-tp8-pp1` of a readable profile; weaker than the variables. */
function profileFlags(environment: Environment): ParsedFlags {
  const profile = variableState(environment, PROFILE);
  if (profile.state !== 'known') return NO_FLAGS;
  const layers = [
    ['tensor-parallel', /-tp(\d{1,3})\b/] as const,
    ['pipeline-parallel', /-pp(\d{1,3})\b/] as const,
  ].map(([concept, pattern]) => numberLayer(concept, pattern.exec(profile.text)?.[1], profile.path));
  return mergeFlags(layers);
}

function numberLayer(concept: Concept, digits: string | undefined, path: JsonPath): ParsedFlags {
  if (digits === undefined) return NO_FLAGS;
  const value = makeWord(digits, { raw: digits, path, isElement: false });
  const spec = flag(concept, [], 'int', 1);
  return {
    ...NO_FLAGS,
    occurrences: new Map([
      [concept, [{ spec, flag: PROFILE, key: null, isNegated: false, value, path, site: null }]],
    ]),
  };
}

/** Without a profile the image picks one by the GPUs that it finds. */
function imageChooses({ container }: Scene): Reading<number> {
  return { state: 'unknown', path: [...container.path, 'image'], text: container.image ?? '' };
}

const PRECISION = /(?:^|-)(bf16|fp16|fp8|nvfp4|fp4|int8|int4)(?:-|$)/;

/** The image's name says nothing of the precision: the profile decides, and the image holds a checkpoint of it. */
function precision({ container, launch }: Scene): Reading<string> {
  const profile = variableState(launch.environment, PROFILE);
  const text = container.image ?? '';
  const found = profile.state === 'known' ? PRECISION.exec(profile.text)?.[1] : undefined;
  if (profile.state !== 'known' || found === undefined) {
    return { state: 'unknown', path: [...container.path, 'image'], text };
  }
  if (found === 'bf16' || found === 'fp16') return ABSENT;
  return { state: 'set', value: `nim-${found}`, path: profile.path, text: profile.text };
}

function precisionFindings(scene: Scene): EngineReading['findings'] {
  if (precision(scene).state !== 'unknown') return [];
  const message = 'the precision of a NIM image depends on its profile; annotate vramgate.io/quantization';
  return [finding('assumed-costlier', [...scene.container.path, 'image'], message)];
}

/** `nvcr.io/nim/nvidia/llm-nim` holds no model of its own. */
const ANY_MODEL = /llm-nim$/;

function nimIdentities({ container, launch, image }: Scene): readonly ModelIdentity[] {
  const named = ['NIM_MODEL_PATH', 'NIM_MODEL_NAME'].flatMap((name): readonly ModelIdentity[] => {
    const found = variableState(launch.environment, name);
    return found.state === 'known' ? modelIdentities(found.text, found.path) : [];
  });
  const text = REPOSITORY.exec(image?.repository ?? '')?.[1];
  if (text === undefined || ANY_MODEL.test(text)) return named;
  const path = [...container.path, 'image'];
  const name = text.slice(text.lastIndexOf('/') + 1);
  return [...named, { kind: 'image', text, path }, { kind: 'image', text: name, path }];
}
