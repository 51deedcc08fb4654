import { createRecall } from '../recall.ts';
import type { Container } from '../workload/types.ts';

/** An image reference taken apart; registry and organisation stay in `repository`. */
export interface ImageReference {
  /** `vllm/vllm-openai`, `registry.corp:5000/mirror/vllm-openai`; lower case. */
  readonly repository: string;
  /** Last segment of the repository: what mirrors keep. */
  readonly name: string;
  readonly tag: string | null;
}

/** References in one cluster are some hundreds. */
const images = createRecall<ImageReference>(256);

/** The same reference for the same text. */
export function readImage({ image }: Container): ImageReference | null {
  return image === null || image === '' ? null : images(image, () => readReference(image));
}

function readReference(image: string): ImageReference {
  const [reference = ''] = image.split('@', 1);
  const slash = reference.lastIndexOf('/');
  const colon = reference.lastIndexOf(':');
  const hasTag = colon > slash;
  const repository = (hasTag ? reference.slice(0, colon) : reference).toLowerCase();
  const tag = hasTag ? reference.slice(colon + 1) : null;
  return { repository, name: repository.slice(slash + 1), tag };
}

const RELEASE = /^v?(\d{1,4}\.\d{1,4}(?:\.\d{1,6}){0,2}(?:\.?post\d{1,4})?(?:\.?rc\d{1,4})?)(?=$|[-_+])/;

/** Vendors tag by year and month (`25.09-py3`): no release of the engine. */
const FIRST_CALENDAR_MAJOR = 20;

/** Tags in one cluster are some hundreds. */
const releases = createRecall<string | null>(256);

/** `v0.11.0-cu128` is 0.11.0; `latest`, `nightly` and digests say nothing. */
export function releaseOf(tag: string | null): string | null {
  return tag === null ? null : releases(tag, () => readRelease(tag));
}

function readRelease(tag: string): string | null {
  const release = RELEASE.exec(tag)?.[1];
  if (release === undefined || Number.parseInt(release, 10) >= FIRST_CALENDAR_MAJOR) return null;
  return release;
}
