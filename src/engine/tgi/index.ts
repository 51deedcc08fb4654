import type { Engine, ImageRole, Launcher, ReadInput } from '../engine.ts';
import { type FlagReader, firstSet, readNumber, readText } from '../flag-values.ts';
import { lastOf } from '../flags.ts';
import { type ImageReference, releaseOf } from '../image.ts';
import { baseReading, openLaunch, readIdentities, variableFlags } from '../reading.ts';
import { ABSENT, type DraftModel, type EngineReading, type Reading } from '../types.ts';
import { programName, type Word } from '../words.ts';
import { GRAMMAR, VARIABLES } from './flags.ts';

function launcherAt(words: readonly Word[], at: number): Launcher | null {
  return programName(words[at]) === 'text-generation-launcher' ? { length: 1, dialect: 'launcher' } : null;
}

function imageRole({ name }: ImageReference): ImageRole | null {
  return name === 'text-generation-inference' || /(?:^|[-_])tgi(?:[-_]|$)/.test(name) ? 'entrypoint' : null;
}

function imageVersion({ scene }: ReadInput): Reading<string> {
  const value = scene.image?.name === 'text-generation-inference' ? releaseOf(scene.image.tag) : null;
  if (value === null) return ABSENT;
  return { state: 'set', value, path: [...scene.container.path, 'image'], text: scene.container.image ?? '' };
}

function read(input: ReadInput): EngineReading {
  const opened = openLaunch(input, GRAMMAR, variableFlags(input, VARIABLES));
  const { reader } = opened;
  const parts = {
    version: imageVersion(input),
    identities: readIdentities(opened, ['model']),
    context: readNumber(reader, 'context'),
    quantization: readText(reader, 'quantization'),
    weightDtype: readText(reader, 'weight-dtype'),
    kvCacheDtype: readText(reader, 'kv-cache-dtype'),
    tensorParallel: shards(reader),
    memoryFraction: readNumber(reader, 'memory-fraction'),
    maxNumSeqs: readNumber(reader, 'max-num-seqs'),
    maxNumBatchedTokens: readNumber(reader, 'max-num-batched-tokens'),
    enforceEager: hasNoGraphs(reader),
    allowsLongContext: lastOf(reader.flags, 'rope-scaling') !== null,
    draft: draft(reader),
    lora: lastOf(reader.flags, 'lora-paths') === null ? null : DEFAULT_LORA,
  };
  const base = baseReading('tgi', opened);
  return { ...base, ...parts, isOpaque: base.isOpaque || input.scene.launch.environment.hasUnseen };
}

/** TGI takes count and rank from the adapters, which nobody can see here. */
const DEFAULT_LORA = { maxLoras: 1, maxRank: 16 };

/** Unset means every visible GPU; `--sharded false` means one. */
function shards(reader: FlagReader): Reading<number> {
  const sharded = readText(reader, 'sharded');
  const isOff = sharded.state === 'set' && sharded.value.toLowerCase() === 'false';
  return firstSet(readNumber(reader, 'tensor-parallel'), isOff ? { ...sharded, value: 1 } : ABSENT);
}

function hasNoGraphs(reader: FlagReader): boolean {
  const graphs = readText(reader, 'cuda-graphs');
  return graphs.state === 'set' && graphs.value.trim() === '0';
}

/** `--speculate N`: Medusa heads of the checkpoint, or n-grams. */
function draft(reader: FlagReader): DraftModel | null {
  const speculate = readNumber(reader, 'speculative');
  const isOff = speculate.state === 'absent' || (speculate.state === 'set' && speculate.value === 0);
  return isOff ? null : { id: null, isEagle: false };
}

export const tgi: Engine = {
  name: 'tgi',
  signature: {
    launcherAt,
    imageRole,
    variables: ['NUM_SHARD', 'MAX_TOTAL_TOKENS', 'MAX_BATCH_PREFILL_TOKENS'],
  },
  read,
  spelling: new Map([
    ['context', '--max-total-tokens'],
    ['tensor-parallel', '--num-shard'],
    ['kv-cache-dtype', '--kv-cache-dtype'],
    ['max-num-seqs', '--max-batch-size'],
    ['max-num-batched-tokens', '--max-batch-prefill-tokens'],
    ['model', '--model-id'],
  ]),
};
