import type { ChildProcess } from 'node:child_process';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { throwawayCertificate } from '../../src/server/throwaway-certificate.ts';
import { type BuiltImage, type BuiltImages, buildImages, ROOT, readPackage, runInImage } from './image.ts';
import { ARCHITECTURES, type Architecture } from './programs.ts';

const LARGEST_BYTES = 160_000_000;
const NODE = '/nodejs/bin/node';
const ENTRYPOINT = [NODE, '--max-semi-space-size=4', '/app/vramgate.mjs'];
const APP_FILES = ['app/THIRD-PARTY-LICENSES.txt', 'app/sbom.cdx.json', 'app/vramgate.mjs'];
const UNWANTED = ['sh', 'bash', 'dash', 'busybox', 'npm', 'npx', 'apt', 'apt-get', 'dpkg', 'curl', 'wget'];
// elf(5): magic, 64 bit, little-endian; e_machine of EM_X86_64 and EM_AARCH64.
const ELF_64_LITTLE = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const ELF_MACHINES: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };
// What `process.arch` says.
const NODE_ARCH: Readonly<Record<Architecture, string>> = { amd64: 'x64', arm64: 'arm64' };
const RECORDED = new URL(
  '../fixtures/admission-reviews/01-apply-create.user.create.deployment.json',
  import.meta.url,
);

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly bytes: number;
  readonly isFile: boolean;
}

/** Everything below `folder` of `root`, links not followed. /dev is the container's, not the image's. */
function entriesOf(root: string, folder = ''): readonly Entry[] {
  // Not `recursive`, which goes into folders that are links: tzdata's would be counted twice.
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (path === 'dev') return [];
    const stats = lstatSync(join(root, path));
    const entry = { path, mode: stats.mode, bytes: stats.size, isFile: stats.isFile() };
    return stats.isDirectory() ? [entry, ...entriesOf(root, path)] : [entry];
  });
}

let images: BuiltImages;
let configuration = '';
let ca = '';

beforeAll(async () => {
  images = await buildImages();
  const made = await throwawayCertificate(['localhost', '127.0.0.1']);
  ca = made.ca;
  configuration = mkdtempSync(join(tmpdir(), 'vramgate-image-config-'));
  // As a ConfigMap volume is: mkdtemp makes folders that only their owner may enter, and the container has another.
  chmodSync(configuration, 0o755);
  writeFileSync(join(configuration, 'tls.crt'), made.pair.cert);
  writeFileSync(join(configuration, 'tls.key'), made.pair.key);
  writeFileSync(
    join(configuration, 'config.yaml'),
    'server: { host: 127.0.0.1, drainSeconds: 0, stopSeconds: 1 }\n',
  );
});

afterAll(async () => {
  rmSync(configuration, { recursive: true, force: true });
  await images?.remove();
});

describe.each(ARCHITECTURES)('contents on %s', (architecture) => {
  let image: BuiltImage;
  beforeAll(() => {
    image = images.of[architecture];
  });

  it('adds three files to the runtime image and nothing else', () => {
    const base = new Set(entriesOf(image.base).map(({ path }) => path));
    const added = entriesOf(image.root).filter(({ path }) => !base.has(path));
    expect(added.map(({ path }) => path).sort()).toEqual(['app', ...APP_FILES]);
  });

  it('holds no shell, no package manager, and nothing that anybody may write', () => {
    const entries = entriesOf(image.root);
    const programs = entries.filter(({ mode, isFile }) => isFile && (mode & 0o111) !== 0);
    const names = new Set(programs.map(({ path }) => path.split('/').at(-1)));
    expect(UNWANTED.filter((name) => names.has(name))).toEqual([]);
    const loose = entries.filter(({ mode, isFile }) => isFile && (mode & 0o002) !== 0);
    expect(loose.map(({ path }) => path)).toEqual([]);
  });

  it('is at most 160 MB, most of it Node', () => {
    const bytes = entriesOf(image.root).reduce((sum, entry) => sum + (entry.isFile ? entry.bytes : 0), 0);
    expect(bytes).toBeLessThanOrEqual(LARGEST_BYTES);
    expect(lstatSync(join(image.root, NODE)).size).toBeGreaterThan(bytes / 2);
  });

  it('has the Node of that architecture, and says so', () => {
    const elf = readFileSync(join(image.root, NODE)).subarray(0, 20);
    expect(elf.subarray(0, 6)).toEqual(ELF_64_LITTLE);
    expect(elf.readUInt16LE(18)).toBe(ELF_MACHINES[architecture]);
    expect(image.oci.architecture).toBe(architecture);
  });

  it('has the bundle that is built here, to the byte', () => {
    const local = readFileSync(join(ROOT, 'dist', 'vramgate.mjs'));
    expect(readFileSync(join(image.root, 'app', 'vramgate.mjs')).equals(local)).toBe(true);
  });

  it('runs as 65532 by default, and says what it is', () => {
    const { version } = readPackage();
    expect(image.oci.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ENTRYPOINT,
      Cmd: ['serve'],
      Env: expect.arrayContaining(['MALLOC_ARENA_MAX=2']),
      Labels: {
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    });
  });
});

