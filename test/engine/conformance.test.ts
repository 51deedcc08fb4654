import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEngine } from '../../src/engine/read.ts';
import { ENGINES } from '../../src/engine/registry.ts';
import { findServing } from '../../src/engine/serving.ts';
import { spellFlag } from '../../src/engine/spell.ts';
import { ENGINE_NAMES, type FlagConcept } from '../../src/engine/types.ts';
import type { Container } from '../../src/workload/types.ts';
import { makeContainer, makePod, NO_OPTIONS, read, SCOUT, state, VLLM_IMAGE } from './containers.ts';

describe('the registry', () => {
  it('lists every folder once, in order', () => {
    const entries = readdirSync(join(import.meta.dirname, '../../src/engine'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(ENGINES.map((engine) => engine.name.replace('.', '-'))).toEqual(folders.toSorted());
    expect(ENGINES.map((engine) => engine.name).toSorted()).toEqual([...ENGINE_NAMES].toSorted());
  });
});

const LAUNCHERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['vllm', ['vllm', 'serve', SCOUT]],
  ['sglang', ['python3', '-m', 'sglang.launch_server']],
  ['llama.cpp', ['llama-server']],
  ['tensorrt-llm', ['trtllm-serve', SCOUT]],
  ['tgi', ['text-generation-launcher']],
]);

describe.each(ENGINES.filter((engine) => LAUNCHERS.has(engine.name)))('$name', ({ name, spelling }) => {
  it('understands the flags that vramgate adds', () => {
    const concepts: readonly FlagConcept[] = [...spelling.keys()].filter((concept) => concept !== 'model');
    for (const concept of concepts) {
      const value = concept === 'kv-cache-dtype' ? 'fp8_e5m2' : 8;
      const words = spellFlag(name, concept, value) ?? [];
      const reading = read({ command: [...(LAUNCHERS.get(name) ?? []), ...words] });
      expect(reading.findings).toEqual([]);
      expect(reading.flagSites.has(concept), concept).toBe(true);
    }
  });

  it('reads the same from argv, from shell text and from joined variables', () => {
    const words = [...(LAUNCHERS.get(name) ?? []), ...(spellFlag(name, 'context', 8192) ?? [])];
    const shell = ['sh', '-c', `exec ${words.join(' ')}`];
    expect(state(read({ command: words }).context)).toBe(8192);
    expect(state(read({ command: shell }).context)).toBe(8192);
  });
});

const pieces = fc.constantFrom(
  ...[
    'vllm serve ',
    '--max-model-len ',
    '--tp=',
    '$(A)',
    '$((',
    '))',
    '${A:-',
    '}',
    '"',
    "'",
    '\\',
    '`',
    '$',
    '\n',
  ],
  ...[
    '<<EOF\n',
    'EOF\n',
    'if ',
    'fi;',
    'A=(',
    ')',
    '{',
    '(',
    '&&',
    '|',
    ' ',
    '#',
    'A=1 ',
    'eval ',
    '-',
    '--',
    '=',
    '.',
    '8K',
  ],
);
const scripts = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.array(pieces, { maxLength: 80 }).map((parts) => parts.join('')),
);

function readAll(container: Container): void {
  for (const wantedEngine of [null, ...ENGINE_NAMES]) {
    readEngine(container, { ...NO_OPTIONS, wantedEngine, extraArgs: container.args[0] ?? null });
  }
  findServing(makePod([container], [{ ...container, isInit: true, isSidecar: true }]), null, null);
}

describe('any text', () => {
  it('is read without a throw, as a script', () => {
    fc.assert(
      fc.property(scripts, scripts, (text, value) => {
        readAll(
          makeContainer({ command: ['bash', '-c'], args: [text, value], env: { A: value, B: '$(A)' } }),
        );
      }),
      { numRuns: 400 },
    );
  });

  it('is read without a throw, as an argv', () => {
    fc.assert(
      fc.property(fc.array(scripts, { maxLength: 12 }), (args) => {
        readAll(makeContainer({ image: VLLM_IMAGE, args, env: { A: args[0] ?? '' } }));
        readAll(makeContainer({ command: ['trtllm-serve'], args }));
      }),
      { numRuns: 200 },
    );
  });
});

/** Shapes that make a careless lexer quadratic, or an expansion exponential. */
const HOSTILE: readonly (readonly [name: string, piece: string])[] = [
  ['open references', '$('],
  ['open braces', '${A:-'],
  ['open quotes', '"'],
  ['apostrophes in references', "$(' "],
  ['backticks', '`'],
  ['backslashes', '\\'],
  ['commands', 'a;'],
  ['assignments', 'A=$A$A;'],
  ['exports and commands', 'export A=1;b;'],
  ['arrays', 'A+=($A $A);'],
  ['here documents', '<<a\n'],
  ['unknown flags', '--x '],
  ['beginnings of flags', '--d '],
  ['evals', 'eval '],
  ['tests', 'if x;then A=1;'],
];

describe('64 KiB of text', () => {
  it.each(HOSTILE)('of %s take bounded time', (_name, piece) => {
    const text = `vllm serve ${piece.repeat(Math.floor((60 * 1024) / piece.length))}`;
    const shell = makeContainer({ command: ['bash', '-c', text] });
    const argv = makeContainer({ image: VLLM_IMAGE, args: text.split(' ') });
    const start = performance.now();
    readEngine(shell, NO_OPTIONS);
    readEngine(argv, NO_OPTIONS);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});
