import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

/** What the bundle leaves out, and what it puts off. */

/**
 * `@kubernetes/client-node` does not say that its modules have no side effects, so all of its API classes
 * would stay in. Without them the bundle is a third smaller and starts sooner.
 */
export function dropUnusedKubernetesClient(): Plugin {
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

/**
 * Express parses text bodies in any charset; this server reads bytes only (`express.raw`), and the tables would be a
 * fifth of the file that every `vramgate size` has to load. A call fails instead of guessing.
 */
export function dropCharsetTables(): Plugin {
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
