import type { Container } from '../workload/types.ts';
import type { Engine, ImageRole, Invocation, Launcher, Recognition, Scene, Signature } from './engine.ts';
import { type ImageReference, readImage } from './image.ts';
import { type Command, isWrapper, type Launch, programStart, readLaunch, unreadLaunch } from './launch.ts';
import { programName, type Word } from './words.ts';

/** To find the server and to read it the same launch is looked at, one after the other. */
const scenes = new WeakMap<Container, Scene>();

export function readScene(container: Container): Scene {
  const known = scenes.get(container);
  if (known !== undefined) return known;
  const scene = sceneOf(container, readLaunch(container));
  scenes.set(container, scene);
  return scene;
}

/** A container judged by its image alone. */
export function unreadScene(container: Container): Scene {
  return sceneOf(container, unreadLaunch(container));
}

function sceneOf(container: Container, launch: Launch): Scene {
  return { container, launch, image: readImage(container), isHelper: isHelper(launch) };
}

/** Words behind a wrapper among which the launcher is looked for: `mpirun -n 8 --map-by core … trtllm-serve`. */
const MAX_WRAPPED = 24;

/** How this engine is recognised in a container, strongest sign first; null when it is not. */
export function recognise(signature: Signature, scene: Scene): Recognition | null {
  let first: Invocation | null = null;
  let starts = 0;
  for (const command of scene.launch.commands) {
    const invocation = invocationOf(signature, command);
    if (invocation === null) continue;
    first ??= invocation;
    starts += 1;
  }
  if (first !== null) return { recognisedBy: 'command', invocation: first, starts };
  if (scene.isHelper) return null;
  const role = scene.image === null ? null : roleOf(signature, scene.image);
  if (role !== null) {
    const invocation = role === 'entrypoint' ? entrypointInvocation(scene) : bareFlags(scene);
    return { recognisedBy: 'image', invocation, starts: 1 };
  }
  const { variables } = scene.launch.environment;
  if (!signature.variables.some((name) => variables.get(name) !== undefined)) return null;
  return { recognisedBy: 'environment', invocation: entrypointInvocation(scene), starts: 1 };
}

/** What engines make of an image: their patterns cost more than all the rest of recognising. */
const roles = new WeakMap<ImageReference, Map<Signature, ImageRole | null>>();

function roleOf(signature: Signature, image: ImageReference): ImageRole | null {
  let known = roles.get(image);
  if (known === undefined) {
    known = new Map();
    roles.set(image, known);
  }
  const found = known.get(signature);
  if (found !== undefined) return found;
  const role = signature.imageRole(image);
  known.set(signature, role);
  return role;
}

/** What is taken for the engine's start where an annotation or the policy names the engine. */
export function assume(
  signature: Signature,
  scene: Scene,
  recognisedBy: 'annotation' | 'default',
): Recognition {
  const found = recognise(signature, scene);
  if (found !== null)
    return { ...found, recognisedBy: found.recognisedBy === 'command' ? 'command' : recognisedBy };
  return { recognisedBy, invocation: bareFlags(scene), starts: 1 };
}

function invocationOf(signature: Signature, command: Command): Invocation | null {
  const { words, environment } = command;
  const start = programStart(words);
  // The flags of an image's entrypoint: what starts with a dash is no launcher.
  if (words[start]?.prefix.startsWith('-') === true) return null;
  const end = isWrapper(words[0]) ? Math.min(words.length, start + MAX_WRAPPED) : start + 1;
  for (let at = start; at < end; at += 1) {
    const launcher = signature.launcherAt(words, at);
    if (launcher !== null) {
      return { words: words.slice(at + launcher.length), environment, dialect: launcher.dialect };
    }
  }
  return null;
}

function entrypointInvocation({ launch }: Scene): Invocation | null {
  if (launch.form !== 'entrypoint' || launch.isUnreadable) return null;
  return { words: launch.commands[0]?.words ?? [], environment: launch.environment, dialect: 'entrypoint' };
}