describe('contents on every architecture', () => {
  it('are the same files, to the byte, and the same configuration', () => {
    const { amd64, arm64 } = images.of;
    for (const file of APP_FILES) {
      expect(readFileSync(join(arm64.root, file)).equals(readFileSync(join(amd64.root, file))), file).toBe(
        true,
      );
    }
    expect(arm64.oci.config).toEqual(amd64.oci.config);
  });

  it('name their packages and their licences', () => {
    const { dependencies } = readPackage();
    const app = join(images.of.amd64.root, 'app');
    const sbom = JSON.parse(readFileSync(join(app, 'sbom.cdx.json'), 'utf8')) as {
      readonly components: readonly { readonly name: string; readonly version: string }[];
    };
    const listed = new Map(sbom.components.map(({ name, version }) => [name, version]));
    expect(Object.fromEntries(Object.keys(dependencies).map((name) => [name, listed.get(name)]))).toEqual(
      dependencies,
    );
    expect(readFileSync(join(app, 'THIRD-PARTY-LICENSES.txt'), 'utf8')).toContain('express 5.3.0 (MIT)');
  });
});

describe('Dockerfile', () => {
  it('names nothing of one architecture, so that amd64 and arm64 are built alike', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    expect(dockerfile).not.toMatch(/x86|amd64|arm64|aarch64/i);
  });
});

describe.each(ARCHITECTURES)('%s as uid 65532 on a read-only root', (architecture) => {
  it('cannot write anywhere', async () => {
    const attempt =
      "try { require('fs').writeFileSync('/app/x', '') } catch (e) { console.log(process.arch, process.getuid(), e.code) }";
    const child = runInImage(images.of[architecture], configuration, [NODE, '-e', attempt]);
    expect((await text(child.stdout)).trim()).toBe(`${NODE_ARCH[architecture]} 65532 EROFS`);
  });

  it('reviews objects over HTTPS and ends cleanly on SIGTERM', async () => {
    const files = [
      '--tls-cert-file=/tmp/tls.crt',
      '--tls-private-key-file=/tmp/tls.key',
      '--config=/tmp/config.yaml',
    ];
    const args = [...ENTRYPOINT, 'serve', '--port=0', '--metrics-port=0', ...files];
    const child = runInImage(images.of[architecture], configuration, args);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    try {
      const port = await servingPort(child);
      const allowed = await review(port, {});
      expect(allowed).toMatchObject({ response: { uid: recorded().request.uid, allowed: true } });
      const refused = await review(port, { 'vramgate.io/model': 'scout', 'vramgate.io/context': 'banana' });
      expect(refused).toMatchObject({ response: { allowed: false, status: { code: 422 } } });
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
  });
});

interface Review {
  readonly request: { readonly uid: string; readonly object: { readonly metadata: Record<string, unknown> } };
}

function recorded(): Review {
  return JSON.parse(readFileSync(RECORDED, 'utf8')) as Review;
}

function servingPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const take = (chunk: Buffer): void => {
      printed += chunk.toString('utf8');
      const line = printed.split('\n').find((one) => one.includes('"msg":"serving"'));
      if (line !== undefined) resolve(Number((JSON.parse(line) as { readonly port: number }).port));
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('close', (code) => reject(new Error(`ended with ${code} before it served:\n${printed}`)));
  });
}

/** The recorded request with these annotations on its object, as the API server would send it. */
function review(port: number, annotations: Readonly<Record<string, string>>): Promise<unknown> {
  const body = recorded();
  body.request.object.metadata['annotations'] = annotations;
  const sent = JSON.stringify(body);
  const options = { host: '127.0.0.1', port, servername: 'localhost', path: '/validate', method: 'POST', ca };
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
  return new Promise((resolve, reject) => {
    const call = request({ ...options, headers }, (response) => {
      text(response).then((answer) => resolve(JSON.parse(answer)), reject);
    });
    call.on('error', reject);
    call.end(sent);
  });
}
