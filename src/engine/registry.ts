import type { Engine, ReadInput, Recognition, Scene } from './engine.ts';
import { llamaCpp } from './llama-cpp/index.ts';
import { isNim, nimEngine, readNim } from './nim.ts';
import { ollama } from './ollama/index.ts';
import { assume, recogniseAmong } from './recognise.ts';
import { sglang } from './sglang/index.ts';
import { tensorrtLlm } from './tensorrt-llm/index.ts';
import { tgi } from './tgi/index.ts';
import type { EngineName, EngineReading } from './types.ts';
import { vllm } from './vllm/index.ts';

/** Every engine, one folder each. */
export const ENGINES: readonly Engine[] = [llamaCpp, ollama, sglang, tensorrtLlm, tgi, vllm];

export function engineOf(name: EngineName): Engine | null {
  return ENGINES.find((engine) => engine.name === name) ?? null;
}

/** An engine found in a container, and how to read it. */
export interface Recognised {
  readonly name: EngineName;
  readonly recognition: Recognition;
  readonly read: (input: ReadInput) => EngineReading;
}

const recognised = new WeakMap<Scene, Recognised | null>();

export function recogniseEngine(scene: Scene): Recognised | null {
  const known = recognised.get(scene);
  if (known !== undefined) return known;
  const found = recogniseAnew(scene);
  recognised.set(scene, found);
  return found;
}

function recogniseAnew(scene: Scene): Recognised | null {
  if (isNim(scene)) return nimRecognised(scene, 'image');
  const match = recogniseAmong(ENGINES, scene);
  return match === null
    ? null
    : { name: match.engine.name, recognition: match.recognition, read: match.engine.read };
}

/** The engine that an annotation or the policy names, whatever the container looks like. */
export function assumeEngine(
  name: EngineName,
  scene: Scene,
  recognisedBy: 'annotation' | 'default',
): Recognised | null {
  if (isNim(scene) && nimEngine(scene) === name) return nimRecognised(scene, recognisedBy);
  const engine = engineOf(name);
  return engine === null
    ? null
    : { name, recognition: assume(engine.signature, scene, recognisedBy), read: engine.read };
}

function nimRecognised(scene: Scene, recognisedBy: Recognition['recognisedBy']): Recognised {
  const { launch } = scene;
  const words = launch.form === 'entrypoint' ? (launch.commands[0]?.words ?? []) : [];
  const invocation = { words, environment: launch.environment, dialect: 'nim' };
  return { name: nimEngine(scene), recognition: { recognisedBy, invocation, starts: 1 }, read: readNim };
}
