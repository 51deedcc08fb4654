import { readFileSync } from 'node:fs';

/** What the Dockerfile gives to Node: what is run elsewhere as the image runs it needs the same. From the repository's root. */
function dockerfile(): string {
  return readFileSync('Dockerfile', 'utf8');
}

/** Flags of Node in the ENTRYPOINT. */
export function imageFlags(): readonly string[] {
  const line = /^ENTRYPOINT (.*)$/m.exec(dockerfile())?.[1] ?? '[]';
  return (JSON.parse(line) as readonly string[]).filter((word) => word.startsWith('--'));
}

/** Variables that ENV sets. */
export function imageEnvironment(): Readonly<Record<string, string>> {
  const variables = [...dockerfile().matchAll(/^ENV (\w+)=(\S+)$/gm)];
  return Object.fromEntries(variables.map(([, name = '', value = '']) => [name, value]));
}
