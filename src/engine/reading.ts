import { type Finding, finding, type JsonPath } from '../findings.ts';
import type { Invocation, ReadInput } from './engine.ts';
import { mergeFlags } from './flag-conflicts.ts';
import { parseFlags } from './flag-parser.ts';
import { type FlagReader, isOn, readKey, readNumber, readText } from './flag-values.ts';
import { type Concept, type FlagSpec, type Grammar, lastOf, NO_FLAGS, type ParsedFlags } from './flags.ts';
import { modelIdentities, servedIdentity, sortIdentities, surroundingIdentities } from './identity.ts';
import {
  ABSENT,
  type AppendPoint,
  type DraftModel,
  type EngineName,
  type EngineReading,
  FLAG_CONCEPTS,
  type FlagConcept,
  type FlagSite,
  type ModelIdentity,
  type Reading,
} from './types.ts';
import { readVisibleGpus } from './visible-gpus.ts';
import { makeWord, type Word } from './words.ts';

/** A launch ready for an engine to give its flags a meaning. */
export interface Opened {
  readonly input: ReadInput;
  readonly reader: FlagReader;
  readonly invocation: Invocation | null;
}

/**
 * The flags of a launch in one value: variables that stand for flags, then what an annotation repeats, then the
 * command line. `before`: words that the image puts before the args.
 */
export function openLaunch(
  input: ReadInput,
  grammar: Grammar,
  variables: ParsedFlags = NO_FLAGS,
  before: readonly Word[] = [],
): Opened {
  const { invocation } = input.recognition;
  const words = invocation?.words ?? [];
  const visible = parseFlags(before.length === 0 ? words : [...before, ...words], grammar);
  const extra =
    input.extra.length === 0 ? NO_FLAGS : { ...parseFlags(input.extra, grammar), positionals: [] };
  const isAlone = variables === NO_FLAGS && extra === NO_FLAGS;
  const flags = isAlone ? visible : mergeFlags([variables, extra, visible]);
  return { input, reader: { flags, grammar, findings: [...flags.findings] }, invocation };
}

/** Variables that stand for flags: `NUM_SHARD` for `--num-shard`. */
export function variableFlags(
  input: ReadInput,
  table: readonly (readonly [name: string, spec: FlagSpec])[],
): ParsedFlags {
  const environment = input.recognition.invocation?.environment ?? input.scene.launch.environment;
  const layers = table.flatMap(([name, spec]): readonly ParsedFlags[] => {
    const variable = environment.variables.get(name);
    if (variable === undefined || variable.value === '') return [];
    const value = makeWord(variable.value, { raw: variable.value, path: variable.path, isElement: false });
    const raw = value.text === null ? name : value.raw;
    const path = variable.path;
    const occurrence = {
      spec,
      flag: name,
      key: null,
      isNegated: false,
      value: { ...value, raw },
      path,
      site: variableSite(name, value),
    };
    return [{ ...NO_FLAGS, occurrences: new Map([[spec.concept, [occurrence]]]) }];
  });
  return mergeFlags(layers);
}

/** An entry of the container's own `env`; a script's variables cannot be set from outside. */
function variableSite(name: string, { text, path }: Word): FlagSite | null {
  const isEntry = path.at(-2) === 'env' && typeof path.at(-1) === 'number';
  return text === null || !isEntry ? null : { path, isJoined: false, flag: name, isVariable: true };
}

/** Of the variables that an engine reads, those that do not come from a ConfigMap, a Secret or a field. */
export function settable(
  { scene }: ReadInput,
  names: readonly (readonly [FlagConcept, string])[],
): EngineReading['variables'] {
  const taken = new Set(scene.container.env.filter(({ value }) => value === null).map(({ name }) => name));
  return new Map(names.filter(([, name]) => !taken.has(name)));
}

type Blank = Omit<EngineReading, 'engine' | 'recognisedBy' | 'containerPath'>;

