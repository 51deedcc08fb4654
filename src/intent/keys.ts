/** The annotation keys of the contract (§2), without their prefix. */
export const PREFIX = 'vramgate.io/';

export const ANNOTATION_KEYS = [
  'model',
  'context',
  'quantization',
  'kv-cache-dtype',
  'concurrency',
  'engine',
  'engine-version',
  'engine-args',
  'container',
  'workload',
  'training-method',
  'gpu',
  'exempt',
] as const;
export type AnnotationKey = (typeof ANNOTATION_KEYS)[number];

/** Written by the webhook: what it set, and from which inputs. */
export const APPLIED_KEY = `${PREFIX}applied`;

/** Label of a namespace, not an annotation of a workload. */
export const MODE_KEY = `${PREFIX}mode`;

const KNOWN_KEYS: ReadonlySet<string> = new Set(ANNOTATION_KEYS);

export function isAnnotationKey(name: string): name is AnnotationKey {
  return KNOWN_KEYS.has(name);
}
