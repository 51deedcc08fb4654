import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
};

interface Krew {
  readonly spec: {
    readonly version: string;
    readonly platforms: readonly { readonly uri: string; readonly sha256: string; readonly bin: string }[];
  };
}

let folder = '';
let again = '';

function make(target: string): void {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'src/build/release-files.ts'), target], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vramgate-release-'));
  again = mkdtempSync(join(tmpdir(), 'vramgate-release-'));
  make(folder);
  make(again);
});
afterAll(() => {
  for (const one of [folder, again]) rmSync(one, { recursive: true, force: true });
});

describe('release files', () => {
  it('are the same from the same sources', () => {
    const sums = (target: string): string => readFileSync(join(target, 'SHA256SUMS'), 'utf8');
    expect(sums(folder)).toBe(sums(again));
  });

  it('have the digests that SHA256SUMS names', () => {
    const { status, stdout } = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect([status, stdout.trim().split('\n').length]).toEqual([0, readdirSync(folder).length - 1]);
  });

  it('hold a krew manifest for the archive beside it', () => {
    const { spec } = parse(readFileSync(join(folder, 'krew-vramgate.yaml'), 'utf8')) as Krew;
    expect(spec.version).toBe(`v${version}`);
    for (const { uri, sha256 } of spec.platforms) {
      expect(sha256).toBe(digest(join(folder, uri.split('/').at(-1) ?? '')));
    }
  });

  it('unpack to a program that kubectl finds as a plugin', () => {
    const { spec } = parse(readFileSync(join(folder, 'krew-vramgate.yaml'), 'utf8')) as Krew;
    const [platform] = spec.platforms;
    const target = join(folder, 'unpacked');
    mkdirSync(target);
    spawnSync('tar', ['-xzf', join(folder, platform?.uri.split('/').at(-1) ?? ''), '-C', target]);
    // `#!/usr/bin/env node`, so the Node of this project has to come first.
    const env = { PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH']}` };
    const { stdout } = spawnSync(join(target, platform?.bin ?? ''), ['--version'], { env, encoding: 'utf8' });
    expect(stdout).toBe(`${version}\n`);
    expect(platform?.bin).toMatch(/^kubectl-/);
  });
});

describe('one version', () => {
  it.each([
    ['charts/vramgate/Chart.yaml', /^version: (\S+)$/m],
    ['charts/vramgate/Chart.yaml', /^appVersion: (\S+)$/m],
    ['charts/vramgate/Chart.yaml', /image: ghcr\.io\/vramgate\/vramgate:(\S+)$/m],
    ['Dockerfile', /^ARG VERSION=(\S+)$/m],
    ['.pre-commit-hooks.yaml', /ghcr\.io\/vramgate\/vramgate:(\S+) check /m],
    ['manifests/install.yaml', /image: ghcr\.io\/vramgate\/vramgate:(\S+)$/m],
  ])('%s has that of package.json', (file, pattern) => {
    expect(pattern.exec(readFileSync(join(ROOT, file), 'utf8'))?.[1]).toBe(version);
  });
});

it('package.json names the repository of the workflow, or the npm registry takes no provenance', () => {
  const { repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly repository?: { readonly url: string };
  };
  const labelled = /image\.source="([^"]+)"/.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1];
  expect(repository?.url).toBe(`git+${labelled}.git`);
});

describe('workflows', () => {
  it.each(readdirSync(join(ROOT, '.github/workflows')))('%s pins every action by its commit', (file) => {
    const uses = [...readFileSync(join(ROOT, '.github/workflows', file), 'utf8').matchAll(/uses: (\S+)/g)];
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.map(([, action]) => action).filter((action) => !/@[0-9a-f]{40}$/.test(action ?? ''))).toEqual(
      [],
    );
  });
});
