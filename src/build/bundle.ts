import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';
import { dropKubernetesApiClasses, dropUnused, loadBuiltinsLate } from './bundle-plugins.ts';
import { catalogForEsbuild } from './catalog-plugin.ts';
import { asComment, fileOfPart, LATE_PARTS, lateEntry, putOff } from './late-parts.ts';
import { billOfMaterials, notices, type ThirdParty, thirdParties } from './third-party.ts';
import { packageVersion, versionDefine } from './version.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OUT_DIR = join(ROOT, 'dist');
const OUT_FILE = join(OUT_DIR, 'vramgate.mjs');

// CommonJS packages ask for these three, which an ES module does not have. The aliases keep the names of
// the imports out of the way of the source: esbuild renames nothing to make room for a banner.
const BANNER = [
  '#!/usr/bin/env node',
  "import { createRequire as __bannerCreateRequire } from 'node:module';",
  "import { dirname as __bannerDirname } from 'node:path';",
  "import { fileURLToPath as __bannerFileUrlToPath } from 'node:url';",
  'const require = __bannerCreateRequire(import.meta.url);',
  'const __filename = __bannerFileUrlToPath(import.meta.url);',
  'const __dirname = __bannerDirname(__filename);',
].join('\n');

const SHARED: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node22',
  mainFields: ['module', 'main'],
  define: { ...versionDefine(ROOT) },
  // Names stay whole: they appear in stack traces and, for some packages, in messages. Shorter syntax makes nothing faster;
  // it leaves the arm64 image 80 KB more of its limit (test/image), which has 0.3 MB to go.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
};

function plugins(): Plugin[] {
  return [catalogForEsbuild(), dropKubernetesApiClasses(), dropUnused(), loadBuiltinsLate()];
}

function textOf(result: { readonly outputFiles: readonly OutputFile[] }, suffix: string): string {
  const file = result.outputFiles.find((one) => one.path.endsWith(suffix));
  if (file === undefined) throw new Error(`the bundler wrote no *${suffix}`);
  return file.text;
}

interface Part {
  readonly code: string;
  readonly map: string;
  /** What it was made from, relative to the repository. */
  readonly inputs: readonly string[];
}

async function builtPart(options: BuildOptions, suffix: string): Promise<Part> {
  const result = await build({ ...SHARED, ...options, sourcemap: 'external', metafile: true, write: false });
  const inputs = Object.keys(result.metafile.inputs);
  return { code: textOf(result, suffix), map: textOf(result, '.map'), inputs };
}

/** The command line with what starts at once; other commands are only named, and collected in `late`. */
function firstPart(late: Set<string>): Promise<Part> {
  return builtPart(
    {
      entryPoints: ['src/cli.ts'],
      outfile: OUT_FILE,
      format: 'esm',
      banner: { js: BANNER },
      plugins: [putOff({ late, root: ROOT, part: null }), ...plugins()],
    },
    '.mjs',
  );
}

function latePart(part: string, late: Set<string>): Promise<Part> {
  return builtPart(
    {
      stdin: { contents: lateEntry(part, late), resolveDir: ROOT, loader: 'js' },
      outfile: join(OUT_DIR, fileOfPart(part)),
      format: 'cjs',
      plugins: [putOff({ late, root: ROOT, part }), ...plugins()],
    },
    '.cjs',
  );
}

/** What is in the bundle: for a person with a right to know, and for a scanner, which cannot look into one file. */
async function describe(packages: readonly ThirdParty[]): Promise<void> {
  await writeFile(join(OUT_DIR, 'THIRD-PARTY-LICENSES.txt'), notices(packages));
  const bill = JSON.stringify(billOfMaterials(packageVersion(ROOT), packages), null, 1);
  await writeFile(join(OUT_DIR, 'sbom.cdx.json'), `${bill}\n`);
}

async function bundle(): Promise<void> {
  await rm(OUT_DIR, { recursive: true, force: true });
  await mkdir(OUT_DIR);
  const late = new Set<string>();
  const first = await firstPart(late);
  const parts = [first];
  let text = `${first.code}\n`;
  await writeFile(`${OUT_FILE}.map`, first.map);
  for (const name of LATE_PARTS) {
    const part = await latePart(name, late);
    parts.push(part);
    text += asComment(name, part.code);
    await writeFile(join(OUT_DIR, `${fileOfPart(name)}.map`), part.map);
  }
  // One character outside of Latin-1, and V8 keeps two bytes for each of the file, which a serving process never lets go.
  if (Buffer.byteLength(text) !== text.length) throw new Error('the bundle is not ASCII');
  await writeFile(OUT_FILE, text);
  await chmod(OUT_FILE, 0o755);
  await describe(await thirdParties(ROOT, [...new Set(parts.flatMap(({ inputs }) => inputs))]));
  process.stdout.write(`dist/vramgate.mjs  ${(text.length / 1024).toFixed(0)} KiB\n`);
}

await bundle();
