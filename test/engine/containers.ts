import { readEngine } from '../../src/engine/read.ts';
import type { EngineReading, Reading } from '../../src/engine/types.ts';
import { formatPath } from '../../src/findings.ts';
import type { Container, EnvVar, PodSpec } from '../../src/workload/types.ts';

export const SCOUT = 'meta-llama/Llama-4-Scout-17B-16E-Instruct';
export const VLLM_IMAGE = 'vllm/vllm-openai:v0.11.0';
export const SGLANG_IMAGE = 'lmsysorg/sglang:v0.5.6.post2-cu126';

export type ContainerParts = Partial<Omit<Container, 'env'>> & {
  readonly env?: Readonly<Record<string, string | null>>;
  readonly gpus?: string;
};

/** A container at `spec.containers[0]`; `env` values of null come from a ConfigMap. */
export function makeContainer({ env = {}, gpus, ...parts }: ContainerParts = {}): Container {
  const path = parts.path ?? ['spec', 'containers', 0];
  const variables = Object.entries(env).map(
    ([name, value], index): EnvVar => ({
      name,
      value,
      source: value === null ? 'config-map' : 'literal',
      path: [...path, 'env', index],
    }),
  );
  return {
    path,
    name: 'server',
    image: null,
    command: [],
    args: [],
    env: variables,
    hasEnvFrom: false,
    limits: new Map(gpus === undefined ? [] : [['nvidia.com/gpu', gpus]]),
    requests: new Map(),
    volumeMounts: [],
    isInit: false,
    isSidecar: false,
    hasClaims: false,
    ...parts,
  };
}

export function makePod(
  containers: readonly Container[],
  initContainers: readonly Container[] = [],
): PodSpec {
  return {
    path: ['spec'],
    containers,
    initContainers,
    nodeSelector: new Map(),
    requiredNodeAffinity: null,
    tolerations: [],
    schedulerName: null,
    sharesHostIpc: false,
    schedulingGates: [],
    resourceClaims: 0,
    nodeName: null,
    volumes: [],
  };
}

export type Options = Parameters<typeof readEngine>[1];

export const NO_OPTIONS: Options = {
  wantedEngine: null,
  defaultEngine: null,
  initContainers: [],
  labels: new Map(),
  extraArgs: null,
  extraArgsPath: [],
};

export function read(parts: ContainerParts, options: Partial<Options> = {}): EngineReading {
  const reading = readEngine(makeContainer(parts), { ...NO_OPTIONS, ...options });
  if (reading === null) throw new Error('no engine was recognised');
  return reading;
}

/** vLLM's image with these args. */
export function vllm(...args: readonly string[]): EngineReading {
  return read({ image: VLLM_IMAGE, args });
}

export function sglang(...flags: readonly string[]): EngineReading {
  return read({ image: SGLANG_IMAGE, command: ['python3', '-m', 'sglang.launch_server'], args: flags });
}

/** A script run by `bash -c`. */
export function script(text: string, parts: ContainerParts = {}): EngineReading {
  return read({ command: ['/bin/bash', '-c'], args: [text], ...parts });
}

/** The value of a reading, `absent` or `unknown`. */
export function state<T>(reading: Reading<T>): T | 'absent' | 'unknown' {
  return reading.state === 'set' ? reading.value : reading.state;
}

/** `code path` of every finding. */
export function codes({ findings }: EngineReading): readonly string[] {
  return findings.map((one) => `${one.code} ${formatPath(one.path)}`);
}

export function names({ identities }: EngineReading): readonly string[] {
  return identities.map(({ kind, text }) => `${kind} ${text}`);
}
