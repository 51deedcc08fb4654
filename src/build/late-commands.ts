import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * One file, two parts. V8 reads all of an ES module before its first line runs, and `vramgate size` would pay for a
 * web server, a Kubernetes client and two schema libraries: a tenth of a second, twice what the command itself takes.
 * So `size`, `solve` and `catalog` are the module, and everything else stands behind them in a comment, which the
 * scanner skips at memory speed. A command of the second part reads it from this same file and compiles it as CommonJS.
 */

export const LATE_NAME = 'vramgate.commands.cjs';

const OPENING = '/*! vramgate: the other commands';
const CLOSING = '*/';
/** A comment cannot hold its own end; no code holds this control character. */
const ESCAPED = '*\u0001/';

/** What is loaded at once, by its import in the source. */
const FIRST = /^\.\/commands\/(?:size|solve|catalog)\.ts$/;

export function asComment(code: string): string {
  if (code.includes(ESCAPED)) throw new Error('the code holds the escape of its own comment');
  return `${OPENING}\n${code.replaceAll(CLOSING, ESCAPED)}\n${CLOSING}`;
}

/** Every module that is imported late, under the key by which the first part asks for it; in one order, whoever builds. */
export function lateEntry(late: ReadonlySet<string>): string {
  const lines = [...late]
    .sort()
    .map((path) => `exports[${JSON.stringify(path)}] = () => require(${JSON.stringify(path)});`);
  return lines.join('\n');
}

/** Runs in the product: compiles the second part when it is first needed. */
const LOADER = `
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join } = require('node:path');
const text = readFileSync(__filename, 'utf8');
const start = text.indexOf('\\n', text.lastIndexOf(${JSON.stringify(`\n${OPENING}`)}) + 1) + 1;
const code = text.slice(start, text.lastIndexOf(${JSON.stringify(CLOSING)})).replaceAll(${JSON.stringify(ESCAPED)}, ${JSON.stringify(CLOSING)});
const file = join(dirname(__filename), ${JSON.stringify(LATE_NAME)});
const commands = new Module(file);
commands.filename = file;
commands.paths = [];
commands._compile(code, file);
module.exports = commands.exports;
`;

/** @param late filled with the modules that were put off: package names, or paths from `root`, the same in every checkout. */
export function putOffCommands(late: Set<string>, root: string): Plugin {
  return {
    name: 'put-off-commands',
    setup(api) {
      api.onResolve({ filter: /.*/ }, ({ path, kind, resolveDir, namespace }) => {
        if (namespace === 'late-module')
          return path === 'late:commands' ? { path, namespace: 'late' } : undefined;
        if (kind !== 'dynamic-import' || FIRST.test(path)) return undefined;
        const key = path.startsWith('.') ? `./${relative(root, join(resolveDir, path))}` : path;
        late.add(key);
        return { path: key, namespace: 'late-module' };
      });
      api.onLoad({ filter: /.*/, namespace: 'late-module' }, ({ path }) => ({
        contents: `module.exports = require('late:commands')[${JSON.stringify(path)}]();`,
        loader: 'js',
      }));
      api.onLoad({ filter: /.*/, namespace: 'late' }, () => ({ contents: LOADER, loader: 'js' }));
    },
  };
}
