import { contentHash } from '../catalog/content-hash.ts';
import { ANNOTATION_KEYS, PREFIX } from '../intent/keys.ts';
import { gpuFormOf } from '../workload/gpu-request.ts';
import type { Container, PodTemplate, Workload } from '../workload/types.ts';

/** Longest text, and longest list of words, that is kept as it is. Real command lines are a few hundred characters. */
const MAX_TEXT = 256;
const MAX_WORDS = 2048;
/** Of the whole; an annotation is read by people, and all of an object's may have 256 KiB together. */
const MAX_INPUTS = 6144;

type Inputs = Readonly<Record<string, unknown>>;

/**
 * The author's side of everything that planning reads, as compact JSON: equal texts are equal inputs. It is taken from
 * the object without our edits, and holds nothing of ours: no catalog, inventory, policy, version or time. What the author
 * left out is left out. Of what is too long only a digest is kept, and of environment variables as well, because
 * they may hold secrets.
 */
export function authorInputs(workload: Workload): string {
  const annotations = own(workload.annotations);
  const groupSize = workload.groupSize === 1 ? undefined : workload.groupSize;
  const templates = workload.templates.map(templateInputs);
  const whole = JSON.stringify({ ...annotations, groupSize, templates: some(templates) });
  if (whole.length <= MAX_INPUTS) return whole;
  return JSON.stringify({ ...annotations, groupSize, templates: digest(whole) });
}

function digest(text: string): string {
  return `digest ${contentHash(text)} of ${text.length} characters`;
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : digest(text);
}

function words(list: readonly string[]): readonly string[] | string | undefined {
  if (list.length === 0) return undefined;
  let most = 2;
  for (const word of list) most += MOST_ESCAPED * word.length + 3;
  if (most <= MAX_WORDS) return list;
  const text = JSON.stringify(list);
  return text.length <= MAX_WORDS ? list : digest(text);
}

/** `\u001f`: what JSON makes of one character at most. */
const MOST_ESCAPED = 6;

/** undefined, which JSON leaves out, for a list of nothing. */
function some<T>(list: readonly T[] | null): readonly T[] | undefined {
  return list === null || list.length === 0 ? undefined : list;
}

/** What an exemption says changes no plan. */
const PLANNED_KEYS = ANNOTATION_KEYS.filter((key) => key !== 'exempt').map((key) => ({
  key,
  annotation: PREFIX + key,
}));

/** By their keys without prefix, which are a closed list; undefined where none is set. */
function own(annotations: ReadonlyMap<string, unknown>): Inputs | undefined {
  if (annotations.size === 0) return undefined;
  let found: Record<string, string> | undefined;
  for (const { key, annotation } of PLANNED_KEYS) {
    const value = annotations.get(annotation);
    if (value === undefined) continue;
    found ??= {};
    found[key] = shortened(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  }
  return found;
}

function templateInputs({ role, annotations, spec }: PodTemplate): Inputs {
  const isDefaultScheduler = spec.schedulerName === null || spec.schedulerName === 'default-scheduler';
  return {
    role: role === 'pod' ? undefined : role,
    annotations: own(annotations),
    nodeSelector: spec.nodeSelector.size === 0 ? undefined : [...spec.nodeSelector],
    nodeAffinity: some(spec.requiredNodeAffinity),
    tolerations: some(spec.tolerations),
    scheduler: isDefaultScheduler ? undefined : spec.schedulerName,
    claims: spec.resourceClaims === 0 ? undefined : spec.resourceClaims,
    containers: some(spec.containers.map(containerInputs)),
    initContainers: some(spec.initContainers.map(containerInputs)),
  };
}

/** What starts, with which devices. Probes, mounts, labels and CPU may change without a new plan. */
function containerInputs(container: Container): Inputs {
  const { name, image, command, args, env } = container;
  const devices: (readonly [string, string])[] = [];
  for (const entry of container.limits) if (gpuFormOf(entry[0]) !== null) devices.push(entry);
  for (const entry of container.requests) if (gpuFormOf(entry[0]) !== null) devices.push(entry);
  return {
    name,
    image: image === null ? undefined : shortened(image),
    command: words(command),
    args: words(args),
    env: env.length === 0 ? undefined : digest(JSON.stringify(env.map((one) => [one.name, one.value]))),
    devices: some(devices),
  };
}
