import { applyPatch as applyInPlace, type Operation } from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { applyPatch, lowerEdits, type PatchOperation, patchOrThrow } from '../../src/admission/json-patch.ts';
import { jsonPointer } from '../../src/admission/json-pointer.ts';
import type { Edit } from '../../src/plan/types.ts';

/** Every edit, what it becomes in RFC 6902, and what the library makes of it. */

const SPEC = ['spec', 'template', 'spec'];
const CONTAINER = [...SPEC, 'containers', 0];
const ARGS = [...CONTAINER, 'args'];
const RESOURCE = 'nvidia.com/gpu';

function pod(spec: object, container: object = {}): unknown {
  return {
    metadata: {},
    spec: { template: { spec: { ...spec, containers: [{ name: 'c', ...container }] } } },
  };
}

const COUNT: Edit = { kind: 'set-gpu-count', container: CONTAINER, resource: RESOURCE, count: 4 };
const SELECT: Edit = { kind: 'set-node-selector', podSpec: SPEC, key: 'a.b/c~d', value: 'x' };
const UNSELECT: Edit = { kind: 'remove-node-selector', podSpec: SPEC, key: 'a.b/c~d', value: null };
const TOLERATE: Edit = { kind: 'add-toleration', podSpec: SPEC, key: RESOURCE, effect: 'NoSchedule' };
const NEAR: Edit = { kind: 'add-node-affinity', podSpec: SPEC, key: 'k', operator: 'In', values: ['v'] };
const APPEND: Edit = { kind: 'append-args', list: ARGS, isNew: true, args: ['--tp', '4'] };
const UNCOUNT: Edit = { kind: 'remove-gpu-count', container: CONTAINER, resource: RESOURCE, count: 4 };
const UNTOLERATE: Edit = { kind: 'remove-toleration', podSpec: SPEC, key: RESOURCE, effect: 'NoSchedule' };
const FAR: Edit = { kind: 'remove-node-affinity', podSpec: SPEC, key: 'k', operator: 'In', values: ['v'] };
const VARIABLE: Edit = { kind: 'set-env', container: CONTAINER, name: 'LENGTH', value: '8192' };
const UNVARIABLE: Edit = { kind: 'remove-env', container: CONTAINER, name: 'LENGTH', value: '8192' };
const UNARG: Edit = { kind: 'remove-args', list: ARGS, args: ['--tp', '4'] };
const REPLACE: Edit = { kind: 'replace-arg', path: [...ARGS, 1], value: 'new' };
const NOTE: Edit = { kind: 'set-annotation', metadata: ['metadata'], key: 'vramgate.io/applied', value: 'v' };
const UNNOTE: Edit = { ...NOTE, value: null };

const AT = '/spec/template/spec';
const C0 = `${AT}/containers/0`;
const EXISTS = { key: RESOURCE, operator: 'Exists', effect: 'NoSchedule' };
const TERM = { key: 'k', operator: 'In', values: ['v'] };
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

function near(terms: unknown): object {
  return { affinity: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: terms } } } };
}

type Row = readonly [string, Edit, unknown, readonly PatchOperation[]];

