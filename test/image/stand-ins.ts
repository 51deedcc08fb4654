import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './programs.ts';

/**
 * Local images with the names of the base images, for machines that reach no registry: Debian's packages, the Node of
 * this project and npm from the npm registry. They show that the Dockerfile runs and that its result lives on no more
 * than a distroless image has; they are not those images.
 */

const SUITE = 'bookworm';
const NPM = 'npm@11.21.2';
// What `ldd node` asks for, and what a distroless Node image adds to it.
const RUNTIME_PACKAGES = 'libc6,libstdc++6,libgcc-s1,ca-certificates,tzdata';

const BUILDER = `FROM scratch
ADD base.tar /
COPY node /usr/local/bin/node
COPY package /usr/local/lib/node_modules/npm
RUN ["ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm"]
RUN ["ln", "-s", "../lib/node_modules/npm/bin/npx-cli.js", "/usr/local/bin/npx"]
`;

const RUNTIME = `FROM scratch
ADD runtime.tar /
COPY node /nodejs/bin/node
USER 65532
ENTRYPOINT ["/nodejs/bin/node"]
`;

export interface BaseImages {
  readonly build: string;
  readonly runtime: string;
}

function cacheRoot(): string {
  const { XDG_CACHE_HOME: given } = process.env;
  return join(given === undefined || given === '' ? join(homedir(), '.cache') : given, 'vramgate', 'image');
}

async function makeRootFileSystems(folder: string): Promise<void> {
  const slim = ['--quiet', '--variant=minbase', '--include=ca-certificates', SUITE, join(folder, 'base.tar')];
  await run('mmdebstrap', slim);
  const bare = ['--quiet', '--variant=extract', `--include=${RUNTIME_PACKAGES}`, SUITE];
  await run('mmdebstrap', [...bare, join(folder, 'runtime.tar')]);
  // The machine's own npm fetches it, with the registry and the CA that it is set up for.
  await run('npm', ['pack', '--silent', '--pack-destination', folder, NPM], folder);
  await run('tar', ['-xzf', join(folder, `${NPM.replace('@', '-')}.tgz`), '-C', folder]);
}

/** Takes minutes once; the folder is kept, and its name says what is in it. */
async function rootFileSystems(): Promise<string> {
  const recipe = createHash('sha256').update([SUITE, NPM, RUNTIME_PACKAGES].join('\0')).digest('hex');
  const folder = join(cacheRoot(), recipe.slice(0, 16));
  if (existsSync(folder)) return folder;
  await mkdir(cacheRoot(), { recursive: true });
  const scratch = await mkdtemp(`${folder}.making-`);
  try {
    await makeRootFileSystems(scratch);
    await rename(scratch, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return folder;
}

/** Builds both stand-ins into the store of `buildah`, whose command line it is. */
export async function buildStandIns(
  buildah: readonly string[],
  node: string,
  images: BaseImages,
): Promise<void> {
  const folder = await rootFileSystems();
  await copyFile(node, join(folder, 'node'));
  const [command = '', ...options] = buildah;
  for (const [tag, text] of [
    [images.build, BUILDER],
    [images.runtime, RUNTIME],
  ] as const) {
    const file = join(folder, 'Dockerfile');
    await writeFile(file, text);
    const args = ['bud', '--quiet', '--isolation', 'chroot', '--pull-never', '-t', tag, '-f', file, folder];
    await run(command, [...options, ...args]);
  }
}