const BLANK: Blank = {
  identities: [],
  version: ABSENT,
  context: ABSENT,
  quantization: ABSENT,
  weightDtype: ABSENT,
  kvCacheDtype: ABSENT,
  kvCacheDtypeV: ABSENT,
  tensorParallel: ABSENT,
  pipelineParallel: ABSENT,
  dataParallel: ABSENT,
  dataParallelLocal: ABSENT,
  expertParallel: ABSENT,
  dataParallelKind: 'shares-experts',
  hasDpAttention: false,
  nodes: ABSENT,
  visibleGpus: ABSENT,
  memoryFraction: ABSENT,
  kvCacheBytes: ABSENT,
  maxNumSeqs: ABSENT,
  maxNumBatchedTokens: ABSENT,
  cudaGraphMaxBs: ABSENT,
  blockSize: ABSENT,
  hybridKv: ABSENT,
  swaFullTokensRatio: ABSENT,
  enforceEager: false,
  textOnly: false,
  multimodalRequested: false,
  allowsLongContext: false,
  kvConnector: ABSENT,
  draft: null,
  lora: null,
  cpuOffloadBytes: ABSENT,
  partialOffload: ABSENT,
  isOffloadFixed: false,
  configFile: null,
  isOpaque: false,
  append: null,
  flagSites: new Map(),
  variables: new Map(),
  findings: [],
};

/** A person reads a dozen; 64 KiB can hold ten thousand mistakes. */
const MAX_FINDINGS = 64;

/** A reading while its engine fills it in. */
export type ReadingDraft = { -readonly [K in keyof EngineReading]: EngineReading[K] };

export function draftReading(engine: EngineName, { input }: Opened): ReadingDraft {
  const { recognition, scene } = input;
  return {
    ...BLANK,
    engine,
    recognisedBy: recognition.recognisedBy,
    containerPath: scene.container.path,
  };
}

/** Adds what every reading has, engines aside; last, because reading flags makes findings. */
export function finishReading(draft: ReadingDraft, opened: Opened): EngineReading {
  const { input, reader } = opened;
  const isOpaque = isOpaqueLaunch(opened);
  const findings = [...input.scene.launch.findings, ...startFindings(input), ...reader.findings];
  draft.isOpaque = isOpaque;
  // Several engines of one script share the GPUs out among them: what one of them sees is not what runs.
  if (input.recognition.starts < 2)
    draft.visibleGpus = readVisibleGpus(opened.invocation?.environment ?? input.scene.launch.environment);
  draft.configFile = configFile(reader);
  draft.append = isOpaque ? null : appendPoint(input);
  draft.flagSites = flagSites(reader.flags);
  draft.findings = findings.slice(0, MAX_FINDINGS);
  return draft;
}

/** What every reading has, engines aside. */
export function baseReading(engine: EngineName, opened: Opened): EngineReading {
  return finishReading(draftReading(engine, opened), opened);
}

function isOpaqueLaunch({ input, reader, invocation }: Opened): boolean {
  const { isUnreadable } = input.scene.launch;
  return isUnreadable || invocation === null || reader.flags.isOpaque || input.recognition.starts > 1;
}

function startFindings({ recognition, scene }: ReadInput): readonly Finding[] {
  if (recognition.starts < 2) return [];
  const path = recognition.invocation?.words[0]?.path ?? scene.container.path;
  const message = `the script starts the engine at ${recognition.starts} places; the first was read`;
  return [finding('unknown-value', path, message)];
}

function configFile({ flags }: FlagReader): JsonPath | null {
  return lastOf(flags, 'config-file')?.path ?? null;
}

/** Flags go at the end of an argv that is exactly the engine's; never into shell text. */
function appendPoint({ recognition, scene }: ReadInput): AppendPoint | null {
  const { container, launch } = scene;
  if (launch.form === 'shell' || recognition.invocation === null) return null;
  if (container.args.length > 0) return { path: [...container.path, 'args'], isNew: false };
  if (container.command.length > 0) return { path: [...container.path, 'command'], isNew: false };
  return { path: [...container.path, 'args'], isNew: true };
}

