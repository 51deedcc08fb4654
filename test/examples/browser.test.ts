import { builtinModules } from 'node:module';
import vm from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { catalogForEsbuild } from '../../src/build/catalog-plugin.ts';
import { parseDocuments, readText } from '../../src/commands/facts.ts';
import { inputOf } from '../../src/commands/judge.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { EXAMPLE_FACTS, EXAMPLE_OBJECTS, EXAMPLES_INVENTORY, titleOf } from './examples.ts';

/** The engine bundled for a browser, and run where nothing of Node is: only what the language itself has. */

const ROOT = new URL('../../', import.meta.url).pathname;

// Facts and inputs hold Maps and Sets; they are made again inside, from plain JSON, so that nothing is shared.
const ENTRY = `
  import { decide } from './src/pipeline/decide.ts';
  import { readInventory } from './src/inventory/read.ts';
  import { builtinCatalog } from './src/catalog/builtin.ts';
  const revive = (_, value) => (value !== null && typeof value === 'object' && Array.isArray(value.$map) ? new Map(value.$map) : value);
  globalThis.decideJson = (input, policy, nodes) => {
    const { inventory } = readInventory(JSON.parse(nodes), builtinCatalog);
    const facts = { catalog: builtinCatalog, inventory, policy: JSON.parse(policy, revive), namespaceMode: null };
    return JSON.stringify(decide(JSON.parse(input), facts), globalThis.plainJson);
  };
`;

/** What JSON leaves out of Maps and Sets, kept. */
const PLAIN = `(_, value) => value instanceof Map ? { $map: [...value] } : value instanceof Set ? { $set: [...value] } : value`;

const NODES = parseDocuments('inventory', await readText(EXAMPLES_INVENTORY));

/** Every browser has structuredClone, a bare context has not. Objects of manifests are plain JSON. */
const CLONE = 'JSON.parse(JSON.stringify(value))';

let code = '';
let inputs: readonly string[] = [];
beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    target: 'es2024',
    define: { __VRAMGATE_VERSION__: '"test"' },
    plugins: [catalogForEsbuild()],
    logLevel: 'silent',
  });
  code = outputFiles[0]?.text ?? '';
  inputs = Object.keys(metafile.inputs);
}, 60_000);

describe('the engine in a browser', () => {
  it('needs no package and nothing of Node', () => {
    const isBuiltin = (file: string): boolean => file.startsWith('node:') || builtinModules.includes(file);

    expect(inputs.length).toBeGreaterThan(50);
    expect(inputs.filter((file) => file.includes('node_modules') || isBuiltin(file))).toEqual([]);
    expect(code).not.toMatch(/\brequire\(|\bprocess\.|\bBuffer\b/);
  });

  it('decides every example as it does in Node', () => {
    const plain: (key: string, value: unknown) => unknown = vm.runInThisContext(PLAIN);
    const inside = vm.createContext({});
    vm.runInContext(
      `globalThis.plainJson = ${PLAIN}; globalThis.structuredClone = (value) => ${CLONE};`,
      inside,
    );
    vm.runInContext(code, inside);
    const policy = JSON.stringify(EXAMPLE_FACTS.policy, plain);
    const nodes = JSON.stringify(NODES);
    for (const one of EXAMPLE_OBJECTS) {
      const input = JSON.stringify(inputOf(one.object));
      const here = JSON.stringify(decide(JSON.parse(input), EXAMPLE_FACTS), plain);
      const call = `decideJson(${JSON.stringify(input)}, ${JSON.stringify(policy)}, ${JSON.stringify(nodes)})`;

      expect(vm.runInContext(call, inside), titleOf(one)).toBe(here);
    }
  });
});
