import type { Container, StringMap } from '../workload/types.ts';
import type { Environment } from './environment.ts';
import type { ImageReference } from './image.ts';
import type { Launch } from './launch.ts';
import type { EngineName, EngineReading, FlagConcept } from './types.ts';
import type { Word } from './words.ts';

/** A container with its launch and image read, once for all engines. */
export interface Scene {
  readonly container: Container;
  readonly launch: Launch;
  readonly image: ImageReference | null;
  /** Everything that it starts is known not to be an engine. */
  readonly isHelper: boolean;
}

/** How a launcher was written: words up to its first argument, and the dialect that its arguments have. */
export interface Launcher {
  readonly length: number;
  readonly dialect: string;
}

/** `entrypoint`: the image starts the engine, and takes its flags as args. */
export type ImageRole = 'entrypoint' | 'other';

/** What gives an engine away. */
export interface Signature {
  /** The engine's launcher at this place of a command; null when something else stands there. */
  readonly launcherAt: (words: readonly Word[], at: number) => Launcher | null;
  readonly imageRole: (image: ImageReference) => ImageRole | null;
  /** Variables that only this engine's image reads. */
  readonly variables: readonly string[];
}

/** The start of an engine: its arguments and the variables that it sees. */
export interface Invocation {
  readonly words: readonly Word[];
  readonly environment: Environment;
  readonly dialect: string;
}

export interface Recognition {
  readonly recognisedBy: EngineReading['recognisedBy'];
  /** null when the engine is started by something that cannot be read. */
  readonly invocation: Invocation | null;
  /** Starts of this engine in one script; the first is judged. */
  readonly starts: number;
}

export interface ReadInput {
  readonly scene: Scene;
  readonly recognition: Recognition;
  /** Flags that an annotation repeats because nobody can see them; weaker than the visible ones. */
  readonly extra: readonly Word[];
  readonly initContainers: readonly Container[];
  readonly labels: StringMap;
}

/** What every engine's folder exports. */
export interface Engine {
  readonly name: EngineName;
  readonly signature: Signature;
  readonly read: (input: ReadInput) => EngineReading;
  /** The spelling of flags that vramgate adds. */
  readonly spelling: ReadonlyMap<FlagConcept, string>;
}
