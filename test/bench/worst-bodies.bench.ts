import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readBody } from '../../src/admission/door.ts';
import { handleReview } from '../../src/admission/handle.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { decisionRecord, identifyRecord } from '../../src/pipeline/record.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import { computingTime, type Figure, report } from './measure.ts';

/**
 * The worst bodies of 7 MiB, from bytes to answer and record, as either webhook; nothing of it may take more than
 * 100 ms of processor time (contract §7), since a webhook that computes answers nobody else.
 */

const LIMIT_MS = 100;
const BODY = 7 * 1024 * 1024;
// The rest is the envelope.
const ROOM = BODY - 4096;

const NODES: unknown = parse(readFileSync('test/fixtures/nodes/dgx-h100.yaml', 'utf8'));
const FACTS: Facts = {
  catalog: builtinCatalog,
  inventory: readInventory([NODES], builtinCatalog).inventory,
  policy: defaultPolicy(),
  namespaceMode: null,
};

const ANNOTATIONS = '"vramgate.io/model":"scout","vramgate.io/context":"128K"';
const IMAGE = '"name":"vllm","image":"vllm/vllm-openai:v0.11.0"';
const GPUS = '"resources":{"limits":{"nvidia.com/gpu":"1"},"requests":{"nvidia.com/gpu":"1"}}';

interface Parts {
  readonly annotations?: string;
  readonly metadata?: string;
  readonly container?: string;
  readonly containers?: string;
  readonly podSpec?: string;
}

function deployment({
  annotations = ANNOTATIONS,
  metadata = '',
  container = '',
  containers,
  podSpec = '',
}: Parts): string {
  const list = containers ?? `{${IMAGE},${GPUS}${container}}`;
  return (
    `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"n","annotations":{${annotations}}${metadata}},` +
    `"spec":{"replicas":1,"template":{"metadata":{},"spec":{"containers":[${list}]${podSpec}}}}}`
  );
}

function review(object: string, oldObject = 'null', more = ''): string {
  const kind = '{"group":"apps","version":"v1","kind":"Deployment"}';
  const resource = '{"group":"apps","version":"v1","resource":"deployments"}';
  const operation = oldObject === 'null' ? 'CREATE' : 'UPDATE';
  return (
    `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","kind":${kind},"resource":${resource},` +
    `"name":"n","namespace":"ml","operation":"${operation}","userInfo":{"username":"admin"},"object":${object},` +
    `"oldObject":${oldObject}${more}}}`
  );
}

/** As often as it goes into `room` bytes. */
function fill(item: (index: number) => string, room = ROOM, separator = ','): string {
  const size = item(0).length + separator.length;
  return Array.from({ length: Math.floor(room / (size + 6)) }, (_, index) => item(index)).join(separator);
}

function times(item: (index: number) => string, count: number): string {
  return Array.from({ length: count }, (_, index) => item(index)).join(',');
}

const KEY = (index: number): string => `"k${index}":1`;
// What the limits let through whole, twice: 16,384 values an object, a third of them variables.
const ENV = times((index) => `{"name":"V${index}","value":"${'x'.repeat(400)}"}`, 1000);

/** Containers that do nothing, each with 1,000 variables: 3,000 values. */
function sidecars(count: number): string {
  const env = times((index) => `{"name":"V${index}","value":"x"}`, 1000);
  return times((index) => `{"name":"s${index}","image":"busybox","env":[${env}]}`, count);
}

