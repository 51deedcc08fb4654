import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'esbuild';

/** What the bundle leaves out, and what it puts off. */

/** What the file of KubeConfig imports for the API classes alone, which nothing here creates. */
const OF_API_CLASSES = /^(?:undici|socks|\.\/gen\/index\.js|\.\/middleware\.js)$/;
const NAMES_OF_API_CLASSES = [
  'Agent',
  'ProxyAgent',
  'SocksClient',
  'ServerConfiguration',
  'createConfiguration',
  'setHeaderMiddleware',
];

/**
 * Of `@kubernetes/client-node` only the credentials are used (toolchain.md §4): the file of KubeConfig stands for the
 * package. That file also makes API classes, and for them brings in every model of Kubernetes and an HTTP client of its
 * own, 2,000 modules that a replica would keep in memory. A call of one fails instead; a name that a later release
 * imports as well stops the build.
 */
export function dropKubernetesApiClasses(): Plugin {
  const namespace = 'no-api-classes';
  const isResolving = Symbol('resolving');
  return {
    name: 'drop-kubernetes-api-classes',
    setup(api) {
      api.onResolve({ filter: /^@kubernetes\/client-node$/ }, async (args) => {
        if (args.pluginData === isResolving) return undefined;
        const { importer, kind, resolveDir } = args;
        const found = await api.resolve(args.path, { importer, kind, resolveDir, pluginData: isResolving });
        return found.errors.length > 0 ? found : { path: join(dirname(found.path), 'config.js') };
      });
      api.onResolve({ filter: OF_API_CLASSES }, ({ path, importer }) =>
        importer.includes('@kubernetes') ? { path, namespace } : undefined,
      );
      api.onLoad({ filter: /.*/, namespace }, () => ({
        contents: `function refuse() { throw new Error('only credentials of client-node are in this bundle'); }
          ${NAMES_OF_API_CLASSES.map((name) => `export const ${name} = refuse;`).join('\n')}`,
        loader: 'js',
      }));
    },
  };
}

/**
 * An ES module loads what it imports before its first line runs, and importing `node:http` alone touches every export,
 * which starts Node's own fetch. Each built-in becomes a small CommonJS module instead, run when it is first needed:
 * `vramgate size` must not pay for a web server.
 */
export function loadBuiltinsLate(): Plugin {
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

/** A call fails instead of guessing; no property is there. */
const REFUSAL = `module.exports = () => { throw new Error('this part of a package is not in this bundle'); };`;

/**
 * What packages bring for uses that this program does not make of them, and that each replica would read, run and keep: by
 * the name of the import and the package that imports it.
 */
const UNUSED: readonly { readonly path: RegExp; readonly importer: RegExp; readonly contents: string }[] = [
  // Express parses bodies of many kinds in any charset, nested queries, serves files and knows the type of each name. This
  // server reads bytes (`raw-body`), a flat query, and names the types of its answers in full.
  { path: /^mime-db$/, importer: /[/]mime-types[/]/, contents: 'module.exports = {};' },
  {
    path: /^iconv-lite$/,
    importer: /[/]raw-body[/]/,
    contents: `const refuse = () => { throw new Error('bodies are read as bytes'); };
      module.exports = { encodingExists: () => false, getDecoder: refuse };`,
  },
  { path: /^(?:body-parser|qs|serve-static|send)$/, importer: /[/]express[/]/, contents: REFUSAL },
  // Metrics are scraped, from this process, and are our own; summaries are not among them.
  {
    path: /^[.][/]lib[/](?:pushgateway|cluster|defaultMetrics|summary)$/,
    importer: /[/]prom-client[/]/,
    contents: REFUSAL,
  },
  // Transports need a worker's file beside the bundle (toolchain.md §6).
  { path: /^thread-stream$/, importer: /[/]pino[/]/, contents: REFUSAL },
];

export function dropUnused(): Plugin {
  const namespace = 'unused';
  return {
    name: 'drop-unused',
    setup(api) {
      const paths = UNUSED.map(({ path }) => path.source).join('|');
      api.onResolve({ filter: new RegExp(paths) }, ({ path, importer }) => {
        const found = UNUSED.find((one) => one.path.test(path) && one.importer.test(importer));
        return found && { path, namespace, pluginData: found.contents };
      });
      api.onLoad({ filter: /.*/, namespace }, ({ pluginData: contents }) => ({ contents, loader: 'js' }));
    },
  };
}
