import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type OutputFile, type Plugin } from 'esbuild';
import { dropKubernetesApiClasses, dropTablesOfExpress, loadBuiltinsLate } from './bundle-plugins.ts';
import { catalogForEsbuild } from './catalog-plugin.ts';
import { asComment, LATE_NAME, lateEntry, putOffCommands } from './late-commands.ts';
import { billOfMaterials, notices, type ThirdParty, thirdParties } from './third-party.ts';
import { packageVersion, versionDefine } from './version.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OUT_DIR = join(ROOT, 'dist');
const OUT_FILE = join(OUT_DIR, 'vramgate.mjs');
/** No file: what stack traces call the second part of the one file. */
const LATE_FILE = join(OUT_DIR, LATE_NAME);

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
  // Names stay whole: they appear in stack traces and, for some packages, in messages.
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
};

function plugins(): Plugin[] {
  return [catalogForEsbuild(), dropKubernetesApiClasses(), dropTablesOfExpress(), loadBuiltinsLate()];
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

/** The command line with what starts at once; other commands are only named, and collected in `late`. */
async function firstPart(late: Set<string>): Promise<Part> {
  const result = await build({
    ...SHARED,
    entryPoints: ['src/cli.ts'],
    outfile: OUT_FILE,
    format: 'esm',
    banner: { js: BANNER },
    sourcemap: 'external',
    plugins: [...plugins(), putOffCommands(late, ROOT)],
    metafile: true,
    write: false,
  });
  const inputs = Object.keys(result.metafile.inputs);
  return { code: textOf(result, '.mjs'), map: textOf(result, '.map'), inputs };
}

async function latePart(late: ReadonlySet<string>): Promise<Part> {
  const result = await build({
    ...SHARED,
    stdin: { contents: lateEntry(late), resolveDir: ROOT, loader: 'js' },
    outfile: LATE_FILE,
    format: 'cjs',
    sourcemap: 'external',
    plugins: plugins(),
    metafile: true,
    write: false,
  });
  const inputs = Object.keys(result.metafile.inputs);
  return { code: textOf(result, '.cjs'), map: textOf(result, '.map'), inputs };
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
  const rest = await latePart(late);
  const text = `${first.code}\n${asComment(rest.code)}\n`;
  // One character outside of Latin-1, and V8 keeps two bytes for each of the file, which a serving process never lets go.
  if (Buffer.byteLength(text) !== text.length) throw new Error('the bundle is not ASCII');
  await writeFile(OUT_FILE, text);
  await writeFile(`${OUT_FILE}.map`, first.map);
  await writeFile(`${LATE_FILE}.map`, rest.map);
  await chmod(OUT_FILE, 0o755);
  await describe(await thirdParties(ROOT, [...new Set([...first.inputs, ...rest.inputs])]));
  process.stdout.write(`dist/vramgate.mjs  ${(text.length / 1024).toFixed(0)} KiB\n`);
}

await bundle();