const ROWS: readonly Row[] = [
  [
    'a count where there are no resources',
    COUNT,
    pod({}),
    [
      {
        op: 'add',
        path: `${C0}/resources`,
        value: { limits: { [RESOURCE]: '4' }, requests: { [RESOURCE]: '4' } },
      },
    ],
  ],
  [
    'a count where resources are null',
    COUNT,
    pod({}, { resources: null }),
    [
      {
        op: 'add',
        path: `${C0}/resources`,
        value: { limits: { [RESOURCE]: '4' }, requests: { [RESOURCE]: '4' } },
      },
    ],
  ],
  [
    'a count where resources are empty, as the API server leaves them',
    COUNT,
    pod({}, { resources: {} }),
    [
      {
        op: 'add',
        path: `${C0}/resources`,
        value: { limits: { [RESOURCE]: '4' }, requests: { [RESOURCE]: '4' } },
      },
    ],
  ],
  [
    'a count beside other resources: the slash of the name is ~1',
    COUNT,
    pod({}, { resources: { limits: { memory: '1Gi' } } }),
    [
      { op: 'add', path: `${C0}/resources/limits/nvidia.com~1gpu`, value: '4' },
      { op: 'add', path: `${C0}/resources/requests`, value: { [RESOURCE]: '4' } },
    ],
  ],
  [
    'a count in place of another',
    COUNT,
    pod({}, { resources: { limits: { [RESOURCE]: '2' }, requests: { [RESOURCE]: '2' } } }),
    [
      { op: 'replace', path: `${C0}/resources/limits/nvidia.com~1gpu`, value: '4' },
      { op: 'replace', path: `${C0}/resources/requests/nvidia.com~1gpu`, value: '4' },
    ],
  ],
  [
    'a count that stands',
    COUNT,
    pod({}, { resources: { limits: { [RESOURCE]: '4' }, requests: { [RESOURCE]: '4' } } }),
    [],
  ],
  [
    'a first selector',
    SELECT,
    pod({}),
    [{ op: 'add', path: `${AT}/nodeSelector`, value: { 'a.b/c~d': 'x' } }],
  ],
  [
    'one more selector: ~ is ~0 and / is ~1',
    SELECT,
    pod({ nodeSelector: { other: 'y' } }),
    [{ op: 'add', path: `${AT}/nodeSelector/a.b~1c~0d`, value: 'x' }],
  ],
  [
    'a selector in place of another value',
    SELECT,
    pod({ nodeSelector: { 'a.b/c~d': 'y' } }),
    [{ op: 'replace', path: `${AT}/nodeSelector/a.b~1c~0d`, value: 'x' }],
  ],
  ['a selector that stands', SELECT, pod({ nodeSelector: { 'a.b/c~d': 'x' } }), []],
  [
    'the last selector away',
    UNSELECT,
    pod({ nodeSelector: { 'a.b/c~d': 'x' } }),
    [{ op: 'remove', path: `${AT}/nodeSelector` }],
  ],
  [
    'one of two selectors away',
    UNSELECT,
    pod({ nodeSelector: { 'a.b/c~d': 'x', z: '1' } }),
    [{ op: 'remove', path: `${AT}/nodeSelector/a.b~1c~0d` }],
  ],
  ['a selector away that is not there', UNSELECT, pod({ nodeSelector: { z: '1' } }), []],
  ['a first toleration', TOLERATE, pod({}), [{ op: 'add', path: `${AT}/tolerations`, value: [EXISTS] }]],
  [
    'a toleration at the end of the list',
    TOLERATE,
    pod({ tolerations: [{ key: 'spot', operator: 'Exists' }] }),
    [{ op: 'add', path: `${AT}/tolerations/-`, value: EXISTS }],
  ],
  ['a toleration that stands', TOLERATE, pod({ tolerations: [EXISTS] }), []],
  [
    'an affinity with all its parents in one operation',
    NEAR,
    pod({}),
    [
      {
        op: 'add',
        path: `${AT}/affinity`,
        value: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: [TERM] }] } } },
      },
    ],
  ],
  [
    'an affinity below a preferred one',
    NEAR,
    pod({ affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } }),
    [
      {
        op: 'add',
        path: `${AT}/affinity/nodeAffinity/${REQUIRED}`,
        value: { nodeSelectorTerms: [{ matchExpressions: [TERM] }] },
      },
    ],
  ],
  [
    'an affinity in every term, since terms are alternatives',
    NEAR,
    pod(near([{ matchExpressions: [{ key: 'z', operator: 'Exists' }] }, { matchFields: [] }])),
    [
      {
        op: 'add',
        path: `${AT}/affinity/nodeAffinity/${REQUIRED}/nodeSelectorTerms/0/matchExpressions/-`,
        value: TERM,
      },
      {
        op: 'add',
        path: `${AT}/affinity/nodeAffinity/${REQUIRED}/nodeSelectorTerms/1/matchExpressions`,
        value: [TERM],
      },
    ],
  ],
  ['an affinity that stands', NEAR, pod(near([{ matchExpressions: [TERM] }])), []],
  ['arguments as a new list', APPEND, pod({}), [{ op: 'add', path: `${C0}/args`, value: ['--tp', '4'] }]],
  [
    'arguments at the end, in order',
    APPEND,
    pod({}, { args: ['a'] }),
    [
      { op: 'add', path: `${C0}/args/-`, value: '--tp' },
      { op: 'add', path: `${C0}/args/-`, value: '4' },
    ],
  ],
  ['arguments that stand', APPEND, pod({}, { args: ['--tp', '4', 'b'] }), []],
  ['all arguments away', UNARG, pod({}, { args: ['--tp', '4'] }), [{ op: 'remove', path: `${C0}/args` }]],
  [
    'arguments away: the same index, since the rest moves up',
    UNARG,
    pod({}, { args: ['a', '--tp', '4', 'b'] }),
    [
      { op: 'remove', path: `${C0}/args/1` },
      { op: 'remove', path: `${C0}/args/1` },
    ],
  ],
  ['arguments away that are not there', UNARG, pod({}, { args: ['--tp', '8'] }), []],
  [
    'an argument in place of another',
    REPLACE,
    pod({}, { args: ['a', 'old'] }),
    [{ op: 'replace', path: `${C0}/args/1`, value: 'new' }],
  ],
  ['an argument that stands', REPLACE, pod({}, { args: ['a', 'new'] }), []],
  [
    'a first annotation',
    NOTE,
    pod({}),
    [{ op: 'add', path: '/metadata/annotations', value: { 'vramgate.io/applied': 'v' } }],
  ],
  [
    'an annotation where metadata is missing',
    NOTE,
    { spec: {} },
    [{ op: 'add', path: '/metadata', value: { annotations: { 'vramgate.io/applied': 'v' } } }],
  ],
  [
    'an annotation beside others',
    NOTE,
    { metadata: { annotations: { x: 'y' } } },
    [{ op: 'add', path: '/metadata/annotations/vramgate.io~1applied', value: 'v' }],
  ],
  [
    'an annotation away',
    UNNOTE,
    { metadata: { annotations: { x: 'y', 'vramgate.io/applied': 'v' } } },
    [{ op: 'remove', path: '/metadata/annotations/vramgate.io~1applied' }],
  ],
  [
    'a count taken back with the map that held nothing else',
    UNCOUNT,
    pod({}, { resources: { limits: { [RESOURCE]: '4', memory: '1Gi' }, requests: { [RESOURCE]: '4' } } }),
    [
      { op: 'remove', path: `${C0}/resources/limits/nvidia.com~1gpu` },
      { op: 'remove', path: `${C0}/resources/requests` },
    ],
  ],
  [
    'a count that its author has changed since stays',
    UNCOUNT,
    pod({}, { resources: { limits: { [RESOURCE]: '8' } } }),
    [],
  ],
  [
    'the last toleration goes with its list',
    UNTOLERATE,
    pod({ tolerations: [EXISTS] }),
    [{ op: 'remove', path: `${AT}/tolerations` }],
  ],
  [
    'one toleration among others goes by its index',
    UNTOLERATE,
    pod({ tolerations: [{ key: 'a' }, EXISTS, { key: 'b' }] }),
    [{ op: 'remove', path: `${AT}/tolerations/1` }],
  ],
  [
    'an affinity that was all there was goes as a whole',
    FAR,
    pod(near([{ matchExpressions: [TERM] }])),
    [{ op: 'remove', path: `${AT}/affinity` }],
  ],
  [
    "an affinity leaves the author's terms",
    FAR,
    pod(near([{ matchExpressions: [{ key: 'own', operator: 'Exists' }, TERM] }])),
    [
      {
        op: 'remove',
        path: `${AT}/affinity/nodeAffinity/${REQUIRED}/nodeSelectorTerms/0/matchExpressions/1`,
      },
    ],
  ],
  [
    'a variable where there are none',
    VARIABLE,
    pod({}),
    [{ op: 'add', path: `${C0}/env`, value: [{ name: 'LENGTH', value: '8192' }] }],
  ],
  [
    'a variable in the last of its entries, which is the one that counts',
    VARIABLE,
    pod({}, { env: [{ name: 'LENGTH', value: '1' }, { name: 'A' }, { name: 'LENGTH', value: '2' }] }),
    [{ op: 'replace', path: `${C0}/env/2/value`, value: '8192' }],
  ],
  [
    'a variable taken back from among others',
    UNVARIABLE,
    pod({}, { env: [{ name: 'A' }, { name: 'LENGTH', value: '8192' }] }),
    [{ op: 'remove', path: `${C0}/env/1` }],
  ],
];

