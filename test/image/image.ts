import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Architecture, emulatorFor, ensurePrograms, NATIVE, run } from './programs.ts';
import { type BaseImages, buildStandIns, type ProjectNode } from './stand-ins.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const TAG = 'localhost/vramgate:test';

/** A mounted image of one architecture, and the one that it was made from. */
export interface BuiltImage {
  readonly architecture: Architecture;
  /** Root file system of the result. */
  readonly root: string;
  /** Root file system of its base. */
  readonly base: string;
  /** The image's configuration in OCI's form: architecture, and what a container of it starts with. */
  readonly oci: { readonly architecture: string; readonly config: unknown };
}

export interface BuiltImages {
  readonly of: Readonly<Record<Architecture, BuiltImage>>;
  readonly remove: () => Promise<void>;
}

interface PackageFile {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export function readPackage(): PackageFile {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as PackageFile;
}

function projectNode(): ProjectNode {
  const { node: version } = readPackage().devDependencies;
  if (version === undefined) throw new Error('package.json pins no Node');
  return { path: join(ROOT, 'node_modules', 'node', 'bin', 'node'), version };
}

/** The ARGs of the Dockerfile by their tags: a stand-in cannot have the digest of the original. */
function baseImages(): BaseImages {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const argument = (name: string): string => {
    const value = new RegExp(`^ARG ${name}=(\\S+)@sha256:[0-9a-f]{64}$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`the Dockerfile has no ARG ${name} that is pinned by a digest`);
    return value;
  };
  return { build: argument('BUILD_IMAGE'), runtime: argument('RUNTIME_IMAGE') };
}

/** npm's settings of this machine in one file, for the stage that runs `npm ci`: registry and CA. */
async function npmSettings(folder: string): Promise<string> {
  const files = await Promise.all(
    ['globalconfig', 'userconfig'].map(async (key) => (await run('npm', ['config', 'get', key])).trim()),
  );
  const readIfThere = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  const file = join(folder, 'npmrc');
  writeFileSync(file, files.map(readIfThere).join('\n'), { mode: 0o600 });
  return file;
}

type Buildah = (...args: readonly string[]) => Promise<string>;

/**
 * Runs the Dockerfile step by step for one architecture and mounts what comes out. Without `--layers`: buildah 1.28 takes
 * the steps of another architecture from that cache.
 */
async function build(
  buildah: Buildah,
  architecture: Architecture,
  images: BaseImages,
  npmrc: string,
): Promise<BuiltImage> {
  const tag = `${TAG}-${architecture}`;
  const volumes = ['-v', `${npmrc}:/root/.npmrc:ro`, '-v', '/etc/ssl/certs:/etc/ssl/certs:ro'];
  const options = ['--isolation', 'chroot', '--pull-never', '--network', 'host', '--timestamp', '0'];
  const args = [
    `--platform=linux/${architecture}`,
    // buildx sets it; buildah 1.28 does not for `FROM --platform`.
    `--build-arg=BUILDPLATFORM=linux/${NATIVE}`,
    `--build-arg=BUILD_IMAGE=${images.build}`,
    `--build-arg=RUNTIME_IMAGE=${images.runtime}`,
  ];
  await buildah('bud', '--quiet', ...options, ...args, ...volumes, '-t', tag, ROOT);
  const mount = async (name: string): Promise<string> => {
    const container = (await buildah('from', '--pull-never', `--arch=${architecture}`, name)).trim();
    return (await buildah('mount', container)).trim();
  };
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', tag)) as {
    readonly OCIv1: BuiltImage['oci'];
  };
  return { architecture, root: await mount(tag), base: await mount(images.runtime), oci: inspected.OCIv1 };
}

/** Builds the image for both architectures. Their store is a folder of its own. */
export async function buildImages(): Promise<BuiltImages> {
  await ensurePrograms();
  const folder = mkdtempSync(join(tmpdir(), 'vramgate-image-'));
  const store = [
    '--root',
    join(folder, 'store'),
    '--runroot',
    join(folder, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const buildah: Buildah = (...args) => run('buildah', [...store, ...args]);
  const images = baseImages();
  const remove = async (): Promise<void> => {
    // Unmounts first: what is still mounted cannot be deleted.
    await buildah('umount', '--all').catch(() => '');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await buildStandIns(['buildah', ...store], projectNode(), images);
    const npmrc = await npmSettings(folder);
    const amd64 = await build(buildah, 'amd64', images, npmrc);
    const arm64 = await build(buildah, 'arm64', images, npmrc);
    return { of: { amd64, arm64 }, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

// What a restricted pod gets: nothing can be written, nobody is root; here by a mount namespace of its own.
// `exec` all the way, so that a signal to this child reaches node.
const READ_ONLY = `set -e
root=$1; configuration=$2; shift 2
mount --bind "$root" "$root"
mount --bind "$configuration" "$root/tmp"
mount -o remount,bind,ro,nosuid,nodev "$root"
mount -o remount,bind,ro,nosuid,nodev "$root/tmp"
exec env -i "$(command -v chroot)" --userspec=65532:65532 "$root" "$@"`;

/**
 * Runs `args` in the image as a restricted pod would, with `configuration` as /tmp; one of another architecture by
 * qemu, which is put there.
 */
export function runInImage(
  image: BuiltImage,
  configuration: string,
  args: readonly string[],
): ChildProcessByStdio<null, Readable, Readable> {
  const emulator = emulatorFor(image.architecture);
  if (emulator !== undefined) copyFileSync(emulator, join(configuration, 'emulator'));
  const command = [
    '-m',
    '--propagation',
    'private',
    'bash',
    '-c',
    READ_ONLY,
    'bash',
    image.root,
    configuration,
    ...(emulator === undefined ? args : ['/tmp/emulator', ...args]),
  ];
  return spawn('unshare', command, { stdio: ['ignore', 'pipe', 'pipe'] });
}
