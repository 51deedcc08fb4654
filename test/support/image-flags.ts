import { readFileSync } from 'node:fs';

const DOCKERFILE = new URL('../../Dockerfile', import.meta.url);

/** Flags of Node in the ENTRYPOINT of the Dockerfile: what is run elsewhere as the image runs it needs them too. */
export function imageFlags(): readonly string[] {
  const line = /^ENTRYPOINT (.*)$/m.exec(readFileSync(DOCKERFILE, 'utf8'))?.[1] ?? '[]';
  return (JSON.parse(line) as readonly string[]).filter((word) => word.startsWith('--'));
}
