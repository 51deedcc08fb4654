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
  const groupSize = workload.groupSize === 1 ? null : workload.groupSize;
  const templates = workload.templates.map(templateInputs);
  const whole = JSON.stringify(present({ ...annotations, groupSize, templates }));
  if (whole.length <= MAX_INPUTS) return whole;
  return JSON.stringify(present({ ...annotations, groupSize, templates: digest(whole) }));
}

function digest(text: string): string {
  return `digest ${contentHash(text)} of ${text.length} characters`;
}

function shortened(text: string): string {
  return text.length <= MAX_TEXT ? text : digest(text);
}

function words(list: readonly string[]): readonly string[] | string {
  let most = 2;
  for (const word of list) most += MOST_ESCAPED * word.length + 3;
  if (most <= MAX_WORDS) return list;
  const text = JSON.stringify(list);
  return text.length <= MAX_WORDS ? list : digest(text);
}

/** `\u001f`: what JSON makes of one character at most. */
const MOST_ESCAPED = 6;

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** The keys are ours, and few. */
function present(inputs: Inputs): Inputs {
  const some: Record<string, unknown> = {};
  for (const key of Object.keys(inputs)) if (!isEmpty(inputs[key])) some[key] = inputs[key];
  return some;
}

/** What an exemption says changes no plan. */
const PLANNED_KEYS = ANNOTATION_KEYS.filter((key) => key !== 'exempt').map((key) => ({
  key,
  annotation: PREFIX + key,
}));

/** By their keys without prefix, which are a closed list. */
function own(annotations: ReadonlyMap<string, unknown>): Inputs {
  const some: Record<string, string> = {};
  if (annotations.size === 0) return some;
  for (const { key, annotation } of PLANNED_KEYS) {
    const value = annotations.get(annotation);
    if (value === undefined) continue;
    some[key] = shortened(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  }
  return some;
}

function templateInputs({ role, annotations, spec }: PodTemplate): Inputs {
  return present({
    role: role === 'pod' ? null : role,
    annotations: own(annotations),
    nodeSelector: [...spec.nodeSelector],
    nodeAffinity: spec.requiredNodeAffinity,
    tolerations: spec.tolerations,
    scheduler: spec.schedulerName === 'default-scheduler' ? null : spec.schedulerName,
    claims: spec.resourceClaims === 0 ? null : spec.resourceClaims,
    containers: spec.containers.map(containerInputs),
    initContainers: spec.initContainers.map(containerInputs),
  });
}

/** What starts, with which devices. Probes, mounts, labels and CPU may change without a new plan. */
function containerInputs(container: Container): Inputs {
  const { name, image, command, args, env } = container;
  const devices: (readonly [string, string])[] = [];
  for (const entry of container.limits) if (gpuFormOf(entry[0]) !== null) devices.push(entry);
  for (const entry of container.requests) if (gpuFormOf(entry[0]) !== null) devices.push(entry);
  return present({
    name,
    image: image === null ? null : shortened(image),
    command: words(command),
    args: words(args),
    env: env.length === 0 ? null : digest(JSON.stringify(env.map((one) => [one.name, one.value]))),
    devices,
  });
}
