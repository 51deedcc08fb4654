import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { packageVersion } from './version.ts';

/**
 * `npm run release:files -- FOLDER`: what a release offers beside image and chart. The command line as one file, the
 * same as a kubectl plugin with its krew manifest, the install manifest, and checksums.
 */

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DOWNLOADS = 'https://github.com/vramgate/vramgate/releases/download';
const PLUGIN = 'kubectl-vramgate';
const SUMS = 'SHA256SUMS';

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

/** Owner, order and times are fixed, so that the same commit gives the same archive. */
function pack(folder: string, archive: string, files: readonly string[]): void {
  const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  const args = [...stable, '-cf', archive, '-I', 'gzip -n', '-C', folder, ...files];
  const { status, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar ended with ${status}: ${stderr}`);
}

/** https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/ */
function krewManifest(version: string, archive: string, digest: string): unknown {
  const platforms = ['linux', 'darwin'].map((os) => ({
    selector: { matchLabels: { os } },
    uri: `${DOWNLOADS}/v${version}/${archive}`,
    sha256: digest,
    bin: PLUGIN,
    files: [
      { from: PLUGIN, to: '.' },
      { from: 'LICENSE', to: '.' },
    ],
  }));
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'vramgate' },
    spec: {
      version: `v${version}`,
      homepage: 'https://github.com/vramgate/vramgate',
      shortDescription: 'Size Llama 4 GPU workloads before they run',
      description:
        'Computes the GPU memory that serving a Llama 4 model needs, judges manifests as the vramgate admission webhook would, and scans what runs in a cluster already.\n',
      caveats: 'Needs Node.js 22.19 or newer on the PATH.\n',
      platforms,
    },
  };
}

async function releaseFiles(target: string): Promise<void> {
  const version = packageVersion(ROOT);
  const scratch = await mkdtemp(join(tmpdir(), 'vramgate-release-'));
  try {
    await mkdir(target, { recursive: true });
    await copyFile(join(ROOT, 'dist', 'vramgate.mjs'), join(scratch, PLUGIN));
    await copyFile(join(ROOT, 'LICENSE'), join(scratch, 'LICENSE'));
    const archive = `${PLUGIN}_v${version}.tar.gz`;
    pack(scratch, join(target, archive), [PLUGIN, 'LICENSE']);
    const manifest = krewManifest(version, archive, await sha256(join(target, archive)));
    await writeFile(join(target, 'krew-vramgate.yaml'), stringify(manifest));
    for (const [from, name] of [
      ['dist/vramgate.mjs', 'vramgate.mjs'],
      ['dist/THIRD-PARTY-LICENSES.txt', 'THIRD-PARTY-LICENSES.txt'],
      ['dist/sbom.cdx.json', 'sbom.cdx.json'],
      ['manifests/install.yaml', 'install.yaml'],
    ] as const) {
      await copyFile(join(ROOT, from), join(target, name));
    }
    const names = (await readdir(target)).filter((name) => name !== SUMS).sort();
    const sums = await Promise.all(
      names.map(async (name) => `${await sha256(join(target, name))}  ${name}\n`),
    );
    await writeFile(join(target, SUMS), sums.join(''));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const [target] = process.argv.slice(2);
if (target === undefined) {
  process.stderr.write('usage: npm run release:files -- FOLDER\n');
  process.exitCode = 2;
} else {
  await releaseFiles(resolve(target));
}
