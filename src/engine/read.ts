import type { JsonPath } from '../findings.ts';
import type { Container, PodSpec, StringMap } from '../workload/types.ts';
import type { Scene } from './engine.ts';
import { readScene } from './recognise.ts';
import { assumeEngine, type Recognised, recogniseEngine } from './registry.ts';
import { findServing } from './serving.ts';
import { splitWords } from './split-words.ts';
import type { EngineName, EngineReading } from './types.ts';

export interface ReadOptions {
  /** The `engine` annotation. */
  readonly wantedEngine: EngineName | null;
  /** What the policy takes where nothing is recognised. */
  readonly defaultEngine: EngineName | null;
  readonly initContainers: readonly Container[];
  readonly labels: StringMap;
  /** The `engine-args` annotation: flags that nobody can see, in the engine's own grammar. */
  readonly extraArgs: string | null;
  readonly extraArgsPath: JsonPath;
}

/** What a container will serve, as far as its launch says; null when no engine is recognised and none is named. */
export function readEngine(container: Container, options: ReadOptions): EngineReading | null {
  const scene = readScene(container);
  const found = chooseEngine(scene, options);
  if (found === null) return null;
  const { extraArgs, extraArgsPath, initContainers, labels } = options;
  return found.read({
    scene,
    recognition: found.recognition,
    extra: extraArgs === null ? [] : splitWords(extraArgs, extraArgsPath),
    initContainers,
    labels,
  });
}

function chooseEngine(scene: Scene, { wantedEngine, defaultEngine }: ReadOptions): Recognised | null {
  if (wantedEngine !== null) return assumeEngine(wantedEngine, scene, 'annotation');
  const found = recogniseEngine(scene);
  if (found !== null || defaultEngine === null) return found;
  return assumeEngine(defaultEngine, scene, 'default');
}

/**
 * What a pod serves, without any annotation; null where no single container is an engine. The catalog then says whether
 * one of the identities is a model of ours.
 */
export function readServing(spec: PodSpec, labels: StringMap): EngineReading | null {
  const choice = findServing(spec, null, null);
  if (choice.kind !== 'one' || choice.engine === null) return null;
  return readEngine(choice.container, {
    wantedEngine: null,
    defaultEngine: null,
    initContainers: spec.initContainers,
    labels,
    extraArgs: null,
    extraArgsPath: [],
  });
}
