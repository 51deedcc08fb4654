import type { Engine, ImageRole, Launcher, ReadInput } from '../engine.ts';
import { readNumber, readText } from '../flag-values.ts';
import { sortIdentities } from '../identity.ts';
import { type ImageReference, releaseOf } from '../image.ts';
import { programStart } from '../launch.ts';
import { baseReading, type Opened, openLaunch, readIdentities, settable, variableFlags } from '../reading.ts';
import { ABSENT, type EngineReading, type FlagConcept, type ModelIdentity, type Reading } from '../types.ts';
import { programName, type Word } from '../words.ts';
import { GRAMMAR, VARIABLES } from './flags.ts';

function launcherAt(words: readonly Word[], at: number): Launcher | null {
  return programName(words[at]) === 'ollama' && words[at + 1]?.text === 'serve'
    ? { length: 2, dialect: 'serve' }
    : null;
}

function imageRole({ name }: ImageReference): ImageRole | null {
  return name === 'ollama' ? 'entrypoint' : null;
}

function imageVersion({ scene }: ReadInput): Reading<string> {
  const value =
    scene.image?.repository.endsWith('ollama/ollama') === true ? releaseOf(scene.image.tag) : null;
  if (value === null) return ABSENT;
  return { state: 'set', value, path: [...scene.container.path, 'image'], text: scene.container.image ?? '' };
}

const SETTABLE: readonly (readonly [FlagConcept, string])[] = [
  ['context', 'OLLAMA_CONTEXT_LENGTH'],
  ['kv-cache-dtype', 'OLLAMA_KV_CACHE_TYPE'],
  ['max-num-seqs', 'OLLAMA_NUM_PARALLEL'],
];

function read(input: ReadInput): EngineReading {
  const opened = openLaunch(input, GRAMMAR, variableFlags(input, VARIABLES));
  const slots = readNumber(opened.reader, 'max-num-seqs');
  const parts = {
    version: imageVersion(input),
    identities: sortIdentities([...pulledModels(input), ...readIdentities(opened, [])]),
    context: context(opened),
    kvCacheDtype: readText(opened.reader, 'kv-cache-dtype'),
    // 0: the server chooses.
    // The server cuts the context down to what the model was trained for.
    allowsLongContext: true,
    maxNumSeqs: slots.state === 'set' && slots.value === 0 ? ABSENT : slots,
  };
  const base = baseReading('ollama', opened);
  // No flag can be appended: everything is a variable.
  return {
    ...base,
    ...parts,
    append: null,
    variables: settable(input, SETTABLE),
    isOpaque: base.isOpaque || input.scene.launch.environment.hasUnseen,
  };
}

/** Unset or 0: 4k, 32k or 256k, by the memory that the server finds. */
function context({ input, reader }: Opened): Reading<number | 'auto'> {
  const reading = readNumber(reader, 'context');
  if (reading.state === 'unknown' || (reading.state === 'set' && reading.value > 0)) return reading;
  return { state: 'set', value: 'auto', path: input.scene.container.path, text: '' };
}

/** `ollama pull M` and `ollama run M` beside `ollama serve`. */
function pulledModels({ scene }: ReadInput): readonly ModelIdentity[] {
  return scene.launch.commands.flatMap(({ words }): readonly ModelIdentity[] => {
    const start = programStart(words);
    const verb = words[start + 1]?.text;
    if (programName(words[start]) !== 'ollama' || (verb !== 'pull' && verb !== 'run')) return [];
    const model = words.slice(start + 2).find((word) => word.text?.startsWith('-') === false);
    return model === undefined ? [] : [{ kind: 'hub-id', text: tagged(model.text ?? ''), path: model.path }];
  });
}

/** Without a tag Ollama pulls `latest`: `llama4` is a name of its own library, and means nothing to another engine. */
function tagged(name: string): string {
  return name.includes(':') ? name : `${name}:latest`;
}

export const ollama: Engine = {
  name: 'ollama',
  signature: {
    launcherAt,
    imageRole,
    variables: ['OLLAMA_CONTEXT_LENGTH', 'OLLAMA_NUM_PARALLEL', 'OLLAMA_MODELS'],
  },
  read,
  spelling: new Map(),
};