/** The library straight, not through our wrapper. */
function applied(object: unknown, operations: readonly PatchOperation[]): unknown {
  const copy: unknown = structuredClone(object);
  const wire: Operation[] = JSON.parse(JSON.stringify(operations));
  expect(applyInPlace(copy, wire)).toEqual(operations.map(() => null));
  return copy;
}

describe('an edit as JSON Patch', () => {
  it.each(ROWS)('%s', (_what, edit, object, want) => {
    const before = JSON.stringify(object);
    const operations = patchOrThrow(object, [edit]);

    expect(operations).toEqual(want);
    expect(JSON.stringify(object)).toBe(before);
    // A second pass over our own output changes nothing.
    expect(patchOrThrow(applied(object, operations), [edit])).toEqual([]);
  });

  it('covers every kind of edit', () => {
    const kinds: Readonly<Record<Edit['kind'], true>> = {
      'set-gpu-count': true,
      'set-node-selector': true,
      'remove-gpu-count': true,
      'remove-node-selector': true,
      'add-node-affinity': true,
      'remove-node-affinity': true,
      'add-toleration': true,
      'remove-toleration': true,
      'append-args': true,
      'remove-args': true,
      'replace-arg': true,
      'set-env': true,
      'remove-env': true,
      'set-annotation': true,
    };

    expect(new Set(ROWS.map(([, edit]) => edit.kind))).toEqual(new Set(Object.keys(kinds)));
  });

  it('builds on the edits before it: the map of the first is the parent of the second', () => {
    const second: Edit = { ...SELECT, key: 'second' };

    expect(lowerEdits(pod({}), [SELECT, second])).toEqual([
      { op: 'add', path: `${AT}/nodeSelector`, value: { 'a.b/c~d': 'x' } },
      { op: 'add', path: `${AT}/nodeSelector/second`, value: 'x' },
    ]);
  });
});

