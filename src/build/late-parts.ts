import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * One file, several parts. V8 reads all of a module before its first line runs, and `vramgate size` would pay for a web
 * server, a Kubernetes client and two schema libraries: a tenth of a second, twice what the command itself takes. So
 * `size`, `solve` and `catalog` are the module, and everything else stands behind them in comments, which the scanner
 * skips at memory speed. What needs a part reads it from this same file and compiles it as CommonJS.
 */

/** Beside the commands: what only some of the serving processes need. Package by package, to keep our modules in one part. */
const PARTS_OF_PACKAGES = new Map([
  // In this order: x509 resolves its algorithms through decorators, which need the other.
  ['reflect-metadata', 'certificates'],
  ['@peculiar/x509', 'certificates'],
  ['@kubernetes/client-node', 'cluster'],
  ['socks-proxy-agent', 'socks'],
]);
/** A class that its package is loaded for when the first object of it is made: client-node names it at once and seldom needs it. */
const CLASS_OF_PACKAGE = new Map([['socks-proxy-agent', 'SocksProxyAgent']]);
const COMMANDS = 'commands';

/** In the order of their building: the first names what the others hold. */
export const LATE_PARTS: readonly string[] = [COMMANDS, ...new Set(PARTS_OF_PACKAGES.values())];

/** What is loaded at once, by its import in the source. */
const FIRST = /^\.\/commands\/(?:size|solve|catalog)\.ts$/;

const CLOSING = '*/';
/** A comment cannot hold its own end; no code holds this control character. */
const ESCAPED = '*\u0001/';

function opening(part: string): string {
  return `/*! vramgate: ${part}\n`;
}

export function asComment(part: string, code: string): string {
  if (code.includes(ESCAPED)) throw new Error('the code holds the escape of its own comment');
  return `${opening(part)}${code.replaceAll(CLOSING, ESCAPED)}\n${CLOSING}\n`;
}

/** No file: what stack traces call a part, a path below the one file. */
export function fileOfPart(part: string): string {
  return `${part}.cjs`;
}

/**
 * What a part is made from: a function that gives a module by its key, which is the name of a package, or a path from the
 * root of the repository, the same in every checkout.
 * @param late what `putOff` collected of the commands.
 */
export function lateEntry(part: string, late: ReadonlySet<string>): string {
  return part === COMMANDS ? commandsEntry(late) : packagesEntry(part);
}

/** Each is evaluated when it is asked for. */
function commandsEntry(paths: ReadonlySet<string>): string {
  const modules = [...paths].sort().map((path) => JSON.stringify(path));
  return `const modules = { ${modules.map((path) => `${path}: () => require(${path})`).join(',\n')} };
    exports.get = (path) => modules[path]();`;
}

/** All at once, as modules of one scope: the bundler then leaves out what nobody asks for. */
function packagesEntry(part: string): string {
  const names = [...PARTS_OF_PACKAGES]
    .filter(([, one]) => one === part)
    .map(([name]) => JSON.stringify(name));
  return `${names.map((name, at) => `import * as module${at} from ${name};`).join('\n')}
    const modules = { ${names.map((name, at) => `${name}: module${at}`).join(',\n')} };
    export const get = (name) => modules[name];`;
}

/**
 * Runs in the product: compiles a part when it is first needed. The file is ASCII (bundle.ts), so bytes are characters.
 * A part that holds this text must not hold ESCAPED in one piece.
 */
function loaderOf(part: string, bundle: string): string {
  return `
    const { readFileSync } = require('node:fs');
    const Module = require('node:module');
    const { dirname, join } = require('node:path');
    const bytes = readFileSync(${bundle});
    const opening = ${JSON.stringify(`\n${opening(part)}`)};
    const start = bytes.lastIndexOf(opening) + opening.length;
    const end = bytes.indexOf(${JSON.stringify(CLOSING)}, start);
    const code = bytes.latin1Slice(start, end).replaceAll(['*', '/'].join('\\u0001'), '*/');
    const loaded = new Module(join(${bundle}, ${JSON.stringify(fileOfPart(part))}));
    loaded.filename = loaded.id;
    loaded.paths = [];
    loaded._compile(code, loaded.id);
    module.exports = loaded.exports;
  `;
}

/** What is bundled in the place of a module that was put off. */
function standIn(path: string, part: string): string {
  const whole = `require(${JSON.stringify(part)}).get(${JSON.stringify(path)})`;
  const name = CLASS_OF_PACKAGE.get(path);
  if (name === undefined) return `module.exports = ${whole};`;
  return `exports.${name} = function (...values) { return new (${whole}.${name})(...values); };`;
}

interface PuttingOff {
  /** Filled with what was put off to the commands. */
  readonly late: Set<string>;
  readonly root: string;
  /** What is being built: a late part, or null for the module itself. */
  readonly part: string | null;
}

/** The part that a module is put off to; null: it is bundled where it is imported. */
function partOf(path: string, kind: string, within: string | null): string | null {
  const ofPackage = PARTS_OF_PACKAGES.get(path);
  if (ofPackage !== undefined) return ofPackage === within ? null : ofPackage;
  return within === null && kind === 'dynamic-import' && !FIRST.test(path) ? COMMANDS : null;
}

export function putOff({ late, root, part: within }: PuttingOff): Plugin {
  const module = 'late-module';
  const loader = 'late-part';
  // A part stands for a file below the bundle (`fileOfPart`).
  const bundle = within === null ? '__filename' : 'dirname(__filename)';
  return {
    name: 'put-off',
    setup(api) {
      api.onResolve({ filter: /.*/ }, ({ path, kind, resolveDir, namespace }) => {
        if (namespace === module && LATE_PARTS.includes(path)) return { path, namespace: loader };
        const part = partOf(path, kind, within);
        if (part === null) return undefined;
        const key = path.startsWith('.') ? `./${relative(root, join(resolveDir, path))}` : path;
        if (part === COMMANDS) late.add(key);
        return { path: key, namespace: module, pluginData: part };
      });
      api.onLoad({ filter: /.*/, namespace: module }, ({ path, pluginData: part }) => ({
        contents: standIn(path, part),
        loader: 'js',
      }));
      api.onLoad({ filter: /.*/, namespace: loader }, ({ path }) => ({
        contents: loaderOf(path, bundle),
        loader: 'js',
      }));
    },
  };
}
