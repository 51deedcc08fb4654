import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { runCheck } from '../../src/commands/check.ts';
import { EXIT, UsageError } from '../../src/commands/io.ts';
import { memoryIo } from '../commands/memory-io.ts';
import { EXAMPLES, EXAMPLES_DIR, EXAMPLES_INVENTORY } from './examples.ts';

/** Input that cannot be judged: findings or a clean error, no crash, and nothing let in by mistake. */

interface Seen {
  readonly code: number;
  readonly verdicts: readonly string[];
  readonly findings: readonly string[];
}

/** @throws what is not a mistake of the input. */
async function check(text: string): Promise<Seen> {
  const { io, out } = memoryIo({ stdin: async () => text });
  try {
    const code = await runCheck(['-', '--inventory', EXAMPLES_INVENTORY, '-o', 'json'], io);
    const elements: readonly { verdict: string; findings: readonly { code: string }[] }[] = JSON.parse(out());
    return {
      code,
      verdicts: elements.map(({ verdict }) => verdict),
      findings: elements.flatMap(({ findings }) => findings.map(({ code: one }) => one)),
    };
  } catch (error) {
    if (error instanceof UsageError) return { code: EXIT.usage, verdicts: [], findings: [] };
    throw error;
  }
}

const TEXT = readFileSync(`${EXAMPLES_DIR}/scout-million-tokens.yaml`, 'utf8');

/** A refused Deployment with one text in the place of another. */
function changed(from: string, to: string): string {
  const text = TEXT.replace(from, () => to);
  if (text === TEXT) throw new Error(`the example does not hold ${from}`);
  return text;
}

const CONTAINER = '        - name: vllm\n';

describe('input that cannot be judged', () => {
  it('cut off anywhere ends cleanly', async () => {
    for (const { text } of EXAMPLES.filter((_, index) => index % 5 === 0)) {
      for (let end = 0; end < text.length; end += Math.ceil(text.length / 25)) {
        const { code } = await check(text.slice(0, end));

        expect([EXIT.fits, EXIT.usage, EXIT.doesNotFit]).toContain(code);
      }
    }
  }, 120_000);

  it.each([
    [
      'containers that are a number',
      `${TEXT.slice(0, TEXT.indexOf('      containers:'))}      containers: 7\n`,
    ],
    ['a template that is a list', `${TEXT.slice(0, TEXT.indexOf('    metadata: {labels'))}    - 1\n`],
    ['arguments that are a mapping', changed('args: ["meta', 'args: {a: b}\n          x: ["meta')],
    ['an annotation that is a number', changed('vramgate.io/context: 1M', 'vramgate.io/context: 1048576')],
    ['an annotation that is a mapping', changed('vramgate.io/context: 1M', 'vramgate.io/context: {a: 1}')],
    ['an annotation of 200 KB', changed('context: 1M', `context: "${'9'.repeat(200_000)}"`)],
    [
      'engine-args of 200 KB',
      changed('context: 1M', `context: 1M\n    vramgate.io/engine-args: "${'--a '.repeat(50_000)}"`),
    ],
    ['1,000 containers', changed(CONTAINER, `${'        - {name: x, image: y}\n'.repeat(1000)}${CONTAINER}`)],
    ['a count beyond 2^53', changed('nvidia.com/gpu: 4', 'nvidia.com/gpu: 9007199254740993')],
    ['a count of 1e400', changed('nvidia.com/gpu: 4', 'nvidia.com/gpu: 1e400')],
    ['a negative count', changed('nvidia.com/gpu: 4', 'nvidia.com/gpu: -4')],
    ['a context beyond 2^53', changed('"1048576"', '"99999999999999999999"')],
    ['replicas beyond 2^53', changed('  selector:', '  replicas: 1e30\n  selector:')],
    ['NUL and line breaks in an annotation', changed('context: 1M', 'context: "1M\\0\\n2M"')],
    ['NUL and line breaks in an argument', changed('"1048576"', '"1048576\\0\\n--tensor-parallel-size=1"')],
    ['__proto__ for the resources', changed('            limits:', '            __proto__:')],
    [
      '__proto__ beside the count',
      changed(
        '              nvidia.com/gpu: 4',
        '              nvidia.com/gpu: 4\n              __proto__: 8',
      ),
    ],
    [
      'constructor and prototype as annotations',
      changed('context: 1M', 'context: 1M\n    vramgate.io/constructor: a\n    __proto__: b'),
    ],
  ])('%s is not let in', async (_, text) => {
    const { code, verdicts } = await check(text);

    expect(verdicts.filter((one) => one === 'allow' || one === 'ignore')).toEqual([]);
    if (!verdicts.includes('warn') && !verdicts.includes('patch')) expect(code).not.toBe(EXIT.fits);
  });

  it.each([
    ['1,000 containers', changed(CONTAINER, `${'        - {name: x, image: y}\n'.repeat(1000)}${CONTAINER}`)],
    [
      'a pod template of 65 levels',
      changed(
        'labels: {app: scout-million}}\n    spec:',
        `labels: {app: scout-million}}\n    spec:\n      x: ${'{a: '.repeat(62)}1${'}'.repeat(62)}`,
      ),
    ],
  ])('%s is beyond the limits of analysis', async (_, text) => {
    expect((await check(text)).findings).toContain('analysis-limit');
  });

  it('no key reaches a prototype', async () => {
    const proto = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
    const object = (depth: number): Record<string, unknown> =>
      Object.fromEntries(proto.map((key) => [key, depth === 0 ? 'x' : object(depth - 1)]));
    const text = stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { annotations: object(0), ...object(0) },
      spec: object(2),
    });

    await check(text);

    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
