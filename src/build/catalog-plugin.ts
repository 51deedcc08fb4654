import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { Plugin as EsbuildPlugin } from 'esbuild';

/** The id under which the source imports the catalog of this release. */
export const CATALOG_ID = 'catalog:builtin';

const SOURCE_DIR = dirname(dirname(fileURLToPath(import.meta.url)));
const DATA_DIR = join(SOURCE_DIR, 'catalog', 'data');

interface CatalogSource {
  readonly file: string;
  readonly text: string;
}

interface CatalogModule {
  readonly code: string;
  /** The data files it was made from, absolute. */
  readonly files: readonly string[];
}

interface VitePluginContext {
  addWatchFile(path: string): void;
}

/** The part of a vite plugin that is used here: vite itself is no dependency of ours. */
interface VitePlugin {
  readonly name: string;
  readonly resolveId: (id: string) => string | null;
  readonly load: (this: VitePluginContext, id: string) => Promise<string | null>;
}

async function readSources(directory: string): Promise<readonly CatalogSource[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort();
  return Promise.all(
    names.map(async (name) => ({ file: name, text: await readFile(join(directory, name), 'utf8') })),
  );
}

/** @throws Error with every finding (file, row, field) when the data does not hold what its schema asks for. */
export async function renderCatalogModule(directory: string = DATA_DIR): Promise<CatalogModule> {
  // Imported when it is asked for: vitest loads this file for every run, also for tests without a catalog.
  const { parseCatalogSources } = await import('../catalog/parse.ts');
  const sources = await readSources(directory);
  const { catalog, findings } = parseCatalogSources(sources);
  if (findings.length > 0) {
    const lines = findings.map((finding) => `  ${finding.path}: ${finding.message}`);
    throw new Error(`the built-in catalog is not valid:\n${lines.join('\n')}`);
  }
  const json = JSON.stringify(catalog);
  if (!isDeepStrictEqual(JSON.parse(json), catalog)) {
    throw new Error('the built-in catalog holds a value that JSON cannot carry (a Map, a Set, undefined …)');
  }
  // JSON.parse of a string is read faster at start-up than the same data as an object literal.
  const code = `export const builtinCatalog = JSON.parse(${JSON.stringify(json)});\n`;
  return { code, files: sources.map((source) => join(directory, source.file)) };
}

export function catalogForEsbuild(): EsbuildPlugin {
  const namespace = 'catalog-builtin';
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: /^catalog:builtin$/ }, () => ({ path: CATALOG_ID, namespace }));
      build.onLoad({ filter: /.*/, namespace }, async () => {
        const { code, files } = await renderCatalogModule();
        return { contents: code, loader: 'js', watchFiles: [...files], watchDirs: [DATA_DIR] };
      });
    },
  };
}

export function catalogForVite(): VitePlugin {
  // The leading NUL is rollup's sign that the id is no file.
  const resolved = `\0${CATALOG_ID}`;
  return {
    name: 'catalog-builtin',
    resolveId: (id) => (id === CATALOG_ID ? resolved : null),
    async load(id) {
      if (id !== resolved) return null;
      const { code, files } = await renderCatalogModule();
      for (const file of files) this.addWatchFile(file);
      return code;
    },
  };
}