describe('a pointer', () => {
  // RFC 6901 §5.
  it.each([
    [['foo', 0], '/foo/0'],
    [[''], '/'],
    [['a/b'], '/a~1b'],
    [['m~n'], '/m~0n'],
    [['~1'], '/~01'],
    [[' '], '/ '],
    [[], ''],
  ])('%j is %j', (path, want) => {
    expect(jsonPointer(path)).toBe(want);
  });
});

describe('on doubt no patch', () => {
  it.each(['__proto__', 'constructor', 'prototype'])('leaves through %s', (token) => {
    const edits: readonly Edit[] = [
      { ...SELECT, key: token },
      { ...NOTE, key: token },
      { ...COUNT, resource: token },
    ];

    for (const edit of edits) expect(() => patchOrThrow(pod({}), [edit])).toThrow('must not go through');
    expect(() => jsonPointer(['spec', token, 'x'])).toThrow('must not go through');
    expect(Reflect.has({}, 'x')).toBe(false);
  });

  it.each<readonly [string, Edit, unknown]>([
    ['no pod spec where the plan names one', SELECT, { spec: {} }],
    ['a list where a map must be', SELECT, pod({ nodeSelector: [] })],
    ['a map where a list must be', TOLERATE, pod({ tolerations: {} })],
    ['a text where a map must be', COUNT, pod({}, { resources: 'all' })],
    ['no list, and none to be made', { ...APPEND, isNew: false }, pod({})],
    ['a variable that comes from elsewhere', VARIABLE, pod({}, { env: [{ name: 'LENGTH', valueFrom: {} }] })],
    ['no argument to replace', REPLACE, pod({}, { args: ['a'] })],
    ['an index past the end', { ...COUNT, container: [...SPEC, 'containers', 7] }, pod({})],
  ])('leaves for %s', (_what, edit, object) => {
    expect(() => patchOrThrow(object, [edit])).toThrow();
  });

  it('leaves that would not give what the edits mean', () => {
    // An affinity term that is no object: one way to apply the edit skips it, the other cannot.
    expect(() => patchOrThrow(pod(near(['all'])), [NEAR])).toThrow();
  });

  it('applies half of what cannot be applied whole', () => {
    const object = { a: 1 };
    const operations: readonly PatchOperation[] = [
      { op: 'add', path: '/b', value: 2 },
      { op: 'remove', path: '/missing' },
    ];

    expect(() => applyPatch(object, operations)).toThrow('does not apply');
    expect(object).toEqual({ a: 1 });
  });
});