function flagSites(flags: ParsedFlags): ReadonlyMap<FlagConcept, FlagSite> {
  const sites = new Map<FlagConcept, FlagSite>();
  for (const concept of FLAG_CONCEPTS) {
    const site = lastOf(flags, concept)?.site ?? null;
    if (site !== null) sites.set(concept, site);
  }
  return sites;
}

/** Sites with the positional model added: the word itself is the value. */
export function withPositional(
  sites: ReadonlyMap<FlagConcept, FlagSite>,
  word: Word | null,
): ReadonlyMap<FlagConcept, FlagSite> {
  if (word === null || !word.isElement || sites.has('model')) return sites;
  return new Map([...sites, ['model', { path: word.path, isJoined: false, flag: '', isVariable: false }]]);
}

/** The model that the flags name, as a text and as identities together with what surrounds the container. */
export function readIdentities(opened: Opened, concepts: readonly Concept[]): readonly ModelIdentity[] {
  const { input, reader, invocation } = opened;
  const found: ModelIdentity[] = [];
  for (const concept of concepts) found.push(...identitiesOf(readText(reader, concept)));
  const positional = reader.grammar.maxPositionals === 0 ? undefined : reader.flags.positionals[0];
  const text = positional?.text ?? null;
  if (positional !== undefined && text !== null) found.push(...modelIdentities(text, positional.path));
  const surrounding = surroundingIdentities({
    container: input.scene.container,
    environment: invocation?.environment ?? input.scene.launch.environment,
    initContainers: input.initContainers,
    labels: input.labels,
  });
  found.push(...surrounding);
  const served = readText(reader, 'served-name');
  if (served.state === 'set') found.push(...servedIdentity(served.value, served.path));
  return sortIdentities(found);
}

function identitiesOf(reading: Reading<string>): readonly ModelIdentity[] {
  return reading.state === 'set' ? modelIdentities(reading.value, reading.path) : [];
}

/** Whole GiB per GPU, as engines take it, in bytes. */
export function gibReading(reading: Reading<number>): Reading<number> {
  if (reading.state !== 'set') return reading;
  return { ...reading, value: Math.round(reading.value * 2 ** 30) };
}

/** LoRA buffers, with the defaults that the engine has for what is not given. */
export function readLora(
  reader: FlagReader,
  isEnabled: boolean,
  defaults: { readonly maxLoras: number; readonly maxRank: number },
): EngineReading['lora'] {
  if (!isEnabled) return null;
  const loras = readNumber(reader, 'max-loras');
  const rank = readNumber(reader, 'max-lora-rank');
  return {
    maxLoras: loras.state === 'set' ? loras.value : defaults.maxLoras,
    maxRank: rank.state === 'set' ? rank.value : defaults.maxRank,
  };
}

/** `--enable-expert-parallel` and the like: set to true or false, with the path of the flag. */
export function switchReading(reader: FlagReader, concept: Concept): Reading<boolean> {
  const last = lastOf(reader.flags, concept);
  if (last === null) return ABSENT;
  return { state: 'set', value: isOn(reader, concept), path: last.path, text: last.flag };
}

const EAGLE_METHODS = new Set(['eagle', 'eagle3', 'mtp', 'deepseek_mtp', 'nextn']);

/** A JSON that describes a draft model: `{"method": "eagle", "model": "x"}`. */
export function draftFromJson(reader: FlagReader): DraftModel | null {
  if (lastOf(reader.flags, 'speculative') === null) return null;
  const model = readKey(reader, 'speculative', 'model');
  const method = readKey(reader, 'speculative', 'method');
  if (model.state === 'unknown' || method.state === 'unknown') return { id: null, isEagle: true };
  return draftOf(model.state === 'set' ? model.value : null, method.state === 'set' ? method.value : null);
}

export function draftOf(id: string | null, method: string | null): DraftModel {
  const named = method?.toLowerCase() ?? (id !== null && /eagle3?-/i.test(id) ? 'eagle' : '');
  return { id: id === '[ngram]' || named === 'ngram' ? null : id, isEagle: EAGLE_METHODS.has(named) };
}
