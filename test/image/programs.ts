import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, sep } from 'node:path';

/** The programs that build the image and run it. Debian's own; without a registry, and without a daemon. */

/** Architectures of the release, as images name them. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** That of this machine. */
export const NATIVE: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Linked statically: they need nothing of the root file system that they run a program of. */
const EMULATORS: Readonly<Record<Architecture, string>> = {
  amd64: '/usr/bin/qemu-x86_64-static',
  arm64: '/usr/bin/qemu-aarch64-static',
};

/** The program that runs those of another architecture; undefined where the machine runs them itself. */
export function emulatorFor(architecture: Architecture): string | undefined {
  return architecture === NATIVE ? undefined : EMULATORS[architecture];
}

const FILES = [
  // Ubuntu has the keys of Debian's archive in a package of its own.
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  ...ARCHITECTURES.flatMap((architecture) => emulatorFor(architecture) ?? []),
];
const PROGRAMS = ['buildah', 'mmdebstrap', 'unshare', 'chroot'];
const INSTALL = [
  'install',
  '-y',
  '--no-install-recommends',
  'buildah',
  'mmdebstrap',
  'qemu-user-static',
  'debian-archive-keyring',
];
const WHAT_TO_DO = `test:image needs root and: apt-get ${INSTALL.join(' ')}`;

/** Runs to the end. @throws Error with what was printed when the status is not 0. */
export async function run(command: string, args: readonly string[], cwd = '/'): Promise<string> {
  // Colours and the certificates of this machine have no place in a container. `npm run` puts this project's Node
  // first, and an npm that runs on it would not find the settings of the machine.
  const { PATH: path = '', HOME = '/root' } = process.env;
  const own = `${sep}node_modules${sep}`;
  const PATH = path
    .split(delimiter)
    .filter((entry) => !entry.includes(own))
    .join(delimiter);
  const child = spawn(command, args, { cwd, env: { PATH, HOME }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const printed = output.join('');
  if (status === 0) return printed;
  throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${printed}${errors.join('')}`);
}

function missing(): readonly string[] {
  const programs = PROGRAMS.filter((name) => spawnSync('which', [name], { stdio: 'ignore' }).status !== 0);
  return [...programs, ...FILES.filter((file) => !existsSync(file))];
}

/** Installs what a Debian machine lacks. @throws Error that says what to do elsewhere. */
export async function ensurePrograms(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error(WHAT_TO_DO);
  if (missing().length === 0) return;
  try {
    await run('apt-get', ['update']);
    await run('apt-get', INSTALL);
  } catch (error) {
    throw new Error(`${WHAT_TO_DO}\n${error instanceof Error ? error.message : ''}`);
  }
  if (missing().length > 0) throw new Error(`${WHAT_TO_DO}; still missing: ${missing().join(', ')}`);
}
