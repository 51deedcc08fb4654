import { readFileSync } from 'node:fs';
import { createReviewer, type Judge } from '../../src/admission/handle.ts';
import { readReview } from '../../src/admission/review.ts';
import { builtinCatalog } from '../../src/catalog/builtin.ts';
import { defaultPolicy } from '../../src/config/policy.ts';
import { readInventory } from '../../src/inventory/read.ts';
import { decide } from '../../src/pipeline/decide.ts';
import { decisionRecord, identifyRecord } from '../../src/pipeline/record.ts';
import type { Facts } from '../../src/pipeline/types.ts';
import { computingTime, median, report } from './measure.ts';

/**
 * One workload decided, from the parsed object to response and record (issue 5): at most 20 us when its like was seen
 * before, 150 us when not, with 10, 1,000 and 15,000 nodes alike. Objects are the recorded Deployment with the
 * author's part of the demo; each has another context, so that none is like one before, and comes after 3,000 others: the
 * process has been running for a while.
 */

const WARM_LIMIT = 20;
const COLD_LIMIT = 150;
const FRESH = 4000;

const JUDGE: Judge = { decide, record: decisionRecord, identify: identifyRecord };
const RECORDED = 'test/fixtures/admission-reviews/01-apply-create.user.create.deployment.json';

interface Author {
  readonly name: string;
  readonly quantization: string;
  readonly tensor: number | null;
  readonly gpus: number | null;
  readonly from: number;
}

const AUTHORS: readonly Author[] = [
  { name: 'fits as written', quantization: 'w4a16', tensor: 4, gpus: 4, from: 65_536 },
  { name: 'patched', quantization: 'w4a16', tensor: null, gpus: null, from: 65_536 },
  { name: 'refused, with ways out', quantization: 'bf16', tensor: 4, gpus: 4, from: 1_000_000 },
];

function factsWith(nodes: number): Facts {
  const items = Array.from({ length: nodes }, (_, index) => ({
    kind: 'Node',
    apiVersion: 'v1',
    metadata: {
      name: `node-${index}`,
      labels: {
        'kubernetes.io/hostname': `node-${index}`,
        'nvidia.com/gpu.product': index % 2 === 0 ? 'NVIDIA-H100-80GB-HBM3' : 'NVIDIA-H200',
        'nvidia.com/gpu.count': '8',
        'topology.kubernetes.io/zone': `zone-${index % 3}`,
      },
    },
    spec: { taints: [{ key: 'nvidia.com/gpu', effect: 'NoSchedule' }] },
    status: { allocatable: { 'nvidia.com/gpu': '8' }, conditions: [{ type: 'Ready', status: 'True' }] },
  }));
  const { inventory } = readInventory([{ kind: 'List', apiVersion: 'v1', items }], builtinCatalog);
  return { catalog: builtinCatalog, policy: defaultPolicy(), inventory, namespaceMode: null };
}

const recorded: string = readFileSync(RECORDED, 'utf8');

function bodyOf({ quantization, tensor, gpus }: Author, context: number): unknown {
  const body = JSON.parse(recorded);
  const template = body.request.object.spec.template;
  body.request.object.metadata.annotations = {
    'vramgate.io/model': 'scout',
    'vramgate.io/context': String(context),
    'vramgate.io/quantization': quantization,
  };
  const [container] = template.spec.containers;
  container.image = 'vllm/vllm-openai:v0.11.0';
  container.command = undefined;
  container.args = ['--model=scout-dir', `--max-model-len=${context}`];
  if (tensor !== null) container.args.push(`--tensor-parallel-size=${tensor}`);
  container.resources = gpus === null ? {} : { limits: { 'nvidia.com/gpu': String(gpus) } };
  template.spec.nodeSelector = undefined;
  template.spec.tolerations = [{ key: 'nvidia.com/gpu', operator: 'Exists' }];
  return JSON.parse(JSON.stringify(body));
}

function arrivalOf(body: unknown) {
  const reading = readReview(body);
  if (reading.kind !== 'review') throw new Error(reading.message);
  return { review: reading.review, webhook: 'mutate' as const, time: '2026-11-25T12:00:00.000Z' };
}

for (const nodes of [10, 1000, 15_000]) {
  const facts = factsWith(nodes);
  const cold: number[] = [];
  const warm: number[] = [];
  for (const author of AUTHORS) {
    const answer = createReviewer(JUDGE);
    const arrivals = Array.from({ length: FRESH }, (_, index) =>
      arrivalOf(bodyOf(author, author.from + 16 * index)),
    );
    for (const arrival of arrivals.slice(0, 3000)) answer(arrival, facts);
    let next = 3000;
    // Each call of a round is about another object; two rounds of a hundred.
    const fresh = computingTime(
      () => {
        const arrival = arrivals[next];
        next += 1;
        if (arrival !== undefined) answer(arrival, facts);
      },
      5,
      200,
    );
    const [known] = arrivals.slice(-1);
    if (known === undefined) continue;
    const again = computingTime(() => answer(known, facts), 5, 2000);
    process.stdout.write(
      `${nodes} nodes, ${author.name}: new ${fresh.toFixed(0)} us, seen before ${again.toFixed(1)} us\n`,
    );
    cold.push(fresh);
    warm.push(again);
  }
  report([
    {
      what: `${nodes} nodes: new, median over the cases`,
      value: median(cold),
      unit: 'us',
      limit: COLD_LIMIT,
    },
    {
      what: `${nodes} nodes: seen before, median over the cases`,
      value: median(warm),
      unit: 'us',
      limit: WARM_LIMIT,
    },
  ]);
}
