import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readText } from '../../src/commands/manifests/manifests.ts';
import { rewrite } from '../../src/commands/manifests/rewrite.ts';
import { applyEdits } from '../../src/plan/apply-edits.ts';
import type { Edit } from '../../src/plan/types.ts';

/** The first object of a text with edits in it, the rest of the text as it is. */
function edited(text: string, edits: readonly Edit[]): string {
  const { yaml, objects } = readText('x', text);
  const [first] = objects;
  if (yaml === null || first === undefined) throw new Error('the text has no object');
  return rewrite(yaml, [{ document: first.document, at: first.at, object: applyEdits(first.object, edits) }]);
}

const POD = ['spec'];
const SERVER = ['spec', 'containers', 0];

const COUNT: Edit = { kind: 'set-gpu-count', container: SERVER, resource: 'nvidia.com/gpu', count: 8 };
const SELECT: Edit = { kind: 'set-node-selector', podSpec: POD, key: 'gpu', value: 'H100' };
const UNSELECT: Edit = { kind: 'remove-node-selector', podSpec: POD, key: 'gpu', value: null };
const TOLERATE: Edit = { kind: 'add-toleration', podSpec: POD, key: 'nvidia.com/gpu', effect: 'NoSchedule' };
const APPEND: Edit = { kind: 'append-args', list: [...SERVER, 'args'], isNew: true, args: ['-tp', '8'] };
const DROP: Edit = { kind: 'remove-args', list: [...SERVER, 'args'], args: ['--a'] };
const REPLACE: Edit = { kind: 'replace-arg', path: [...SERVER, 'args', 0], value: '--b=8' };
const NOTE: Edit = { kind: 'set-annotation', metadata: ['metadata'], key: 'n', value: '{"a":1}' };
const UNNOTE: Edit = { kind: 'set-annotation', metadata: ['metadata'], key: 'old', value: null };
const AFFINITY: Edit = {
  kind: 'add-node-affinity',
  podSpec: POD,
  key: 'gpu',
  operator: 'In',
  values: ['H100', 'H200'],
};

const HEAD = 'apiVersion: v1\nkind: Pod\n';

describe('edits in the text of a manifest', () => {
  it.each([
    [
      'a number keeps its comment, and becomes the text that a quantity is',
      COUNT,
      'spec:\n  containers:\n  - name: a\n    resources:\n      limits:\n        nvidia.com/gpu: 4 # all of them\n      requests:\n        nvidia.com/gpu: 4\n',
      'spec:\n  containers:\n  - name: a\n    resources:\n      limits:\n        nvidia.com/gpu: "8" # all of them\n      requests:\n        nvidia.com/gpu: "8"\n',
    ],
    [
      'an empty mapping becomes a block in the steps of the author',
      COUNT,
      'spec:\n    containers:\n        - name: a\n          resources: {}\n',
      'spec:\n    containers:\n        - name: a\n          resources:\n              limits:\n                  nvidia.com/gpu: "8"\n              requests:\n                  nvidia.com/gpu: "8"\n',
    ],
    [
      'a key without a value takes one',
      APPEND,
      'spec:\n  containers:\n  - name: a\n    args:\n    image: b\n',
      'spec:\n  containers:\n  - name: a\n    args:\n    - -tp\n    - "8"\n    image: b\n',
    ],
    [
      'a list in brackets goes on in brackets and in its quotes',
      APPEND,
      "spec:\n  containers:\n  - {name: a, args: ['--a',  '--c']}\n",
      "spec:\n  containers:\n  - {name: a, args: ['--a',  '--c', '-tp', '8']}\n",
    ],
    [
      'an argument after one that is a block scalar',
      APPEND,
      'spec:\n  containers:\n  - name: a\n    args:\n      - |\n        one\n        two\n\n    image: b\n',
      'spec:\n  containers:\n  - name: a\n    args:\n      - |\n        one\n        two\n      - -tp\n      - "8"\n\n    image: b\n',
    ],
    [
      'a replaced argument keeps its quotes',
      REPLACE,
      'spec:\n  containers:\n  - args:\n    - \'--a\' # x\n    - "--c"\n',
      'spec:\n  containers:\n  - args:\n    - \'--b=8\' # x\n    - "--c"\n',
    ],
    [
      'a removed argument takes its line with it',
      DROP,
      'spec:\n  containers:\n  - args:\n    - x\n    - --a # gone\n    - y\n',
      'spec:\n  containers:\n  - args:\n    - x\n    - y\n',
    ],
    [
      'the last annotation takes the mapping with it',
      UNNOTE,
      'metadata:\n  annotations:\n    old: x\n  name: n\nspec: {containers: [{}]}\n',
      'metadata:\n  name: n\nspec: {containers: [{}]}\n',
    ],
    [
      'windows line ends, and no line end at the end',
      SELECT,
      'spec:\r\n  containers: []\r\n  nodeSelector:\r\n    zone: a',
      'spec:\r\n  containers: []\r\n  nodeSelector:\r\n    zone: a\r\n    gpu: H100',
    ],
    [
      'comments below the last key stay below what is added',
      SELECT,
      'spec:\n  containers: [] # none\n\n  # nodeSelector:\n  #   a: b\n\n# end\n',
      'spec:\n  containers: [] # none\n  nodeSelector:\n    gpu: H100\n\n  # nodeSelector:\n  #   a: b\n\n# end\n',
    ],
    [
      'a value that an alias stands for is written where it is used, and the anchor keeps its own',
      COUNT,
      'spec:\n  containers:\n  - name: a\n    resources: &r\n      limits: {cpu: 1}\n  - name: b\n    resources: *r\n',
      'spec:\n  containers:\n  - name: a\n    resources: &r\n      limits: {cpu: 1, nvidia.com/gpu: "8"}\n      requests:\n        nvidia.com/gpu: "8"\n  - name: b\n    resources: {limits: {cpu: 1}}\n',
    ],
    [
      'a key goes before one that a merge key brings',
      SELECT,
      'x: &d\n  nodeSelector: {gpu: L4}\nspec:\n  <<: *d\n  containers: []\n',
      'x: &d\n  nodeSelector: {gpu: L4}\nspec:\n  <<: *d\n  containers: []\n  nodeSelector:\n    gpu: H100\n',
    ],
  ])('%s', (_, edit, before, want) => {
    expect(edited(HEAD + before, [edit])).toBe(HEAD + want);
  });

  it('leaves the other documents of a stream, their separators and the items of a list alone', () => {
    const item = 'apiVersion: v1\n  kind: Pod\n  spec: {containers: [{name: a}]}';
    const text = `# first\n---\napiVersion: v1\nkind: List\nitems:\n- ${item} # one\n- ${item} # two\n...\n---\nkind:   Odd\napiVersion: v1\n`;

    expect(edited(text, [SELECT])).toBe(
      text.replace('[{name: a}]} # one', '[{name: a}], nodeSelector: {gpu: H100}} # one'),
    );
  });

  it('JSON stays JSON, in its own layout', () => {
    const object = { apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ name: 'a', args: [] }] } };
    const edits = [COUNT, SELECT, TOLERATE, APPEND, NOTE, AFFINITY];
    const want = { ...Object(applyEdits(object, edits)) };
    for (const indent of [0, 2, 4]) {
      const text = edited(`${JSON.stringify(object, null, indent)}\n`, edits);

      expect(JSON.parse(text)).toEqual(want);
      if (indent > 0) expect(text).toBe(`${JSON.stringify(want, null, indent)}\n`);
    }
  });

  it('numbers beyond 2^53 keep their digits', () => {
    const text = `${HEAD}spec:\n  big: 123456789012345678901234567890\n  containers: []\n`;

    expect(edited(text, [SELECT])).toContain('  big: 123456789012345678901234567890\n');
  });
});

