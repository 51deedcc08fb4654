import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ensurePrograms, run } from './programs.ts';
import { type BaseImages, buildStandIns } from './stand-ins.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NODE = join(ROOT, 'node_modules', 'node', 'bin', 'node');
const TAG = 'localhost/vramgate:test';

/** A mounted image, and the one that it was made from. */
export interface BuiltImage {
  /** Root file system of the result. */
  readonly root: string;
  /** Root file system of its base. */
  readonly base: string;
  readonly config: unknown;
  readonly remove: () => Promise<void>;
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

/** Runs the Dockerfile step by step and mounts what comes out. Its store is a folder of its own. */
export async function buildImage(): Promise<BuiltImage> {
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
  const buildah = (...args: readonly string[]): Promise<string> => run('buildah', [...store, ...args]);
  const images = baseImages();
  const remove = async (): Promise<void> => {
    // Unmounts first: what is still mounted cannot be deleted.
    await buildah('umount', '--all').catch(() => '');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await buildStandIns(['buildah', ...store], NODE, images);
    const npmrc = await npmSettings(folder);
    const volumes = ['-v', `${npmrc}:/root/.npmrc:ro`, '-v', '/etc/ssl/certs:/etc/ssl/certs:ro'];
    const options = ['--isolation', 'chroot', '--pull-never', '--network', 'host', '--timestamp', '0'];
    const standIns = [
      `--build-arg=BUILD_IMAGE=${images.build}`,
      `--build-arg=RUNTIME_IMAGE=${images.runtime}`,
    ];
    await buildah('bud', '--quiet', ...options, ...standIns, ...volumes, '-t', TAG, ROOT);
    const mount = async (tag: string): Promise<string> => {
      const container = (await buildah('from', '--pull-never', tag)).trim();
      return (await buildah('mount', container)).trim();
    };
    const inspected = JSON.parse(await buildah('inspect', '--type', 'image', TAG)) as {
      OCIv1?: { config?: unknown };
    };
    return {
      root: await mount(TAG),
      base: await mount(images.runtime),
      config: inspected.OCIv1?.config,
      remove,
    };
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

/** Runs `args` in the image as a restricted pod would, with `configuration` as /tmp. */
export function runInImage(
  root: string,
  configuration: string,
  args: readonly string[],
): ChildProcessByStdio<null, Readable, Readable> {
  const command = [
    '-m',
    '--propagation',
    'private',
    'bash',
    '-c',
    READ_ONLY,
    'bash',
    root,
    configuration,
    ...args,
  ];
  return spawn('unshare', command, { stdio: ['ignore', 'pipe', 'pipe'] });
}
