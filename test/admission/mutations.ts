import { isMembers, type Members } from './subjects.ts';

/** Hostile changes of real requests, drawn from a seed: the same seed gives the same requests. */

export interface Draw {
  /** A whole number from 0 up to, and without, `limit`. */
  readonly below: (limit: number) => number;
  readonly from: <T>(choices: readonly [T, ...T[]]) => T;
}

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to draw test cases. */
export function draws(seed: number): Draw {
  let state = seed >>> 0;
  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
  return { below, from: (choices) => choices[below(choices.length)] ?? choices[0] };
}

const LONG = 'a'.repeat(5000);

/** What a field may turn into: every type of JSON, and texts that break parsers, logs and regular expressions. */
const HOSTILE: readonly [unknown, ...unknown[]] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  ' ',
  '0',
  '-1',
  '1e9',
  '128K',
  '99999999999999999999',
  'banana',
  'nvidia.com/gpu',
  '__proto__',
  'constructor',
  LONG,
  '\u0000\u001b[31m\n{"verdict":"allow"}',
  '\u2028\u202e\ud800',
  '$(A)$(B)$C`d`"\'\\',
  '--max-model-len=10485760',
  '--tensor-parallel-size=-8',
  [],
  {},
  [null],
  [[]],
  { '': '' },
  { length: 3, 0: 'a' },
  JSON.parse('{"__proto__":{"allowed":true},"constructor":{"prototype":1}}'),
];

const KEYS: readonly [string, ...string[]] = [
  '__proto__',
  'constructor',
  'toString',
  '',
  'a/b~c',
  'vramgate.io/context',
  'vramgate.io/applied',
  'vramgate.io/exempt',
  'vramgate.io/kontext',
  'nvidia.com/gpu',
  'amd.com/gpu',
  'deletionTimestamp',
  'ownerReferences',
  'initContainers',
  'affinity',
  'nodeName',
  'suspend',
  LONG,
];

type Place = { readonly parent: Members | unknown[]; readonly key: string | number };

function children(value: unknown): readonly Place[] {
  if (Array.isArray(value)) return value.map((_, key) => ({ parent: value, key }));
  return isMembers(value) ? Object.keys(value).map((key) => ({ parent: value, key })) : [];
}

/** Deeper places as likely as shallow ones: a step down, and another one three times out of four. */
function placeIn(root: unknown, draw: Draw): Place | null {
  let [place, value] = [null as Place | null, root];
  for (;;) {
    const [first, ...others] = children(value);
    if (first === undefined || (place !== null && draw.below(4) === 0)) return place;
    place = draw.from([first, ...others]);
    value = Reflect.get(place.parent, place.key);
  }
}

function own(target: object, key: string | number, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function changeOne(root: unknown, draw: Draw): void {
  const place = placeIn(root, draw);
  if (place === null) return;
  const { parent, key } = place;
  const value: unknown = Reflect.get(parent, key);
  switch (draw.below(6)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      return;
    case 1:
      if (isMembers(value)) own(value, draw.from(KEYS), structuredClone(draw.from(HOSTILE)));
      else own(parent, key, structuredClone(draw.from(HOSTILE)));
      return;
    case 2: {
      // Another part of the same object, at a place where it does not belong.
      const other = placeIn(root, draw);
      if (other !== null) own(parent, key, structuredClone(Reflect.get(other.parent, other.key)));
      return;
    }
    case 3:
      if (Array.isArray(value) && value.length > 0)
        value.push(structuredClone(value[draw.below(value.length)]));
      return;
    default:
      own(parent, key, structuredClone(draw.from(HOSTILE)));
  }
}

/** A copy with one to four changes anywhere in it. */
export function mutated(value: unknown, draw: Draw): unknown {
  const copy: unknown = structuredClone(value);
  for (let left = 1 + draw.below(4); left > 0; left -= 1) changeOne(copy, draw);
  return copy;
}

/** The bytes of `text`, cut, doubled or with some of them changed. */
export function garbled(text: string, draw: Draw): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (draw.below(4) === 0) return bytes.subarray(0, draw.below(bytes.length));
  const signs: readonly [number, ...number[]] = [
    0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a, 0x00, 0x80, 0xff, 0x30,
  ];
  for (let left = 1 + draw.below(16); left > 0; left -= 1) bytes[draw.below(bytes.length)] = draw.from(signs);
  return bytes;
}

/** Changes a Deployment where no verdict may look: names, labels, probes, mounts, CPU, sidecars without a GPU … */
export function changedBeside(deployment: Members, draw: Draw): Members {
  const copy = structuredClone(deployment);
  for (let left = 1 + draw.below(5); left > 0; left -= 1) draw.from(BESIDE)(copy, draw);
  return copy;
}

function members(root: unknown, ...path: readonly (string | number)[]): Members {
  const found = path.reduce<unknown>((value, step) => Reflect.get(Object(value), step), root);
  if (isMembers(found)) return found;
  throw new Error(`no object at ${path.join('.')}`);
}

const POD = ['spec', 'template', 'spec'];

function text(draw: Draw): string {
  return draw.from([
    'x',
    LONG,
    '\u001b[31m',
    'größer',
    '',
    '__proto__',
    '{"a":1}',
    '\n\n',
    'H100',
    'scout',
    'exempt',
  ]);
}

function listOf(spec: Members, key: string): unknown[] {
  const list: unknown = spec[key];
  if (Array.isArray(list)) return list;
  const made: unknown[] = [];
  spec[key] = made;
  return made;
}

type Change = (object: Members, draw: Draw) => void;

const BESIDE: readonly [Change, ...Change[]] = [
  (object, draw) => own(members(object, 'metadata'), 'labels', { [text(draw)]: text(draw) }),
  (object, draw) => own(members(object, 'metadata', 'annotations'), `example.com/${text(draw)}`, text(draw)),
  (object, draw) =>
    own(members(object, 'metadata'), 'managedFields', [mutated({ a: [1, { b: null }] }, draw)]),
  (object, draw) => own(members(object, 'metadata'), 'finalizers', [text(draw)]),
  (object, draw) => own(members(object, 'spec'), 'replicas', draw.below(1000)),
  (object, draw) => own(members(object, 'spec'), 'paused', draw.below(2) === 0),
  (object, draw) => own(object, 'status', mutated({ conditions: [{ type: 'x' }] }, draw)),
  (object, draw) =>
    own(members(object, ...POD, 'containers', 0), 'readinessProbe', { exec: { command: [text(draw)] } }),
  (object, draw) =>
    own(members(object, ...POD, 'containers', 0), 'ports', [{ containerPort: draw.below(65536) }]),
  (object, draw) =>
    own(members(object, ...POD, 'containers', 0), 'securityContext', { privileged: draw.below(2) === 0 }),
  (object, draw) => own(members(object, ...POD), 'priorityClassName', text(draw)),
  (object, draw) => own(members(object, ...POD), 'imagePullSecrets', [{ name: text(draw) }]),
  (object, draw) =>
    void listOf(members(object, ...POD), 'volumes').push({
      name: `v${draw.below(99)}`,
      configMap: { name: text(draw) },
    }),
  (object, draw) =>
    void listOf(members(object, ...POD), 'containers').push({
      name: `proxy${draw.below(99)}`,
      image: 'envoyproxy/envoy:v1.31.0',
      args: ['--config-path', text(draw)],
      env: [{ name: 'MODEL', value: text(draw) }],
    }),
  (object, draw) =>
    void listOf(members(object, ...POD, 'containers', 0), 'env').push({
      name: `E${draw.below(99)}`,
      value: text(draw),
    }),
];
