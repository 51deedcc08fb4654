/**
 * The closed list of findings: what vramgate can say about a user's object. A code is never reused for
 * another meaning; RETIRED_CODES keeps the ones that are gone. Exceptions are for our own faults only.
 */

/**
 * What a finding does to the verdict.
 * `malformed` and `fit` refuse in mode enforce (422 and 403); `unknown`, `capacity` and `unannotated` follow the
 * policy of that name; `warning` is shown; `info` is recorded and shown by the CLI only.
 */
export type FindingKind = 'malformed' | 'fit' | 'unknown' | 'capacity' | 'unannotated' | 'warning' | 'info';

export type Severity = 'error' | 'warning' | 'info';

interface FindingDefinition {
  readonly kind: FindingKind;
  /** One line for the reference table of the README. */
  readonly summary: string;
}

export const FINDINGS = {
  'malformed-annotation': {
    kind: 'malformed',
    summary: 'an annotation holds a value that the contract does not know',
  },
  'annotation-conflict': {
    kind: 'malformed',
    summary: 'the same annotation differs between the object and its pod template',
  },
  'malformed-flag': { kind: 'malformed', summary: 'the engine will refuse a flag or its value' },
  'malformed-object': {
    kind: 'malformed',
    summary: 'the object does not have the shape that its kind promises',
  },
  'does-not-fit': { kind: 'fit', summary: 'the need of one GPU exceeds what the engine may use of it' },
  'gpu-count-too-small': {
    kind: 'fit',
    summary: 'the container asks for fewer GPUs than its flags use, or a variable lets the engine see fewer',
  },
  'gpu-count-missing': { kind: 'fit', summary: 'no GPU is requested, and no count can be filled in' },
  'invalid-parallelism': {
    kind: 'fit',
    summary: 'tensor or pipeline parallelism that this model or engine cannot run',
  },
  'context-too-long': { kind: 'fit', summary: 'the context exceeds what the checkpoint declares' },
  'flag-missing': {
    kind: 'fit',
    summary: 'the engine needs a flag that cannot be added to this command line',
  },
  'placement-conflict': {
    kind: 'fit',
    summary:
      'a node that the scheduler may choose cannot hold the workload, and the author’s placement cannot be narrowed',
  },
  'mig-slice': { kind: 'fit', summary: 'the model does not fit one MIG slice, and slices cannot be joined' },
  'larger-than-a-node': {
    kind: 'fit',
    summary: 'more GPUs are needed than one node has; pipeline parallelism over several nodes is explained',
  },
  'unknown-model': { kind: 'unknown', summary: 'no model is named that the catalog knows' },
  'unknown-value': {
    kind: 'unknown',
    summary: 'a value that decides is behind a ConfigMap, a Secret, a file or a shell expression',
  },
  'unknown-size': { kind: 'unknown', summary: 'no method can size this model in this setting' },
  'unknown-gpu': { kind: 'unknown', summary: 'the requested device has no known memory size' },
  'analysis-limit': { kind: 'unknown', summary: 'the object is beyond the limits of analysis' },
  'not-judged': {
    kind: 'unknown',
    summary:
      'a kind whose controller makes the pods (KServe, Ray, NIM, Dynamo, KAITO …): recognised, not judged here',
  },
  'no-node-fits': { kind: 'capacity', summary: 'no node or pool that is known could ever hold this pod' },
  'surge-deadlock': {
    kind: 'capacity',
    summary: 'the extra pod of a rolling update could never be scheduled',
  },
  unannotated: { kind: 'unannotated', summary: 'serves a Llama 4 model without any vramgate.io annotation' },
  'unknown-key': {
    kind: 'warning',
    summary: 'a vramgate.io/ key that does not exist; the nearest one is named',
  },
  'close-call': {
    kind: 'warning',
    summary: 'fits, but not at the high end of what overheads were measured to be',
  },
  'intent-conflict': {
    kind: 'warning',
    summary: 'annotation and engine flag disagree; the larger need was judged',
  },
  'flag-conflict': {
    kind: 'warning',
    summary:
      'a flag is given more than once, or contradicts the checkpoint; the value that will run was judged',
  },
  'model-from-command-line': {
    kind: 'warning',
    summary: 'no model annotation: the model was read from the command line',
  },
  'ambiguous-container': {
    kind: 'warning',
    summary: 'several GPU containers could be the server; judged as their sum, never patched',
  },
  'unused-gpus': { kind: 'warning', summary: 'more GPUs are requested than the engine’s parallel flags use' },
  'spills-to-cpu': {
    kind: 'warning',
    summary: 'does not fit the GPUs; the engine will run the rest on the CPU, slowly',
  },
  'unreleased-model': {
    kind: 'warning',
    summary: 'the model was never released; published estimates were used',
  },
  'load-peak': { kind: 'warning', summary: 'fits once loaded, but loading needs more memory for a while' },
  'quantization-not-native': {
    kind: 'warning',
    summary: 'the GPU has no native arithmetic for this format; memory is saved, speed is not',
  },
  'missing-shm': { kind: 'warning', summary: 'tensor parallelism without a memory-backed /dev/shm volume' },
  'memory-limit-low': {
    kind: 'warning',
    summary: 'the container’s memory limit is smaller than what loading needs',
  },
  'still-undersized': { kind: 'warning', summary: 'does not fit, as before this change; not refused for it' },
  'placement-stale': { kind: 'warning', summary: 'the placement set earlier matches no node known now' },
  'shared-gpu': { kind: 'warning', summary: 'time-sliced or MPS-shared GPUs: memory is not exclusive' },
  'inventory-unknown': { kind: 'warning', summary: 'the cluster’s GPUs are not known: no placement was set' },
  'exemption-unusable': {
    kind: 'warning',
    summary: 'the exempt annotation holds no usable reason, or its writer may not exempt',
  },
  'no-free-gpus': {
    kind: 'info',
    summary: 'no node that it may land on has that many GPUs free now: it waits until some are freed',
  },
  'assumed-costlier': { kind: 'info', summary: 'a fact is not known; the costlier case was assumed' },
  'default-context': {
    kind: 'warning',
    summary: 'no context is set: the engine takes the checkpoint’s maximum',
  },
  'placement-left-alone': {
    kind: 'info',
    summary: 'Kueue, a DRA claim or another scheduler owns the placement',
  },
  'immutable-template': {
    kind: 'info',
    summary: 'the pod template cannot be changed any more; nothing was patched',
  },
  'owned-elsewhere': { kind: 'info', summary: 'a controller owns this object and would undo a patch' },
  exempt: { kind: 'info', summary: 'exempted by its author, with a reason' },
  'value-set': { kind: 'info', summary: 'a value that the author left out was filled in' },
} as const satisfies Record<string, FindingDefinition>;

export type FindingCode = keyof typeof FINDINGS;

export function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(FINDINGS, code);
}

/** Codes that were published once and must not come back with another meaning. */
export const RETIRED_CODES: readonly string[] = [];

/** A path into the object as given: member names and array indices, from its root. */
export type JsonPath = readonly (string | number)[];

export interface Finding {
  readonly code: FindingCode;
  readonly path: JsonPath;
  /** One sentence, no line breaks, figures included; for a person. */
  readonly message: string;
}

export function finding(code: FindingCode, path: JsonPath, message: string): Finding {
  return { code, path, message };
}

export function kindOf(code: FindingCode): FindingKind {
  return FINDINGS[code].kind;
}

export function severityOf(code: FindingCode): Severity {
  const kind = kindOf(code);
  if (kind === 'malformed' || kind === 'fit') return 'error';
  return kind === 'info' ? 'info' : 'warning';
}

const PLAIN_MEMBER = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `spec.template.metadata.annotations[vramgate.io/context]`, as Kubernetes prints field paths. */
export function formatPath(path: JsonPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (PLAIN_MEMBER.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${step}]`;
  }
  return text;
}
