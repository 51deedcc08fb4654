import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { catalogForEsbuild } from '../../src/build/catalog-plugin.ts';
import { versionDefine } from '../../src/build/version.ts';

/**
 * `npm run bench [name …]`: each `*.bench.ts` of this folder is bundled as the product is and run in a process of
 * its own. A benchmark prints its figures as ratios and exits with 1 when one is over its limit. No test runs these.
 */

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const SUFFIX = '.bench.ts';

async function names(wanted: readonly string[]): Promise<readonly string[]> {
  const all = (await readdir(HERE))
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length));
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0)
    throw new Error(`no benchmark is called ${unknown.join(', ')}; there are ${all.join(', ')}`);
  return (wanted.length > 0 ? wanted : all).toSorted();
}

async function run(name: string, folder: string): Promise<boolean> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(HERE, `${name}${SUFFIX}`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    packages: 'external',
    define: { ...versionDefine(ROOT) },
    plugins: [catalogForEsbuild()],
    logLevel: 'warning',
  });
  process.stdout.write(`== ${name}\n`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', outfile], {
    stdio: 'inherit',
    timeout: 600_000,
  });
  return status === 0;
}

async function main(): Promise<void> {
  // Inside the repository, so that packages resolve.
  const folder = await mkdtemp(join(HERE, '.bundle-'));
  try {
    const results: boolean[] = [];
    for (const name of await names(process.argv.slice(2))) results.push(await run(name, folder));
    process.exitCode = results.every(Boolean) ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
