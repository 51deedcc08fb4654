import { readdirSync, readFileSync } from 'node:fs';
import { handleReview, type Outcome, type Webhook } from '../../src/admission/handle.ts';
import { applyPatch, type PatchOperation } from '../../src/admission/json-patch.ts';
import { readReview } from '../../src/admission/review.ts';
import { loadFacts } from '../../src/commands/facts.ts';
import { textAt } from '../../src/commands/judge.ts';
import { type Manifest, type ManifestObject, readText } from '../../src/commands/manifests/manifests.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { decisionRecord, identifyRecord } from '../../src/pipeline/record.ts';
import { createReview } from '../demo/create-review.ts';

/** The manifests of manifests/examples, judged over the nodes of manifests/inventory.yaml by the default policy. */

const MANIFESTS = new URL('../../manifests/', import.meta.url).pathname;
export const EXAMPLES_DIR = `${MANIFESTS}examples`;
export const EXAMPLES_INVENTORY = `${MANIFESTS}inventory.yaml`;
export const EXAMPLE_FACTS = await loadFacts(null, EXAMPLES_INVENTORY);

export interface Example {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  readonly manifest: Manifest;
}

export const EXAMPLES: readonly Example[] = readdirSync(EXAMPLES_DIR)
  .sort()
  .map((name) => {
    const path = `${EXAMPLES_DIR}/${name}`;
    const text = readFileSync(path, 'utf8');
    return { name, path, text, manifest: readText(name, text) };
  });

export const EXAMPLE_OBJECTS: readonly ManifestObject[] = EXAMPLES.flatMap(
  ({ manifest }) => manifest.objects,
);

/** `scout-helm.yaml:3 Deployment`. */
export function titleOf({ file, line, object }: ManifestObject): string {
  return `${file}:${line} ${textAt(object, 'kind')}`;
}

const UID = '00000000-0000-4000-8000-000000000000';

export function answer(object: unknown, webhook: Webhook): Outcome {
  const reading = readReview(createReview(object, UID));
  if (reading.kind !== 'review') throw new Error(reading.message);
  const arrival = { review: reading.review, webhook, time: '2026-11-25T12:00:00.000Z' };
  return handleReview(arrival, EXAMPLE_FACTS, {
    decide,
    record: decisionRecord,
    identify: identifyRecord,
  });
}

export function patchOf({ answer: { response } }: Outcome): readonly PatchOperation[] {
  return response.patch === undefined ? [] : JSON.parse(Buffer.from(response.patch, 'base64').toString());
}

/** As the API server does: the mutating webhook first, the validating one on what that left. */
export function admit(object: unknown): { readonly mutate: Outcome; readonly validate: Outcome } {
  const mutate = answer(object, 'mutate');
  return { mutate, validate: answer(applyPatch(object, patchOf(mutate)), 'validate') };
}
