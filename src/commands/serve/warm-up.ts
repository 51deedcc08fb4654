import { createReviewer } from '../../admission/handle.ts';
import type { Review } from '../../admission/review.ts';
import type { Facts } from '../../pipeline/types.ts';
import { JUDGE } from './answering.ts';
import { messageOf, type Running } from './running.ts';

/**
 * The first decisions of a process run code that is not compiled yet and took up to a second on a busy machine, half of
 * what a webhook is given. They are made here, about a workload that nobody sent, before the first caller comes. Four
 * rounds bring a decision from 80 ms to 10; each further one would keep the process from being ready for another 10.
 */
const ROUNDS = 4;

export function warmUp({ log, snapshots }: Pick<Running, 'log' | 'snapshots'>): void {
  const answer = createReviewer(JUDGE);
  const facts: Facts = snapshots.factsFor(null);
  const time = new Date(0).toISOString();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      // Another context each time, or the answer would be remembered: half of them fit, half are refused.
      const context = round % 2 === 0 ? 8192 + round : 4_000_000 + round;
      for (const webhook of ['mutate', 'validate'] as const)
        answer({ review: reviewOf(context), webhook, time }, facts);
    }
  } catch (error) {
    log.warn('warm-up failed', { error: messageOf(error) });
  }
}

function reviewOf(context: number): Review {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'warm-up', namespace: 'warm-up', annotations: { 'vramgate.io/model': 'scout' } },
    spec: {
      selector: { matchLabels: { app: 'warm-up' } },
      template: {
        metadata: { labels: { app: 'warm-up' } },
        spec: {
          containers: [
            {
              name: 'server',
              image: 'vllm/vllm-openai:v0.11.0',
              args: ['--model=meta-llama/Llama-4-Scout-17B-16E-Instruct', `--max-model-len=${context}`],
              resources: { limits: { 'nvidia.com/gpu': '8' } },
            },
          ],
        },
      },
    },
  };
  return {
    uid: 'warm-up',
    operation: 'CREATE',
    kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    subResource: null,
    name: 'warm-up',
    namespace: 'warm-up',
    user: { username: 'warm-up', groups: [] },
    dryRun: true,
    object,
    oldObject: null,
    isReduced: false,
  };
}
