import { chmod, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { catalogForEsbuild } from './catalog-plugin.ts';
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

/**
 * `@kubernetes/client-node` does not say that its modules have no side effects, so all of its API classes
 * would stay in. Without them the bundle is a third smaller and starts sooner.
 */
function dropUnusedKubernetesClient(): Plugin {
  const isResolving = Symbol('resolving');
  return {
    name: 'drop-unused-kubernetes-client',
    setup(api) {
      api.onResolve({ filter: /^@kubernetes\/client-node$/ }, async (args) => {
        if (args.pluginData === isResolving) return undefined;
        const { importer, kind, resolveDir } = args;
        const found = await api.resolve(args.path, { importer, kind, resolveDir, pluginData: isResolving });
        return found.errors.length > 0 ? found : { path: found.path, sideEffects: false };
      });
    },
  };
}

/**
 * An ES module loads what it imports before its first line runs, and importing `node:http` alone touches every export,
 * which starts Node's own fetch. Each built-in becomes a small CommonJS module instead, run when it is first needed:
 * `vramgate size` must not pay for a web server.
 */
function loadBuiltinsLate(): Plugin {
  const namespace = 'node-builtin';
  return {
    name: 'load-builtins-late',
    setup(api) {
      api.onResolve({ filter: /^[a-z:/_]+$/ }, ({ path, namespace: from }) => {
        if (!isBuiltin(path)) return undefined;
        return from === namespace ? { path, external: true } : { path, namespace };
      });
      api.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)});`,
        loader: 'js',
      }));
    },
  };
}

/**
 * Express parses text bodies in any charset; this server reads bytes only (`express.raw`), and the tables would be a
 * fifth of the file that every `vramgate size` has to load. A call fails instead of guessing.
 */
function dropCharsetTables(): Plugin {
  const namespace = 'no-charsets';
  return {
    name: 'drop-charset-tables',
    setup(api) {
      api.onResolve({ filter: /^iconv-lite$/ }, ({ path }) => ({ path, namespace }));
      api.onLoad({ filter: /.*/, namespace }, () => ({
        contents: `const refuse = () => { throw new Error('bodies are read as bytes'); };
          module.exports = { encodingExists: () => false, getDecoder: refuse, decode: refuse, encode: refuse };`,
        loader: 'js',
      }));
    },
  };
}

function bundleOptions(): BuildOptions {
  return {
    absWorkingDir: ROOT,
    entryPoints: ['src/cli.ts'],
    outfile: OUT_FILE,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    mainFields: ['module', 'main'],
    banner: { js: BANNER },
    define: { ...versionDefine(ROOT) },
    // Names stay whole: they appear in stack traces and, for some packages, in messages.
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: 'external',
    plugins: [catalogForEsbuild(), dropUnusedKubernetesClient(), dropCharsetTables(), loadBuiltinsLate()],
    logLevel: 'warning',
  };
}

/** What is in the bundle: for a person with a right to know, and for a scanner, which cannot look into one file. */
async function describe(packages: readonly ThirdParty[]): Promise<void> {
  await writeFile(join(OUT_DIR, 'THIRD-PARTY-LICENSES.txt'), notices(packages));
  const bill = JSON.stringify(billOfMaterials(packageVersion(ROOT), packages), null, 1);
  await writeFile(join(OUT_DIR, 'sbom.cdx.json'), `${bill}\n`);
}

async function bundle(): Promise<void> {
  await rm(OUT_DIR, { recursive: true, force: true });
  const { metafile } = await build({ ...bundleOptions(), metafile: true });
  await chmod(OUT_FILE, 0o755);
  await describe(await thirdParties(ROOT, Object.keys(metafile.inputs)));
  const size = metafile.outputs['dist/vramgate.mjs']?.bytes ?? 0;
  process.stdout.write(`dist/vramgate.mjs  ${(size / 1024).toFixed(0)} KiB\n`);
}

await bundle();
