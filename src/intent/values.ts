import { findGpus, gpuNames, nearest } from '../catalog/resolve.ts';
import type { Catalog } from '../catalog/types.ts';
import { ENGINE_NAMES, type EngineName } from '../engine/types.ts';
import { type Finding, finding } from '../findings.ts';
import type { Annotations } from './annotations.ts';
import type { AnnotationKey } from './keys.ts';
import { parseTokens } from './tokens.ts';
import type { Stated } from './types.ts';

/** Readers of single annotation values. Each gives null for an absent key, and a finding for a malformed value. */

function choose<T extends string>(
  annotations: Annotations,
  key: AnnotationKey,
  allowed: readonly T[],
  findings: Finding[],
): T | null {
  const value = annotations.values.get(key);
  if (value === undefined) return null;
  const wanted = value.text.toLowerCase();
  const found = allowed.find((one) => one === wanted);
  if (found !== undefined) return found;
  findings.push(finding('malformed-annotation', value.path, `must be one of: ${allowed.join(', ')}`));
  return null;
}

export function readEngineName(annotations: Annotations, findings: Finding[]): EngineName | null {
  return choose(annotations, 'engine', ENGINE_NAMES, findings);
}

export function readWorkloadKind(annotations: Annotations, findings: Finding[]): 'inference' | 'training' {
  return choose(annotations, 'workload', ['inference', 'training'], findings) ?? 'inference';
}

export type TrainingMethod = 'full' | 'bf16-adamw' | 'lora' | 'qlora';

export const TRAINING_METHODS: readonly TrainingMethod[] = ['full', 'bf16-adamw', 'lora', 'qlora'];

export function readTrainingMethod(annotations: Annotations, findings: Finding[]): TrainingMethod | null {
  return choose(annotations, 'training-method', TRAINING_METHODS, findings);
}

export function readContextTokens(annotations: Annotations, findings: Finding[]): Stated<number> | null {
  const value = annotations.values.get('context');
  if (value === undefined) return null;
  const parsed = parseTokens(value.text);
  if (parsed !== null) return { value: parsed, origin: { from: 'annotation', path: value.path } };
  const message = 'not a number of tokens; write 131072, 128K (powers of 1024) or 128k (powers of 1000)';
  findings.push(finding('malformed-annotation', value.path, message));
  return null;
}

const SMALL_COUNT = /^[1-9]\d{0,5}$/;

export function readConcurrency(annotations: Annotations, findings: Finding[]): Stated<number> {
  const value = annotations.values.get('concurrency');
  if (value === undefined) return { value: 1, origin: { from: 'engine-default', path: [] } };
  if (SMALL_COUNT.test(value.text)) {
    return { value: Number(value.text), origin: { from: 'annotation', path: value.path } };
  }
  findings.push(
    finding('malformed-annotation', value.path, 'must be a whole number of sequences from 1 to 999999'),
  );
  return { value: 1, origin: { from: 'engine-default', path: [] } };
}

/** A release, or a build of llama.cpp. */
const VERSION = /^v?(b\d{3,6}|\d{1,4}(?:\.\d{1,4}){1,3}(?:[.-]?(?:post|rc|dev)\d{1,6})?)(?:\+[\w.]{1,32})?$/;

export function readEngineVersion(annotations: Annotations, findings: Finding[]): Stated<string> | null {
  const value = annotations.values.get('engine-version');
  if (value === undefined) return null;
  const version = VERSION.exec(value.text)?.[1];
  if (version !== undefined) return { value: version, origin: { from: 'annotation', path: value.path } };
  findings.push(finding('malformed-annotation', value.path, 'must be a version such as 0.11.0'));
  return null;
}

const MAX_PRODUCTS = 32;

/** Catalog products that the author accepts, families expanded; null when any will do. */
export function readGpus(
  catalog: Catalog,
  annotations: Annotations,
  findings: Finding[],
): readonly string[] | null {
  const value = annotations.values.get('gpu');
  if (value === undefined) return null;
  const products = new Set<string>();
  const words = value.text.split(',', MAX_PRODUCTS + 1).map((word) => word.trim());
  if (words.length > MAX_PRODUCTS) {
    findings.push(finding('malformed-annotation', value.path, `at most ${MAX_PRODUCTS} GPU products`));
    return null;
  }
  for (const word of words) {
    const found = findGpus(catalog, word);
    for (const gpu of found) products.add(gpu.product);
    if (found.length === 0) findings.push(unknownProduct(catalog, word, value.path));
  }
  // Nothing but unknown names: the finding refuses, and no GPU is made impossible by it.
  return products.size === 0 ? null : [...products];
}

function unknownProduct(catalog: Catalog, word: string, path: Finding['path']): Finding {
  const close = nearest(gpuNames(catalog), word.slice(0, 96), 3);
  const hint = close.length > 0 ? `; nearest: ${close.join(', ')}` : '';
  return finding(
    'malformed-annotation',
    path,
    `“${word.slice(0, 64)}” is not a GPU product that the catalog knows${hint}`,
  );
}
