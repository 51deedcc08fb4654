import { gpuRequests } from '../workload/gpu-request.ts';
import type { Container, PodSpec } from '../workload/types.ts';
import type { Scene } from './engine.ts';
import { MAX_TEXT } from './environment.ts';
import { textLength } from './launch.ts';
import { readScene, unreadScene } from './recognise.ts';
import { assumeEngine, recogniseEngine } from './registry.ts';
import type { EngineName } from './types.ts';

/** Which container of a pod is the server. */
export type ServingChoice =
  | { readonly kind: 'one'; readonly container: Container; readonly engine: EngineName | null }
  | { readonly kind: 'several'; readonly containers: readonly Container[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'no-such-container'; readonly wanted: string; readonly names: readonly string[] };

/**
 * By name, else by GPU request, else by what the command or image starts (engine-flags.md §5, case 19). A native
 * sidecar in initContainers may be the engine; routers, benchmark clients and downloads never are.
 */
export function findServing(
  spec: PodSpec,
  wantedName: string | null,
  wantedEngine: EngineName | null,
): ServingChoice {
  const running = [...spec.containers, ...spec.initContainers.filter((container) => container.isSidecar)];
  if (wantedName !== null) return findNamed(running, wantedName, wantedEngine);
  const candidates = readScenes(running).map((scene) => judge(scene, wantedEngine));
  return choose(candidates.filter((one) => !one.isHelper));
}

/** Text of all containers of a pod that is looked at to find the server; the others are judged by their image. */
const MAX_POD_TEXT = 4 * MAX_TEXT;

function readScenes(containers: readonly Container[]): readonly Scene[] {
  let left = MAX_POD_TEXT;
  return containers.map((container) => {
    left -= textLength(container);
    return left < 0 ? unreadScene(container) : readScene(container);
  });
}

function findNamed(
  running: readonly Container[],
  wanted: string,
  wantedEngine: EngineName | null,
): ServingChoice {
  const container = running.find((one) => one.name === wanted);
  if (container === undefined)
    return { kind: 'no-such-container', wanted, names: running.map((one) => one.name) };
  return { kind: 'one', container, engine: judge(readScene(container), wantedEngine).engine };
}

interface Candidate {
  readonly container: Container;
  readonly hasGpu: boolean;
  readonly engine: EngineName | null;
  /** The engine is started in plain sight, not only named by an image or a variable. */
  readonly isLaunched: boolean;
  readonly isHelper: boolean;
}

function judge(scene: Scene, wantedEngine: EngineName | null): Candidate {
  const { container } = scene;
  const found = recogniseEngine(scene);
  const isWanted =
    found !== null && (wantedEngine === null || wantedEngine === found.name || couldBe(wantedEngine, scene));
  return {
    container,
    // A resource claim may be a GPU; its class is not known here.
    hasGpu: container.hasClaims || gpuRequests(container).some((request) => request.count > 0),
    engine: isWanted ? (wantedEngine ?? found.name) : null,
    isLaunched: isWanted && found.recognition.recognisedBy === 'command',
    isHelper: found === null && scene.isHelper,
  };
}

/** An image may fit several engines (a NIM, a vendor's own): the annotation decides among them. */
function couldBe(wanted: EngineName, scene: Scene): boolean {
  const assumed = assumeEngine(wanted, scene, 'annotation');
  return assumed !== null && assumed.recognition.recognisedBy === 'command';
}

function choose(candidates: readonly Candidate[]): ServingChoice {
  const withGpu = candidates.filter((one) => one.hasGpu);
  const serving = withGpu.filter((one) => one.engine !== null);
  if (serving.length > 0) return oneOrSeveral(serving);
  const launched = candidates.filter((one) => one.isLaunched);
  if (launched.length === 1) return oneOrSeveral(launched);
  if (withGpu.length > 0) return oneOrSeveral(withGpu);
  return oneOrSeveral(launched.length > 0 ? launched : candidates.filter((one) => one.engine !== null));
}

function oneOrSeveral(candidates: readonly Candidate[]): ServingChoice {
  const [first, ...others] = candidates;
  if (first === undefined) return { kind: 'none' };
  if (others.length > 0) return { kind: 'several', containers: candidates.map((one) => one.container) };
  return { kind: 'one', container: first.container, engine: first.engine };
}