// --- any layout --------------------------------------------------------------------------------------------------

const EDITS = [REPLACE, COUNT, SELECT, UNSELECT, TOLERATE, APPEND, DROP, NOTE, UNNOTE, AFFINITY];

const object = fc.record({
  apiVersion: fc.constant('v1'),
  kind: fc.constant('Pod'),
  metadata: fc.record(
    {
      name: fc.constant('n'),
      annotations: fc.constantFrom({}, { old: 'x' }, { old: 'x', other: 'line\nline\n' }),
    },
    { requiredKeys: [] },
  ),
  spec: fc.record(
    {
      containers: fc.constantFrom(
        [{ name: 'a', args: ['--a'] }],
        [
          { args: ['--a', 'x: y', 'multi\nline'], resources: {}, name: 'a' },
          { name: 'b', args: null },
        ],
        [{ name: 'a', args: ['--a', '8'], resources: { limits: { 'nvidia.com/gpu': 4, cpu: '1' } } }],
      ),
      nodeSelector: fc.constantFrom({ gpu: 'L4' }, { zone: 'z', gpu: 'L4' }, {}),
      tolerations: fc.constantFrom([], [{ key: 'k', operator: 'Exists' }]),
      affinity: fc.constantFrom(
        {},
        {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }, {}],
            },
          },
        },
      ),
      restartPolicy: fc.constant('Always'),
    },
    { requiredKeys: ['containers'] },
  ),
});

const layout = fc.record({
  indent: fc.constantFrom(2, 3, 4, 8),
  indentSeq: fc.boolean(),
  collectionStyle: fc.constantFrom('any' as const, 'flow' as const),
  flowCollectionPadding: fc.boolean(),
  defaultStringType: fc.constantFrom('PLAIN' as const, 'QUOTE_DOUBLE' as const, 'QUOTE_SINGLE' as const),
  lineWidth: fc.constantFrom(0, 40, 80),
});

const eol = fc.constantFrom('\n', '\r\n');

describe('any layout that the package can write', () => {
  it('takes any of our edits, and gives the same object', () => {
    fc.assert(
      fc.property(object, layout, eol, fc.subarray(EDITS, { minLength: 1 }), (value, style, end, edits) => {
        const before = stringify(value, style).replaceAll('\n', end);
        const after = edited(before, edits);
        const [first] = readText('x', after).objects;

        expect(first?.object).toEqual(applyEdits(readText('x', before).objects[0]?.object, edits));
      }),
      { numRuns: 150 },
    );
  });

  it('keeps every comment and every line that no edit is about', () => {
    fc.assert(
      fc.property(object, layout, fc.subarray([COUNT, TOLERATE, APPEND, NOTE]), (value, style, edits) => {
        const lines = stringify(value, { ...style, collectionStyle: 'any', lineWidth: 0 }).split('\n');
        const commented = lines.map((line, at) => (isWhole(line) ? `${line} # c${at}` : line)).join('\n');
        const after = edited(commented, edits).split('\n');
        const kept = commented.split('\n').filter((line) => !/(?:\{\}|\[\]|null)/.test(line));

        expect(after.filter((line) => kept.includes(line) || line.includes('nvidia.com/gpu'))).toEqual(
          expect.arrayContaining(kept.filter((line) => !line.includes('nvidia.com/gpu'))),
        );
      }),
      { numRuns: 100 },
    );
  });
});

/** A line after which a comment is one: no part of a text of several lines. */
function isWhole(line: string): boolean {
  return /^ *(?:- )*["']?[\w.]+["']?: ["']?[\w./]+["']?$/.test(line);
}