/** Each with the share of it that could be worst: bytes, nesting, keys, items, or what the analysis reads. */
const BODIES: ReadonlyMap<string, () => string> = new Map([
  [
    'one map of 450,000 keys',
    () => review(deployment({ podSpec: `,"nodeSelector":{${times(KEY, 450_000)}}` })),
  ],
  [
    'one map of 450,000 keys in managedFields',
    () => review(deployment({ metadata: `,"managedFields":{${times(KEY, 450_000)}}` })),
  ],
  [
    '250,000 annotations',
    () => review(deployment({ annotations: times((index) => `"vramgate.io/k${index}":"1"`, 250_000) })),
  ],
  ['450,000 keys beside the request', () => `{${times(KEY, 450_000)},${review('{}').slice(1)}`],
  ['450,000 keys beside the object', () => review(deployment({}), 'null', `,${times(KEY, 450_000)}`)],
  [
    '16,000 new keys in both objects',
    () => {
      const keys = (letter: string): string => times((index) => `"${letter}${index}":1`, 16_000);
      const one = deployment({ podSpec: `,"nodeSelector":{${keys('a')}}` });
      return review(one, deployment({ podSpec: `,"nodeSelector":{${keys('b')}}` }));
    },
  ],
  [
    '16,000 keys that are array indices',
    () => review(deployment({ podSpec: `,"nodeSelector":{${times((i) => `"${i * 40_000}":"1"`, 16_000)}}` })),
  ],
  ['brackets', () => review(deployment({ podSpec: `,"x":${'['.repeat(ROOM / 2)}${']'.repeat(ROOM / 2)}` }))],
  [
    'objects in objects',
    () => review(deployment({ podSpec: `,"x":${'{"a":'.repeat(ROOM / 6)}1${'}'.repeat(ROOM / 6)}` })),
  ],
  ['numbers', () => review(deployment({ podSpec: `,"x":[${fill(() => '1', ROOM * 4)}]` }))],
  ['empty objects', () => review(deployment({ podSpec: `,"x":[${fill(() => '{}', ROOM * 2)}]` }))],
  [
    '100,000 containers',
    () =>
      review(
        deployment({
          containers: times(
            (index) => `{"name":"c${index}","image":"vllm/vllm-openai","args":["a"]}`,
            100_000,
          ),
        }),
      ),
  ],
  [
    '1,500 containers, each serving',
    () =>
      review(
        deployment({
          containers: times(
            (index) => `{"name":"c${index}",${GPUS},"image":"vllm/vllm-openai:v0.11.0"}`,
            1500,
          ),
        }),
      ),
  ],
  ...[3, 5].map((count): [string, () => string] => [
    `undersized beside ${count},000 variables of others`,
    () =>
      review(
        deployment({
          containers: `{${IMAGE},${GPUS},"args":["--tensor-parallel-size=1"]},${sidecars(count)}`,
        }),
      ),
  ]),
  // Every way out that is tried reads the launch again.
  [
    'undersized in a script of 60 KiB',
    () =>
      review(
        deployment({
          container: `,"command":["bash","-c","${'echo $HOME; '.repeat(5000)}exec vllm serve --tensor-parallel-size=1"]`,
        }),
      ),
  ],
  [
    'undersized with 3,900 arguments',
    () =>
      review(
        deployment({
          container: `,"args":["--tensor-parallel-size=1",${times((i) => `"--seed=${i}"`, 3900)}]`,
        }),
      ),
  ],
  [
    'undersized whatever is tried, beside 3,000 variables of others',
    () =>
      review(
        deployment({
          annotations: `${ANNOTATIONS},"vramgate.io/concurrency":"900000"`,
          containers: `{${IMAGE},${GPUS},"args":["--tensor-parallel-size=1"]},${sidecars(3)}`,
        }),
      ),
  ],
  [
    'one argument of 6 MiB',
    () => review(deployment({ container: `,"args":["${'-'.repeat(6 * 1024 * 1024)}"]` })),
  ],
  [
    'one script of 6 MiB',
    () => review(deployment({ container: `,"command":["sh","-c","${'$((('.repeat(ROOM / 4)}"]` })),
  ],
  [
    'one script of 60 KiB of open brackets',
    () => review(deployment({ container: `,"command":["sh","-c","${'$((('.repeat(15_000)}"]` })),
  ],
  [
    'one script of 60 KiB of variables',
    () =>
      review(deployment({ container: `,"command":["sh","-c","A=1; vllm serve ${'$A '.repeat(20_000)}"]` })),
  ],
  [
    '1,000 arguments of 60 bytes',
    () =>
      review(
        deployment({
          container: `,"args":[${times((i) => `"--max-model-len=${'1'.repeat(40)}${i}"`, 1000)}]`,
        }),
      ),
  ],
  [
    '1,000 variables that name each other',
    () =>
      review(
        deployment({
          container: `,"env":[${times((i) => `{"name":"V${i}","value":"$(V${i - 1})$(V${i - 1})"}`, 1000)}],"args":["$(V999)"]`,
        }),
      ),
  ],
  [
    'two objects at the limit, 3.5 MiB each',
    () =>
      review(
        deployment({
          container: `,"env":[${ENV}]`,
          metadata: `,"managedFields":[{"x":"${'x'.repeat(ROOM / 2 - 450_000)}"}]`,
        }),
        deployment({
          container: `,"env":[${ENV}]`,
          metadata: `,"managedFields":[{"x":"${'y'.repeat(ROOM / 2 - 450_000)}"}]`,
        }),
      ),
  ],
  ['a string of escapes', () => review(deployment({ podSpec: `,"x":"${'\\u0041'.repeat(ROOM / 6)}"` }))],
  ['text of three bytes a letter', () => review(deployment({ podSpec: `,"x":"${'€'.repeat(ROOM / 3)}"` }))],
  [
    'an annotation of 6 MiB',
    () => review(deployment({ annotations: `"vramgate.io/model":"${'s'.repeat(6 * 1024 * 1024)}"` })),
  ],
  [
    'engine-args of 6 MiB',
    () =>
      review(
        deployment({ annotations: `${ANNOTATIONS},"vramgate.io/engine-args":"${'--a '.repeat(1_500_000)}"` }),
      ),
  ],
  [
    'applied of 6 MiB',
    () =>
      review(
        deployment({ annotations: `${ANNOTATIONS},"vramgate.io/applied":"${'['.repeat(6 * 1024 * 1024)}"` }),
      ),
  ],
  [
    'an image name of 6 MiB',
    () =>
      review(deployment({ containers: `{"name":"c","image":"${'a/'.repeat(3 * 1024 * 1024)}",${GPUS}}` })),
  ],
  [
    '1,000 misspelt keys',
    () =>
      review(
        deployment({
          annotations: `${ANNOTATIONS},${times((i) => `"vramgate.io/modell${'x'.repeat(50)}${i}":"1"`, 1000)}`,
        }),
      ),
  ],
  [
    'a million small strings',
    () => review(deployment({ container: `,"args":[${fill(() => '""', ROOM * 2)}]` })),
  ],
  ['garbage', () => '{"request":{"object":{'.concat('"a":1,'.repeat(ROOM / 6))],
]);

function answerOf(bytes: Uint8Array, webhook: 'mutate' | 'validate'): string {
  const reading = readBody(bytes);
  if (reading.kind === 'unreadable') return reading.message;
  const arrival = { review: reading.review, webhook, time: '2026-11-25T12:00:00.000Z' } as const;
  return JSON.stringify(
    handleReview(arrival, FACTS, { decide, record: decisionRecord, identify: identifyRecord }),
  );
}

const figures: Figure[] = [];
for (const [what, make] of BODIES) {
  const bytes = new TextEncoder().encode(make());
  if (bytes.length > BODY) throw new Error(`${what}: ${bytes.length} bytes are more than a body may have`);
  // What the body before left behind is not its cost.
  globalThis.gc?.();
  for (const webhook of ['mutate', 'validate'] as const) {
    answerOf(bytes, webhook);
    const value = computingTime(() => answerOf(bytes, webhook), 5, 1) / 1000;
    figures.push({ what: `${what}, /${webhook}`, value, unit: 'ms', limit: LIMIT_MS });
  }
}
report(figures.toSorted((one, other) => other.value - one.value));