/** Args that are flags and go to an image that we do not know: its entrypoint is the engine, or nothing would start. */
function bareFlags(scene: Scene): Invocation | null {
  const invocation = entrypointInvocation(scene);
  return invocation?.words[0]?.prefix.startsWith('-') === true ? invocation : null;
}

const PYTHON = /^python[\d.]*$/;

/** `python3 -u -m module` or `python3 script.py`: what runs, and the number of words up to it. */
export interface PythonStart {
  readonly runs: string;
  readonly length: number;
}

export function pythonStart(words: readonly Word[], at: number): PythonStart | null {
  if (!PYTHON.test(programName(words[at]))) return null;
  const end = Math.min(words.length, at + MAX_WRAPPED);
  for (let next = at + 1; next < end; next += 1) {
    const text = words[next]?.text ?? '';
    if (text === '-m') return { runs: words[next + 1]?.text ?? '', length: next + 2 - at };
    if (!text.startsWith('-')) return { runs: text, length: next + 1 - at };
  }
  return null;
}

/** The launcher for a python module or script of the table, by exact module or by the end of the script's path. */
export function pythonLauncher(
  words: readonly Word[],
  at: number,
  dialects: ReadonlyMap<string, string>,
): Launcher | null {
  const start = pythonStart(words, at);
  if (start === null) return null;
  const script = start.runs.endsWith('.py') ? start.runs.slice(start.runs.lastIndexOf('/') + 1) : start.runs;
  const dialect = dialects.get(script);
  return dialect === undefined ? null : { length: start.length, dialect };
}

/** Routers, benchmark clients, exporters, downloads, training: they carry look-alike flags and serve nothing. */
const HELPER =
  /router|bench|exporter|gateway|lm[_-]eval|guidellm|genai-perf|perf_analyzer|locust|download|torchrun|deepspeed|accelerate|finetun|huggingface-cli|^(?:hf|curl|wget|rclone|gsutil|gcloud|s5cmd|aws|nginx|envoy)(?: |$)/i;

/** Steps of a script that say nothing about what it serves. */
const STEP =
  /^(?:echo|printf|cd|mkdir|pip3?|apt|apt-get|sleep|wait|trap|true|test|\[|\[\[|ls|cat|cp|ln|chmod|source|\.|ulimit|date|until|nvidia-smi)(?: |$)/;

/** True when everything that a container starts is known not to be an engine. */
function isHelper({ commands }: Launch): boolean {
  const subjects = commands.map(subjectOf).filter((subject) => subject !== '' && !STEP.test(subject));
  return subjects.length > 0 && subjects.every((subject) => HELPER.test(subject));
}

/** Program, module and sub-command: `python3 -m sglang_router.launch_router`, `vllm bench`. */
function subjectOf({ words }: Command): string {
  const start = programStart(words);
  const python = pythonStart(words, start);
  if (python !== null) return python.runs.slice(python.runs.lastIndexOf('/') + 1);
  const program = programName(words[start]);
  if (program.startsWith('-')) return '';
  const next = words[start + 1]?.text ?? '';
  return next.startsWith('-') ? program : `${program} ${next.slice(0, 64)}`.trimEnd();
}

/** The strongest recognition among engines, with the engine. */
export interface EngineMatch {
  readonly engine: Engine;
  readonly recognition: Recognition;
}

const STRENGTH: readonly Recognition['recognisedBy'][] = ['command', 'image', 'environment'];

export function recogniseAmong(engines: readonly Engine[], scene: Scene): EngineMatch | null {
  let best: EngineMatch | null = null;
  for (const engine of engines) {
    const recognition = recognise(engine.signature, scene);
    if (recognition !== null && (best === null || isStronger(recognition, best.recognition)))
      best = { engine, recognition };
  }
  return best;
}

function isStronger(one: Recognition, other: Recognition): boolean {
  return STRENGTH.indexOf(one.recognisedBy) < STRENGTH.indexOf(other.recognisedBy);
}
